//! A deployment in a temporary folder, and the commands that are run on it.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

/// The catalogue name of the model that every test's host serves.
pub(crate) const MODEL: &str = "tested/plain";
/// The provider's key that [`Deploy::ready`] puts into the vault.
pub(crate) const PROVIDER_KEY: &str = "sk-tested-9fQ2xLw7RbV4";
/// The key of a service account, which exists for tests alone.
pub(crate) const PEM: &str = include_str!("../../../crypto/golden/test-only-rsa-2048.pem");

/// The key file of a service account, as Google gives it.
pub(crate) fn key_file() -> String {
    let file = serde_json::json!({
        "type": "service_account", "project_id": "clinic-eu", "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": PEM, "client_email": "gateway@clinic-eu.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
    });
    serde_json::to_string_pretty(&file).expect("JSON")
}

/// A deployment's data folder, and beside it all that its processes may write to.
#[derive(Debug, Clone)]
pub(crate) struct Deploy {
    root: Arc<TempDir>,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Deploy {
    /// Folders, and nothing in them.
    pub(crate) fn bare() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        for folder in ["tmp", "home", "said"] {
            fs::create_dir(root.path().join(folder)).expect("a folder");
        }
        Self { root: Arc::new(root) }
    }

    /// `phi init` in Switzerland, class general.
    pub(crate) fn init() -> Self {
        let deploy = Self::bare();
        deploy.json(&["init", "--region", "CH", "--class", "general", "--framework", "nFADP"]);
        deploy
    }

    /// The same with a host, its key in the vault, and the agent `agent` of the organization `org`.
    pub(crate) fn ready(host: SocketAddr) -> Self {
        let deploy = Self::init();
        deploy.catalogue("tested.toml", &rows(host));
        deploy.json(&["org", "create", "org", "--region", "CH", "--class", "general", "--framework", "nFADP"]);
        deploy.json(&["agent", "create", "agent", "--org", "org"]);
        let put = deploy.run_with(&["vault", "put", "tested"], PROVIDER_KEY);
        assert_eq!(put.code, Some(0), "{put:?}");
        deploy
    }

    /// A token of the agent, and its id.
    pub(crate) fn token(&self, more: &[&str]) -> (String, String) {
        let args = [&["token", "create", "--org", "org", "--agent", "agent"], more].concat();
        let token = self.json(&args);
        (text(&token["token"]), text(&token["id"]))
    }

    /// Attests that PHI may reach the provider.
    pub(crate) fn attest(&self) -> Value {
        let document = "a".repeat(64);
        self.json(
            &[
                &["agreement", "add", "--provider", "tested", "--counterparty", "Tested SA", "--document", &document],
                &["--country", "CH", "--modality", "chat", "--framework", "nFADP", "--verified-by", "A. Keller"][..],
                &["--verified-on", "2026-01-01", "--review-by", "2999-01-01"],
            ]
            .concat(),
        )
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Writes a file of `catalog.d`.
    pub(crate) fn catalogue(&self, name: &str, text: &str) {
        let folder = self.data().join("catalog.d");
        fs::create_dir_all(&folder).expect("catalog.d");
        fs::write(folder.join(name), text).expect("a catalogue file");
    }

    /// Writes the settings.
    pub(crate) fn settings(&self, text: &str) {
        fs::write(self.data().join("phi.toml"), text).expect("settings");
    }

    /// The binary with this data folder, and nothing of this process's environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phi"));
        command
            .env_clear()
            .env("TMPDIR", self.root().join("tmp"))
            .env("HOME", self.root().join("home"))
            .env("PHI_LISTEN_TRAFFIC", "127.0.0.1:0")
            .env("PHI_LISTEN_CONSOLE", "127.0.0.1:0")
            .current_dir(self.root().join("home"))
            .arg("--data")
            .arg(self.data());
        command
    }

    /// Runs a command; nobody sits at its terminal.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// The same with something on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // A command that reads nothing may have ended already.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends").into()
    }

    /// Runs a command that must succeed, and reads what it says as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!(ran.code, Some(0), "{args:?} {ran:?}");
        serde_json::from_str(&ran.out).expect("JSON")
    }

    /// Runs a command that must fail with exit status 1, and gives what it says on standard error.
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(1), "{args:?} {ran:?}");
        assert_eq!(ran.out, "", "{args:?} answers nothing where it fails");
        assert!(ran.err.starts_with("error: "), "{args:?} {}", ran.err);
        ran.err
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The provider `tested` with one host in Switzerland. A token costs as much as 2,000 micro-USD, so that costs differ.
pub(crate) fn rows(host: SocketAddr) -> String {
    format!(
        r#"
[provider.tested]
title = "Hosts of a test"
[[provider.tested.offers]]
countries = ["CH"]
modalities = ["chat", "embeddings", "ocr", "transcription", "speech"]
frameworks = ["nFADP"]
source = "a test"
date = "2026-01-01"

[host.tested]
provider = "tested"
dialect = "openai"
address = "http://{host}/v1"
auth = "bearer"
premises = true
processes_in = ["CH"]
evidence = "contract"
source = "a test"
date = "2026-01-01"

{}"#,
        route("plain")
    )
}

/// A chat model at the host of [`rows`].
pub(crate) fn route(model: &str) -> String {
    format!(
        r#"
[route.tested-{model}]
host = "tested"
model = "{model}"
own = "own-{model}"
modality = "chat"
capabilities = ["tools", "json_object", "json_schema", "vision"]
status = "live"
open_body = true
price = {{ currency = "USD", input = "1000.00", output = "2000.00" }}
source = "a test"
date = "2026-01-01"
"#
    )
}

/// A JSON string's text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
