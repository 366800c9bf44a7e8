//! Where it listens: at sockets that the process before passed on, that systemd holds, or that it makes itself.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, bail};
use listenfd::ListenFd;

use crate::config::{Config, environment};

/// The names that the sockets have at systemd (`FileDescriptorName=`), and the settings that say where they stand.
const NAMES: [(&str, &str); 2] = [("traffic", "listen.traffic"), ("console", "listen.console")];

/// The two listeners.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// Of the API.
    pub(crate) traffic: TcpListener,
    /// Of probes and metrics.
    pub(crate) console: TcpListener,
}

impl Sockets {
    /// Takes those that systemd holds, where it passed any on; makes them otherwise.
    ///
    /// # Errors
    /// Where what was passed on is not what the settings say, or nothing can listen there.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let mut passed = ListenFd::from_env();
        if passed.len() == 0 {
            let (traffic, console) = (bind("listen.traffic", config.traffic)?, bind("listen.console", config.console)?);
            return Ok(Self { traffic, console });
        }
        let names = environment("LISTEN_FDNAMES").unwrap_or_default();
        let [traffic, console] = places(&names, passed.len())?;
        let mut take = |place: usize, (name, setting), address| {
            let listener = passed.take_tcp_listener(place)?.with_context(|| format!("`{name}` was passed on twice"))?;
            stands_at(setting, address, listener.local_addr()?)?;
            listener.set_nonblocking(true)?;
            anyhow::Ok(listener)
        };
        Ok(Self {
            traffic: take(traffic, NAMES[0], config.traffic)?,
            console: take(console, NAMES[1], config.console)?,
        })
    }
}

/// Whether a socket stands where the settings say. Port 0 is any.
///
/// # Errors
/// Where it does not: what may be served there was judged by the settings.
pub(crate) fn stands_at(setting: &str, wanted: SocketAddr, found: SocketAddr) -> anyhow::Result<()> {
    if wanted.ip() == found.ip() && (wanted.port() == found.port() || wanted.port() == 0) {
        return Ok(());
    }
    bail!("`{setting}` is `{wanted}`, and the socket that was passed on stands at `{found}`\n  hint: make them agree")
}

fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address);
    let bound =
        bound.with_context(|| format!("nothing can listen on `{address}`; set `{setting}` to a free address"))?;
    bound.set_nonblocking(true)?;
    Ok(bound)
}

/// At which place which of them is.
fn places(names: &str, count: usize) -> anyhow::Result<[usize; 2]> {
    let names: Vec<&str> = names.split(':').collect();
    let place = |wanted: &str| {
        let mut found = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(place, _)| place);
        found.next().filter(|_| found.next().is_none())
    };
    match NAMES.map(|(name, _)| place(name)) {
        [Some(traffic), Some(console)] if names.len() == 2 && count == 2 => Ok([traffic, console]),
        _ => bail!(
            "{count} sockets were passed on, called `{}`\n  hint: pass on one with `FileDescriptorName=traffic` and one \
             with `FileDescriptorName=console`",
            names.join("` `")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_known_by_their_names_and_by_nothing_else() {
        assert_eq!(places("traffic:console", 2).expect("both"), [0, 1]);
        assert_eq!(places("console:traffic", 2).expect("both"), [1, 0]);
        for (names, count) in [
            ("", 2),
            ("unknown:unknown", 2),
            ("traffic", 1),
            ("console", 1),
            ("traffic:traffic", 2),
            ("traffic:console:more", 3),
            ("traffic:console", 3),
            ("phi.socket:console", 2),
        ] {
            let error = places(names, count).expect_err(names).to_string();
            assert!(error.contains("FileDescriptorName=traffic") && error.contains("hint: "), "{error}");
        }
    }

    #[test]
    fn a_socket_that_stands_elsewhere_is_refused() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        assert!(stands_at("listen.traffic", address("127.0.0.1:0"), address("127.0.0.1:8080")).is_ok());
        assert!(stands_at("listen.traffic", address("127.0.0.1:8080"), address("127.0.0.1:8080")).is_ok());
        for found in ["0.0.0.0:8080", "127.0.0.1:8081", "[::1]:8080"] {
            let error = stands_at("listen.traffic", address("127.0.0.1:8080"), address(found)).expect_err(found);
            assert!(error.to_string().contains("listen.traffic"), "{error}");
        }
    }
}
