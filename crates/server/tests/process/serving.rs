//! A running `phi serve`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::deploy::Deploy;

/// The longest that anything is waited for. Nothing comes near it unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running `phi serve`. What it says is kept in the folder `said` of its deployment. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    said: Arc<Said>,
    reader: Option<JoinHandle<()>>,
    pub(crate) traffic: SocketAddr,
    pub(crate) console: SocketAddr,
}

#[derive(Debug, Default)]
struct Said {
    told: Mutex<Told>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Told {
    lines: Vec<String>,
    ended: bool,
}

impl Serving {
    /// Starts it, and waits until it serves.
    pub(crate) fn start(deploy: &Deploy) -> Self {
        Self::start_arguments(deploy, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_arguments(deploy: &Deploy, arguments: &[&str]) -> Self {
        let mut command = deploy.command();
        command.args(arguments).arg("serve");
        Self::start_command(deploy, command)
    }

    /// Starts one that takes the place of the one that serves, and waits until it serves.
    pub(crate) fn take_over(deploy: &Deploy) -> Self {
        let mut command = deploy.command();
        command.args(["serve", "--takeover"]);
        Self::start_command(deploy, command)
    }

    /// Starts what is told, and waits until it serves.
    pub(crate) fn start_command(deploy: &Deploy, mut command: Command) -> Self {
        let said = deploy.root().join("said");
        let open = |name| OpenOptions::new().create(true).append(true).open(said.join(name)).expect("a file");
        command.stdin(Stdio::null()).stdout(open("stdout")).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let (said, copy) = (Arc::<Said>::default(), open("stderr"));
        let stderr = child.stderr.take().expect("piped");
        let reader = std::thread::spawn({
            let said = Arc::clone(&said);
            move || said.listen(stderr, copy)
        });
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut serving = Self { child, said, reader: Some(reader), traffic: unknown, console: unknown };
        let line = serving.wait_line("phi serves http", 1);
        let addresses: Vec<SocketAddr> = line
            .split("://")
            .skip(1)
            .map(|rest| rest.split('/').next().and_then(|address| address.parse().ok()).expect("an address"))
            .collect();
        (serving.traffic, serving.console) = (addresses[0], addresses[1]);
        serving
    }

    /// Waits for the `nth` line that holds `text`.
    pub(crate) fn wait_line(&self, text: &str, nth: usize) -> String {
        let found = |told: &Told| told.lines.iter().filter(|line| line.contains(text)).nth(nth - 1).cloned();
        let told = self.said.wait(|told| found(told).is_some() || told.ended);
        let line = found(&told);
        assert!(line.is_some(), "`{text}` was not said {nth} times: {told:?}");
        line.unwrap_or_default()
    }

    /// How many lines with `text` were said so far.
    pub(crate) fn lines(&self, text: &str) -> usize {
        self.said.wait(|_| true).lines.iter().filter(|line| line.contains(text)).count()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        let told = self.said.wait(|told| told.ended);
        assert!(told.ended, "it does not end: {told:?}");
        drop(told);
        self.child.wait().expect("it ends")
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Tells it to stop without a grace, and waits until it has.
    pub(crate) fn stop(self) {
        self.signal(Signal::INT);
        assert!(self.ended().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Said {
    fn listen(&self, stderr: ChildStderr, mut copy: File) {
        let mut lines = BufReader::new(stderr);
        let mut bytes = Vec::new();
        while lines.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
            copy.write_all(&bytes).expect("written");
            self.tell(|told| told.lines.push(String::from_utf8_lossy(&bytes).trim_end().to_owned()));
            bytes.clear();
        }
        self.tell(|told| told.ended = true);
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }

    fn wait(&self, enough: impl Fn(&Told) -> bool) -> std::sync::MutexGuard<'_, Told> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.more.wait_timeout_while(told, PATIENCE, |told| !enough(told));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
