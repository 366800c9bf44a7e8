use crate::json::Value;

/// A function that a request offers, which may stand in a space (`namespace`) with others. To hosts it is one of many, by
/// both names.
pub(crate) struct Function<'v> {
    /// As it stands in the request.
    pub(crate) tool: Value<'v>,
    /// The name of its space.
    pub(crate) space: Option<String>,
    /// The name that hosts are told.
    pub(crate) flat: String,
}

/// All functions among `tools`, in order.
pub(crate) fn functions(tools: Value<'_>) -> impl Iterator<Item = Function<'_>> {
    tools.items().into_iter().flatten().flat_map(|tool| {
        let alone = tool.member("tools").is_none().then(|| named(None, tool));
        alone.into_iter().chain(within(tool))
    })
}

/// The functions in a space.
pub(crate) fn within(space: Value<'_>) -> impl Iterator<Item = Function<'_>> {
    let tools = space.member("tools").and_then(Value::items).into_iter().flatten();
    tools.map(move |tool| named(Some(name(space)), tool))
}

/// The one name of a function in a space.
pub(crate) fn flat(space: Option<&str>, name: &str) -> String {
    space.map_or_else(|| name.to_owned(), |space| format!("{space}__{name}"))
}

fn named(space: Option<String>, tool: Value<'_>) -> Function<'_> {
    let flat = flat(space.as_deref(), &name(tool));
    Function { tool, space, flat }
}

fn name(of: Value<'_>) -> String {
    of.member("name").and_then(Value::text).unwrap_or_default().into_owned()
}
