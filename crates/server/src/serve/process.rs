//! What a process sees to before it serves: what it logs, what a crash leaves, how much it may open.

use phi_gateway::Bounds;
use rustix::process::{Resource, Rlimit};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::say;

/// Keeps payloads and keys out of what a crash leaves, and from other processes of the same user: no core dump, no reading of
/// the memory (`prctl(2)`, `PR_SET_DUMPABLE`), and of a panic its place alone, for its message may hold anything. Called
/// before anything else is done.
pub fn harden() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        say::note(&format!("core dumps could not be switched off: {error}"));
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        say::note(&format!("other processes could not be kept from the memory of this one: {error}"));
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, "a bug: a task panicked");
        } else {
            say::note(&format!("a bug: a task panicked at {place}"));
        }
    }));
}

/// Has memory come in small pages: of a huge one two megabytes are held for the few that are used, by which an idle process
/// weighed twice as much.
pub fn travel_light() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        say::note(&format!("memory may come in huge pages, of which more is held than used: {error}"));
    }
}

/// Takes all the file descriptors that there may be: the usual limit of 1,024 is one that idle connections fill, and then
/// neither the ledger nor a host can be opened.
pub(super) fn open_wide() {
    let mut files = rustix::process::getrlimit(Resource::Nofile);
    files.current = files.maximum;
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, files) {
        tracing::warn!(error = %error, "the limit of open files stays as it was");
    }
}

/// Says so where there may be fewer files than connections need, each with another to a host while its request runs.
pub(super) fn count_files(bounds: &Bounds) {
    let needed = bounds.edge.connections.saturating_add(bounds.running).saturating_add(OTHER_FILES) as u64;
    match rustix::process::getrlimit(Resource::Nofile).current {
        Some(files) if files < needed => tracing::warn!(
            files,
            needed,
            "fewer files may be opened than connections are taken; raise the limit, or lower `listen.connections`"
        ),
        Some(_) | None => {}
    }
}

/// The ledger, the store, listeners, and connections that are kept.
const OTHER_FILES: usize = 512;

/// Lines of text on standard error. Whoever logs says so with fields of closed kinds, never with a payload.
pub(super) fn log() {
    let _ = lines(std::io::stderr).try_init();
}

/// The crate h2 has no voice: it repeats what a host puts into a frame.
fn lines(to: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> impl Subscriber + Send + Sync {
    let heard = Targets::new().with_default(Level::INFO).with_target("h2", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt().with_writer(to).with_ansi(false).with_target(false);
    lines.with_max_level(Level::INFO).finish().with(heard)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Lines that a test reads.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("paper").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_host_put_into_a_frame_is_not_logged() {
        let paper = Paper::default();
        let to = paper.clone();
        tracing::subscriber::with_default(lines(move || to.clone()), || {
            tracing::warn!(target: "h2::proto::ping_pong", "recv PING ack that we never sent: leaked");
            tracing::warn!(target: "phi_upstream::walk", "a route did not answer");
            tracing::debug!(target: "phi_upstream::walk", "too much");
        });
        let said = String::from_utf8(paper.0.lock().expect("paper").clone()).expect("text");
        assert!(said.ends_with("a route did not answer\n") && said.lines().count() == 1, "{said}");
    }

    #[test]
    fn check_49_of_a_panic_its_place_is_told_and_nothing_of_what_it_says() {
        let paper = Paper::default();
        let to = paper.clone();
        tracing::subscriber::with_default(lines(move || to.clone()), || {
            let before = std::panic::take_hook();
            harden();
            let broken = std::panic::catch_unwind(|| panic!("the prompt was {}", "leaked"));
            std::panic::set_hook(before);
            assert!(broken.is_err());
        });
        let said = String::from_utf8(paper.0.lock().expect("paper").clone()).expect("text");
        assert!(said.contains("a bug: a task panicked") && said.contains(file!()), "{said}");
        assert!(!said.contains("leaked") && !said.contains("prompt") && said.lines().count() == 1, "{said}");
    }

    #[test]
    fn as_many_files_as_may_be_are_opened() {
        let before = rustix::process::getrlimit(Resource::Nofile);
        let low = Rlimit { current: Some(256), maximum: before.maximum };
        rustix::process::setrlimit(Resource::Nofile, low).expect("a lower limit");
        open_wide();
        assert_eq!(rustix::process::getrlimit(Resource::Nofile).current, before.maximum);
    }
}
