//! The same names in Anthropic's form (SDK, `model_info.py`, `model_list_params.py`): those that chat.

use jiff::Timestamp;
use phi_words::{Code, Modality, Refusal};
use serde_json::{Value, json};

/// Which part of the list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// At most so many names; else all of them.
    limit: Option<usize>,
    /// Those that come after this name, and before that.
    after: Option<String>,
    before: Option<String>,
}

impl Page {
    /// Reads `limit`, `after_id` and `before_id`; `beta=true` may stand with them.
    ///
    /// # Errors
    /// `invalid_request`, for anything else.
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut page = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or_else(unknown)?;
            let id = || Some(value.replace("%2F", "/"));
            match name {
                "beta" if value == "true" => {}
                "limit" if page.limit.is_none() => {
                    let limit = value.parse().ok().filter(|limit| (1..=1_000).contains(limit));
                    page.limit = Some(limit.ok_or_else(unknown)?);
                }
                "after_id" if page.after.is_none() => page.after = id(),
                "before_id" if page.before.is_none() => page.before = id(),
                _ => return Err(unknown()),
            }
        }
        Ok(page)
    }

    /// The page, of all that is listed.
    pub(super) fn of(&self, listed: &[Value]) -> Value {
        let all: Vec<Value> = listed.iter().filter_map(model).collect();
        let place = |id: &Option<String>| id.as_ref().and_then(|id| all.iter().position(|model| model["id"] == **id));
        let from = place(&self.after).map_or(0, |at| at + 1);
        let to = place(&self.before).unwrap_or(all.len());
        let between = all.get(from..to).unwrap_or_default();
        let most = self.limit.unwrap_or(between.len());
        // Before a name those are wanted that are next to it.
        let shown = match (&self.before, &self.after) {
            (Some(_), None) => between.len().checked_sub(most).and_then(|from| between.get(from..)),
            _ => between.get(..most),
        };
        let shown = shown.unwrap_or(between);
        json!({
            "data": shown,
            "has_more": shown.len() < between.len(),
            "first_id": shown.first().map(|model| &model["id"]),
            "last_id": shown.last().map(|model| &model["id"]),
        })
    }
}

/// A model in Anthropic's form, from ours; `None` where it does not chat.
pub(super) fn model(shown: &Value) -> Option<Value> {
    let works = shown["modalities"].as_array()?;
    if !works.contains(&json!(Modality::Chat)) {
        return None;
    }
    let made = Timestamp::from_second(shown["created"].as_i64().unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH);
    let retires = shown["retires"]["on"].as_str().map(|day| format!("{day}T00:00:00Z"));
    Some(json!({
        "type": "model",
        "id": shown["id"],
        "display_name": shown["id"],
        "created_at": made.to_string(),
        "max_input_tokens": shown["context"],
        "max_tokens": shown["max_output"],
        "lifecycle": if retires.is_some() { "deprecated" } else { "active" },
        "retires_at": retires,
    }))
}

fn unknown() -> Refusal {
    let hint = "use `limit` from 1 to 1000, `after_id`, `before_id` and `beta=true`, each once";
    Refusal::new(Code::InvalidRequest, "the query is not one that a list of models takes", hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Vec<Value> {
        let row = |id: &str, work: &str| json!({"id": id, "created": 1_700_000_000, "modalities": [work], "context": 8192, "max_output": null});
        vec![row("auto", "chat"), row("a/b", "chat"), row("a/e", "embeddings"), row("c", "chat"), row("d", "chat")]
    }

    fn page(query: &str) -> (Vec<String>, bool) {
        let page = Page::parse(query).unwrap().of(&listed());
        let ids = page["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned());
        (ids.collect(), page["has_more"].as_bool().unwrap())
    }

    #[test]
    fn a_list_is_read_page_by_page() {
        for (query, ids, more) in [
            ("beta=true", &["auto", "a/b", "c", "d"][..], false),
            ("limit=1000", &["auto", "a/b", "c", "d"], false),
            ("limit=2", &["auto", "a/b"], true),
            ("limit=2&after_id=a%2Fb", &["c", "d"], false),
            ("after_id=d", &[], false),
            ("before_id=c&limit=1", &["a/b"], true),
            ("before_id=c&limit=9&beta=true", &["auto", "a/b"], false),
            ("before_id=auto", &[], false),
            ("after_id=d&before_id=auto", &[], false),
        ] {
            assert_eq!(page(query), (ids.iter().map(|id| (*id).to_owned()).collect(), more), "{query}");
        }
    }

    #[test]
    fn another_query_is_refused() {
        for query in ["a=b", "limit", "limit=0", "limit=1001", "limit=a", "beta=false", "limit=1&limit=2", "&"] {
            assert_eq!(Page::parse(query).map_err(|refusal| refusal.code), Err(Code::InvalidRequest), "{query}");
        }
    }

    #[test]
    fn a_model_has_what_the_sdk_needs() {
        let page = Page::default().of(&listed());
        assert_eq!(
            page["data"][1],
            json!({"type": "model", "id": "a/b", "display_name": "a/b", "created_at": "2023-11-14T22:13:20Z",
                   "max_input_tokens": 8192, "max_tokens": null, "lifecycle": "active", "retires_at": null})
        );
        let mut leaving = listed().remove(0);
        leaving["retires"] = json!({"on": "2027-01-01", "says": "vendor"});
        let model = model(&leaving).unwrap();
        assert_eq!((&model["lifecycle"], &model["retires_at"]), (&json!("deprecated"), &json!("2027-01-01T00:00:00Z")));
        assert_eq!((&page["first_id"], &page["last_id"]), (&json!("auto"), &json!("d")));
        assert_eq!(Page::default().of(&[])["first_id"], Value::Null);
    }
}
