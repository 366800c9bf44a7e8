//! The files of the API's TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use phi_gateway::Certificate;

use crate::config::TlsFiles;

/// Reads them as they are now.
///
/// # Errors
/// Where one cannot be read, is open to others, or does not hold what it should.
pub(crate) fn load(files: &TlsFiles) -> anyhow::Result<Certificate> {
    let mode = fs::metadata(&files.key).map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        bail!("`listen.key`: others can open `{0}`\n  hint: `chmod 600 {0}`", files.key.display());
    }
    let chain = read("listen.certificate", &files.certificate)?;
    let key = read("listen.key", &files.key)?;
    let callers = files.client_ca.as_ref().map(|path| read("listen.client_ca", path)).transpose()?;
    Certificate::parse(&chain, &key, callers.as_deref()).context("TLS of the API cannot be set up")
}

fn read(setting: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("`{setting}`: `{}` cannot be read", path.display()))
}
