//! Forms that are none, and sound that is none: refused before anybody is asked, with an entry, and without a word of them.

use serde_json::json;

use super::{PATH, form, form_called, hear, up, up_with, upload, wav};
use crate::ask::{Ask, SECRET};

#[tokio::test]
async fn bad_input_is_refused_and_recorded() {
    let stand = up().await;
    let whole = form(&wav(500), &[("model", "ears/w")]);
    let lying = |bytes: &[u8]| form(bytes, &[("model", "ears/w")]);
    for (what, body, param) in [
        ("cut in its end", whole[..whole.len() - 5].to_vec(), None),
        ("cut in its middle", whole[..whole.len() / 2].to_vec(), None),
        ("nothing", Vec::new(), None),
        (
            "no file",
            b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nears/w\r\n--b--\r\n".to_vec(),
            Some("file"),
        ),
        ("zero bytes of sound", lying(b""), Some("file")),
        ("a document that says it is sound", lying(b"%PDF-1.7\n patient 4711 has a fever"), Some("file")),
        ("sound that is cut", lying(&wav(500)[..30]), Some("file")),
        ("no model", form(&wav(500), &[]), Some("model")),
        (
            "a format that is none",
            form(&wav(500), &[("model", "ears/w"), ("response_format", "docx")]),
            Some("response_format"),
        ),
        ("a language that is none", form(&wav(500), &[("model", "ears/w"), ("language", SECRET)]), Some("language")),
    ] {
        let refused = stand.ask(upload(body)).await;
        let error = refused.json()["error"].clone();
        assert_eq!(
            (refused.status, &error["code"], error["param"].as_str()),
            (400, &json!("invalid_request"), param),
            "{what}"
        );
        assert!(!refused.text().contains("4711") && !refused.text().contains("Keller"), "{what}: {}", refused.text());
        assert!(stand.refused(refused.id()).await.is_some(), "{what}");
    }
    let steering = stand.ask(hear("ears/w", &[("file_url", "https://elsewhere.example/a.wav")])).await;
    assert_eq!(steering.refusal(), (400, "unsupported_parameter".to_owned()));
    let json = Ask::json(PATH, &json!({"model": "ears/w"}));
    assert_eq!(stand.ask(json).await.refusal(), (415, "unsupported_media_type".to_owned()));
    let phi = stand.ask(hear("ears/w", &[("vad_filter", "true")]).phi()).await;
    assert_eq!((phi.status, &phi.json()["error"]["param"]), (400, &json!("vad_filter")));
    assert!(stand.reached().is_empty());
    assert_eq!(stand.gateway.running(), 0);
}

#[tokio::test]
async fn the_bytes_say_what_sound_is_and_not_its_media_type() {
    let stand = up().await;
    // The form calls it WAV.
    let mut flac = b"fLaC\x80\0\0\x22".to_vec();
    flac.extend_from_slice(&[0; 10]);
    flac.extend_from_slice(&[0x0b, 0xb8, 0x01, 0x70, 0, 1, 0x77, 0]);
    flac.extend_from_slice(&[0; 16]);
    let reply = stand.ask(upload(form(&flac, &[("model", "ears/w")]))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = String::from_utf8_lossy(&stand.host("alps-a").seen()[0].body).into_owned();
    assert!(sent.contains("filename=\"audio.flac\"\r\nContent-Type: audio/flac\r\n"), "{sent}");
}

/// Section F of the list of attacks.
#[tokio::test]
async fn check_25_no_form_is_a_bomb() {
    let stand = up_with("[gateway]\naudio_bytes = 16777216\n").await;
    let part =
        |name: &str, rest: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\nx\r\n");
    let end = "--b--\r\n";
    let bomb: String = (0..100_000).map(|number| part(&format!("f{number}"), "")).collect();
    let sound = String::from_utf8_lossy(&wav(0)).into_owned();
    let named = |name: &str| {
        let head =
            format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{sound}\r\n");
        head + end
    };
    let folder = std::fs::read_dir(stand.folder()).unwrap().count();
    for (what, body) in [
        ("a hundred thousand parts", bomb.clone() + end),
        ("the same without an end", bomb),
        ("a part without an end", part("file", "; filename=\"a.wav\"").repeat(3)),
        ("a head of a megabyte", part("file", &format!("; filename=\"{}\"", "a".repeat(1 << 20))) + end),
        ("a name with a zero byte", named("a\0.wav")),
        ("a name with the end of a line", named("a\r\nX-Evil: 1\r\n.wav")),
        ("a name with half of one", named("a\n.wav")),
        ("a part's own name with a path", part("../../x", "") + end),
        ("a boundary without lines", "--b".repeat(100_000)),
    ] {
        let refused = stand.ask(upload(body)).await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()), "{what}");
        assert!(refused.text().len() < 400, "{what}");
    }
    for boundary in ["b".repeat(10_000), String::new(), "a b".to_owned(), "b; boundary=c".to_owned()] {
        let ask = Ask::new("POST", PATH, part("model", "") + end);
        let refused = stand.ask(ask.header("content-type", format!("multipart/form-data; boundary={boundary}"))).await;
        assert_eq!(refused.refusal(), (415, "unsupported_media_type".to_owned()), "{} bytes", boundary.len());
    }
    // A path is a name as any other: nobody is told it, and nothing is written under it.
    let path = form_called("../../../../tmp/x", &wav(500), &[("model", "ears/w")]);
    assert_eq!(stand.ask(upload(path)).await.status, 200);
    assert!(!String::from_utf8_lossy(&stand.host("alps-a").seen()[0].body).contains("tmp"));
    assert_eq!(std::fs::read_dir(stand.folder()).unwrap().count(), folder, "no temporary file");
}
