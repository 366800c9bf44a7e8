//! What the service manager is told: the protocol of sd_notify(3), which is one datagram.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::config::environment;

/// Tells whoever started us, where it wants to hear; systemd, of a unit with `Type=notify`.
pub(crate) fn tell(state: &str) {
    let Some(place) = environment("NOTIFY_SOCKET") else { return };
    let told = || {
        let address = match place.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(std::ffi::OsStr::new(name).as_bytes())?,
            None => SocketAddr::from_pathname(&place)?,
        };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)
    };
    if let Err(error) = told() {
        tracing::warn!(error = %error, "the service manager does not hear");
    }
}
