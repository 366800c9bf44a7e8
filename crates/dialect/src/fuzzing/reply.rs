use std::sync::LazyLock;

use phi_words::{Class, Completion, ModelName, Prompt};

use super::stream::in_our_name;
use crate::openai::{chat, embeddings, errors, place};
use crate::{Carry, EmbeddingsQuestion, read_embeddings};

/// Whatever a host answers, it is a fault, or JSON in our name; and an error of a host is read without its words.
pub fn reply(bytes: &[u8]) {
    static NAME: LazyLock<ModelName> = LazyLock::new(|| "house/model".parse().expect("a name"));
    static QUESTION: LazyLock<EmbeddingsQuestion> = LazyLock::new(|| {
        let body = br#"{"model":"m","input":["a","b"],"encoding_format":"base64"}"#;
        read_embeddings(Prompt::new(body.to_vec()), Class::General).expect("a question")
    });
    let body = Completion::new(bytes.to_vec());
    let carry = Carry { dimension: Some(2), ..Carry::plain(NAME.clone()) };
    let replies = [chat::read_reply(&body, &NAME), embeddings::read_reply(&body, &QUESTION, &carry, &NAME)];
    for reply in replies.into_iter().flatten() {
        in_our_name(&reply.body, &NAME);
        assert_eq!(reply.place, place(&body));
    }
    let _ = errors::read_error(bytes);
}
