mod any;
mod heard;
mod misfits;
mod written;

use phi_words::{Capability, Class, Completion, Usage};
use proptest::prelude::*;

use super::*;
use crate::json::Document;
use crate::middle::{
    Answer, Block, Cache, Choice, Content, Conversation, Effort, Facts, Finish, Format, Json, Media, Part, Said,
    Sampling, Thinking, Tool, Turn, Who,
};
use crate::sse::Parser;
use crate::{Carry, HostErrorKind, HostFault};

fn carry() -> Carry {
    Carry {
        capabilities: Capability::ALL.iter().copied().collect(),
        max_output: Some(64_000),
        ..Carry::plain("claude-sonnet-4-6".parse().unwrap())
    }
}

fn lacking(names: &[&str]) -> Carry {
    Carry { lacks: names.iter().map(|name| (*name).to_owned()).collect(), ..carry() }
}

fn part(content: Content) -> Part {
    Part { content, cache: None }
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

fn call(id: &str, name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
    part(Content::Call { id, name, arguments, signature: Some("another host's".to_owned()) })
}

fn result(id: &str, parts: Vec<Part>, failed: bool) -> Part {
    part(Content::Result { id: id.to_owned(), name: None, parts, failed })
}

fn media(kind: &str, data: &str) -> Media {
    Media { kind: kind.to_owned(), data: data.to_owned() }
}

fn image(kind: &str, data: &str, detail: Option<&str>) -> Part {
    part(Content::Image { media: media(kind, data), detail: detail.map(Into::into) })
}

fn document(kind: &str, data: &str, name: Option<&str>) -> Part {
    part(Content::Document { media: media(kind, data), name: name.map(Into::into) })
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

fn schema(schema: &str) -> Format {
    Format::Schema { name: "same".to_owned(), description: None, schema: Json(schema.into()), strict: Some(true) }
}

/// A conversation of one question.
fn question() -> Conversation {
    Conversation { turns: vec![said(Who::User, "Hi")], ..Conversation::default() }
}

/// The body for a route that the conversation fits.
fn body(asked: &Conversation, carry: &Carry) -> String {
    body_at(asked, carry, At::FirstParty { geo: None })
}

fn body_at(asked: &Conversation, carry: &Carry, at: At) -> String {
    assert_eq!(fits(asked, carry), Ok(()));
    let rendered = render(asked, carry, &|user| format!("pseudonym-of-{user}"), Class::General, at);
    String::from_utf8(rendered.body.expose_bytes().to_vec()).unwrap()
}

fn left_out(asked: &Conversation, carry: &Carry, class: Class) -> Vec<&'static str> {
    render(asked, carry, &str::to_owned, class, At::Vertex).left_out
}

/// The name of what does not fit.
fn unfit(asked: &Conversation, carry: &Carry) -> String {
    fits(asked, carry).unwrap_err().field.to_string()
}

/// Adjoining words of a block are one.
fn joined(said: Vec<Said>) -> Vec<Said> {
    let mut joined: Vec<Said> = Vec::new();
    for one in said {
        match (joined.last_mut(), one) {
            (Some(Said::More(at, before)), Said::More(next, more)) if *at == next => before.push_str(&more),
            (_, one) => joined.push(one),
        }
    }
    joined
}

/// What was said, line by line, as golden files have it.
fn lines(said: &[Said]) -> Vec<String> {
    let line = |said: &Said| match said {
        Said::Begin(at, Block::Text) => format!("{at} begins: text"),
        Said::Begin(at, Block::Thought) => format!("{at} begins: thought"),
        Said::Begin(at, Block::Redacted(data)) => format!("{at} begins: hidden {data}"),
        Said::Begin(at, Block::Refusal) => format!("{at} begins: refusal"),
        Said::Begin(at, Block::Call { id, name }) => format!("{at} begins: call {id} {name}"),
        Said::More(at, text) => format!("{at} says: {}", text.replace('\n', "⏎")),
        Said::Signature(at, seal) => format!("{at} is sealed: {seal}"),
        Said::Citation(at, json) => format!("{at} cites: {}", json.0),
        Said::End(at) => format!("{at} ends"),
        Said::Finish(finish) => format!(
            "it is over: {}",
            match finish {
                Finish::Stop => "all said",
                Finish::StopText(Some(text)) => text,
                Finish::StopText(None) => "at a text",
                Finish::Length => "length",
                Finish::Context => "context",
                Finish::Calls => "calls",
                Finish::Refused => "refused",
                Finish::Pause => "pause",
                Finish::Other(word) => word,
            }
        ),
    };
    said.iter().map(line).collect()
}

fn whole(body: &str) -> Result<Answer, HostFault> {
    read_reply(&Completion::new(body.to_owned()))
}

/// A stream that comes in pieces of so many bytes, and how it ended.
fn followed(bytes: &[u8], piece: usize) -> (Vec<Said>, Facts, Result<(), HostFault>) {
    let (mut parser, mut stream, mut all) = (Parser::new(), Stream::new(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        for event in parser.feed(piece).expect("none is too long") {
            match stream.feed(&event) {
                Ok(said) => all.extend(said),
                Err(fault) => return (joined(all), stream.facts().clone(), Err(fault)),
            }
        }
    }
    assert_eq!(stream.is_done(), stream.finish().is_ok());
    (joined(all), stream.facts().clone(), stream.finish())
}

/// What an answer tells, to be compared.
fn told(facts: &Facts) -> (Option<&str>, Option<&str>, Option<&str>, Option<Usage>) {
    (facts.id.as_deref(), facts.host_model.as_deref(), facts.place.as_deref(), facts.usage)
}
