//! Looks for a text that must be nowhere, in every spelling that it could have.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use phi_crypto::hex;

use crate::call::has;

/// A text in every spelling that it could have.
#[derive(Debug, Clone)]
pub(crate) struct Needles(Vec<(&'static str, Vec<u8>)>);

impl Needles {
    pub(crate) fn of(text: &str) -> Self {
        let escaped = serde_json::to_string(text).expect("JSON");
        let mut needles = vec![
            ("as it is", text.to_owned()),
            ("in lower case", text.to_lowercase()),
            ("escaped for JSON", escaped[1..escaped.len() - 1].to_owned()),
            ("escaped for JSON in ASCII", escaped_wholly(text)),
            ("URL-encoded", url(text, |byte| byte.is_ascii_alphanumeric())),
            ("URL-encoded byte by byte", url(text, |_| false)),
            ("in hex", hex(text.as_bytes())),
            ("in upper-case hex", hex(text.as_bytes()).to_uppercase()),
        ];
        for offset in 0..3 {
            needles.push(("in base64", base64_at(offset, text, &STANDARD)));
            needles.push(("in base64 for URLs", base64_at(offset, text, &URL_SAFE)));
        }
        Self(needles.into_iter().map(|(name, needle)| (name, needle.into_bytes())).collect())
    }

    /// Each spelling.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(_, needle)| needle.as_slice())
    }

    /// Where the text is in these bytes, and in which spellings.
    pub(crate) fn in_bytes(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let found = self.0.iter().filter(|(_, needle)| has(bytes, needle));
        found.map(|(name, _)| format!("{place} holds it {name}")).collect()
    }

    /// Where the text is in the files of a folder, and in the names of them.
    pub(crate) fn in_folder(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let place = path.display().to_string();
            found.extend(self.in_bytes("a file's name", place.as_bytes()));
            let about = fs::symlink_metadata(&path).expect("it is there");
            if about.is_dir() {
                found.extend(self.in_folder(&path));
            } else if about.is_file() {
                found.extend(self.in_bytes(&place, &fs::read(&path).expect("read")));
            }
        }
        found
    }
}

fn escaped_wholly(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn url(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let spell = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(spell).collect()
}

/// The digits that stand for the text alone where `offset` bytes stand before it in a group of three.
fn base64_at(offset: usize, text: &str, engine: &impl Engine) -> String {
    let bytes = [&vec![0; offset], text.as_bytes()].concat();
    let digits = engine.encode(&bytes);
    digits[(offset * 8).div_ceil(6)..bytes.len() * 8 / 6].to_owned()
}

#[test]
fn what_is_planted_is_found_in_each_spelling_and_nothing_else_is() {
    let text = "Ünique \"text\"/of ours?";
    let long = |before: usize| format!("{}{text} and more", "x".repeat(before));
    let mut planted = vec![
        text.as_bytes().to_vec(),
        long(7).to_lowercase().into_bytes(),
        serde_json::json!({"error": [long(5)]}).to_string().into_bytes(),
        br#"{"a":"\u00dc\u006e\u0069\u0071\u0075\u0065\u0020\u0022\u0074\u0065\u0078\u0074\u0022\u002f\u006f\u0066\u0020\u006f\u0075\u0072\u0073\u003f"}"#.to_vec(),
        b"GET /?q=%C3%9Cnique%20%22text%22%2Fof%20ours%3F HTTP/1.1".to_vec(),
        b"%C3%9C%6E%69%71%75%65%20%22%74%65%78%74%22%2F%6F%66%20%6F%75%72%73%3F".to_vec(),
        hex(long(3).as_bytes()).into_bytes(),
        hex(long(3).as_bytes()).to_uppercase().into_bytes(),
    ];
    for before in 0..3 {
        planted.push(STANDARD.encode(long(before)).into_bytes());
        planted.push(URL_SAFE.encode(long(before)).into_bytes());
    }
    let needles = Needles::of(text);
    assert_eq!(needles.0.len(), planted.len());
    for (bytes, (name, _)) in planted.iter().zip(&needles.0) {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).expect("made");
        fs::write(deep.join("clean"), b"\0\xff nothing of ours: unique text").expect("written");
        assert_eq!(needles.in_folder(folder.path()), Vec::<String>::new());
        fs::write(deep.join("file"), [b"\0\xff before ", bytes.as_slice(), b" after \xfe"].concat()).expect("written");
        let found = needles.in_folder(folder.path());
        assert!(found.iter().any(|hit| hit.ends_with(name)), "{name}: {found:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("Ünique.pdf"), "").expect("written");
    assert!(!Needles::of("Ünique").in_folder(folder.path()).is_empty(), "a file's name is looked at");
}
