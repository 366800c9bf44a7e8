//! What it costs to read documents: `cargo bench -p phi-dialect --bench documents`. A PDF of 100 pages and 8 MB, from the
//! caller's body to the host's; and Azure's result of 100 full pages, some 12 MB, to the caller's answer.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use divan::Bencher;
use phi_dialect::job::{Heard, Job, Step};
use phi_dialect::{Begun, Carry, Question, Sealer, Service, Speaks, Way, Work};
use phi_words::{Class, Completion, Prompt};

fn main() {
    divan::main();
}

const PAGES: usize = 100;

/// 100 pages, each with a stream of some 80 KB that looks like a picture.
fn pdf() -> Vec<u8> {
    let mut text = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n".to_vec();
    text.extend_from_slice(format!("2 0 obj\n<</Type/Pages/Count {PAGES}/Kids[]>>\nendobj\n").as_bytes());
    let mut noise = 1_u32;
    for page in 0..PAGES {
        text.extend_from_slice(format!("{} 0 obj\n<</Length 80000>>stream\n", page + 3).as_bytes());
        text.extend((0..80_000).map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        }));
        text.extend_from_slice(b"\nendstream\nendobj\n");
    }
    text
}

fn body() -> Prompt {
    let data = STANDARD.encode(pdf());
    Prompt::new(format!(
        r#"{{"model":"m","document":{{"type":"document_url","document_url":"data:application/pdf;base64,{data}"}}}}"#
    ))
}

fn read(body: Prompt) -> Question {
    Way::Work(Work::Ocr).read(body, Class::General, &Sealer::new(|_, _| None, |_, _| None)).expect("a question")
}

fn carry(speaks: Speaks, own: &str) -> Carry {
    Carry { speaks, ..Carry::plain(own.parse().expect("a name")) }
}

fn begun(question: &Question, carry: &Carry) -> Job {
    question.fits(carry).expect("it fits");
    let Begun::Job(begin) = question.begin(carry, &str::to_owned, Class::General) else { unreachable!("it is a job") };
    begin.job
}

#[divan::bench]
fn read_of_100_pages(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher.with_inputs(|| body.clone()).bench_values(read);
}

#[divan::bench]
fn asked_of_mistral(bencher: Bencher<'_, '_>) {
    let (question, carry) = (read(body()), carry(Speaks::Mistral, "mistral-ocr-2512"));
    bencher.bench(|| begun(&question, &carry).step());
}

/// 100 pages of 500 words, with all that Azure says of each.
fn result() -> Completion {
    let line = "The dose was raised on the second day, and the fever fell. ";
    let (mut content, mut pages) = (String::new(), String::new());
    for page in 0..PAGES {
        let offset = content.chars().count();
        content.push_str(&format!("<!-- PageHeader=\"Höhenklinik\" -->\n\n# Page {page}\n\n{}\n", line.repeat(42)));
        let length = content.chars().count() - offset;
        let word = r#"{"content":"fever","polygon":[1.0123,2.0456,1.2345,2.0456,1.2345,2.2468,1.0123,2.2468],"confidence":0.994,"span":{"offset":1234,"length":5}}"#;
        let words = vec![word; 500].join(",");
        let comma = if page == 0 { "" } else { "," };
        let number = page + 1;
        write!(
            pages,
            r#"{comma}{{"pageNumber":{number},"unit":"inch","width":8.5,"height":11,"words":[{words}],"spans":[{{"offset":{offset},"length":{length}}}]}}"#
        )
        .expect("text");
    }
    let content = content.replace('\n', "\\n").replace('"', "\\\"");
    Completion::new(format!(
        r#"{{"status":"succeeded","analyzeResult":{{"stringIndexType":"unicodeCodePoint","content":"{content}","pages":[{pages}]}}}}"#
    ))
}

#[divan::bench]
fn result_of_azure(bencher: Bencher<'_, '_>) {
    let carry = carry(Speaks::Service(Service::AzureDocuments), "prebuilt-layout");
    let (question, result) = (read(body()), result());
    let heard = |status, location, body| Heard { status, location, retry_after: None, body };
    let waiting = || {
        let mut job = begun(&question, &carry);
        drop(job.step());
        let location = "https://a.example/documentModels/prebuilt-layout/analyzeResults/1".to_owned();
        job.hear(heard(202, Some(location), Completion::default())).expect("it is taken");
        job
    };
    bencher.with_inputs(|| (waiting(), result.clone())).bench_values(|(mut job, result)| {
        job.hear(heard(200, None, result)).expect("it is read");
        assert!(matches!(job.step(), Step::Done(_)));
    });
}
