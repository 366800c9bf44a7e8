//! Words and thoughts, what they consume and cost, and how they come.

use std::time::Duration;

use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Says};
use phi_words::Quality;
use serde_json::json;

use super::{Heard, KINDS, TEXT, THOUGHT, ask, streamed, up};
use crate::ask::SECRET;
use crate::stand::{SOON, wait_until};

const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn p5_cached_and_thought_tokens_are_counted_once_whole_or_streamed() {
    let stand = up().await;
    for kind in KINDS {
        stand.host(kind.host).says(kind.says());
        let mut both = Vec::new();
        for (more, path) in [json!({}), streamed()].into_iter().zip(kind.paths) {
            let reply = stand.ask(ask(&kind.model(), more)).await;
            let (heard, closed) = (Heard::of(&reply), stand.closed(reply.id()).await);
            assert_eq!((heard.content.as_str(), heard.thought.as_str()), (TEXT, THOUGHT), "{kind:?}");
            assert!(reply.text().contains(&format!(r#""model":"{}""#, kind.model())), "{}", reply.text());
            let usage = closed.usage;
            assert_eq!((usage.input, usage.cache_read, usage.tokens()), (300, 600, 1000), "{kind:?}");
            let thought = if kind.host == "minstrel" { 0 } else { 40 };
            assert_eq!((usage.output, usage.reasoning), (100 - thought, thought), "{kind:?}");
            assert_eq!((heard.finish.as_str(), heard.usage), ("stop", [900, 600, 100, thought]), "{kind:?}");
            // 900 of input, 180 from the cache, 1,500 of output, and the margin.
            assert_eq!((closed.status, closed.quality), (Status::Answered, Quality::Verified), "{kind:?}");
            assert_eq!(closed.charge[0].micro_usd.micros(), 2_838, "{kind:?}");
            assert!(closed.incidents.is_empty() && closed.left_out.is_empty(), "{kind:?}: {closed:?}");
            assert_eq!(stand.host(kind.host).seen().pop().unwrap().path(), path);
            both.push((heard, usage));
        }
        assert_eq!(both[0], both[1], "{kind:?}");
    }
}

#[tokio::test]
async fn p11_why_an_answer_ended_is_told_and_a_reason_that_nobody_knows_stays() {
    let stand = up().await;
    let gemini = [("MAX_TOKENS", "length"), ("SAFETY", "content_filter")];
    let claude = [("max_tokens", "length"), ("stop_sequence", "stop"), ("refusal", "content_filter")];
    let openai = [("length", "length"), ("content_filter", "content_filter")];
    for kind in KINDS {
        let known = match kind.host {
            "gpt" => &openai[..],
            "minstrel" => &[("length", "length"), ("model_length", "length")],
            "gemini" => &gemini,
            _ => &claude,
        };
        let unknown = [("MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"), ("brand_new", "brand_new")];
        for (word, expected) in known.iter().chain(&unknown) {
            stand.host(kind.host).says(Says { finish: Some((*word).to_owned()), ..kind.plain() });
            for more in [json!({}), streamed()] {
                let reply = stand.ask(ask(&kind.model(), more)).await;
                let heard = Heard::of(&reply);
                assert_eq!((heard.content.as_str(), heard.finish.as_str()), (TEXT, *expected), "{kind:?} {word}");
                assert_eq!(stand.closed(reply.id()).await.status, Status::Answered, "{kind:?} {word}");
            }
        }
    }
}

#[tokio::test]
async fn how_hard_to_think_is_told_in_each_hosts_words() {
    let stand = up().await;
    for kind in KINDS {
        stand.host(kind.host).says(kind.says());
        let more = json!({"reasoning_effort": "high", "max_completion_tokens": 5000, "seed": 7});
        let more = if kind.host.contains("claude") { json!({"reasoning_effort": "high"}) } else { more };
        let reply = stand.ask(ask(&kind.model(), more)).await;
        assert_eq!(Heard::of(&reply).thought, THOUGHT, "{kind:?}");
        let body = stand.host(kind.host).seen().pop().unwrap().json();
        let words = json!([{"role": "user", "content": SECRET}]);
        let blocks = json!([{"role": "user", "content": [{"type": "text", "text": SECRET}]}]);
        let expected = match kind.host {
            "gpt" => {
                json!({"model": "gpt-5", "messages": words, "max_tokens": 5000, "seed": 7, "reasoning_effort": "high"})
            }
            "minstrel" => json!({"model": "magistral-medium", "messages": words, "max_tokens": 5000, "random_seed": 7,
                "reasoning_effort": "high"}),
            "claude" => json!({"model": "claude-sonnet-4-6", "max_tokens": 64000, "messages": blocks,
                "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
            "vertex-claude" => {
                json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 64000, "messages": blocks,
                "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}})
            }
            _ => json!({"contents": [{"role": "user", "parts": [{"text": SECRET}]}], "generationConfig": {
                "maxOutputTokens": 5000, "seed": 7, "thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": true}}}),
        };
        assert_eq!(body, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn p13_words_come_one_by_one_while_the_host_still_writes() {
    let stand = up().await;
    for kind in KINDS {
        stand.host(kind.host).says(kind.plain());
        for after in [5, 6] {
            stand.host(kind.host).forget();
            stand.host(kind.host).next([Fault::Stall { after: Some(after) }]);
            let mut coming = stand.begin(ask(&kind.model(), streamed())).await;
            // Before the first word OpenAI's have one frame, Anthropic's three, Google's none.
            let words = match kind.host {
                "gpt" | "minstrel" => after - 1,
                "gemini" => after,
                _ => after - 3,
            };
            let last = TEXT.split(' ').nth(words - 1).unwrap();
            let text = coming.until(&format!("{last} ")).await;
            assert!(!text.contains(&format!("\"{} ", TEXT.split(' ').nth(words).unwrap())), "{kind:?}: {text}");
            assert_eq!(stand.host(kind.host).seen()[0].ended, Ended::Running, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn p9_a_caller_who_leaves_is_followed_at_once() {
    let stand = up().await;
    for kind in KINDS {
        let host = stand.host(kind.host);
        host.says(kind.plain());
        let hung_up = async || {
            let seen = host.wait_for(AT_ONCE, |seen| seen.iter().all(|seen| seen.ended == Ended::HungUp)).await;
            assert!(seen.is_some(), "{kind:?}: the host still works: {:?}", host.seen());
        };
        // In the middle of a stream: input and what was delivered.
        host.forget();
        host.next([Fault::Stall { after: Some(6) }]);
        let mut coming = stand.begin(ask(&kind.model(), streamed())).await;
        let id = coming.id();
        coming.until("word ").await;
        drop(coming);
        hung_up().await;
        let closed = stand.closed(id).await;
        assert_eq!(closed.status, Status::CallerLeft, "{kind:?}");
        assert!(closed.usage.input > 0 && closed.usage.output > 0 && !closed.charge.is_empty(), "{kind:?}: {closed:?}");
        // Before the first word, of a whole answer and of a stream, and in the middle of a whole answer: input alone.
        for (more, after) in [(json!({}), None), (json!({}), Some(1)), (streamed(), None), (streamed(), Some(0))] {
            host.forget();
            host.next([Fault::Stall { after }]);
            let waiting = stand.begin(ask(&kind.model(), more));
            let arrived = async { host.wait_for(SOON, |seen| !seen.is_empty()).await.expect("it was asked") };
            tokio::select! {
                _ = waiting => panic!("{kind:?}: an answer came"),
                _ = arrived => {}
            }
            let id = stand.newest_opened().await;
            hung_up().await;
            let closed = stand.closed(id).await;
            assert_eq!((closed.status, closed.usage.output), (Status::CallerLeft, 0), "{kind:?}");
            assert!(closed.usage.input > 0, "{kind:?}");
        }
    }
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
}

#[tokio::test]
async fn p27_an_answer_without_end_is_not_held() {
    let stand = up().await;
    // What is said again may have 16 Mi characters.
    let text = vec!["w".repeat(1_000_000); 17].join(" ");
    for kind in KINDS.into_iter().filter(|kind| kind.host == "claude") {
        stand.host(kind.host).says(Says { text: text.clone(), ..kind.plain() });
        let reply = stand.ask(ask(&kind.model(), streamed())).await;
        let (said, closed) = (reply.text(), stand.closed(reply.id()).await);
        assert!(!said.contains("[DONE]") && said.contains("\"error\""), "{kind:?}");
        assert!(said.len() < 18 << 20, "{kind:?}: {}", said.len());
        assert_eq!(closed.status, Status::Truncated, "{kind:?}");
    }
    wait_until("all places are given back", async || stand.gateway.running() == 0).await;
}
