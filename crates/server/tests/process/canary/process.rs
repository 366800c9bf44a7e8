//! What the machine shows of a process to others: its arguments, environment and names, and what it keeps open.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::getuid;

use crate::deploy::Deploy;
use crate::search::Needles;
use crate::serving::Serving;

/// Where `/proc` shows the text: in what is told of the process and its threads, in the names of what it has open, and in
/// open files themselves, also where they have no name any more.
pub(super) fn shown(id: u32, needles: &Needles) -> Vec<String> {
    let root = Path::new("/proc").join(id.to_string());
    let mut found = Vec::new();
    let mut told = |path: &Path| {
        let bytes = fs::read(path);
        let place = path.display().to_string();
        found.extend(bytes.map(|bytes| needles.in_bytes(&place, &bytes)).unwrap_or_default());
    };
    for name in ["cmdline", "comm", "environ", "limits", "maps", "mountinfo", "stat", "status", "wchan"] {
        told(&root.join(name));
    }
    for thread in entries(&root.join("task")) {
        ["comm", "status"].iter().for_each(|name| told(&thread.join(name)));
    }
    for name in ["cwd", "exe", "root"] {
        found.extend(linked(&root.join(name), needles));
    }
    for open in entries(&root.join("fd")) {
        found.extend(linked(&open, needles));
        // A pipe or a device would be waited for.
        if fs::metadata(&open).is_ok_and(|about| about.is_file()) {
            let bytes = fs::read(&open).unwrap_or_default();
            found.extend(needles.in_bytes(&open.display().to_string(), &bytes));
        }
    }
    found
}

/// Where a link leads.
fn linked(link: &Path, needles: &Needles) -> Vec<String> {
    let target = fs::read_link(link).unwrap_or_default();
    needles.in_bytes(&format!("where {} leads", link.display()), target.display().to_string().as_bytes())
}

/// What is in a folder that may go away at any time.
fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder).map(|all| all.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

#[test]
fn what_a_process_shows_is_found() {
    let text = "shown-aT5mQ8";
    let folder = tempfile::tempdir().expect("a folder");
    let named = fs::File::create(folder.path().join(text)).expect("a file");
    let mut nameless = tempfile::tempfile().expect("a file");
    write!(nameless, "before {text} after").expect("written");
    nameless.seek(SeekFrom::Start(0)).expect("at its beginning");
    let mut child = Command::new("sh")
        .args(["-c", "echo begun; read line", text])
        .env("GIVEN", text)
        .stdin(Stdio::piped())
        .stdout(Stdio::from(OwnedFd::from(named)))
        .stderr(Stdio::from(OwnedFd::from(nameless)))
        .spawn()
        .expect("a shell");
    while fs::read(folder.path().join(text)).expect("a file").is_empty() {
        std::thread::yield_now();
    }
    let found = shown(child.id(), &Needles::of(text));
    drop(child.stdin.take());
    child.wait().expect("it ends");
    for place in ["cmdline", "environ", "fd/1 leads", "fd/2 holds"] {
        assert!(found.iter().any(|hit| hit.contains(place)), "{place}: {found:?}");
    }
    let spellings = |place| found.iter().filter(|hit| hit.contains(place)).count();
    assert_eq!(["cmdline", "environ", "fd/1 ", "fd/2 "].map(spellings).iter().sum::<usize>(), found.len(), "{found:?}");
}

/// Whoever runs the tests, or where that is root, to whom nothing is closed, somebody else.
fn somebody(command: &mut Command) -> &mut Command {
    if getuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

const NOBODY: u32 = 65_534;

/// Gives a folder and all that is in it to [`somebody`].
fn give(folder: &Path) {
    chown(folder, Some(NOBODY), Some(NOBODY)).expect("given");
    for entry in entries(folder) {
        if entry.is_dir() { give(&entry) } else { chown(&entry, Some(NOBODY), Some(NOBODY)).expect("given") }
    }
}

/// Whether another process of the same user can open this of a process.
fn opens(id: u32, name: &str) -> bool {
    let mut reader = Command::new("sh");
    reader.args(["-c", "exec 3<\"$0\"", &format!("/proc/{id}/{name}")]).stderr(Stdio::null());
    somebody(&mut reader).status().expect("a shell").success()
}

#[cfg(target_os = "linux")]
#[test]
fn check_52_no_crash_leaves_the_memory_and_nobody_else_reads_it() {
    let deploy = Deploy::init();
    let (binary, plain) = (deploy.root().join("phi"), deploy.command());
    fs::copy(plain.get_program(), &binary).expect("copied where anybody may run it");
    if getuid().is_root() {
        give(deploy.root());
    }
    let mut command = Command::new(&binary);
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(deploy.root().join("home")).args(plain.get_args()).arg("serve");
    somebody(&mut command);
    let serving = Serving::start_command(&deploy, command);
    let limits = fs::read_to_string(format!("/proc/{}/limits", serving.id())).expect("it runs");
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    for name in ["environ", "maps", "mem", "auxv"] {
        assert!(!opens(serving.id(), name), "{name}");
    }
    assert!(opens(serving.id(), "status"), "what tells nothing stays open");
    // The same is open where a process does not see to it.
    let mut other = Command::new("sh");
    let other = somebody(other.args(["-c", "echo begun; read line"]).stdin(Stdio::piped()));
    let mut other = other.stdout(Stdio::piped()).spawn().expect("a shell");
    other.stdout.take().expect("piped").read_exact(&mut [0; 6]).expect("it has begun");
    assert!(opens(other.id(), "environ") && opens(other.id(), "maps"));
    drop(other.stdin.take());
    other.wait().expect("it ends");
    serving.stop();
}
