use base64::engine::general_purpose::STANDARD as BASE64;
use phi_words::Capability;
use proptest::prelude::*;

use super::*;
use crate::anthropic::At;
use crate::sealer::transparent;
use crate::{Carry, Question, Speaks, Way};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const URL: &str = "https://pictures.example/scan-4711.png?token=sesame";

fn anywhere(class: Class) -> Reading {
    Reading { class, images: Images::At(Arc::default()) }
}

/// A body of each way in that names an image by its address, and where.
fn bodies(url: &str) -> [(Way, String, &'static str); 4] {
    let url = serde_json::to_string(url).unwrap();
    [
        (
            Way::Chat,
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"ä"}},{{"type":"image_url","image_url":{{"url":{url},"detail":"low"}}}}]}}]}}"#
            ),
            "messages[0].content[1].image_url.url",
        ),
        (
            Way::Responses,
            format!(
                r#"{{"model":"m","input":[{{"role":"user","content":[{{"type":"input_image","image_url":{url}}}]}}]}}"#
            ),
            "input[0].content[0].image_url",
        ),
        (
            Way::Messages,
            format!(
                r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"url","url":{url}}}}}]}}]}}"#
            ),
            "messages[0].content[0].source",
        ),
        (
            Way::Messages,
            format!(
                r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"assistant","content":[{{"type":"tool_use","id":"a","name":"f","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a","content":[{{"type":"image","source":{{"url":{url},"type":"url"}}}}]}}]}}]}}"#
            ),
            "messages[1].content[0].content[0].source",
        ),
    ]
}

fn read(way: Way, body: &str, reading: impl Into<Reading>) -> Result<Question, Refusal> {
    way.read(Prompt::new(body.to_owned()), reading, &transparent())
}

fn carry(speaks: Speaks) -> Carry {
    let capabilities = Capability::ALL.iter().copied().collect();
    Carry { speaks, capabilities, ..Carry::plain("own".parse().unwrap()) }
}

#[test]
fn an_image_elsewhere_is_taken_only_where_it_may_be_fetched() {
    for (way, body, path) in bodies(URL) {
        let question = read(way, &body, anywhere(Class::General)).unwrap();
        let [remote] = question.remotes() else { panic!("{body}") };
        let address = remote.address();
        assert_eq!((remote.path(), address.expose_host(), address.port()), (path, "pictures.example", 443));
        assert_eq!(address.expose_target(), "/scan-4711.png?token=sesame");
        assert!(!format!("{question:?}").contains("4711") && !format!("{remote:?}").contains("example"));
        let abroad = Reading { class: Class::General, images: Images::Abroad };
        for refused in [Class::General.into(), Class::Phi.into(), abroad, anywhere(Class::Phi)] {
            let refusal = read(way, &body, refused).unwrap_err();
            assert_eq!((refusal.code, refusal.param.as_deref()), (Code::UnsupportedParameter, Some(path)));
            assert!(!format!("{refusal:?}").contains("example"), "{refusal:?}");
        }
    }
}

/// Attack 13 on the way out: addresses that are no names, or that two readers could take for two things.
#[test]
fn check_13_an_address_that_is_no_public_name_is_refused_before_anything_is_asked() {
    for bad in [
        "http://127.0.0.1/",
        "http://pictures.example/a.png",
        "https://127.0.0.1/a.png",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://localhost/",
        "https://localhost./",
        "https://pictures.example./a.png",
        "https://user@pictures.example/a.png",
        "https://user:sesame@pictures.example/a.png",
        "https://pictures.example:22/a.png",
        "https://pictures.example:/a.png",
        "https://pictures.example:0443/a.png",
        "https://pictures.example:+443/a.png",
        "https://pictures.example:99999/a.png",
        "https://pictures.example/a.png#b",
        "https://pictures.example\\@127.0.0.1/a.png",
        "https:/pictures.example/a.png",
        "https:pictures.example/a.png",
        "https://",
        "https:///a.png",
        "https://a..example/",
        "https://-a.example/",
        "https://a_b.example/",
        "https://a.0x7f/",
        "https://a.1/",
        "https://pictures.example/a b.png",
        "https://pictures.example/\u{e4}.png",
        "https://b\u{fc}cher.example/a.png",
        "https://pictures.example/\n",
        "https://pictures.example/a\r\nhost: b",
        " https://pictures.example/",
        "HTTPS://pictures.example/a.png",
        "https://pictures.example%2f@127.0.0.1/",
        "https://pictures.example?@127.0.0.1/#",
        "file:///etc/passwd",
        "gopher://pictures.example/",
        "ftp://pictures.example/a.png",
        "//pictures.example/a.png",
        "data:text/html;base64,AAAA",
        "https://\u{ff11}27.0.0.1/",
        "https://pictures.example/[a]",
        "blob:https://pictures.example/a",
        "",
    ] {
        for (way, body, path) in bodies(bad) {
            let refusal = read(way, &body, anywhere(Class::General)).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some(path), "{bad}");
            assert!(matches!(refusal.code, Code::InvalidRequest | Code::UnsupportedParameter), "{bad}");
            let shown = refusal.to_string() + refusal.hint.as_ref();
            assert!(!shown.contains("pictures") && !shown.contains("127"), "{bad}: {shown}");
        }
    }
    let long = format!("https://pictures.example/{}", "a".repeat(LONGEST));
    assert_eq!(ImageAddress::parse(&long), None);
    for good in ["https://pictures.example", "https://PICTURES.example/", "https://a.b.c1.xn--p1ai/%20?a=b&c=%5B/../x"]
    {
        assert!(ImageAddress::parse(good).is_some(), "{good}");
    }
    let plain = ImageAddress::parse("https://Pictures.Example?a=b").unwrap();
    assert_eq!((plain.expose_host(), plain.expose_target()), ("pictures.example", "/?a=b"));
}

#[test]
fn a_list_of_sources_is_all_that_there_is() {
    let list = ["pictures.example:8443".to_owned(), "Other.example".to_owned()];
    let sources = Arc::new(Sources::parse(&list).unwrap());
    let (way, ..) = bodies(URL)[0];
    for (url, fits) in [
        ("https://pictures.example:8443/a", true),
        ("https://other.example/a", true),
        ("https://other.example:443/a", true),
        ("https://pictures.example/a", false),
        ("https://other.example:8443/a", false),
        ("https://sub.other.example/a", false),
        ("https://other.example.evil.example/a", false),
    ] {
        let reading = Reading { class: Class::General, images: Images::At(Arc::clone(&sources)) };
        let body = &bodies(url)[0].1;
        assert_eq!(read(way, body, reading).is_ok(), fits, "{url}");
    }
    for bad in ["127.0.0.1", "localhost", "*.example", "https://a.example", "a.example/b", "a.example:0", ""] {
        assert_eq!(Sources::parse(&[bad.to_owned()]), Err(bad));
    }
}

#[test]
fn no_more_than_eight_images_stand_elsewhere() {
    let part = format!(r#"{{"type":"image_url","image_url":{{"url":"{URL}"}}}}"#);
    for (count, fits) in [(MOST_IMAGES, true), (MOST_IMAGES + 1, false)] {
        let parts = vec![part.clone(); count].join(",");
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{parts}]}}]}}"#);
        let question = read(Way::Chat, &body, anywhere(Class::General));
        assert_eq!(question.is_ok(), fits, "{count}");
    }
}

#[test]
fn an_image_takes_the_place_of_its_address_whoever_answers() {
    let fetched = image("image/png", PNG).unwrap();
    for (way, body, _) in bodies(URL) {
        let question = read(way, &body, anywhere(Class::General)).unwrap();
        let furnished = question.furnish(std::slice::from_ref(&fetched), Class::General, &transparent()).unwrap();
        assert!(furnished.remotes().is_empty() && furnished.way() == way);
        let anthropic = Speaks::Anthropic(At::Vertex);
        for speaks in [Speaks::OpenAi, Speaks::Mistral, anthropic, Speaks::Gemini, Speaks::Bedrock] {
            let kind = if speaks == Speaks::Bedrock { r#""format":"png""# } else { "image/png" };
            let carry = carry(speaks);
            assert_eq!(question.fits(&carry), furnished.fits(&carry), "{way:?} {speaks:?}");
            let sent = furnished.begin(&carry, &str::to_owned, Class::General).into_body().unwrap().body;
            let sent = String::from_utf8(sent.expose_bytes().to_vec()).unwrap();
            assert!(sent.contains(&BASE64.encode(PNG)) && sent.contains(kind), "{sent}");
            assert!(!sent.contains("pictures") && !sent.contains("4711") && !sent.contains("sesame"), "{sent}");
        }
    }
}

#[test]
fn what_else_a_message_leaves_out_stays_left_out() {
    let (way, body, _) = &bodies(URL)[2];
    let mut question = read(*way, body, anywhere(Class::General)).unwrap();
    question.leave_out("anthropic-beta");
    let furnished = question.furnish(&[image("image/png", PNG).unwrap()], Class::General, &transparent()).unwrap();
    let rendered = furnished.begin(&carry(Speaks::OpenAi), &str::to_owned, Class::General).into_body().unwrap();
    assert!(rendered.left_out.contains(&"anthropic-beta"));
}

#[test]
fn too_few_images_leave_no_address() {
    for (way, body, _) in bodies(URL) {
        let question = read(way, &body, anywhere(Class::General)).unwrap();
        assert!(question.furnish(&[], Class::General, &transparent()).is_err());
    }
}

#[test]
fn an_image_is_one_by_its_type_and_by_its_bytes() {
    let webp = b"RIFF\0\0\0\0WEBPVP8 ";
    for (told, bytes, kind) in [
        ("image/png", PNG, "image/png"),
        ("Image/PNG; charset=binary", PNG, "image/png"),
        ("image/jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image/jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image/gif", b"GIF89a", "image/gif"),
        ("image/gif", b"GIF87a", "image/gif"),
        ("image/webp", webp, "image/webp"),
    ] {
        let found = image(told, bytes).unwrap();
        assert_eq!((found.kind.as_str(), found.data), (kind, BASE64.encode(bytes)));
    }
    for (told, bytes) in [
        ("image/png", &b"\xff\xd8\xff\xe0"[..]),
        ("image/jpeg", PNG),
        ("text/html", PNG),
        ("", PNG),
        ("image/svg+xml", b"<svg xmlns"),
        ("image/png", b"<html>"),
        ("image/webp", b"RIFF\0\0\0\0WAVE"),
        ("image/gif", b"GIF88a"),
        ("image/png", b""),
        ("application/octet-stream", PNG),
    ] {
        assert!(image(told, bytes).is_none(), "{told}");
    }
}

proptest! {
    /// Whatever is taken for an address reads the same to whoever reads it after us (RFC 3986, appendix B).
    #[test]
    fn an_address_that_is_taken_means_one_place(text in "https://[a-z0-9.:@/?#\\\\\\[\\]%-]{0,24}") {
        let Some(address) = ImageAddress::parse(&text) else { return Ok(()) };
        let again = format!("https://{}:{}{}", address.expose_host(), address.port(), address.expose_target());
        prop_assert_eq!(ImageAddress::parse(&again), Some(address.clone()));
        prop_assert!(address.expose_host().parse::<std::net::IpAddr>().is_err());
        prop_assert!(!again.contains('@') || address.expose_target().contains('@'));
    }
}
