//! On SIGUSR2 the binary is started anew, as it lies on the disk now, to take our place.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

/// How this process was started.
#[derive(Debug)]
pub(crate) struct Started {
    binary: PathBuf,
    arguments: Vec<OsString>,
}

const TAKEOVER: &str = "--takeover";

impl Started {
    /// As it is now; later the binary may be another one.
    pub(crate) fn now() -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("the path of this binary is not known")?;
        Ok(Self { binary, arguments: std::env::args_os().skip(1).collect() })
    }

    /// Starts it once more. Whether it takes over is between it and the control socket.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) fn again(&self) -> anyhow::Result<()> {
        let takeover = (!self.arguments.iter().any(|argument| argument == TAKEOVER)).then_some(TAKEOVER);
        let mut command = Command::new(&self.binary);
        let started = command.args(&self.arguments).args(takeover).spawn();
        let mut heir = started.with_context(|| format!("`{}` cannot be started", self.binary.display()))?;
        // Whoever does not wait for a child that failed keeps its entry in the table of processes.
        std::thread::spawn(move || heir.wait());
        Ok(())
    }
}
