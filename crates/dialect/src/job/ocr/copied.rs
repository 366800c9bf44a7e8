//! What a host says, written anew: of an object the members that we know, each of the kind that it must be, and nothing else.

use crate::HostFault;
use crate::json::{Kind, List, Object, Value};

/// What an object may have.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) shape: Shape,
}

/// What becomes of a member that is absent or `null`.
#[derive(Clone, Copy)]
pub(super) enum Need {
    /// Without it the answer is none.
    Must,
    /// It is written as `null`.
    Null,
    /// It is written as an empty list.
    List,
    /// It is left out.
    May,
}

/// What a member is.
pub(super) enum Shape {
    Text,
    /// One of these texts.
    Among(&'static [&'static str]),
    /// A whole number from 0.
    Whole,
    Number,
    Object(&'static [Member]),
    List(&'static Self),
}

const WRONG: HostFault = HostFault::Malformed("something of a page is not what it must be");

/// Writes the members of `value` that we know.
pub(super) fn copied(object: &mut Object, value: Value<'_>, members: &[Member]) -> Result<(), HostFault> {
    if value.kind() != Kind::Object {
        return Err(WRONG);
    }
    for Member { name, need, shape } in members {
        match (value.member(name), need) {
            (Some(value), _) => match shape {
                Shape::Object(members) => object.object(name, |object| copied(object, value, members))?,
                Shape::List(shape) => object.list(name, |list| each(list, value, shape))?,
                Shape::Text | Shape::Among(_) | Shape::Whole | Shape::Number => {
                    object.raw(name, plain(value, shape)?);
                }
            },
            (None, Need::Must) => return Err(HostFault::Malformed("something of a page is missing")),
            (None, Need::Null) => _ = object.raw(name, b"null"),
            (None, Need::List) => _ = object.raw(name, b"[]"),
            (None, Need::May) => {}
        }
    }
    Ok(())
}

fn each(list: &mut List, value: Value<'_>, shape: &Shape) -> Result<(), HostFault> {
    for item in value.items().ok_or(WRONG)? {
        match shape {
            Shape::Object(members) => list.object(|object| copied(object, item, members))?,
            Shape::List(_) => return Err(WRONG),
            Shape::Text | Shape::Among(_) | Shape::Whole | Shape::Number => _ = list.raw(plain(item, shape)?),
        }
    }
    Ok(())
}

/// A value that holds no other, as it was written.
fn plain<'v>(value: Value<'v>, shape: &Shape) -> Result<&'v [u8], HostFault> {
    let is_so = match shape {
        Shape::Text => value.kind() == Kind::Text,
        Shape::Among(words) => words.iter().any(|word| value.is_text(word)),
        Shape::Whole => value.whole().is_some(),
        Shape::Number => value.kind() == Kind::Number,
        Shape::Object(_) | Shape::List(_) => false,
    };
    if is_so { Ok(value.raw()) } else { Err(WRONG) }
}
