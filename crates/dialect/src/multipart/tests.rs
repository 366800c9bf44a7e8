use proptest::prelude::*;

use super::*;

fn parts(body: &str) -> Result<Vec<(String, bool, String)>, String> {
    let read =
        read(&Bytes::from(body.to_owned()), &Boundary("b".into())).map_err(|refusal| refusal.message.to_string())?;
    Ok(read
        .into_iter()
        .map(|part| (part.name, part.is_file, String::from_utf8_lossy(&part.data).into_owned()))
        .collect())
}

#[test]
fn a_form_is_read_part_by_part() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\\"; name=x.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
                RIFF\r\n-b\r\n\r\n--b--\r\n";
    let text = |text: &str| text.to_owned();
    let read = parts(body).unwrap();
    assert_eq!(read, [(text("model"), false, text("whisper")), (text("file"), true, text("RIFF\r\n-b\r\n"))]);
    assert!(!format!("{:?}", super::read(&Bytes::from(body), &Boundary("b".into())).unwrap()).contains("RIFF"));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let part = |head: &str| format!("--b\r\n{head}\r\n\r\nx\r\n--b--\r\n");
    let named = "Content-Disposition: form-data; name=\"a\"";
    assert!(parts(&part(named)).is_ok());
    for (body, why) in [
        (String::new(), "it does not begin with its boundary"),
        (format!("preamble\r\n{}", part(named)), "it does not begin with its boundary"),
        (format!("{}epilogue", part(named)), "something follows its end"),
        ("--b--\r\n".into(), "it has no part"),
        (part(named).replace("--b--", "--c--"), "a part has no end"),
        (part(named).replacen("--b\r\n", "--b \r\n", 1), "a boundary is not on a line of its own"),
        (part("Content-Type: text/plain"), "a part has no name"),
        (part("Content-Disposition: attachment; name=\"a\""), "a part is not of a form"),
        (part("Content-Disposition: form-data; name=\"a\"; name=\"b\""), "a part has two names"),
        (part("Content-Disposition: form-data; name=\"ä\""), "a part has no plain name"),
        (part("Content-Disposition: form-data; name=\"\""), "a part has no plain name"),
        (part("Content-Disposition: form-data; name=\"a"), "a part's name is not written as one"),
        (part("Content-Disposition: form-data; name=\"a\"; size=1"), "a part's name has a parameter that nobody knows"),
        (part(&format!("{named}\r\n{named}")), "a part has a header twice"),
        (part(&format!("{named}\r\nContent-Transfer-Encoding: base64")), "a part is encoded"),
        (part(&format!("{named}\r\nX-Other: 1")), "a part has a header that parts of forms do not have"),
        (part(&format!("{named}\nContent-Type: a")), "a part's head has a line that ends in half of CR LF"),
        (
            part(&format!("{named}\r\nContent-Type: {}", "a".repeat(5_000))),
            "a part has no head, or a longer one than 4 KiB",
        ),
        (format!("{}--b--\r\n", format!("--b\r\n{named}\r\n\r\nx\r\n").repeat(65)), "it has more than 64 parts"),
    ] {
        let message = parts(&body).unwrap_err();
        assert!(message.ends_with(why), "{message:?} of {body:?}");
    }
}

#[test]
fn the_kind_of_a_body_is_said_in_one_way() {
    let form = |boundary: &str| Some(Wrapping::Form(Boundary(boundary.into())));
    for (kind, wrapping) in [
        ("application/json", Some(Wrapping::Json)),
        ("Application/JSON; charset=UTF-8", Some(Wrapping::Json)),
        ("application/json; charset=latin1", None),
        ("multipart/form-data; boundary=abc", form("abc")),
        ("multipart/form-data; boundary=\"a'b\"", form("a'b")),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/mixed; boundary=a", None),
        ("text/plain", None),
        ("", None),
    ] {
        assert_eq!(Wrapping::of(kind), wrapping, "{kind}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in any::<String>(), data in proptest::collection::vec(any::<u8>(), 0..300), evil in any::<bool>()) {
        let mut data = data;
        if evil {
            data.extend_from_slice(b"\r\n--phi-gateway-0--\r\n");
        }
        let file = Piece::File { name: "file", called: "audio.wav", media: "audio/wav", data: data.clone().into() };
        let form = written(&[Piece::Text("model", &text), file]);
        let Some(Wrapping::Form(boundary)) = Wrapping::of(&form.content_type) else { panic!("{}", form.content_type) };
        let read = read(&form.pieces.concat().into(), &boundary).unwrap();
        let [model, file] = read.as_slice() else { panic!("{read:?}") };
        prop_assert_eq!((&*model.name, model.is_file, &*model.data), ("model", false, text.as_bytes()));
        prop_assert_eq!((&*file.name, file.is_file, &*file.data), ("file", true, &*data));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes.clone().into(), &Boundary("b".into())));
        drop(read(&[b"--b\r\n", bytes.as_slice()].concat().into(), &Boundary("b".into())));
    }
}
