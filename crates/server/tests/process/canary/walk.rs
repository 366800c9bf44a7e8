//! The walk through the tables: what [`tables`](super::tables) gives, said by HTTP/1.1 and HTTP/2, whole and streamed, with
//! PHI and without; every fault of a host, in answer to every kind of work; callers who leave.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use phi_simulate::Fault;
use phi_words::Modality;
use tokio::task::JoinSet;

use super::faults::{faults, stalls};
use super::parrot::{Parrot, sayings};
use super::tables::{self, KEY, Marked, explained, places, whole, wrapped};
use super::{Needles, ODD, PATIENCE, PLAIN, PROVIDER_KEY, World, full, headers, process, secret_part};
use crate::call::{Ask, Http2, Reply};
use crate::deploy::route;
use crate::serving::Serving;

/// How many ask at once.
const CALLERS: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_48_what_any_row_of_the_tables_can_say_is_nowhere_afterwards() {
    let (mut world, parrot) = (World::new().await, Parrot::start().await);
    world.furnish(parrot.address);
    let serving = world.talkative();
    let Count { answered, refused } = world.said(&serving).await;
    assert!(answered > 100 && refused > 1_000, "{answered} answered, {refused} refused");
    world.spoiled(&serving).await;
    world.parroted(&serving, &parrot).await;
    world.bystander.look(&serving).await;
    world.console(&serving).await;
    let mut stalled = world.stalled(&serving, true, Some(3)).await;
    assert!(stalled.until(PLAIN).await);
    assert_eq!(world.shown(&serving), Vec::<String>::new());
    drop(stalled);
    world.looked_up(&serving).await;
    world.nowhere();
    serving.stop();
    assert_eq!(world.on_disk(), Vec::<String>::new());
    world.sown();
}

/// A route that does other work than to chat.
fn worker(model: &str, modality: &str, price: &str) -> String {
    let route = route(model).replace("\"chat\"", &format!("\"{modality}\""));
    let lines = route.lines().filter(|line| !line.starts_with("capabilities") && !line.starts_with("open_body"));
    let price = format!("price = {{ currency = \"USD\", {price} }}");
    lines.map(|line| if line.starts_with("price") { &price } else { line }).collect::<Vec<_>>().join("\n") + "\n"
}

/// What became of requests.
#[derive(Debug, Default)]
struct Count {
    answered: usize,
    refused: usize,
}

impl World {
    /// A route for each kind of work, one that takes no strange fields, and one whose host says markers alone.
    fn furnish(&self, parrot: SocketAddr) {
        let vectors = route("vectors").replace("\"chat\"", "\"embeddings\"");
        let vectors = vectors.lines().filter(|line| !line.starts_with("capabilities")).collect::<Vec<_>>().join("\n");
        let vectors = format!("{vectors}\nspace = \"tested@8\"\ndimension = 8\n");
        let host = format!(
            "[host.parrot]\nprovider = \"tested\"\ndialect = \"openai\"\naddress = \"http://{parrot}/v1\"\nauth = \"bearer\"\n\
             premises = true\nprocesses_in = [\"CH\"]\nevidence = \"contract\"\nsource = \"a test\"\ndate = \"2026-01-01\"\n"
        );
        let parrot = route("parrot").replace("host = \"tested\"", "host = \"parrot\"");
        let closed = route("closed").replace("open_body = true\n", "");
        let brush = worker("brush", "image", "image = \"1.00\"");
        let heard = worker("heard", "transcription", "audio_hour = \"3600.00\"");
        let pages = worker("pages", "ocr", "pages = \"1000.00\"");
        let voice = worker("voice", "speech", "characters = \"1000.00\"");
        self.deploy.catalogue("walk.toml", &[vectors, brush, heard, pages, voice, closed, host, parrot].join("\n"));
        let put = self.deploy.run_with(&["vault", "put", "parrot", "--name", "parrot"], PROVIDER_KEY);
        assert_eq!(put.code, Some(0), "{put:?}");
        self.deploy.json(
            &[
                &[
                    "agreement",
                    "add",
                    "--provider",
                    "tested",
                    "--counterparty",
                    "Tested SA",
                    "--document",
                    &"b".repeat(64),
                ],
                &[
                    "--country",
                    "CH",
                    "--modality",
                    "embeddings",
                    "--modality",
                    "ocr",
                    "--modality",
                    "speech",
                    "--modality",
                    "transcription",
                    "--framework",
                    "nFADP",
                ][..],
                &["--verified-by", "A. Keller"],
                &["--verified-on", "2026-01-01", "--review-by", "2999-01-01"],
            ]
            .concat(),
        );
    }

    /// A server that was told by its environment to say all that it knows.
    fn talkative(&self) -> Serving {
        let mut command = self.deploy.command();
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").arg("serve");
        Serving::start_command(&self.deploy, command)
    }

    /// Says all that the tables have.
    async fn said(&mut self, serving: &Serving) -> Count {
        let mut count = Count::default();
        let elsewhere = [self.phi.clone(), PROVIDER_KEY.to_owned()];
        for place in places() {
            let mut asks = [place.targets(&self.general), place.heads(&self.general, &self.phi)].concat();
            if place.modality.is_some() {
                asks.extend(place.trailers(&self.general));
                self.ask_all(serving, place.heads(&self.phi, &self.general), true, &mut count).await;
            }
            // Secrets in the place of text.
            for secret in &elsewhere {
                asks.push(("a secret".to_owned(), place.ask().by(&self.general).with("x-actor", secret)));
            }
            self.ask_all(serving, asks, false, &mut count).await;
            let Some(modality) = place.modality else { continue };
            let base = whole(place.path, false).expect("every way in that is built has a body here").to_string();
            // Of images nobody may take PHI.
            let tokens = if modality == Modality::Image { vec![&self.general] } else { vec![&self.general, &self.phi] };
            for token in tokens {
                let ask = wrapped(Ask::new("POST", &place.path()).by(token), place.path, &base);
                let reply = ask.send(serving.traffic).await;
                assert_eq!(reply.status, 200, "{}: {}", place.path, reply.text());
            }
            self.fields(serving, place, modality, &mut count).await;
        }
        count
    }

    /// Says every body of a kind of work: whole without PHI, streamed with it, and as one that is to be explained.
    async fn fields(&self, serving: &Serving, place: tables::Place, modality: Modality, count: &mut Count) {
        let path = place.path();
        let asked = |token: &str, path: &str, body: String| {
            wrapped(Ask::new("POST", path).by(token), path.trim_start_matches("/v1"), &body)
        };
        let base = whole(place.path, false).expect("a body");
        let mut closed = base.clone();
        closed["model"] = "tested/closed".into();
        let bases = if modality == Modality::Chat { &[base.clone(), closed][..] } else { std::slice::from_ref(&base) };
        let said = bases.iter().flat_map(|base| tables::bodies(modality, base));
        let plain = said.map(|(at, body)| (at, headers(asked(&self.general, &path, body)))).collect();
        let before = count.answered;
        self.ask_all(serving, plain, false, count).await;
        assert!(count.answered > before, "{modality}: some of it is answered");
        let streamed = tables::bodies(modality, &whole(place.path, true).expect("a body")).into_iter();
        let streamed = streamed.map(|(at, body)| (at, headers(asked(&self.phi, &path, body)))).collect();
        self.ask_all(serving, streamed, true, count).await;
        let explain = tables::bodies(modality, &base).into_iter();
        let below = path.trim_start_matches("/v1").to_owned();
        let explain = explain.map(|(at, body)| {
            let body = explained(&below, &body);
            (format!("explained, {at}"), asked(&self.general, "/v1/route/explain", body))
        });
        self.ask_all(serving, explain.collect(), true, count).await;
    }

    /// Asks all of them, some at a time. No reply repeats a marker, but where it is what a host has said.
    async fn ask_all(&self, serving: &Serving, asks: Vec<Marked>, http2: bool, count: &mut Count) {
        let mut callers = JoinSet::new();
        for part in asks.chunks(asks.len().div_ceil(CALLERS).max(1)) {
            let (part, traffic) = (part.to_vec(), serving.traffic);
            callers.spawn(async move {
                let mut replies = Vec::new();
                let mut connection = None;
                for (at, ask) in part {
                    if !http2 {
                        replies.push((at, ask.send(traffic).await));
                        continue;
                    }
                    let Some(request) = ask.to_http2() else { continue };
                    let open = match &mut connection {
                        Some(open) => open,
                        none => none.insert(Http2::connect(traffic).await),
                    };
                    match open.ask(request).await {
                        Some(reply) => replies.push((at, reply)),
                        None => connection = None,
                    }
                }
                replies
            });
        }
        let replies: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
        // By HTTP/2 not everything can be said, and a connection may end.
        assert!(replies.len() * 10 >= asks.len() * 9, "{} of {} were answered", replies.len(), asks.len());
        for (at, reply) in replies {
            assert_ne!(reply.status, 0, "{at}: it is answered");
            let answered = reply.status == 200;
            *(if answered { &mut count.answered } else { &mut count.refused }) += 1;
            // What a model says is the one thing that is passed on; a response repeats what it answers, to the one who asked.
            let text = reply.text();
            let answers = [
                "chat.completion",
                r#""type":"message""#,
                r#""object":"response""#,
                "speech.audio.delta",
                r#"{"type":"duration""#,
                r#""usage_info""#,
            ];
            let is_sound = reply.head.to_ascii_lowercase().contains("\r\ncontent-type: audio/");
            let is_passed_on = is_sound || answers.iter().any(|answer| text.contains(answer));
            if !answered || !is_passed_on {
                self.is_silent(&at, &reply);
            }
        }
    }

    /// A refusal repeats nothing but, to the one who sent it, the name of a field that is not known.
    fn is_silent(&self, at: &str, reply: &Reply) {
        let bytes = [reply.head.as_bytes(), &reply.body].concat();
        let found: Vec<_> = self.untold().iter().flat_map(|needles| needles.in_bytes(at, &bytes)).collect();
        assert_eq!(found, Vec::<String>::new(), "{}", reply.text());
    }

    /// Every fault of a host, to every kind of work; and callers who leave where nothing more comes.
    async fn spoiled(&mut self, serving: &Serving) {
        for (place, modality) in places().into_iter().filter_map(|place| Some((place, place.modality?))) {
            let (path, below) = (place.path(), place.path);
            let streams = if modality == Modality::Chat { &[false, true][..] } else { &[false] };
            for (fault, stream) in
                faults().into_iter().flat_map(|fault| streams.iter().map(move |s| (fault.clone(), *s)))
            {
                self.next_is(fault.clone());
                let before = self.host.seen().len();
                let body = whole(below, stream).expect("a body").to_string();
                let ask = wrapped(Ask::new("POST", &path).by(&self.general), below, &body);
                let reply = headers(ask).send(serving.traffic).await;
                assert!(reply.status != 0 && self.host.seen().len() > before, "{below} {fault:?}: {reply:?}");
                if reply.status != 200 {
                    self.is_silent(&format!("{below} {fault:?}"), &reply);
                }
            }
            for (fault, stream) in
                stalls().into_iter().flat_map(|fault| streams.iter().map(move |s| (fault.clone(), *s)))
            {
                self.next_is(fault);
                let before = self.host.seen().len();
                let body = whole(below, stream).expect("a body").to_string();
                let ask = headers(wrapped(Ask::new("POST", &path).by(&self.general), below, &body));
                let call = ask.open(serving.traffic).await.expect("connected");
                self.host.wait_for(PATIENCE, |seen| seen.len() > before).await.expect("it reaches the host");
                drop(call);
            }
        }
        self.host.behave();
    }

    /// A route that the fault before has ejected or withdrawn would be asked nothing.
    fn next_is(&self, fault: Fault) {
        // It remembers no more than so many.
        self.host.forget();
        self.host.behave();
        self.host.next([fault]);
        for route in ["tested-plain", "tested-vectors", "tested-voice", "tested-brush", "tested-heard", "tested-pages"]
        {
            self.deploy.run(&["catalog", "accept", route]);
        }
    }

    /// A host that says a marker wherever it can say anything.
    async fn parroted(&mut self, serving: &Serving, parrot: &Parrot) {
        for saying in sayings() {
            for (stream, token) in
                [(false, &self.general), (true, &self.general), (false, &self.phi), (true, &self.phi)]
            {
                self.deploy.run(&["catalog", "accept", "tested-parrot"]);
                parrot.says(saying.clone());
                let before = parrot.asked();
                let mut body = full(stream);
                body["model"] = "tested/parrot".into();
                let reply = headers(Ask::chat(token, &body)).send(serving.traffic).await;
                let said = String::from_utf8_lossy(&saying);
                assert!(reply.status != 0 && parrot.asked() > before, "{said}: {reply:?}");
                let head = Reply { body: Vec::new(), ..reply };
                self.is_silent(&format!("the head of the answer to {said}"), &head);
                if reply.status != 200 {
                    self.is_silent(&said, &Reply { head: String::new(), body: reply.body, ..head });
                }
            }
        }
    }

    /// The listener of operators is told markers as well.
    async fn console(&mut self, serving: &Serving) {
        for path in ["/metrics", "/readyz", "/healthz", "/nothing"] {
            for target in [format!("{path}/{PLAIN}"), format!("{path}?{PLAIN}={PLAIN}"), format!("/{PLAIN}{path}")] {
                let reply = headers(Ask::new("GET", &target)).send(serving.console).await;
                assert_ne!(reply.status, 0, "{target}");
                self.is_silent(&target, &reply);
            }
        }
        self.bystander.look(serving).await;
    }

    /// What an operator is shown, of calls that were made and of one that is to be explained; and of its own calls an agent.
    async fn looked_up(&self, serving: &Serving) {
        let tail = self.deploy.json(&["ledger", "tail", "--count", "10000"]);
        let ids = tail.as_array().expect("records").iter().filter_map(|record| record["id"].as_str());
        let ids: Vec<&str> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        assert!(ids.len() > 1_000, "{} calls", ids.len());
        let some = ids.iter().step_by(ids.len() / 20);
        let mut shown = 0;
        for id in some.clone() {
            let reply = Ask::new("GET", &format!("/v1/requests/{id}")).by(&self.general).send(serving.traffic).await;
            shown += usize::from(reply.status == 200);
            assert_eq!(
                self.secrets_in("an entry", &[reply.head.as_bytes(), &reply.body].concat()),
                Vec::<String>::new()
            );
        }
        assert!(shown > 0, "some of them are its own");
        let mut lines: Vec<Vec<&str>> = some.map(|id| vec!["ledger", "show", id]).collect();
        let explain = ["explain", "--org", "org", "--body", "-"];
        lines.extend(
            [&explain[..], &["doctor", "routes"], &["catalog", "show", "tested-plain"], &["config", "show"]]
                .map(Vec::from),
        );
        let body = full(false).to_string();
        for line in lines {
            let ran = self.deploy.run_with(&[&["--json"], &line[..]].concat(), &body);
            assert!(ran.out.len() > 10, "{line:?}: {ran:?}");
            let said = [ran.out, ran.err].concat().into_bytes();
            assert_eq!(self.secrets_in(&line.join(" "), &said), Vec::<String>::new());
        }
    }

    /// What `/proc` shows of a server.
    fn shown(&self, serving: &Serving) -> Vec<String> {
        self.secrets().iter().flat_map(|needles| process::shown(serving.id(), needles)).collect()
    }

    /// The search finds every spelling of every secret in each of the places that it looks at.
    fn sown(&self) {
        let places = ["data", "data/ledger", "tmp", "home", "said"].map(|place| self.deploy.root().join(place));
        let mut sown: Vec<PathBuf> = Vec::new();
        let texts = [PLAIN, ODD, PROVIDER_KEY, secret_part(&self.general), secret_part(&self.phi), KEY];
        for (number, needles) in texts.map(Needles::of).iter().enumerate() {
            for (spelling, bytes) in needles.spellings().enumerate() {
                let place = &places[spelling % places.len()];
                let file = place.join(format!("sown-{number}-{spelling}"));
                std::fs::write(&file, [b"\0\xff before ", bytes, b" after"].concat()).expect("written");
                sown.push(file);
            }
        }
        let found = self.on_disk();
        for file in sown {
            let name = file.display().to_string();
            assert!(found.iter().any(|hit| hit.starts_with(&format!("{name} "))), "{name}");
        }
    }
}
