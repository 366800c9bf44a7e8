//! Documents: read by Azure in several requests or by Mistral in one, charged by the page, and kept by nobody.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_record::entry::Status;
use phi_simulate::{Fault, Says, Seen, UsageLie};
use phi_upstream::Deadlines;
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::{Ask, raw, with};
use crate::setup::{Setup, key_of, put_key};
use crate::stand::{SOON, Stand, wait_until};

const OCR: &str = "/v1/ocr";
/// What stands in the document, and nowhere else.
const SECRET: &str = "patient 4711 has a fever";
const TEXT: &str = "every word of this answer is simulated";

fn pdf(pages: usize) -> Vec<u8> {
    format!("%PDF-1.4\n% {SECRET}\n2 0 obj\n<</Type/Pages/Kids[]/Count {pages}>>\nendobj\n").into_bytes()
}

fn document(data: &[u8]) -> Value {
    let url = format!("data:application/pdf;base64,{}", STANDARD.encode(data));
    json!({"type": "document_url", "document_url": url, "document_name": "patient-4711.pdf"})
}

fn body(model: &str, more: Value) -> Value {
    with(json!({"model": model, "document": document(&pdf(2))}), more)
}

fn ask(model: &str, more: Value) -> Ask {
    Ask::json(OCR, &body(model, more))
}

async fn up() -> Stand {
    of(Setup::default()).await
}

async fn of(setup: Setup) -> Stand {
    let stand = Setup { catalogue: include_str!("ocr.toml"), ..setup }.up().await;
    for host in ["papers", "papers-us", "mistrals"] {
        put_key(&stand.deployment, host, host, &key_of(host)).await;
    }
    let pages = Says { text: format!("{TEXT}\u{c}{TEXT}"), ..Says::default() };
    ["papers", "papers-us", "mistrals"].iter().for_each(|host| stand.host(host).says(pages.clone()));
    stand
}

fn lines(seen: &[Seen]) -> Vec<String> {
    let line = |seen: &Seen| String::from_utf8_lossy(&seen.head).split(' ').next().unwrap().to_owned();
    seen.iter().map(line).collect()
}

/// Waits until the host was told to delete what it keeps, and gives all that reached it.
async fn deleted(stand: &Stand) -> Vec<Seen> {
    let told = |seen: &[Seen]| lines(seen).last().is_some_and(|line| line == "DELETE");
    let seen = stand.host("papers").wait_for(SOON, told).await;
    seen.unwrap_or_else(|| panic!("nothing was deleted: {:?}", lines(&stand.host("papers").seen())))
}

#[tokio::test]
async fn azure_is_handed_a_document_asked_about_it_and_told_to_delete_it() {
    let stand = up().await;
    let more = json!({"table_format": "html", "extract_header": true, "include_blocks": true});
    let reply = stand.ask(ask("papers/papers", more)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    assert_eq!(answer["model"], "papers/papers");
    assert_eq!(answer["usage_info"], json!({"pages_processed": 2, "doc_size_bytes": pdf(2).len()}));
    let page = &answer["pages"][1];
    assert_eq!((&page["index"], &page["header"]), (&json!(1), &json!("Head 2")));
    let markdown = format!(
        "# Tïtle 😀 2\n\n{TEXT}\n\n\n[tbl-1.html](tbl-1.html)\n\n\n![img-1.jpeg](img-1.jpeg)\n\n\nA chart\n\n\n\n\nFoot 2\n2"
    );
    assert_eq!(page["markdown"], markdown);
    assert!(page["tables"][0]["content"].as_str().unwrap().starts_with("<table>"));
    assert_eq!(page["images"][0]["bottom_right_y"], 600);
    assert!(!reply.text().contains("leaked"), "{}", reply.text());
    assert_eq!(reply.header("x-phi-routed"), Some("papers-layout/CH/general"));
    assert_eq!((reply.header("x-phi-usage"), reply.header("x-phi-cost-micro")), (Some("verified"), Some("22000")));
    assert_eq!(reply.header("x-phi-left-out"), Some("document.document_name, include_blocks"));
    let closed = stand.closed(reply.id()).await;
    assert_eq!((closed.usage.pages, closed.quality, closed.attempts.len()), (2, Quality::Verified, 1));
    let seen = deleted(&stand).await;
    assert_eq!(lines(&seen), ["POST", "GET", "GET", "DELETE"]);
    assert_eq!(seen[0].body, pdf(2));
    assert_eq!(seen[0].header("content-type").as_deref(), Some("application/octet-stream"));
    let base = "/documentintelligence/documentModels/prebuilt-layout";
    assert_eq!(
        seen[0].path(),
        format!("{base}:analyze?api-version=2024-11-30&stringIndexType=unicodeCodePoint&outputContentFormat=markdown")
    );
    assert!(seen[1..].iter().all(|seen| seen.body.is_empty() && seen.path() == seen_result(&seen.path(), base)));
    assert!(seen.iter().all(|seen| seen.header("ocp-apim-subscription-key") == Some(key_of("papers"))));
    assert!(seen.iter().all(|seen| !String::from_utf8_lossy(&seen.head).contains("4711")), "names go nowhere");
    assert_eq!(stand.reached(), ["papers"]);
}

/// The path of a result as it has to be.
fn seen_result(path: &str, base: &str) -> String {
    let id = path.rsplit('/').next().unwrap().split('?').next().unwrap();
    format!("{base}/analyzeResults/{id}?api-version=2024-11-30")
}

#[tokio::test]
async fn mistral_answers_at_once_and_what_it_adds_does_not_pass() {
    let stand = up().await;
    let more = json!({"pages": "1", "include_image_base64": true, "table_format": "html", "include_blocks": true});
    let reply = stand.ask(ask("mistrals/papers", more)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    assert_eq!((&answer["model"], &answer["pages"][0]["index"]), (&json!("mistrals/papers"), &json!(1)));
    assert_eq!(answer["pages"][0]["blocks"][0]["content"], TEXT);
    assert_eq!(answer["usage_info"], json!({"pages_processed": 1, "doc_size_bytes": pdf(2).len()}));
    assert!(!reply.text().contains("leaked"), "{}", reply.text());
    assert_eq!((reply.header("x-phi-usage"), reply.header("x-phi-cost-micro")), (Some("verified"), Some("22000")));
    let seen = stand.host("mistrals").seen();
    assert_eq!((seen.len(), seen[0].path().as_str()), (1, "/v1/ocr"));
    assert_eq!(
        seen[0].json()["document"],
        with(document(&pdf(2)), json!({}))
            .as_object()
            .map(|document| {
                let mut document = document.clone();
                document.remove("document_name");
                Value::Object(document)
            })
            .unwrap()
    );
    assert_eq!(seen[0].json()["pages"], "1");
}

#[tokio::test]
async fn an_upload_and_lines_alone_are_read_too() {
    let stand = up().await;
    let head = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\npapers/lines\r\n--b\r\nContent-Disposition: form-data; name=\"pages\"\r\n\r\n0\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"patient-4711.pdf\"\r\nContent-Type: application/pdf\r\n\r\n";
    let form = [head.as_bytes(), &pdf(3), b"\r\n--b--\r\n"].concat();
    let upload = Ask::new("POST", OCR, form).header("content-type", "multipart/form-data; boundary=b");
    let reply = stand.ask(upload).await;
    assert_eq!((reply.status, reply.header("x-phi-routed")), (200, Some("papers-read/CH/general")), "{}", reply.text());
    assert_eq!((&reply.json()["pages"][0]["markdown"], reply.header("x-phi-cost-micro")), (&json!(TEXT), Some("1650")));
    let seen = deleted(&stand).await;
    assert!(seen[0].path().ends_with("stringIndexType=unicodeCodePoint&pages=1"), "{}", seen[0].path());
    let refused = stand.ask(ask("papers/lines", json!({"table_format": "html"}))).await;
    assert_eq!(refused.refusal(), (400, "unsupported_parameter".to_owned()));
    assert_eq!(refused.json()["error"]["param"], "table_format");
}

#[tokio::test]
async fn what_is_no_document_reaches_nobody_and_is_recorded() {
    let stand = up().await;
    let of = |document: Value| ask("reading", json!({"document": document}));
    let url = |url: &str| of(json!({"type": "document_url", "document_url": url}));
    let whole = STANDARD.encode(pdf(2));
    let data = |data: &[u8]| url(&format!("data:application/pdf;base64,{}", STANDARD.encode(data)));
    let (invalid, unsupported) = ("invalid_request", "unsupported_parameter");
    let rows = [
        (url(&format!("data:application/pdf;base64,{}", &whole[..whole.len() - 5])), invalid, "document.document_url"),
        (data(b""), invalid, "document.document_url"),
        (data(b"PK\x03\x04 a docx"), invalid, "document.document_url"),
        (url("https://a.example/a.pdf"), unsupported, "document.document_url"),
        (url("http://169.254.169.254/latest"), unsupported, "document.document_url"),
        (of(json!({"type": "file", "file_id": "00edaf84"})), unsupported, "document"),
        (ask("reading", json!({"pages": [7]})), invalid, "pages"),
        (ask("reading", json!({"pages": "0-1,x"})), invalid, "pages"),
        (ask("reading", json!({"sharpen": true})), unsupported, "sharpen"),
        (ask("reading", json!({"webhook_url": "https://a.example"})), unsupported, "webhook_url"),
    ];
    for (ask, code, param) in rows {
        let reply = stand.ask(ask).await;
        assert_eq!((reply.refusal(), &reply.json()["error"]["param"]), ((400, code.to_owned()), &json!(param)));
        let is_recorded = stand.refused(reply.id()).await.is_some();
        assert!(is_recorded && !reply.text().contains("4711"), "{}", reply.text());
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let annotated =
        json!({"document_annotation_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}});
    let reply = stand.ask(ask("reading", annotated)).await;
    assert_eq!(reply.refusal(), (400, unsupported.to_owned()), "an annotated page has a price that no row has");
    for kind in ["text/plain", "application/pdf", "multipart/form-data"] {
        let reply = stand.ask(Ask::new("POST", OCR, pdf(1)).header("content-type", kind)).await;
        assert_eq!(reply.refusal(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_comes() {
    let stand = up().await;
    let head = format!(
        "POST {OCR} HTTP/1.1\r\nhost: phi.example\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 209715200\r\n\r\n",
        stand.token
    );
    let reply = raw(stand.address(), head.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("gateway.document_bytes"), "{reply}");
}

#[tokio::test]
async fn a_bomb_is_read_as_any_other_document() {
    let stand = up().await;
    let bomb =
        [b"%PDF-1.5\n".to_vec(), b"1 0 obj<</Type/Pages".repeat(100_000), b"/Kids[1 0 R]".repeat(100_000)].concat();
    let reply = stand.ask(ask("papers/papers", json!({"document": document(&bomb)}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(stand.opened(reply.id()).await.id, reply.id());
}

#[tokio::test]
async fn a_fault_at_any_step_leads_to_the_next_route_and_nothing_stays_behind() {
    let stand = up().await;
    let faults = [
        Fault::status(429).retry_after("7"),
        Fault::status(401),
        Fault::status(404),
        Fault::status(500),
        Fault::Redirect { code: 307, to: "https://elsewhere.example".to_owned() },
        Fault::Reset { after: None },
        Fault::Encoded,
    ];
    for fault in &faults {
        stand.afresh();
        stand.host("papers").next([fault.clone()]);
        let reply = stand.ask(ask("reading", json!({}))).await;
        assert_eq!(reply.header("x-phi-routed"), Some("mistrals-layout/CH/general"), "{fault:?} {}", reply.text());
        assert_eq!((reply.status, reply.header("x-phi-cost-micro")), (200, Some("44000")));
        let closed = stand.closed(reply.id()).await;
        assert_eq!((closed.attempts.len(), closed.status), (2, Status::Answered), "{fault:?}");
        assert_eq!(lines(&stand.host("papers").seen()), ["POST"], "{fault:?}: nothing is kept there");
    }
    let in_the_poll = [
        Fault::status(401),
        Fault::status(404),
        Fault::Malformed { after: 0 },
        Fault::Empty,
        Fault::Reset { after: None },
        Fault::Cut { after: Some(0) },
        Fault::NotUtf8,
        Fault::ErrorFrame { after: 0 },
    ];
    for fault in in_the_poll {
        stand.afresh();
        stand.host("papers").next_behaves();
        stand.host("papers").next([fault.clone()]);
        let reply = stand.ask(ask("reading", json!({}))).await;
        assert_eq!(reply.header("x-phi-routed"), Some("mistrals-layout/CH/general"), "{fault:?} {}", reply.text());
        assert_eq!(lines(&deleted(&stand).await), ["POST", "GET", "DELETE"], "{fault:?}");
    }
    assert!(stand.host("papers-us").seen().is_empty(), "no other region is asked");
}

#[tokio::test]
async fn what_is_paid_for_is_not_given_up_for_a_poll_without_room() {
    let stand = up().await;
    stand.host("papers").next_behaves();
    stand.host("papers").next([Fault::status(429).retry_after("0"), Fault::status(503), Fault::status(500)]);
    let reply = stand.ask(ask("reading", json!({}))).await;
    assert_eq!(reply.header("x-phi-routed"), Some("papers-layout/CH/general"), "{}", reply.text());
    assert_eq!(lines(&deleted(&stand).await).len(), 6, "handed in, asked about four times, deleted");
}

#[tokio::test]
async fn a_deletion_that_fails_is_not_the_callers_and_is_said_again() {
    let stand = up().await;
    (0..3).for_each(|_| stand.host("papers").next_behaves());
    stand.host("papers").next([Fault::status(500)]);
    let reply = stand.ask(ask("reading", json!({}))).await;
    assert_eq!((reply.status, reply.header("x-phi-attempts")), (200, Some("1")), "{}", reply.text());
    let twice = |seen: &[Seen]| lines(seen).iter().filter(|line| *line == "DELETE").count() == 2;
    assert!(stand.host("papers").wait_for(SOON, twice).await.is_some());
    assert_eq!(stand.closed(reply.id()).await.status, Status::Answered);
}

#[tokio::test]
async fn a_document_that_nobody_can_read_is_the_callers() {
    let stand = up().await;
    stand.host("papers").says(Says { finish: Some("InvalidContent".to_owned()), ..Says::default() });
    for _ in 0..4 {
        let reply = stand.ask(ask("reading", json!({}))).await;
        assert_eq!(reply.refusal(), (400, "upstream_rejected".to_owned()), "{}", reply.text());
        assert_eq!(reply.header("x-phi-cost-micro"), Some("0"));
        assert!(!reply.text().contains("leaked"));
    }
    deleted(&stand).await;
    stand.host("papers").says(Says { finish: Some("InternalServerError".to_owned()), ..Says::default() });
    let reply = stand.ask(ask("reading", json!({}))).await;
    assert_eq!(reply.header("x-phi-routed"), Some("mistrals-layout/CH/general"), "the route was not ejected before");
}

#[tokio::test]
async fn the_address_of_a_result_leads_nowhere() {
    let stand = up().await;
    for location in [
        "https://us.papers.example/documentintelligence/documentModels/prebuilt-read/analyzeResults/1",
        "https://papers.example/documentModels/prebuilt-layout/analyzeResults/..%2f..%2fadmin",
        "nonsense",
    ] {
        stand.afresh();
        stand.host("papers").says(Says { location: Some(location.to_owned()), ..Says::default() });
        let reply = stand.ask(ask("reading", json!({}))).await;
        assert_eq!(reply.header("x-phi-routed"), Some("mistrals-layout/CH/general"), "{location}");
        assert_eq!(lines(&stand.host("papers").seen()), ["POST"], "{location}");
    }
    stand.afresh();
    let location = "https://us.papers.example/documentModels/prebuilt-layout/analyzeResults/abcd-m-all";
    stand.host("papers").says(Says { location: Some(location.to_owned()), ..Says::default() });
    assert_eq!(stand.ask(ask("reading", json!({}))).await.status, 200);
    deleted(&stand).await;
    assert!(stand.host("papers-us").seen().is_empty(), "of an address the name alone is taken");
}

#[tokio::test]
async fn who_leaves_in_mid_poll_leaves_nothing_behind_and_pays_what_was_read() {
    let stand = up().await;
    stand.host("papers").says(Says { polls: usize::MAX, ..Says::default() });
    let asked = async {
        let mut left = std::pin::pin!(stand.ask(ask("reading", json!({"pages": [0]}))));
        tokio::select! {
            reply = &mut left => panic!("{reply:?}"),
            seen = stand.host("papers").wait_for(SOON, |seen| seen.len() == 2) => assert!(seen.is_some()),
        }
    };
    asked.await;
    let id = stand.newest_opened().await;
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.quality, closed.usage.pages), (Status::CallerLeft, Quality::Estimated, 1));
    assert_eq!(closed.charge[0].micro_usd.micros(), 11_000);
    let seen = deleted(&stand).await;
    assert!(seen.last().unwrap().body.is_empty());
    assert!(stand.host("mistrals").seen().is_empty());
}

#[tokio::test]
async fn a_job_that_is_never_done_ends_with_our_patience() {
    let seconds = Duration::from_secs;
    let deadlines = Deadlines { connect: seconds(1), first_byte: seconds(1), idle: seconds(1), total: seconds(2) };
    let stand = of(Setup { deadlines, ..Setup::default() }).await;
    stand.host("papers").says(Says { polls: usize::MAX, ..Says::default() });
    let reply = stand.ask(ask("papers/papers", json!({}))).await;
    assert_eq!(reply.refusal(), (504, "upstream_timeout".to_owned()), "{}", reply.text());
    assert_eq!(stand.closed(reply.id()).await.charge.len(), 0);
    deleted(&stand).await;
}

#[tokio::test]
async fn an_answer_from_elsewhere_ends_the_call_at_whichever_step_it_is_told() {
    for before in 0..3 {
        let stand = up().await;
        (0..before).for_each(|_| stand.host("papers").next_behaves());
        stand.host("papers").next([Fault::Region { name: "eastus".to_owned() }]);
        let reply = stand.ask(ask("reading", json!({}))).await;
        assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()), "{before}: {}", reply.text());
        assert_eq!(stand.closed(reply.id()).await.incidents.len(), 1, "{before}");
        assert!(stand.host("mistrals").seen().is_empty(), "{before}");
    }
}

#[tokio::test]
async fn phi_goes_under_an_agreement_alone_and_stays_in_its_region() {
    let stand = up().await;
    let phi = |ask: Ask| ask.phi();
    assert_eq!(stand.ask(phi(ask("reading", json!({})))).await.refusal(), (403, "phi_blocked".to_owned()));
    let document = "0".repeat(64);
    let add = |country: &str, modality: &str| {
        format!(
            "agreement add --provider papers --counterparty Acme --document {document} --country {country} --modality {modality} \
             --framework GDPR --verified-by Keller --verified-on 2026-11-01 --review-by 2027-11-01"
        )
    };
    stand.phi(&add("US", "ocr")).await;
    assert_eq!(stand.ask(phi(ask("reading", json!({})))).await.refusal(), (403, "phi_blocked".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
    stand.phi(&add("CH", "ocr")).await;
    let reply = stand.ask(phi(ask("reading", json!({})))).await;
    assert_eq!(reply.header("x-phi-routed"), Some("papers-layout/CH/phi"), "{}", reply.text());
    deleted(&stand).await;
    stand.afresh();
    stand.host("papers").next([Fault::status(500)]);
    let reply = stand.ask(phi(ask("reading", json!({})))).await;
    assert_eq!((reply.refusal(), reply.header("x-phi-attempts")), ((502, "upstream_failed".to_owned()), Some("1")));
    assert_eq!(stand.reached(), ["papers"], "who is under no agreement and who is elsewhere are not asked");
    let us = stand.ask(phi(ask("reading", json!({}))).header("x-region", "US")).await;
    assert_eq!(us.header("x-phi-routed"), Some("papers-us-layout/US/phi"), "{}", us.text());
    for region in ["UK", "WORLD"] {
        let reply = stand.ask(ask("reading", json!({})).header("x-region", region)).await;
        assert_eq!(reply.refusal(), (422, "no_route".to_owned()), "{region}");
    }
}

#[tokio::test]
async fn figures_that_cannot_be_are_estimated() {
    let stand = up().await;
    for lie in [UsageLie::Negative, UsageLie::Absurd, UsageLie::Text, UsageLie::Missing] {
        stand.host("mistrals").next([Fault::Usage { lie }]);
        let reply = stand.ask(ask("mistrals/papers", json!({}))).await;
        assert_eq!((reply.status, reply.header("x-phi-usage")), (200, Some("estimated")), "{lie:?}");
        assert_eq!(reply.header("x-phi-cost-micro"), Some("44000"), "{lie:?}: two pages, as the document says");
        assert_eq!(reply.json()["usage_info"]["pages_processed"], 2);
    }
    stand.host("papers").next_behaves();
    stand.host("papers").next_behaves();
    stand.host("papers").next([Fault::Model { name: "prebuilt-invoice".to_owned() }]);
    let reply = stand.ask(ask("papers/papers", json!({}))).await;
    assert_eq!((reply.status, stand.closed(reply.id()).await.incidents.len()), (200, 1), "{}", reply.text());
}

#[tokio::test]
async fn a_route_that_rests_is_asked_of_itself_and_comes_back() {
    let stand = up().await;
    stand.host("papers").next(vec![Fault::status(500); 3]);
    for _ in 0..4 {
        let reply = stand.ask(ask("reading", json!({}))).await;
        assert_eq!(reply.header("x-phi-routed"), Some("mistrals-layout/CH/general"));
    }
    assert_eq!(stand.host("papers").seen().len(), 3, "it rests");
    stand.clock.advance(Duration::from_secs(2));
    assert_eq!(stand.gateway.probe_due().await, 1);
    let probe = stand.host("papers").seen().pop().unwrap();
    assert_eq!(
        (probe.path().as_str(), probe.body.is_empty()),
        ("/documentintelligence/info?api-version=2024-11-30", true)
    );
    assert_eq!(probe.header("ocp-apim-subscription-key"), Some(key_of("papers")));
    let reply = stand.ask(ask("reading", json!({}))).await;
    assert_eq!(reply.header("x-phi-routed"), Some("papers-layout/CH/general"));
}

#[tokio::test]
async fn a_document_is_written_nowhere() {
    let stand = up().await;
    for _ in 0..3 {
        assert_eq!(stand.ask(ask("reading", json!({}))).await.status, 200);
    }
    wait_until("all is over", async || stand.gateway.running() == 0).await;
    let encoded = STANDARD.encode(pdf(2));
    let marks = [SECRET.as_bytes(), b"patient-4711", &encoded.as_bytes()[..40], TEXT.as_bytes()];
    let mut files = 0;
    search(stand.folder(), &marks, &mut files);
    assert!(files > 3, "{files}");
    let ledger = stand.ledger_text().await;
    assert!(!ledger.contains("4711") && !ledger.contains(TEXT));
}

fn search(folder: &Path, marks: &[&[u8]], files: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, marks, files);
        } else if let Ok(bytes) = std::fs::read(&path) {
            *files += 1;
            for mark in marks {
                assert!(!bytes.windows(mark.len()).any(|part| part == *mark), "{}", path.display());
            }
        }
    }
}
