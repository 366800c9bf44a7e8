use phi_words::{Class, Code};

use super::*;
use crate::{Question, Sealer, Way, Work};

/// A PDF of so many pages, the tree's root in plain sight.
fn pdf(pages: usize) -> Vec<u8> {
    let mut text = String::from("%PDF-1.4\n1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n2 0 obj\n<< /Kids [");
    (0..pages).for_each(|page| text.push_str(&format!("{} 0 R ", page + 3)));
    text.push_str(&format!("] /Count {pages} /Type /Pages >>\nendobj\n"));
    (0..pages).for_each(|page| {
        text.push_str(&format!("{} 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>\nendobj\n", page + 3));
    });
    text.push_str("trailer\n<</Root 1 0 R>>\n%%EOF\n");
    text.into_bytes()
}

fn url(media: &str, data: &[u8]) -> String {
    format!("data:{media};base64,{}", STANDARD.encode(data))
}

fn body(document: &str, more: &str) -> String {
    format!(r#"{{"model":"m","document":{document}{more}}}"#)
}

fn whole(data: &[u8], more: &str) -> String {
    body(&format!(r#"{{"type":"document_url","document_url":"{}"}}"#, url("application/pdf", data)), more)
}

fn asked(body: &str, class: Class) -> Result<Question, Refusal> {
    Way::Work(Work::Ocr).read(Prompt::new(body.to_owned()), class, &Sealer::new(|_, _| None, |_, _| None))
}

fn pages_of(question: &Question) -> &Pages {
    let Question::Work(work) = question else { panic!("other work") };
    let Task::Ocr(pages) = work.task() else { panic!("other work") };
    pages
}

fn count(body: &str) -> u64 {
    asked(body, Class::General).unwrap().estimate(0).pages
}

fn refused(body: &str) -> (Code, String) {
    let refusal = asked(body, Class::General).unwrap_err();
    (refusal.code, refusal.param.unwrap_or_default().into_owned())
}

#[test]
fn the_first_bytes_say_what_a_document_is_whatever_it_is_called() {
    let starts: [(&[u8], DocumentKind); 8] = [
        (b"%PDF-1.7\n", DocumentKind::Pdf),
        (b"\x89PNG\r\n\x1a\n....", DocumentKind::Png),
        (b"\xff\xd8\xff\xe0", DocumentKind::Jpeg),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", DocumentKind::Tiff),
        (b"MM\0*\0\0\0\x08\0\0\0\0\0\0", DocumentKind::Tiff),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", DocumentKind::Bmp),
        (b"GIF89a..", DocumentKind::Gif),
        (b"RIFF\x04\0\0\0WEBPVP8 ", DocumentKind::WebP),
    ];
    for (start, kind) in starts {
        for media in ["application/pdf", "image/png", "text/plain", ""] {
            let text = body(&format!(r#"{{"type":"image_url","image_url":{{"url":"{}"}}}}"#, url(media, start)), "");
            let question = asked(&text, Class::General).unwrap();
            assert_eq!(pages_of(&question).kind, kind, "{media}");
            assert_eq!(pages_of(&question).data, start);
        }
    }
    for none in [&b""[..], b"PK\x03\x04", b"<html>", b"BMW is a car", b"RIFF\x04\0\0\0WAVE", b"%PD"] {
        assert_eq!(refused(&whole(none, "")), (Code::InvalidRequest, "document.document_url".to_owned()));
    }
}

#[test]
fn a_document_is_decoded_once_and_not_copied() {
    let text = whole(&pdf(3), "");
    let question = asked(&text, Class::General).unwrap();
    let pages = pages_of(&question);
    assert_eq!(pages.data, pdf(3));
    assert_eq!(pages.base64.as_deref(), Some(STANDARD.encode(pdf(3)).as_bytes()));
    let escaped = text.replace('/', "\\/");
    assert_eq!(pages_of(&asked(&escaped, Class::General).unwrap()).data, pdf(3), "as PHP writes it");
    assert!(!format!("{question:?}").contains("PDF-1.4"));
}

#[test]
fn what_is_no_document_of_the_request_is_refused() {
    let invalid = |path: &str| (Code::InvalidRequest, path.to_owned());
    let unsupported = |path: &str| (Code::UnsupportedParameter, path.to_owned());
    let data = STANDARD.encode(pdf(1));
    let cut = &data[..data.len() - 3];
    for (document, wrong) in [
        (r#""a""#.to_owned(), invalid("document")),
        ("{}".to_owned(), invalid("document.type")),
        (r#"{"type":"pdf"}"#.to_owned(), invalid("document.type")),
        (r#"{"type":"document_url"}"#.to_owned(), invalid("document.document_url")),
        (r#"{"type":"document_url","document_url":1}"#.to_owned(), invalid("document.document_url")),
        (r#"{"type":"image_url","image_url":{"detail":"low"}}"#.to_owned(), invalid("document.image_url")),
        (
            r#"{"type":"image_url","image_url":{"url":"data:","detail":1}}"#.to_owned(),
            invalid("document.image_url.detail"),
        ),
        (r#"{"type":"file","file_id":"f"}"#.to_owned(), unsupported("document")),
        (
            r#"{"type":"document_url","document_url":"https://a.example/a.pdf"}"#.to_owned(),
            unsupported("document.document_url"),
        ),
        (r#"{"type":"image_url","image_url":"file:///etc/passwd"}"#.to_owned(), unsupported("document.image_url")),
        (
            r#"{"type":"document_url","document_url":"data:application/pdf,%25PDF"}"#.to_owned(),
            invalid("document.document_url"),
        ),
        (
            r#"{"type":"document_url","document_url":"data:a/b;name=x.pdf;base64,AAAA"}"#.to_owned(),
            invalid("document.document_url"),
        ),
        (
            format!(r#"{{"type":"document_url","document_url":"data:a/b;base64,{cut}"}}"#),
            invalid("document.document_url"),
        ),
        (
            format!(r#"{{"type":"document_url","document_url":"data:a/b;base64,{data}!"}}"#),
            invalid("document.document_url"),
        ),
        (
            format!(r#"{{"type":"document_url","document_url":"data:a/b;base64,{data}","Type":"x"}}"#),
            unsupported("document.Type"),
        ),
    ] {
        assert_eq!(refused(&body(&document, "")), wrong, "{document}");
    }
    assert_eq!(refused(r#"{"model":"m"}"#), invalid("document"));
    assert_eq!(refused(&whole(&pdf(1), r#","document_url":"x""#)), unsupported("document_url"));
}

#[test]
fn each_field_has_its_rule() {
    let schema = r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#;
    for (field, good, bad) in [
        ("include_image_base64", "true", "1"),
        ("image_limit", "3", "-1"),
        ("image_min_size", "100", "\"1\""),
        ("table_format", "\"html\"", "\"csv\""),
        ("extract_header", "false", "\"no\""),
        ("extract_footer", "true", "0"),
        ("include_blocks", "true", "{}"),
        ("confidence_scores_granularity", "\"page\"", "\"line\""),
        ("bbox_annotation_format", schema, "\"json\""),
        ("document_annotation_format", schema, r#"{"type":"text"}"#),
        ("id", "\"x\"", "1"),
        ("pages", "[0]", "0"),
        ("pages", "\"0-1\"", "[]"),
    ] {
        let with = |value: &str| whole(&pdf(2), &format!(r#","{field}":{value}"#));
        assert!(asked(&with(good), Class::General).is_ok(), "{field}");
        assert!(asked(&with("null"), Class::General).is_ok(), "{field}");
        assert_eq!(refused(&with(bad)), (Code::InvalidRequest, field.to_owned()));
    }
    let prompt = r#","document_annotation_prompt":"x""#;
    assert_eq!(refused(&whole(&pdf(1), prompt)).1, "document_annotation_prompt");
    let both = format!(r#"{prompt},"document_annotation_format":{schema}"#);
    assert!(asked(&whole(&pdf(1), &both), Class::General).is_ok());
    assert_eq!(refused(&whole(&pdf(1), r#","store":true"#)), (Code::UnsupportedParameter, "store".to_owned()));
    let unknown = whole(&pdf(1), r#","sharpen":true"#);
    assert_eq!(asked(&unknown, Class::General).unwrap().unknown(), ["sharpen".into()]);
    assert_eq!(asked(&unknown, Class::Phi).unwrap_err().code, Code::UnsupportedParameter);
}

#[test]
fn pages_are_counted_where_they_are_told_in_plain_sight() {
    assert_eq!(count(&whole(&pdf(1), "")), 1);
    assert_eq!(count(&whole(&pdf(100), "")), 100);
    // Changed since: the newer root counts, and a page that went may still lie there.
    let changed = [pdf(3), b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n".to_vec()].concat();
    assert_eq!(count(&whole(&changed, "")), 1);
    let linearized = |said: usize| {
        let head = format!("%PDF-1.5\n1 0 obj\n<</Linearized 1/L {said:06}/O 3/N 12/H[0 0]>>\nendobj\n");
        [head.as_bytes(), b"2 0 obj\n<</Type/ObjStm/N 3>>stream\nxx\nendstream\nendobj\n"].concat()
    };
    let length = linearized(0).len();
    assert_eq!(count(&whole(&linearized(length), "")), 12);
    assert_eq!(count(&whole(&linearized(length + 1), "")), 1, "it was changed since");
    for hidden in [
        &b"%PDF-1.5\n1 0 obj\n<</Type/ObjStm/N 3/First 9>>stream\nxxx\nendstream\nendobj\n"[..],
        b"%PDF-1.4\n2 0 obj\n<</Type/Pages/Kids[]/Count 9 0 R>>\nendobj\n",
        b"%PDF-1.4\n2 0 obj\n<</Type/Pages/Kids[]/Count 99999999>>\nendobj\n",
        b"%PDF-1.4\n2 0 obj\n<</Type/Pages/Kids[]/Count -4>>\nendobj\n",
        b"%PDF-1.4\n2 0 obj\n<</Type/PagesOf/Kids[]/Count 4>>\nendobj\n",
        b"%PDF-1.4\n2 0 obj\n<</Type/Pages/Parent 1 0 R/Count 4>>\nendobj\n",
        b"%PDF-1.4",
    ] {
        assert_eq!(count(&whole(hidden, "")), 1, "{}", String::from_utf8_lossy(hidden));
    }
}

#[test]
fn the_directories_of_a_tiff_are_its_pages() {
    let tiff = |nexts: &[u32]| {
        let mut data = b"II*\0\x08\0\0\0".to_vec();
        nexts.iter().for_each(|next| data.extend_from_slice(&[&[0; 2][..], &next.to_le_bytes()].concat()));
        data
    };
    assert_eq!(count(&whole(&tiff(&[14, 20, 0]), "")), 3);
    for broken in [&[14, 8][..], &[8], &[9_999], &[u32::MAX]] {
        assert_eq!(count(&whole(&tiff(broken), "")), 1, "{broken:?}");
    }
}

#[test]
fn a_bomb_costs_what_its_length_costs() {
    let mut bomb = b"%PDF-1.4\n".to_vec();
    bomb.extend(b"1 0 obj<</Type/Pages".repeat(50_000));
    bomb.extend(b"<".repeat(1 << 18));
    bomb.extend(b"/Type ".repeat(50_000));
    assert_eq!(count(&whole(&bomb, "")), 1);
    let nested = [b"%PDF-1.4\n1 0 obj".to_vec(), b"<<".repeat(1 << 18), b"/Type/Pages/Count 7".to_vec()].concat();
    assert_eq!(count(&whole(&nested, "")), 1, "a dictionary of more than 64 KiB is not looked through");
}

#[test]
fn pages_are_chosen_by_number_or_range() {
    let chosen = |pages: &str| asked(&whole(&pdf(9), &format!(r#","pages":{pages}"#)), Class::General);
    for (pages, from_one, len) in [
        ("[0]", "1", 1),
        ("[3,1,8]", "2,4,9", 3),
        ("\"0-5,7\"", "1-6,8", 7),
        ("\"7,0-0\"", "1,8", 2),
        ("\"8\"", "9", 1),
    ] {
        let question = chosen(pages).unwrap();
        let selection = pages_of(&question).selection.clone().unwrap();
        assert_eq!((selection.counted_from_one().as_str(), question.estimate(0).pages), (from_one, len), "{pages}");
    }
    let many = format!("[{}]", (0..2_001).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    for wrong in [
        "\"\"",
        "\"0-\"",
        "\"-1\"",
        "\"5-0\"",
        "\"0,\"",
        "\"0, 1\"",
        "\"+1\"",
        "\"01\"",
        "\"0-5,3\"",
        "\"0x1\"",
        "\"all\"",
        "\"10000\"",
        "[]",
        "[-1]",
        "[1.0]",
        "[\"1\"]",
        "[1,1]",
        "[null]",
        "true",
        "{}",
        &many,
        "\"9\"",
        "[0,9]",
        "\"0-9\"",
    ] {
        let refusal = chosen(wrong).unwrap_err();
        assert_eq!((refusal.code, refusal.param.as_deref()), (Code::InvalidRequest, Some("pages")), "{wrong}");
    }
    let unseen = asked(&whole(b"%PDF-1.5\n1 0 obj<</Type/ObjStm>>", r#","pages":[400]"#), Class::General);
    assert_eq!(unseen.unwrap().estimate(0).pages, 1, "what nobody has counted is for the host to judge");
}

#[test]
fn an_upload_is_read_as_a_body_is() {
    let form = |parts: &str, file: &[u8]| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n";
        let name = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"patient.pdf\"\r\nContent-Type: text/plain\r\n\r\n";
        [head.as_bytes(), parts.as_bytes(), name.as_bytes(), file, b"\r\n--b--\r\n"].concat()
    };
    let read = |body: Vec<u8>| {
        let wrapping = Wrapping::of("multipart/form-data; boundary=b").unwrap();
        Way::Work(Work::Ocr).read_wrapped(
            &wrapping,
            Prompt::new(body),
            Class::General,
            &Sealer::new(|_, _| None, |_, _| None),
        )
    };
    let field =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let question = read(form(&(field("pages", "0-1,3") + &field("extract_header", "true")), &pdf(5))).unwrap();
    let pages = pages_of(&question);
    assert_eq!((pages.kind, pages.data.as_ref(), pages.base64.is_none()), (DocumentKind::Pdf, &pdf(5)[..], true));
    assert_eq!(question.estimate(0).pages, 3);
    for (body, path) in [
        (form("", b""), "file"),
        (form("", b"MZ\0\0"), "file"),
        (form(&field("document", "x"), &pdf(1)), "document"),
        (form(&field("extract_header", "maybe"), &pdf(1)), "extract_header"),
    ] {
        assert_eq!(read(body).unwrap_err().param.as_deref(), Some(path));
    }
    assert!(read(b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n%PDF-".to_vec()).is_err(), "cut off");
}
