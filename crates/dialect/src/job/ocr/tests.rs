use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phi_words::{Capability, Class, Completion, Prompt, Usage};
use serde_json::{Value, json};

use crate::job::{Begin, Farewell, Heard, Job, Made, Message, Step, Verb};
use crate::{Begun, Carry, HostError, HostErrorKind, HostFault, Question, Sealer, Service, Speaks, Way, Work};

const PDF: &[u8] = b"%PDF-1.4\n2 0 obj\n<</Type/Pages/Kids[]/Count 5>>\nendobj\n";
const RESULT: &str = "/documentModels/prebuilt-layout/analyzeResults/3b31-77?api-version=2024-11-30";

fn asked(data: &[u8], more: Value) -> Question {
    let url = format!("data:text/plain;base64,{}", STANDARD.encode(data));
    let mut body = json!({"model": "auto", "document": {"type": "document_url", "document_url": url}});
    body.as_object_mut().unwrap().extend(serde_json::from_value::<serde_json::Map<_, _>>(more).unwrap());
    let sealer = Sealer::new(|_, _| None, |_, _| None);
    Way::Work(Work::Ocr).read(Prompt::new(body.to_string()), Class::General, &sealer).unwrap()
}

fn carry(speaks: Speaks, own: &str) -> Carry {
    Carry { speaks, model: "ocr-9".parse().unwrap(), ..Carry::plain(own.parse().unwrap()) }
}

fn mistral() -> Carry {
    carry(Speaks::Mistral, "mistral-ocr-2512")
}

fn azure(own: &str) -> Carry {
    carry(Speaks::Service(Service::AzureDocuments), own)
}

fn begun(question: &Question, carry: &Carry) -> Begin {
    question.fits(carry).unwrap();
    match question.begin(carry, &str::to_owned, Class::General) {
        Begun::Job(begin) => begin,
        Begun::Body(_) => panic!("no job"),
    }
}

fn misfit(more: Value, carry: &Carry) -> Option<String> {
    asked(PDF, more).fits(carry).err().map(|misfit| misfit.field.to_string())
}

fn ask(job: &mut Job) -> Message {
    let Step::Ask(message) = job.step() else { panic!("nothing is asked") };
    message
}

fn heard(status: u16, body: &Value) -> Heard {
    Heard { status, location: None, retry_after: None, body: Completion::new(body.to_string()) }
}

fn done(job: &mut Job) -> (Made, Value) {
    let Step::Done(made) = job.step() else { panic!("it is not done") };
    let body = serde_json::from_slice(made.body.expose_bytes()).unwrap();
    (made, body)
}

fn schema() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}})
}

#[test]
fn mistral_is_told_what_was_asked_and_no_name() {
    let more = json!({"pages": "0-1,4", "include_image_base64": true, "table_format": "html", "id": "patient-4711",
        "extract_header": false, "include_blocks": true, "image_limit": null,
        "document": {"type": "image_url", "image_url": {"url": format!("data:a/b;base64,{}", STANDARD.encode(PDF)), "detail": "high"}}});
    let question = asked(PDF, more);
    let Begin { mut job, left_out } = begun(&question, &mistral());
    assert_eq!(left_out, ["document.image_url.detail", "id"]);
    let message = ask(&mut job);
    assert_eq!((message.verb, &*message.path, message.body.len()), (Verb::Post, "/ocr", 3));
    let body: Value = serde_json::from_slice(&message.body.concat()).unwrap();
    let url = format!("data:application/pdf;base64,{}", STANDARD.encode(PDF));
    assert_eq!(
        body,
        json!({"model": "mistral-ocr-2512", "pages": "0-1,4", "include_image_base64": true, "table_format": "html",
            "extract_header": false, "include_blocks": true,
            "document": {"type": "document_url", "document_url": url}})
    );
    assert_eq!(job.farewell(), None);
}

#[test]
fn annotations_go_where_the_row_says_and_unknown_fields_nowhere() {
    let annotated = json!({"document_annotation_format": schema(), "document_annotation_prompt": "x"});
    assert_eq!(misfit(annotated.clone(), &mistral()).as_deref(), Some("document_annotation_format"));
    assert_eq!(
        misfit(json!({"bbox_annotation_format": schema()}), &mistral()).as_deref(),
        Some("bbox_annotation_format")
    );
    let able = Carry { capabilities: [Capability::JsonSchema].into(), open_body: true, ..mistral() };
    assert_eq!(misfit(annotated.clone(), &able), None);
    let body = ask(&mut begun(&asked(PDF, annotated), &able).job).body.concat();
    assert!(String::from_utf8(body).unwrap().contains(r#""document_annotation_prompt":"x""#));
    assert_eq!(misfit(json!({"sharpen": 1}), &able).as_deref(), Some("sharpen"));
    let lacking = Carry { lacks: ["extract_header", "include_blocks"].map(str::to_owned).into(), ..mistral() };
    assert_eq!(misfit(json!({"extract_header": true}), &lacking).as_deref(), Some("extract_header"));
    let begin = begun(&asked(PDF, json!({"extract_header": false, "include_blocks": true})), &lacking);
    assert_eq!(begin.left_out, ["include_blocks"]);
}

fn page(index: u64, more: Value) -> Value {
    let mut page = json!({"index": index, "markdown": "# T\n", "images": [], "dimensions": null});
    page.as_object_mut().unwrap().extend(serde_json::from_value::<serde_json::Map<_, _>>(more).unwrap());
    page
}

fn answered(more: Value, answer: &Value) -> Result<(Made, Value), HostFault> {
    let mut job = begun(&asked(PDF, more), &mistral()).job;
    ask(&mut job);
    job.hear(heard(200, answer))?;
    Ok(done(&mut job))
}

#[test]
fn of_mistrals_answer_what_is_known_comes_and_nothing_else() {
    let full = page(
        0,
        json!({
            "images": [{"id": "img-0.jpeg", "top_left_x": 1, "top_left_y": null, "bottom_right_x": 3, "bottom_right_y": 4, "image_base64": "data:", "spy": 1}],
            "tables": [{"id": "tbl-0.html", "content": "<table>", "format": "html", "spy": 1}],
            "hyperlinks": ["https://a.example"], "header": "H", "footer": null, "spy": 1,
            "dimensions": {"dpi": 200, "height": 2, "width": 1, "spy": 1},
            "confidence_scores": {"average_page_confidence_score": 0.9, "minimum_page_confidence_score": 0.5, "spy": 1},
            "blocks": [{"type": "text", "top_left_x": 1, "top_left_y": 2, "bottom_right_x": 3, "bottom_right_y": 4, "content": "x", "spy": 1}],
        }),
    );
    let answer = json!({"pages": [full, page(1, json!({}))], "model": "mistral-ocr-2512", "spy": 1,
        "document_annotation": null, "usage_info": {"pages_processed": 2, "doc_size_bytes": 9, "spy": 1}});
    let (made, body) = answered(json!({}), &answer).unwrap();
    assert_eq!(made.usage, Some(Usage { pages: 2, ..Usage::default() }));
    assert_eq!(made.host_model.as_deref(), Some("mistral-ocr-2512"));
    assert_eq!(
        (&body["model"], &body["usage_info"]),
        (&json!("ocr-9"), &json!({"pages_processed": 2, "doc_size_bytes": PDF.len()}))
    );
    assert_eq!(body["pages"][0]["images"][0]["top_left_y"], Value::Null);
    assert_eq!(body["pages"][0]["blocks"][0]["content"], "x");
    assert_eq!(body["pages"][1]["tables"], json!([]));
    assert!(!body.to_string().contains("spy"), "{body}");
}

#[test]
fn an_answer_that_is_none_is_a_fault_and_figures_that_cannot_be_are_not_believed() {
    let usage = |processed: Value| json!({"pages": [page(0, json!({})), page(1, json!({}))], "usage_info": {"pages_processed": processed}});
    for sound in [2, 5] {
        assert_eq!(answered(json!({}), &usage(json!(sound))).unwrap().0.usage.unwrap().pages, sound);
    }
    for lie in [json!(-1), json!(0), json!(1), json!(1_000_000_000_000_000_u64), json!("2"), json!(2.5), Value::Null] {
        let (made, body) = answered(json!({}), &usage(lie.clone())).unwrap();
        assert_eq!((made.usage, &body["usage_info"]["pages_processed"]), (None, &json!(5)), "{lie}");
    }
    assert_eq!(answered(json!({"pages": [0, 1]}), &usage(json!(3))).unwrap().0.usage, None, "two were asked for");
    for wrong in [
        json!([]),
        json!({"pages": []}),
        json!({"pages": [{}]}),
        json!({"pages": [page(0, json!({"markdown": null}))]}),
        json!({"pages": [page(0, json!({"markdown": 1}))]}),
        json!({"pages": [page(0, json!({})), page(0, json!({}))]}),
        json!({"pages": [page(70_000, json!({}))]}),
        json!({"pages": [page(0, json!({"images": [{"id": 1}]}))]}),
        json!({"pages": [page(0, json!({"tables": [{"id": "t", "content": "", "format": "csv"}]}))]}),
        json!({"pages": [page(0, json!({"hyperlinks": [1]}))]}),
        json!({"pages": [page(0, json!({"dimensions": {"dpi": 1}}))]}),
    ] {
        assert!(matches!(answered(json!({}), &wrong), Err(HostFault::Malformed(_))), "{wrong}");
    }
    let unasked = json!({"pages": [page(3, json!({}))]});
    assert!(matches!(answered(json!({"pages": [1]}), &unasked), Err(HostFault::Malformed(_))));
    assert!(matches!(answered(json!({}), &json!({"error": {"message": "x"}})), Err(HostFault::Stated(_))));
}

#[test]
fn azure_is_not_asked_for_what_it_cannot_make() {
    let (layout, read) = (azure("prebuilt-layout"), azure("prebuilt-read"));
    for name in ["include_image_base64", "confidence_scores_granularity", "bbox_annotation_format"] {
        let value = match name {
            "include_image_base64" => json!(true),
            "confidence_scores_granularity" => json!("page"),
            _ => schema(),
        };
        assert_eq!(misfit(json!({name: value}), &layout).as_deref(), Some(name));
    }
    for (name, value) in [("table_format", json!("html")), ("extract_header", json!(true)), ("image_limit", json!(1))] {
        assert_eq!(misfit(json!({name: value.clone()}), &layout), None);
        assert_eq!(misfit(json!({name: value}), &read).as_deref(), Some(name));
    }
    assert_eq!(misfit(json!({"include_image_base64": false, "extract_footer": false}), &read), None);
    assert_eq!(asked(b"GIF89a", json!({})).fits(&layout).unwrap_err().field.to_string(), "document");
    assert!(asked(PDF, json!({})).fits(&azure("a/../b")).is_err());
    assert!(asked(PDF, json!({})).fits(&carry(Speaks::Gemini, "gemini")).is_err());
}

#[test]
fn what_becomes_of_each_field_is_listed_as_it_happens() {
    use crate::Treatment::{LeftOut, Native, Refused, Translated};
    for (name, value, at_mistral, at_layout, at_read) in [
        ("pages", json!([0]), Native, Translated, Translated),
        ("table_format", json!("html"), Native, Translated, Refused),
        ("extract_header", json!(true), Native, Translated, Refused),
        ("include_image_base64", json!(true), Native, Refused, Refused),
        ("bbox_annotation_format", schema(), Refused, Refused, Refused),
        ("include_blocks", json!(true), Native, LeftOut, LeftOut),
        ("id", json!("x"), LeftOut, LeftOut, LeftOut),
    ] {
        let all = [(mistral(), at_mistral), (azure("prebuilt-layout"), at_layout), (azure("prebuilt-read"), at_read)];
        for (carry, listed) in all {
            let told = crate::parameters(phi_words::Modality::Ocr, &carry);
            let told = told.into_iter().find(|(field, _)| *field == name).unwrap().1;
            assert_eq!(told, listed, "{name}");
            let asked = asked(PDF, json!({name: value.clone()}));
            assert_eq!(asked.fits(&carry).is_err(), listed == Refused, "{name}");
            if listed != Refused {
                assert_eq!(begun(&asked, &carry).left_out.contains(&name), listed == LeftOut, "{name}");
            }
        }
    }
}

/// Hands a document in, up to where it can be asked about.
fn handed_in(more: Value, own: &str) -> Job {
    let mut job = begun(&asked(PDF, more), &azure(own)).job;
    ask(&mut job);
    let location = Some(format!("https://evil.example/x/documentModels/{own}/analyzeResults/3b31-77?api-version=1"));
    job.hear(Heard { location, ..heard(202, &Value::Null) }).unwrap();
    job
}

#[test]
fn azure_is_handed_the_document_asked_about_it_and_told_to_delete_it() {
    let begin = begun(&asked(PDF, json!({"pages": [0, 1, 4], "include_blocks": true})), &azure("prebuilt-layout"));
    let (mut job, left_out) = (begin.job, begin.left_out);
    assert_eq!(left_out, ["include_blocks"]);
    let message = ask(&mut job);
    let path = "/documentModels/prebuilt-layout:analyze?api-version=2024-11-30&stringIndexType=unicodeCodePoint&outputContentFormat=markdown&pages=1,2,5";
    assert_eq!((message.verb, &*message.path, message.body.concat().as_slice()), (Verb::Post, path, PDF));
    assert_eq!((message.content_type.as_deref(), message.answers), (Some("application/octet-stream"), &[202][..]));
    assert_eq!(job.farewell(), None, "nothing is kept there yet");
    let location = "https://a.example/documentintelligence/documentModels/prebuilt-layout/analyzeResults/3b31-77?api-version=2024-11-30";
    job.hear(Heard {
        location: Some(location.to_owned()),
        retry_after: Some(Duration::from_secs(3)),
        ..heard(202, &Value::Null)
    })
    .unwrap();
    for (status, state, rest) in
        [(200, "notStarted", None), (429, "", Some(3_600)), (503, "", Some(0)), (200, "running", Some(2))]
    {
        assert!(matches!(job.step(), Step::Wait(_)));
        let message = ask(&mut job);
        assert_eq!((message.verb, &*message.path, message.is_empty()), (Verb::Get, RESULT, true));
        let retry_after = rest.map(Duration::from_secs);
        job.hear(Heard { retry_after, ..heard(status, &json!({"status": state})) }).unwrap();
    }
    assert!(matches!(job.step(), Step::Wait(wait) if wait == Duration::from_secs(2)));
    ask(&mut job);
    job.hear(Heard { retry_after: Some(Duration::from_secs(3_600)), ..heard(200, &json!({"status": "running"})) })
        .unwrap();
    assert!(matches!(job.step(), Step::Wait(wait) if wait == Duration::from_secs(10)), "no longer than that");
    let farewell = job.farewell().unwrap();
    assert_eq!(farewell, Farewell { verb: Verb::Delete, path: RESULT.to_owned() });
    assert!(farewell.message().is_empty() && farewell.message().headers.is_empty());
    assert_eq!(job.farewell(), None, "it is said once");
}

#[test]
fn of_the_address_of_a_result_only_its_name_is_taken_and_only_a_plain_one() {
    for location in [
        None,
        Some(""),
        Some("https://a.example/documentintelligence/documentModels/prebuilt-read/analyzeResults/1"),
        Some("https://a.example/documentModels/prebuilt-layout/analyzeResults/"),
        Some("https://a.example/documentModels/prebuilt-layout/analyzeResults/..%2f..%2fx?a=b"),
        Some("https://a.example/documentModels/prebuilt-layout/analyzeResults/a/b"),
        Some("https://a.example/documentModels/prebuilt-layout/analyzeResults/a b"),
        Some(
            "https://a.example/documentModels/prebuilt-layout/analyzeResults/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
    ] {
        let mut job = begun(&asked(PDF, json!({})), &azure("prebuilt-layout")).job;
        ask(&mut job);
        let heard = Heard { location: location.map(str::to_owned), ..heard(202, &Value::Null) };
        assert!(matches!(job.hear(heard), Err(HostFault::Malformed(_))), "{location:?}");
        assert_eq!(job.farewell(), None);
    }
}

#[test]
fn a_document_that_fails_is_the_callers_or_the_hosts() {
    let failed = |answer: Value| {
        let mut job = handed_in(json!({}), "prebuilt-layout");
        job.step();
        ask(&mut job);
        let fault = job.hear(heard(200, &answer)).unwrap_err();
        assert!(job.farewell().is_some(), "what failed is kept as well");
        fault
    };
    let stated = |code: &str| failed(json!({"status": "failed", "error": {"code": code, "message": "patient 4711"}}));
    let kind = |kind, code| HostFault::Stated(HostError { kind, code });
    assert_eq!(stated("InvalidContent"), kind(HostErrorKind::Rejected, Some("InvalidContent")));
    assert_eq!(stated("InternalServerError"), kind(HostErrorKind::Other, None));
    for answer in [json!({}), json!([]), json!({"status": "done"}), json!({"status": "succeeded"})] {
        assert!(matches!(failed(answer), HostFault::Malformed(_)));
    }
    let mut job = handed_in(json!({}), "prebuilt-layout");
    for _ in 0..5 {
        job.step();
        ask(&mut job);
        job.hear(heard(503, &json!({}))).unwrap();
    }
    job.step();
    ask(&mut job);
    assert_eq!(job.hear(heard(503, &json!({}))).unwrap_err(), kind(HostErrorKind::Other, None), "it had time enough");
}

/// What Azure says of one page or two, with the spans that its parts have.
fn analysed(parts: &[&str], more: impl Fn(&str) -> Value) -> Value {
    let content = parts.concat();
    let (mut at, mut pages) = (0, Vec::new());
    for (number, part) in (1..).zip(parts) {
        let length = part.chars().count();
        pages.push(json!({"pageNumber": number, "unit": "inch", "width": 8.5, "height": 11.0,
            "words": [{"content": "x"}], "spans": [{"offset": at, "length": length}]}));
        at += length;
    }
    let mut result = json!({"modelId": "prebuilt-layout", "stringIndexType": "unicodeCodePoint", "content": content, "pages": pages});
    let more = more(&content);
    more.as_object().unwrap().iter().for_each(|(name, value)| result[name] = value.clone());
    json!({"status": "succeeded", "analyzeResult": result})
}

fn result(asked: Value, own: &str, answer: &Value) -> Result<(Made, Value), HostFault> {
    let mut job = handed_in(asked, own);
    job.step();
    ask(&mut job);
    job.hear(heard(200, answer))?;
    Ok(done(&mut job))
}

/// Where a part stands, in characters.
fn span(content: &str, part: &str) -> Value {
    let before = content.split(part).next().unwrap();
    json!([{"offset": before.chars().count(), "length": part.chars().count()}])
}

const TABLE: &str = "<table>\n<tr><th>a</th></tr>\n<tr><td>1|2</td></tr>\n</table>";
const FIGURE: &str = "<figure>\n<figcaption>A chart</figcaption>\n</figure>";

fn two_pages() -> Value {
    let first = format!(
        "<!-- PageHeader=\"Klinik Zürich\" -->\n\n# Bëfund 😀\n\n{TABLE}\n\na < b\n\n<!-- PageFooter=\"Foot\" -->\n<!-- PageNumber=\"1\" -->\n<!-- PageBreak -->\n\n"
    );
    let second = format!("{FIGURE}\n\nEnde ☒");
    analysed(&[&first, &second], |content| {
        let outline = json!([{"pageNumber": 2, "polygon": [1.0, 1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 3.0]}]);
        json!({
            "tables": [{"rowCount": 2, "columnCount": 1, "spans": span(content, TABLE), "cells": [
                {"rowIndex": 0, "columnIndex": 0, "content": "a"}, {"rowIndex": 1, "columnIndex": 0, "content": "1|2\n3"}]}],
            "figures": [{"id": "2.1", "spans": span(content, FIGURE), "boundingRegions": outline}],
        })
    })
}

#[test]
fn azures_pages_become_mistrals() {
    let (made, body) = result(json!({}), "prebuilt-layout", &two_pages()).unwrap();
    assert_eq!(
        (made.usage, made.host_model.as_deref()),
        (Some(Usage { pages: 2, ..Usage::default() }), Some("prebuilt-layout"))
    );
    let first = "Klinik Zürich\n\n# Bëfund 😀\n\n| a |\n| --- |\n| 1\\|2 3 |\n\na < b\n\nFoot\n1";
    let image = json!({"id": "img-0.jpeg", "top_left_x": 200, "top_left_y": 200, "bottom_right_x": 400, "bottom_right_y": 600, "image_base64": null});
    let dimensions = json!({"dpi": 200, "height": 2200, "width": 1700});
    assert_eq!(
        body,
        json!({
            "pages": [
                {"index": 0, "markdown": first, "images": [], "tables": [], "hyperlinks": [], "header": null, "footer": null, "dimensions": dimensions},
                {"index": 1, "markdown": "![img-0.jpeg](img-0.jpeg)\n\nA chart\n\n\nEnde ☒", "images": [image], "tables": [], "hyperlinks": [],
                    "header": null, "footer": null, "dimensions": dimensions},
            ],
            "model": "ocr-9", "document_annotation": null, "usage_info": {"pages_processed": 2, "doc_size_bytes": PDF.len()},
        })
    );
}

#[test]
fn tables_headers_and_footers_stand_apart_where_that_is_asked() {
    let asked = json!({"table_format": "html", "extract_header": true, "extract_footer": true, "image_limit": 0});
    let (_, body) = result(asked, "prebuilt-layout", &two_pages()).unwrap();
    let page = &body["pages"][0];
    assert_eq!((&page["header"], &page["footer"]), (&json!("Klinik Zürich"), &json!("Foot\n1")));
    assert_eq!(page["markdown"], "# Bëfund 😀\n\n[tbl-0.html](tbl-0.html)\n\na < b");
    assert_eq!(page["tables"], json!([{"id": "tbl-0.html", "content": TABLE, "format": "html"}]));
    assert_eq!(
        (&body["pages"][1]["images"], &body["pages"][1]["markdown"]),
        (&json!([]), &json!("A chart\n\n\nEnde ☒"))
    );
    let (_, body) =
        result(json!({"table_format": "markdown", "image_min_size": 201}), "prebuilt-layout", &two_pages()).unwrap();
    let table = json!([{"id": "tbl-0.md", "content": "| a |\n| --- |\n| 1\\|2 3 |", "format": "markdown"}]);
    assert_eq!((&body["pages"][0]["tables"], &body["pages"][1]["images"]), (&table, &json!([])));
}

#[test]
fn a_table_whose_cells_are_none_stays_as_it_was() {
    for cells in [
        json!([{"rowIndex": 5, "columnIndex": 0, "content": "a"}]),
        json!([{"rowIndex": 0, "columnIndex": 0}]),
        Value::Null,
    ] {
        let answer = analysed(
            &[TABLE],
            |content| json!({"tables": [{"rowCount": 2, "columnCount": 1, "spans": span(content, TABLE), "cells": cells}]}),
        );
        let (_, body) = result(json!({"table_format": "markdown"}), "prebuilt-layout", &answer).unwrap();
        assert_eq!(body["pages"][0]["tables"][0], json!({"id": "tbl-0.html", "content": TABLE, "format": "html"}));
    }
    let huge = analysed(
        &[TABLE],
        |content| json!({"tables": [{"rowCount": u64::MAX, "columnCount": 9, "spans": span(content, TABLE), "cells": []}]}),
    );
    assert_eq!(result(json!({}), "prebuilt-layout", &huge).unwrap().1["pages"][0]["markdown"], TABLE);
}

#[test]
fn what_looks_like_a_mark_and_is_none_stays_text() {
    for text in [
        "<table>1",
        "<table> is a word</table>",
        "<!-- PageHeader=\"x",
        "<!-- hello -->",
        "a <",
        "<",
        "x < y > z",
        "<figure",
    ] {
        let (_, body) = result(json!({}), "prebuilt-layout", &analysed(&[text], |_| json!({}))).unwrap();
        assert_eq!(body["pages"][0]["markdown"], text);
    }
    let many = "<figure><!-- PageHeader=\"".repeat(20_000) + "</figure>";
    assert!(result(json!({}), "prebuilt-layout", &analysed(&[&many], |_| json!({}))).is_ok(), "in time");
    let (_, body) =
        result(json!({}), "prebuilt-read", &analysed(&[&format!("{TABLE}<figure>")], |_| json!({}))).unwrap();
    assert_eq!(body["pages"][0]["markdown"], format!("{TABLE}<figure>"), "the model of lines writes no marks");
}

#[test]
fn a_result_that_cannot_be_is_a_fault() {
    let spoiled = |more: Value| analysed(&["ab", "cd"], |_| more.clone());
    let at = |number: Value, offset: u64, length: u64| json!({"pageNumber": number, "spans": [{"offset": offset, "length": length}]});
    for more in [
        json!({"stringIndexType": "textElements"}),
        json!({"stringIndexType": null}),
        json!({"pages": []}),
        json!({"pages": [at(json!(0), 0, 1)]}),
        json!({"pages": [at(json!("1"), 0, 1)]}),
        json!({"pages": [at(json!(2), 0, 1), at(json!(1), 1, 1)]}),
        json!({"pages": [at(json!(1), 0, 5)]}),
        json!({"pages": [at(json!(1), u64::MAX, 5)]}),
        json!({"pages": [at(json!(1), 0, 4), at(json!(2), 0, 4)]}),
        json!({"tables": [{"spans": [{"offset": 9, "length": 1}]}]}),
    ] {
        assert!(
            matches!(result(json!({}), "prebuilt-layout", &spoiled(more.clone())), Err(HostFault::Malformed(_))),
            "{more}"
        );
    }
    let unasked = spoiled(json!({"pages": [at(json!(3), 0, 1)]}));
    assert!(matches!(result(json!({"pages": [0]}), "prebuilt-layout", &unasked), Err(HostFault::Malformed(_))));
    let sideless = spoiled(json!({"pages": [at(json!(1), 0, 2)]}));
    assert_eq!(result(json!({}), "prebuilt-layout", &sideless).unwrap().1["pages"][0]["dimensions"], Value::Null);
}

#[test]
fn a_long_result_fits_for_its_words_are_not_kept() {
    let word = r#"{"content":"w","polygon":[0,0,1,0,1,1,0,1],"confidence":0.9,"span":{"offset":0,"length":1}}"#;
    let words = vec![word; 500].join(",");
    let page = |number: u64| format!(r#"{{"pageNumber":{number},"spans":[],"words":[{words}]}}"#);
    let pages = (1..=120).map(page).collect::<Vec<_>>().join(",");
    let answer = format!(
        r#"{{"status":"succeeded","analyzeResult":{{"stringIndexType":"unicodeCodePoint","content":"","pages":[{pages}]}}}}"#
    );
    let mut job = handed_in(json!({}), "prebuilt-layout");
    job.step();
    ask(&mut job);
    job.hear(Heard { body: Completion::new(answer), ..heard(200, &Value::Null) }).unwrap();
    assert_eq!(done(&mut job).0.usage.unwrap().pages, 120);
}
