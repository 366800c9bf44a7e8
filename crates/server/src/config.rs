//! Settings: one TOML file, sections named for the crates they set, checked whole before any of it counts. An empty
//! file, or none, is a valid one. Only this file reads the environment, and only for listen addresses.

mod listen;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use phi_catalog::Catalogue;
use phi_gateway::Bounds;
use phi_ledger::Durability;
use phi_upstream::{Deadlines, Fetching, Proxy, Restraint};
use phi_words::{Country, ModelName, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

pub use listen::{GatewaySection, ListenSection, TlsFiles};

/// The settings as they are written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Phi Gateway settings")]
pub struct Written {
    /// What this deployment is.
    pub deployment: DeploymentSection,
    /// Where it listens.
    pub listen: ListenSection,
    /// How much it takes on.
    pub gateway: GatewaySection,
    /// How it records.
    pub record: RecordSection,
    /// How it chooses.
    pub route: RouteSection,
    /// How it reaches hosts.
    pub upstream: UpstreamSection,
}

/// What this deployment is.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeploymentSection {
    /// Its name, part of the ledger's origin: 1 to 63 of `a-z 0-9 -`. It cannot change once the ledger exists.
    pub name: String,
    /// The name of this replica, the other part of the origin.
    pub replica: String,
    /// Whether it serves organizations other than its operator's own: then PHI needs an agreement with the customer too.
    pub hosted: bool,
    /// The country that it stands in, by its ISO 3166-1 code such as `CH`.
    pub country: Option<String>,
}

impl Default for DeploymentSection {
    fn default() -> Self {
        Self { name: "phi".into(), replica: "a".into(), hosted: false, country: None }
    }
}

/// How it records.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSection {
    /// `disk`: an entry is on stable storage before a byte leaves. `process`: it is written and not synced, survives
    /// the process and not a power cut, and PHI is refused.
    pub durability: String,
    /// The size at which a ledger segment is ended, in bytes.
    pub segment_bytes: u64,
}

impl Default for RecordSection {
    fn default() -> Self {
        Self { durability: "disk".into(), segment_bytes: 64 << 20 }
    }
}

/// How it chooses.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RouteSection {
    /// What `auto` means for embeddings.
    pub embeddings: String,
    /// The weakest evidence of a host's place that is taken: `contract`, `vendor`, or `unverified` (general traffic alone).
    pub evidence: Evidence,
}

impl Default for RouteSection {
    fn default() -> Self {
        Self { embeddings: "qwen3-embedding-8b".into(), evidence: Evidence::Unverified }
    }
}

/// What a host's place is known from. The later word is the weaker one.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A contract says so.
    Contract,
    /// The vendor says so in public.
    Vendor,
    /// It is claimed, and no source of the vendor was found.
    Unverified,
}

impl From<Evidence> for phi_catalog::Evidence {
    fn from(evidence: Evidence) -> Self {
        match evidence {
            Evidence::Contract => Self::Contract,
            Evidence::Vendor => Self::Vendor,
            Evidence::Unverified => Self::Unverified,
        }
    }
}

/// How it reaches hosts. Variables such as `HTTPS_PROXY` are never obeyed.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamSection {
    /// A PEM file of certificate authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy through which every host is reached that does not stand on the operator's premises:
    /// `http://HOST:PORT`. It resolves their names, so that it, and not this gateway, keeps them from leading to private
    /// addresses.
    #[serde(serialize_with = "without_login")]
    pub proxy: Option<String>,
    /// The file of the proxy's login, `NAME:PASSWORD` on one line, that only this user can read.
    pub proxy_login_file: Option<PathBuf>,
    /// Whether images that a request names by an `https:` address are fetched, by this server itself: without PHI, and only
    /// for requests whose region holds `deployment.country`.
    pub fetch: bool,
    /// The only hosts that images are fetched from, as `HOST` or `HOST:PORT`. Where none is named: every host of the public
    /// internet, at port 443.
    pub fetch_hosts: Vec<String>,
    /// Seconds to connect, TLS included.
    pub connect_seconds: u64,
    /// Seconds to the first byte of an answer.
    pub first_byte_seconds: u64,
    /// Seconds between two pieces of an answer.
    pub idle_seconds: u64,
    /// Seconds for a whole call, all attempts together.
    pub total_seconds: u64,
    /// Requests that wait for the first byte of one route at once; one more goes to the next route.
    pub waiting: usize,
    /// Further attempts, after a host failed, in percent of first attempts.
    pub retry_percent: u32,
    /// Further attempts a second that are there beside those.
    pub retry_reserve: u32,
}

impl Default for UpstreamSection {
    fn default() -> Self {
        let (deadlines, restraint) = (Deadlines::default(), Restraint::default());
        Self {
            ca_file: None,
            proxy: None,
            proxy_login_file: None,
            fetch: false,
            fetch_hosts: Vec::new(),
            connect_seconds: deadlines.connect.as_secs(),
            first_byte_seconds: deadlines.first_byte.as_secs(),
            idle_seconds: deadlines.idle.as_secs(),
            total_seconds: deadlines.total.as_secs(),
            waiting: restraint.waiting,
            retry_percent: restraint.retry_percent,
            retry_reserve: restraint.retry_reserve,
        }
    }
}

/// The settings, checked: whatever is in here can be acted on.
#[derive(Debug, Clone)]
pub struct Config {
    /// `<deployment>/<replica>`.
    pub origin: String,
    /// [`DeploymentSection::hosted`].
    pub hosted: bool,
    /// Where the API listens.
    pub traffic: SocketAddr,
    /// Where probes are answered.
    pub console: SocketAddr,
    /// The files of the API's TLS.
    pub tls: Option<TlsFiles>,
    /// From SIGTERM to the end of listening.
    pub grace: Duration,
    /// What running requests are given to end.
    pub drain: Duration,
    /// How much is taken on.
    pub bounds: Bounds,
    /// When an entry counts as written.
    pub durability: Durability,
    /// [`RecordSection::segment_bytes`].
    pub segment_bytes: u64,
    /// What `auto` means for embeddings.
    pub embeddings: ModelName,
    /// The weakest evidence of a host's place that is taken.
    pub evidence: phi_catalog::Evidence,
    /// Certificate authorities beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy through which hosts that are not on the premises are reached.
    pub proxy: Option<Proxy>,
    /// The leave to fetch images.
    pub fetching: Option<Fetching>,
    /// How long hosts are waited for.
    pub deadlines: Deadlines,
    /// How much is asked of hosts at once, and again.
    pub restraint: Restraint,
}

/// What is wrong with the settings, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings in `{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not the TOML that it should be.
    #[error(
        "the settings in `{path}` are not as they should be: {what}\n  hint: `phi.example.toml` shows every setting; `phi config schema` is the schema"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        what: String,
    },
    /// A value that cannot be.
    #[error("`{setting}` {problem}\n  hint: {hint}")]
    Value {
        /// Section and name.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
        /// How to mend it.
        hint: &'static str,
    },
}

impl Written {
    /// Reads a settings file; one that does not exist is an empty one.
    ///
    /// # Errors
    /// Where the file cannot be read, is not TOML, or has a key that is no setting.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Unreadable { path: path.into(), source }),
        }
    }

    /// Reads the text of the file of this path. The line that is wrong is named and not repeated: a login may stand in it.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
            let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            ConfigError::Malformed { path: path.into(), what: plain(at + error.message()) }
        })
    }

    /// The listen addresses of the environment, where it names any, in the place of the file's.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        for (name, place) in
            [("PHI_LISTEN_TRAFFIC", &mut self.listen.traffic), ("PHI_LISTEN_CONSOLE", &mut self.listen.console)]
        {
            if let Some(address) = environment(name) {
                *place = address;
            }
        }
        self
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first value that cannot be, with its remedy.
    pub fn check(&self) -> Result<Config, ConfigError> {
        let name = slug("deployment.name", &self.deployment.name)?;
        let replica = slug("deployment.replica", &self.deployment.replica)?;
        let traffic = address("listen.traffic", &self.listen.traffic)?;
        let console = address("listen.console", &self.listen.console)?;
        let tls = self.tls()?;
        if !loopback(traffic.ip()) && tls.is_none() && !self.listen.plaintext {
            return Err(wrong(
                "listen.traffic",
                format!("`{traffic}` can be reached from outside without TLS"),
                "set `listen.certificate` and `listen.key`, or `listen.plaintext = true` behind a proxy that ends TLS",
            ));
        }
        Ok(Config {
            origin: format!("{name}/{replica}"),
            hosted: self.deployment.hosted,
            traffic,
            console,
            tls,
            grace: Duration::from_secs(self.listen.grace_seconds),
            drain: Duration::from_secs(self.listen.drain_seconds),
            bounds: self.bounds()?,
            durability: self.durability()?,
            segment_bytes: self.segment_bytes()?,
            embeddings: self.embeddings()?,
            evidence: self.route.evidence.into(),
            ca_file: self.upstream.ca_file.clone(),
            proxy: self.proxy()?,
            fetching: self.fetching()?,
            deadlines: self.deadlines()?,
            restraint: self.restraint()?,
        })
    }

    fn durability(&self) -> Result<Durability, ConfigError> {
        match self.record.durability.as_str() {
            "disk" => Ok(Durability::Disk),
            "process" => Ok(Durability::Process),
            other => Err(wrong("record.durability", format!("is `{other}`"), "use `disk` or `process`")),
        }
    }

    fn segment_bytes(&self) -> Result<u64, ConfigError> {
        let bytes = self.record.segment_bytes;
        if (1 << 20..=1 << 30).contains(&bytes) {
            return Ok(bytes);
        }
        Err(wrong("record.segment_bytes", format!("is {bytes}"), "use 1 MiB to 1 GiB"))
    }

    fn embeddings(&self) -> Result<ModelName, ConfigError> {
        let name = &self.route.embeddings;
        name.parse()
            .map_err(|error| wrong("route.embeddings", format!("is {error}"), "use a name of `phi catalog list`"))
    }

    fn proxy(&self) -> Result<Option<Proxy>, ConfigError> {
        let login_file = self.upstream.proxy_login_file.clone();
        let Some(address) = &self.upstream.proxy else {
            return match login_file {
                Some(_) => Err(wrong("upstream.proxy_login_file", "is of no proxy".into(), "set `upstream.proxy` too")),
                None => Ok(None),
            };
        };
        let hint = "write `http://HOST:PORT`, and the proxy's login into the file of `upstream.proxy_login_file`";
        let proxy = Proxy::parse(address, login_file);
        proxy.map(Some).map_err(|error| wrong("upstream.proxy", error.to_string(), hint))
    }

    fn fetching(&self) -> Result<Option<Fetching>, ConfigError> {
        let country: Option<Country> = match &self.deployment.country {
            None => None,
            Some(code) => Some(code.parse().map_err(|error| {
                wrong("deployment.country", format!("is {error}"), "write the code of a country, such as `CH`")
            })?),
        };
        let UpstreamSection { fetch, fetch_hosts, proxy, .. } = &self.upstream;
        if !fetch {
            return match fetch_hosts.is_empty() {
                true => Ok(None),
                false => Err(wrong("upstream.fetch_hosts", "is of no use".into(), "set `upstream.fetch = true` too")),
            };
        }
        let Some(country) = country else {
            let problem = "needs to know where this server stands".to_owned();
            return Err(wrong("upstream.fetch", problem, "set `deployment.country`, such as `\"CH\"`"));
        };
        if proxy.is_some() {
            let problem =
                "cannot be beside `upstream.proxy`, behind which nobody here sees where a name leads".to_owned();
            return Err(wrong("upstream.fetch", problem, "leave one of the two out"));
        }
        let bad =
            |host: &str| wrong("upstream.fetch_hosts", format!("has `{host}`"), "write `HOST` or `HOST:PORT` of names");
        Fetching::new(country, fetch_hosts).map(Some).map_err(bad)
    }

    fn deadlines(&self) -> Result<Deadlines, ConfigError> {
        let UpstreamSection { first_byte_seconds, total_seconds, .. } = self.upstream;
        if first_byte_seconds >= total_seconds && total_seconds > 0 {
            let problem = "is not below `upstream.total_seconds`, so no host would follow one that says nothing";
            return Err(wrong("upstream.first_byte_seconds", problem.into(), "lower it, or raise the other"));
        }
        Ok(Deadlines {
            connect: seconds("upstream.connect_seconds", self.upstream.connect_seconds)?,
            first_byte: seconds("upstream.first_byte_seconds", self.upstream.first_byte_seconds)?,
            idle: seconds("upstream.idle_seconds", self.upstream.idle_seconds)?,
            total: seconds("upstream.total_seconds", self.upstream.total_seconds)?,
        })
    }

    fn restraint(&self) -> Result<Restraint, ConfigError> {
        let UpstreamSection { waiting, retry_percent, retry_reserve, .. } = self.upstream;
        if waiting == 0 {
            return Err(wrong("upstream.waiting", "must be above zero".into(), "leave it out for the default"));
        }
        if retry_percent > 1_000 || retry_reserve > 10_000 {
            let hint = "use at most 1000 for `upstream.retry_percent`, and 10000 for `upstream.retry_reserve`";
            return Err(wrong("upstream.retry_percent", "or `upstream.retry_reserve` is no restraint".into(), hint));
        }
        Ok(Restraint { waiting, retry_percent, retry_reserve })
    }
}

impl Config {
    /// Whether what the settings name is in the catalogue.
    ///
    /// # Errors
    /// What is not.
    pub fn fits(&self, catalogue: &Catalogue) -> Result<(), ConfigError> {
        if catalogue.resolve(&self.embeddings).is_some() {
            return Ok(());
        }
        let problem = format!("is `{}`, which is no name of the catalogue", self.embeddings);
        Err(wrong("route.embeddings", problem, "use a name of `phi catalog list`"))
    }
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The JSON schema of the settings, as it stands in `schema/config.json`.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Written);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Settings are shown, logged and copied: a login that somebody wrote into an address is not.
fn without_login<S: Serializer>(proxy: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = proxy.as_deref().map(|proxy| match proxy.rsplit_once('@') {
        Some((_, address)) => format!("http://(login)@{address}"),
        None => proxy.to_owned(),
    });
    shown.serialize(serializer)
}

fn slug(setting: &'static str, text: &str) -> Result<Slug, ConfigError> {
    text.parse().map_err(|error| wrong(setting, format!("is {error}"), "use such a name"))
}

fn address(setting: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        wrong(setting, format!("`{text}` is no address"), "write an IP address and a port, such as `127.0.0.1:8080`")
    })
}

fn seconds(setting: &'static str, seconds: u64) -> Result<Duration, ConfigError> {
    if (1..=86_400).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(wrong(setting, format!("is {seconds}"), "use 1 to 86400 seconds"))
}

fn loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn wrong(setting: &'static str, problem: String, hint: &'static str) -> ConfigError {
    ConfigError::Value { setting, problem: plain(problem), hint }
}

/// Text of the file on a terminal: it may have characters in it that do something there.
fn plain(text: String) -> String {
    let acts = |letter: char| letter.is_control() && letter != '\n';
    if !text.contains(acts) {
        return text;
    }
    text.chars().map(|letter| if acts(letter) { letter.escape_default().to_string() } else { letter.into() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Config, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
        written.check().map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_works() {
        let config = checked("").expect("the defaults hold");
        assert_eq!(config.origin, "phi/a");
        assert!(config.traffic.ip().is_loopback() && config.console.ip().is_loopback());
        assert_eq!(config.durability, Durability::Disk);
    }

    #[test]
    fn what_is_unclear_is_refused_with_its_name() {
        for (text, name) in [
            ("[listen]\ntrafic = '127.0.0.1:1'", "trafic"),
            ("[listen]\ntraffic = '0.0.0.0:8080'", "listen.traffic"),
            ("[listen]\ntraffic = 'localhost'", "listen.traffic"),
            ("[listen]\ncertificate = 'a.pem'", "listen.certificate"),
            ("[listen]\nclient_ca = 'a.pem'", "listen.client_ca"),
            ("[listen]\nconnections_per_address = 0", "listen.connections"),
            ("[listen]\nhead_seconds = 0", "listen.head_seconds"),
            ("[record]\ndurability = 'Disk'", "record.durability"),
            ("[upstream]\ntotal_seconds = 0", "upstream.total_seconds"),
            ("[upstream]\ntotal_seconds = 60", "upstream.first_byte_seconds"),
            ("[upstream]\nproxy = 'proxy:3128'", "upstream.proxy"),
            ("[upstream]\nproxy_login_file = 'login'", "upstream.proxy_login_file"),
            ("[upstream]\nwaiting = 0", "upstream.waiting"),
            ("[upstream]\nretry_percent = 2000", "upstream.retry_percent"),
            ("[deployment]\nname = 'a/b'", "deployment.name"),
            ("[deployment]\ncountry = 'Switzerland'", "deployment.country"),
            ("[upstream]\nfetch = true", "deployment.country"),
            (
                "deployment = { country = 'CH' }\nupstream = { fetch = true, proxy = 'http://p.example:1' }",
                "upstream.proxy",
            ),
            ("deployment = { country = 'CH' }\nupstream = { fetch_hosts = ['a.example'] }", "upstream.fetch_hosts"),
            (
                "deployment = { country = 'CH' }\nupstream = { fetch = true, fetch_hosts = ['*'] }",
                "upstream.fetch_hosts",
            ),
            ("[gateway]\nrunning = 0", "gateway.running"),
            ("[gateway]\nbodies_bytes = 4096", "gateway.bodies_bytes"),
        ] {
            let error = checked(text).expect_err(text);
            assert!(error.contains(name), "{error}");
        }
        assert!(checked("[listen]\ntraffic = '0.0.0.0:8080'\nplaintext = true").is_ok());
    }

    #[test]
    fn a_login_in_the_address_of_a_proxy_is_refused_and_never_shown() {
        let text = "[upstream]\nproxy = 'http://clinic:sesame@proxy.example:3128'";
        let error = checked(text).expect_err("a login");
        assert!(error.contains("upstream.proxy_login_file") && !error.contains("sesame"), "{error}");
        let written: Written = toml::from_str(text).expect("settings");
        let error = Written::parse(&format!("{text}x"), "phi.toml".as_ref()).expect_err("no TOML").to_string();
        assert!(error.contains("line 2: ") && !error.contains("sesame"), "{error}");
        let shown = toml::to_string(&written).expect("settings");
        assert!(shown.contains("http://(login)@proxy.example:3128") && !shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn the_example_shows_every_setting_with_its_default() {
        let text = include_str!("../../../phi.example.toml");
        let example: Written = toml::from_str(text).expect("the example parses");
        let default = serde_json::to_value(Written::default()).expect("plain data");
        assert_eq!(serde_json::to_value(&example).expect("plain data"), default);
        for section in default.as_object().expect("sections") {
            for name in section.1.as_object().expect("settings").keys() {
                assert!(text.contains(&format!("{name} =")), "`{}.{name}` is not in the example", section.0);
            }
        }
    }

    #[test]
    fn the_schema_is_the_committed_one() {
        assert_eq!(
            schema(),
            include_str!("../../../schema/config.json"),
            "write it anew: `phi config schema > schema/config.json`"
        );
    }
}
