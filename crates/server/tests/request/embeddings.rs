//! Embeddings: formats, arrays of tokens, and vectors that are not those that were asked for.

use phi_record::entry::{Ended, Status};
use phi_simulate::{Fault, Says, VectorLie};
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, SECRET, with};
use crate::stand::Stand;

fn ask(more: Value) -> Ask {
    Ask::json("/v1/embeddings", &with(json!({"model": "alps/e", "input": SECRET}), more))
}

fn floats(reply: &Reply) -> Vec<Vec<f64>> {
    let vector = |item: &Value| serde_json::from_value(item["embedding"].clone()).unwrap();
    reply.json()["data"].as_array().unwrap().iter().map(vector).collect()
}

#[tokio::test]
async fn vectors_come_as_floats_or_as_base64_of_the_same_floats() {
    let stand = Stand::up().await;
    let inputs = json!({"input": ["a", "b", "c"]});
    let plain = stand.ask(ask(inputs.clone()).phi()).await;
    assert_eq!((plain.status, &plain.json()["model"]), (200, &json!("alps/e")), "{plain:?}");
    let vectors = floats(&plain);
    assert_eq!(vectors.iter().map(Vec::len).collect::<Vec<_>>(), [8; 3]);
    assert!(vectors[0] != vectors[1]);
    let seen = stand.host("alps-a").seen().pop().unwrap().json();
    assert_eq!((&seen["model"], &seen["input"]), (&json!("alpine-e"), &json!(["a", "b", "c"])));
    assert!(seen.get("encoding_format").is_none_or(|format| format == "float"), "{seen}");

    let coded = stand.ask(ask(with(inputs, json!({"encoding_format": "base64"}))).phi()).await;
    assert_eq!(coded.status, 200, "{coded:?}");
    let seen = stand.host("alps-a").seen().pop().unwrap().json();
    assert!(seen.get("encoding_format").is_none_or(|format| format == "float"), "{seen}");
    let expected: Vec<String> = vectors
        .iter()
        .map(|vector| {
            #[expect(clippy::cast_possible_truncation, reason = "the simulated numbers are exact in single precision")]
            let bytes = vector.iter().flat_map(|float| (*float as f32).to_le_bytes()).collect::<Vec<u8>>();
            base64(&bytes)
        })
        .collect();
    let got: Vec<String> =
        coded.json()["data"].as_array().unwrap().iter().map(|item| crate::stand::text(&item["embedding"])).collect();
    assert_eq!(got, expected);
    let indices: Vec<_> = coded.json()["data"].as_array().unwrap().iter().map(|item| item["index"].clone()).collect();
    assert_eq!(indices, [0, 1, 2]);
}

/// By the book (RFC 4648), and not by the code under test.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().chain([&0, &0]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[tokio::test]
async fn arrays_of_tokens_are_sent_as_text_but_to_openais_own_models() {
    let stand = Stand::up().await;
    // "hello world" in cl100k.
    for (input, sent) in
        [(json!([15339, 1917]), json!("hello world")), (json!([[15339], [1917]]), json!(["hello", " world"]))]
    {
        let reply = stand.ask(ask(json!({"input": input}))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let seen = stand.host("alps-a").seen().pop().unwrap().json()["input"].clone();
        assert!(seen == sent || seen == json!([sent]), "{seen}");
    }
    stand.host("openai").says(Says { dimension: 1536, ..Says::default() });
    let body = json!({"model": "openai/text-embedding-3-small", "input": [15339, 1917]});
    let reply = stand.ask(Ask::json("/v1/embeddings", &body).header("x-region", "WORLD")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(stand.host("openai").seen().pop().unwrap().json()["input"], json!([15339, 1917]));
    stand.afresh();
    // No tokens of cl100k, so that there is no text to send.
    let unspelled = stand.ask(ask(json!({"input": [999_999_999]}))).await;
    assert_eq!((unspelled.status, unspelled.json()["error"]["param"].as_str()), (400, Some("input")));
    for input in [json!([-1]), json!([1.5]), json!([]), json!([[]]), json!(""), json!([1, "a"])] {
        let reply = stand.ask(ask(json!({"input": input}))).await;
        assert_eq!(reply.refusal(), (400, "invalid_request".to_owned()), "{input}");
        stand.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn vectors_that_are_not_those_asked_for_come_from_nobody() {
    let stand = Stand::up().await;
    for lie in [VectorLie::TooFew, VectorLie::TooMany, VectorLie::TooShort, VectorLie::Text] {
        stand.afresh();
        stand.host("alps-a").always(Some(Fault::Vectors { lie }));
        let reply = stand.ask(ask(json!({"input": ["a", "b"]})).phi()).await;
        assert_eq!((reply.status, reply.header("x-phi-attempts")), (200, Some("2")), "{lie:?}: {reply:?}");
        assert_eq!(reply.header("x-phi-routed"), Some("alps-b-e/CH/phi"));
        assert_eq!(stand.closed(reply.id()).await.attempts[0].ended, Ended::Malformed, "{lie:?}");
        assert_eq!(stand.reached(), ["alps-a", "alps-b"], "inside the region, the class and the space");
        stand.host("alps-b").always(Some(Fault::Vectors { lie }));
        let reply = stand.ask(ask(json!({"input": ["a", "b"]}))).await;
        assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()), "{lie:?}");
        let closed = stand.closed(reply.id()).await;
        assert_eq!((closed.status, closed.charge.len()), (Status::Failed, 0));
    }
}

#[tokio::test]
async fn a_dimension_is_asked_of_those_who_can_make_it() {
    let stand = Stand::up().await;
    let reply = stand.ask(ask(json!({"dimensions": 4}))).await;
    assert_eq!((reply.status, floats(&reply)[0].len()), (200, 4), "{reply:?}");
    let fixed = json!({"model": "infomaniak/qwen3-embedding-8b", "input": "a", "dimensions": 64});
    let reply = stand.ask(Ask::json("/v1/embeddings", &fixed)).await;
    assert_eq!(reply.refusal(), (400, "unsupported_parameter".to_owned()));
    assert_eq!(reply.json()["error"]["param"], "dimensions");
    assert!(stand.host("infomaniak").seen().is_empty());
}

#[tokio::test]
async fn auto_is_the_model_that_the_deployment_chose_and_keeps_to_one_space() {
    let stand = Stand::up().await;
    for host in ["infomaniak", "scaleway"] {
        stand.host(host).says(Says { dimension: 4096, ..Says::default() });
    }
    for (region, host) in [("CH", "infomaniak"), ("EU", "scaleway")] {
        stand.host(host).forget();
        let auto = json!({"model": "auto", "input": SECRET});
        let reply = stand.ask(Ask::json("/v1/embeddings", &auto).phi().header("x-region", region)).await;
        assert_eq!((reply.status, stand.host(host).seen().len()), (200, 1), "{reply:?}");
        assert_eq!(floats(&reply)[0].len(), 4096);
        let routes = stand.opened(reply.id()).await.routes;
        assert!(routes.iter().all(|route| route.as_str().ends_with("qwen3-embedding-8b")), "{routes:?}");
        let closed = stand.closed(reply.id()).await;
        assert_eq!((closed.usage.output_tokens(), closed.status), (0, Status::Answered));
        assert!(closed.charge[0].micro_usd.micros() > 0);
    }
}

#[tokio::test]
async fn a_body_of_the_other_kind_is_refused() {
    let stand = Stand::up().await;
    for (more, param) in [
        (json!({"stream": true}), "stream"),
        (json!({"encoding_format": "hex"}), "encoding_format"),
        (json!({"dimensions": 0}), "dimensions"),
        (json!({"input": null}), "input"),
        (json!({"provider": {}}), "provider"),
    ] {
        let reply = stand.ask(ask(more)).await;
        assert_eq!((reply.status, reply.json()["error"]["param"].as_str()), (400, Some(param)), "{reply:?}");
    }
    assert_eq!(stand.ask(ask(json!({"model": "alps/m"}))).await.refusal(), (422, "no_route".to_owned()));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}
