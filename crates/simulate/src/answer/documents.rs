//! Documents: Mistral's `POST /ocr` (<https://docs.mistral.ai/api/endpoint/ocr>), and Azure Document Intelligence, which takes a
//! document, is asked about it as often as [`Says::polls`] says, and keeps what it has read until it is told to delete that
//! (<https://learn.microsoft.com/en-us/rest/api/aiservices/document-models/analyze-document>). The pages of a document are those
//! of [`Says::text`], with form feeds between them.

use serde_json::{Value, json};

use super::turn::model;
use super::{Content, Draft, refused};
use crate::fault::{Fault, StatusFault, UsageLie};
use crate::says::Says;
use crate::wire::Asked;

const VERSION: &str = "api-version=2024-11-30";

/// Whether a path is one of Azure's.
pub(super) fn is_azure(path: &str) -> bool {
    path.contains("/documentModels/") || path.ends_with("/documentintelligence/info")
}

fn pages(says: &Says) -> Vec<&str> {
    says.text.split('\u{c}').collect()
}

/// Mistral's answer.
pub(super) fn mistral(asked: &Asked, body: &Value, says: &Says, fault: Option<&Fault>) -> Draft {
    const KNOWN: [&str; 14] = [
        "model",
        "document",
        "pages",
        "include_image_base64",
        "image_limit",
        "image_min_size",
        "table_format",
        "extract_header",
        "extract_footer",
        "include_blocks",
        "confidence_scores_granularity",
        "bbox_annotation_format",
        "document_annotation_format",
        "document_annotation_prompt",
    ];
    let document = &body["document"];
    let kind = document["type"].as_str().unwrap_or_default();
    let members = document.as_object().map_or(0, serde_json::Map::len);
    let data = document[kind].as_str().and_then(|url| url.strip_prefix("data:")?.split_once(";base64,"));
    let is_known = body.as_object().is_some_and(|body| body.keys().all(|key| KNOWN.contains(&key.as_str())));
    if !is_known || members != 2 || data.is_none_or(|(_, data)| data.is_empty() || data.len() % 4 != 0) {
        return refused::refused(asked, &StatusFault::new(422));
    }
    let wanted = |number: usize| selected(&body["pages"], number);
    let read = pages(says).into_iter().enumerate().filter(|(number, _)| wanted(*number));
    let read: Vec<Value> = read.map(|(number, text)| mistral_page(number, text, body)).collect();
    let lie = if let Some(Fault::Usage { lie }) = fault { Some(*lie) } else { None };
    let processed = match lie {
        Some(UsageLie::Negative) => json!(-1),
        Some(UsageLie::Absurd) => json!(1_000_000_000_000_000_u64),
        Some(UsageLie::Text) => json!("many"),
        Some(UsageLie::Missing | UsageLie::Twice | UsageLie::EveryFrame) => Value::Null,
        None => json!(read.len()),
    };
    let named = body["model"].as_str().unwrap_or_default();
    let annotation = body["document_annotation_format"].is_object().then(|| json!({"title": says.text}).to_string());
    let answer = json!({
        "pages": read, "model": model(named, says, fault), "document_annotation": annotation, "leaked": "host-leaked",
        "usage_info": {"pages_processed": processed, "doc_size_bytes": 4_711, "leaked": "host-leaked"},
    });
    Draft::json(200, &answer)
}

fn selected(pages: &Value, number: usize) -> bool {
    let in_range = |range: &str| {
        let (start, end) = range.split_once('-').unwrap_or((range, range));
        let number_of = |text: &str| text.parse::<usize>().unwrap_or(usize::MAX);
        (number_of(start)..=number_of(end)).contains(&number)
    };
    let listed = pages.as_array().map(|list| list.contains(&json!(number)));
    listed.or_else(|| pages.as_str().map(|ranges| ranges.split(',').any(in_range))).unwrap_or(true)
}

fn mistral_page(number: usize, text: &str, body: &Value) -> Value {
    let base64 = (body["include_image_base64"] == true).then_some("data:image/jpeg;base64,/9j/4AAQ");
    let image = json!({"id": "img-0.jpeg", "top_left_x": 1, "top_left_y": 2, "bottom_right_x": 30, "bottom_right_y": 40,
        "image_base64": base64, "image_annotation": null, "leaked": "host-leaked"});
    let (markdown, tables) = match body["table_format"].as_str() {
        Some(format) => {
            let id = format!("tbl-0.{}", if format == "html" { "html" } else { "md" });
            (format!("[{id}]({id})"), json!([{"id": id, "content": "| a |", "format": format}]))
        }
        None => ("| a |".to_owned(), json!([])),
    };
    let header = (body["extract_header"] == true).then_some("Head");
    let mut page = json!({
        "index": number, "markdown": format!("{text}\n\n![img-0.jpeg](img-0.jpeg)\n\n{markdown}"), "images": [image],
        "tables": tables, "hyperlinks": ["https://a.example"], "header": header, "footer": null, "leaked": "host-leaked",
        "dimensions": {"dpi": 200, "height": 2_200, "width": 1_700, "leaked": "host-leaked"},
    });
    if body["include_blocks"] == true {
        page["blocks"] = json!([{"type": "text", "top_left_x": 1, "top_left_y": 2, "bottom_right_x": 3, "bottom_right_y": 4,
            "content": text, "leaked": "host-leaked"}]);
    }
    page
}

/// Azure's answer to one step of its work.
pub(super) fn azure(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    let named = asked.path().split("/documentModels/").nth(1).unwrap_or_default();
    if !asked.target().contains(VERSION) {
        return refused::refused(asked, &StatusFault::new(400));
    }
    if asked.path().ends_with("/info") {
        return Draft::json(200, &json!({"customDocumentModels": {"count": 0, "limit": 500}}));
    }
    match (asked.method(), named.split_once(":analyze"), named.split_once("/analyzeResults/")) {
        ("POST", Some((own, "")), _) => taken(asked, own, says),
        ("GET", _, Some((own, id))) => asked_about(asked, own, id, says, fault),
        ("DELETE", _, Some(_)) => {
            let mut draft = Draft::json(204, &Value::Null);
            draft.content = Content::Whole(Vec::new());
            draft
        }
        _ => refused::refused(asked, &StatusFault::new(404)),
    }
}

/// It takes a document as it is. What it calls the result says which pages are wanted, and whether as markdown.
fn taken(asked: &Asked, own: &str, says: &Says) -> Draft {
    let query = asked.target().split_once('?').map_or("", |(_, query)| query);
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let is_document = [&b"%PDF-"[..], b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM"]
        .iter()
        .any(|start| asked.body.starts_with(start));
    let markdown = of("outputContentFormat") == Some("markdown");
    if !is_document || of("stringIndexType") != Some("unicodeCodePoint") || (markdown && own == "prebuilt-read") {
        return refused::refused(asked, &StatusFault::new(400));
    }
    let wanted = of("pages").map_or_else(|| "all".to_owned(), |pages| pages.replace(',', "x"));
    let kind = if markdown { "m" } else { "t" };
    let id = format!("{:08x}-{}-{kind}-{wanted}", crc32fast::hash(&asked.body), asked.before);
    let usual =
        format!("https://elsewhere.example/documentintelligence/documentModels/{own}/analyzeResults/{id}?{VERSION}");
    let mut draft = Draft::json(202, &Value::Null);
    draft.content = Content::Whole(Vec::new());
    draft.headers.push(("operation-location", says.location.clone().unwrap_or(usual)));
    draft.headers.push(("retry-after", "0".to_owned()));
    draft
}

fn asked_about(asked: &Asked, own: &str, id: &str, says: &Says, fault: Option<&Fault>) -> Draft {
    let state = |status: &str| json!({"status": status, "createdDateTime": "2026-11-21T12:00:00Z"});
    let answer = match (asked.before, &says.finish) {
        (before, _) if before < says.polls => state(if before == 0 { "notStarted" } else { "running" }),
        (_, Some(code)) => {
            let mut failed = state("failed");
            failed["error"] = json!({"code": code, "message": "host-leaked"});
            failed
        }
        (_, None) => {
            let mut done = state("succeeded");
            done["analyzeResult"] = result(own, id, says, fault);
            done
        }
    };
    let mut draft = Draft::json(200, &answer);
    draft.headers.push(("retry-after", "0".to_owned()));
    draft
}

fn result(own: &str, id: &str, says: &Says, fault: Option<&Fault>) -> Value {
    let (rest, wanted) = id.rsplit_once("-m-").or_else(|| id.rsplit_once("-t-")).unwrap_or((id, "all"));
    let markdown = id.get(rest.len()..).is_some_and(|kind| kind.starts_with("-m-"));
    let ranges = wanted.replace('x', ",");
    let wanted = |number: usize| ranges == "all" || selected(&json!(ranges), number);
    let (mut content, mut read, mut tables, mut figures) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    let here = |content: &str| content.chars().count();
    let all = pages(says);
    for (number, text) in (1..).zip(&all).filter(|(number, _)| wanted(*number)) {
        let start = here(&content);
        let span = |content: &str, start: usize| json!([{"offset": start, "length": here(content) - start}]);
        if markdown {
            content.push_str(&format!("<!-- PageHeader=\"Head {number}\" -->\n\n# Tïtle 😀 {number}\n\n{text}\n\n\n"));
            let table = here(&content);
            content.push_str("<table>\n<tr><th>a</th><th>b</th></tr>\n<tr><td>1|2</td><td>3</td></tr>\n</table>");
            tables.push(json!({"rowCount": 2, "columnCount": 2, "spans": span(&content, table), "cells": [
                {"kind": "columnHeader", "rowIndex": 0, "columnIndex": 0, "content": "a"},
                {"kind": "columnHeader", "rowIndex": 0, "columnIndex": 1, "content": "b"},
                {"rowIndex": 1, "columnIndex": 0, "content": "1|2"}, {"rowIndex": 1, "columnIndex": 1, "content": "3"}]}));
            content.push_str("\n\n\n");
            let figure = here(&content);
            content.push_str("<figure>\n\nA chart\n\n</figure>");
            figures.push(json!({"id": format!("{number}.1"), "spans": span(&content, figure),
                "boundingRegions": [{"pageNumber": number, "polygon": [1.0, 1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 3.0]}]}));
            content.push_str(&format!(
                "\n\n\n<!-- PageFooter=\"Foot {number}\" -->\n<!-- PageNumber=\"{number}\" -->\n<!-- PageBreak -->\n\n"
            ));
        } else {
            content.push_str(text);
            content.push('\n');
        }
        read.push(json!({"pageNumber": number, "unit": "inch", "width": 8.5, "height": 11, "angle": 0.1,
            "words": [{"content": "leaked", "polygon": [0, 0, 1, 0, 1, 1, 0, 1], "confidence": 0.99,
                "span": {"offset": 0, "length": 1}}],
            "lines": [], "spans": span(&content, start)}));
    }
    json!({"apiVersion": "2024-11-30", "modelId": model(own, says, fault), "stringIndexType": "unicodeCodePoint",
        "contentFormat": if markdown { "markdown" } else { "text" }, "content": content, "pages": read, "tables": tables,
        "figures": figures, "paragraphs": [], "styles": [], "sections": []})
}
