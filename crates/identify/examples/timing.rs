//! Whether the time of a refusal tells why: `cargo run --release -p phi-identify --example timing`.
//!
//! Presents 100,000 bad tokens of each kind, in random order, and compares the times of each kind with those of wrong
//! secrets by Welch's t. Times above the 99th percentile of all are interrupts and other processes, and are left out.
//! Exits with 1 where |t| reaches 4.5 for any kind, the threshold of the TVLA method (ISO/IEC 17825).

use std::collections::BTreeSet;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use phi_crypto::Key;
use phi_identify::{Agent, Directory, Grant, Kind, Limits, Org, PublicId, Roster, StoredToken};
use phi_words::{AgentId, Class, OrgId, Region};

const TRIALS: usize = 100_000;
const TOKENS: usize = 16;
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const KINDS: [&str; 6] = ["wrong", "unknown", "malformed", "revoked", "expired", "network"];
const THRESHOLD: f64 = 4.5;

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

type Failed = Box<dyn std::error::Error>;

fn measure() -> Result<bool, Failed> {
    let (directory, presented) = world()?;
    let now = Timestamp::from_second(50)?;
    for (kind, headers) in KINDS.iter().zip(&presented) {
        for headers in headers {
            let reason = directory.caller(PEER, headers, now).err().map(|error| error.reason());
            if reason != Some(*kind) {
                return Err(format!("a token that should be {kind} is {reason:?}").into());
            }
        }
    }
    let mut order = Shuffle(0x9E37_79B9_7F4A_7C15);
    let mut times = KINDS.map(|_| Vec::with_capacity(TRIALS + TRIALS / 10));
    while times.iter().any(|times| times.len() < TRIALS) {
        let (kind, one) = (order.below(KINDS.len()), order.below(TOKENS));
        let (directory, headers) = (black_box(&directory), black_box(&presented[kind][one]));
        let start = Instant::now();
        let answer = black_box(directory.caller(PEER, headers, now));
        let took = start.elapsed().as_nanos();
        drop(answer);
        times[kind].push(u32::try_from(took).unwrap_or(u32::MAX));
    }
    Ok(report(&times))
}

/// Prints each kind against the first one.
#[expect(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
fn report(times: &[Vec<u32>; 6]) -> bool {
    let mut all: Vec<u32> = times.iter().flatten().copied().collect();
    all.sort_unstable();
    let longest = all[all.len() / 100 * 99];
    let figures: Vec<Figures> = times.iter().map(|times| Figures::of(times, longest)).collect();
    let mut alike = true;
    for (kind, figure) in KINDS.iter().zip(&figures) {
        let t = figure.welch(&figures[0]);
        alike &= t.abs() < THRESHOLD;
        println!("{kind:10} {:8.2} ns  sd {:7.2}  t {t:6.2}", figure.mean, figure.variance.sqrt());
    }
    println!("{}", if alike { "alike" } else { "the time tells the kind" });
    alike
}

struct Figures {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Figures {
    fn of(times: &[u32], longest: u32) -> Self {
        let kept = || times.iter().filter(|time| **time <= longest).map(|time| f64::from(*time));
        let count = kept().count() as f64;
        let mean = kept().sum::<f64>() / count;
        let variance = kept().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { count, mean, variance }
    }

    /// Welch, "The generalization of Student's problem", Biometrika 34 (1947).
    fn welch(&self, other: &Self) -> f64 {
        let error = (self.variance / self.count + other.variance / other.count).sqrt();
        if error > 0.0 { (self.mean - other.mean) / error } else { 0.0 }
    }
}

/// A directory of tokens of every kind, and what is presented of each kind.
fn world() -> Result<(Directory, [Vec<HeaderMap>; 6]), Failed> {
    let start = Timestamp::UNIX_EPOCH;
    let pepper = Key::from_bytes(&[7; 32]);
    let org = org()?;
    let mut roster = Roster::default();
    let mut presented = KINDS.map(|_| Vec::new());
    for _ in 0..TOKENS {
        for (kind, headers) in KINDS.iter().zip(&mut presented) {
            let agent = Agent {
                id: AgentId::new(),
                org: org.id,
                role: None,
                name: "a".parse()?,
                limits: Limits::default(),
                revoked: None,
            };
            let lifetime = SignedDuration::from_secs(if *kind == "expired" { 10 } else { 100 });
            let net = if *kind == "network" { "198.51.100.0/24" } else { "192.0.2.0/24" };
            let grant = Grant {
                agent: agent.id,
                kind: Kind::Live,
                region: None,
                class: None,
                floor: Class::General,
                regions: None,
                from: vec![net.parse()?],
                lifetime: Some(lifetime),
                label: None,
            };
            let (shown, mut stored) = StoredToken::issue(grant, &pepper, start)?;
            let mut text = shown.expose_text().to_string();
            match *kind {
                "malformed" => text.replace_range(text.len() - 1.., "-"),
                "wrong" => stored.tag[0] ^= 1,
                "revoked" => stored.revoked = Some(start),
                // Beside it lies a row that nobody else asks for, so that it is no warmer in the cache than others.
                "unknown" => stored.public_id = beside(stored.public_id.as_str())?,
                _ => {}
            }
            roster.tokens.push(stored);
            roster.agents.push(agent);
            let value = HeaderValue::from_str(&format!("Bearer {text}"))?;
            headers.push(HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]));
        }
    }
    roster.orgs.push(org);
    Ok((Directory::new(roster, pepper), presented))
}

/// The next public id in order.
fn beside(public: &str) -> Result<PublicId, Failed> {
    let mut text = public.as_bytes().to_vec();
    for digit in text.iter_mut().rev() {
        *digit = match *digit {
            b'z' => b'0',
            b'9' => b'A',
            b'Z' => b'a',
            other => other + 1,
        };
        if *digit != b'0' {
            break;
        }
    }
    Ok(std::str::from_utf8(&text)?.parse()?)
}

fn org() -> Result<Org, Failed> {
    Ok(Org {
        id: OrgId::new(),
        name: "clinic".parse()?,
        region: Region::world(),
        class: Class::General,
        floor: Class::General,
        regions: None,
        frameworks: BTreeSet::new(),
        margin_bp: 0,
        created: Timestamp::UNIX_EPOCH,
        revoked: None,
    })
}

/// Marsaglia's xorshift: enough to mix the kinds.
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}
