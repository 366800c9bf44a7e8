mod any;
mod heard;
mod written;

use phi_words::{Capability, Class};

use super::*;
use crate::middle::{
    Cache, Choice, Content, Conversation, Effort, Format, Json, Media, Part, Sampling, Thinking, Tool, Turn, Who,
};
use crate::{Carry, Speaks};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const DEVSTRAL: &str = "mistral.devstral-2-123b";

fn carry(own: &str) -> Carry {
    Carry {
        speaks: Speaks::Bedrock,
        capabilities: Capability::ALL.iter().copied().collect(),
        max_output: Some(64_000),
        ..Carry::plain(own.parse().unwrap())
    }
}

fn part(content: Content) -> Part {
    Part { content, cache: None }
}

fn kept(content: Content, cache: Cache) -> Part {
    Part { content, cache: Some(cache) }
}

fn words(text: &str) -> Part {
    part(Content::Text(text.to_owned()))
}

fn turn(who: Who, parts: Vec<Part>) -> Turn {
    Turn { who, name: None, parts }
}

fn said(who: Who, text: &str) -> Turn {
    turn(who, vec![words(text)])
}

fn call(id: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (id.to_owned(), "find".to_owned(), arguments.to_owned());
    part(Content::Call { id, name, arguments, signature: None })
}

fn result(id: &str, parts: Vec<Part>, failed: bool) -> Part {
    part(Content::Result { id: id.to_owned(), name: None, parts, failed })
}

fn media(kind: &str, data: &str) -> Media {
    Media { kind: kind.to_owned(), data: data.to_owned() }
}

fn image(kind: &str) -> Part {
    part(Content::Image { media: media(kind, "aW1n"), detail: None })
}

fn document(kind: &str, data: &str) -> Content {
    Content::Document { media: media(kind, data), name: Some("Jane Doe 4711.pdf".to_owned()) }
}

fn json(text: &str) -> Option<Json> {
    Some(Json(text.into()))
}

fn tool(name: &str, parameters: Option<&str>) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        parameters: parameters.map(|text| Json(text.into())),
        strict: None,
        cache: None,
    }
}

/// A conversation of one question.
fn question() -> Conversation {
    Conversation { turns: vec![said(Who::User, "Hi")], ..Conversation::default() }
}

/// The body for a route that the conversation fits, as the host reads it.
fn body(asked: &Conversation, own: &str) -> serde_json::Value {
    assert_eq!(fits(asked, &carry(own)), Ok(()));
    serde_json::from_slice(render(asked, &carry(own)).body.expose_bytes()).unwrap()
}

/// The name of what does not fit.
fn unfit(asked: &Conversation, carry: &Carry) -> String {
    fits(asked, carry).expect_err("it does not fit").field.to_string()
}
