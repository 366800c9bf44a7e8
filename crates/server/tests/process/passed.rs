//! Sockets that the service manager holds. It passes them on as descriptors 3 and 4, which `python3` does here.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Output};

use phi_simulate::Host;
use serde_json::json;

use crate::call::Ask;
use crate::deploy::{Deploy, MODEL};
use crate::serving::Serving;

/// Makes copies of two descriptors 3 and 4, and becomes the program, as systemd does it.
const MANAGER: &str = r#"
import fcntl, os, sys
first, second = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1:3])
os.dup2(first, 3, inheritable=True)
os.dup2(second, 4, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES=sys.argv[3])
os.execv(sys.argv[4], sys.argv[4:])
"#;

/// `phi serve` with these two, called so.
fn command(deploy: &Deploy, sockets: [&OwnedFd; 2], names: &str) -> Command {
    let plain = deploy.command();
    let mut command = Command::new("python3");
    command.args(["-c", MANAGER]);
    for socket in sockets {
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).expect("ours");
        command.arg(socket.as_raw_fd().to_string());
    }
    command.arg(names).arg(plain.get_program()).args(plain.get_args()).arg("serve");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn socket() -> (OwnedFd, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener.into(), address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_at_sockets_that_were_passed_on_and_who_waits_in_them_is_answered() {
    let host = Host::start().await.expect("started");
    let deploy = Deploy::ready(host.address());
    let (token, _) = deploy.token(&[]);
    let ((traffic, at), (console, probes)) = (socket(), socket());
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]});
    for names in ["traffic:console", "console:traffic"] {
        let early = Ask::chat(&token, &body).open(at).await.expect("connected before it runs");
        let sockets = if names.starts_with("traffic") { [&traffic, &console] } else { [&console, &traffic] };
        let serving = Serving::start_command(&deploy, command(&deploy, sockets, names));
        assert_eq!((serving.traffic, serving.console), (at, probes));
        assert_eq!(early.rest().await.status, 200);
        serving.stop();
    }
}

#[test]
fn sockets_of_other_names_or_at_other_places_are_refused() {
    let deploy = Deploy::init();
    let ((traffic, _), (console, _)) = (socket(), socket());
    let run = |names: &str, traffic_at: &str| {
        let mut command = command(&deploy, [&traffic, &console], names);
        let Output { status, stderr, .. } = command.env("PHI_LISTEN_TRAFFIC", traffic_at).output().expect("it ends");
        let error = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(1), "{error}");
        error
    };
    for names in ["traffic:unknown", "traffic:traffic", "traffic", "traffic:console:third"] {
        let error = run(names, "127.0.0.1:0");
        assert!(error.contains("FileDescriptorName=console") && error.contains("hint: "), "{error}");
    }
    let error = run("traffic:console", "127.0.0.2:0");
    assert!(error.contains("listen.traffic") && error.contains("127.0.0.2"), "{error}");
}
