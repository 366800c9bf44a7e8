use phi_words::{Class, Prompt, Refusal};

use crate::json::Document;
use crate::sealer::transparent;
use crate::{Carry, LimitName, Question, Tokenizer, read_chat, read_embeddings, read_explain, read_responses};

/// Whatever a caller's body is, it is refused or rendered for every route that it fits; what is taken with protected
/// health information is taken without, too, and holds nothing that the table does not know.
pub fn body(bytes: &[u8]) {
    let prompt = || Prompt::new(bytes.to_vec());
    let _ = read_explain(prompt());
    for read in [chat, responses, embeddings] {
        let general = read(prompt(), Class::General);
        if let Ok(question) = read(prompt(), Class::Phi) {
            assert!(general.is_ok() && question.unknown().is_empty());
            rendered(&question, Class::Phi);
        }
        if let Ok(question) = general {
            assert_eq!(question.body_len(), bytes.len());
            rendered(&question, Class::General);
        }
    }
}

fn chat(body: Prompt, class: Class) -> Result<Question, Refusal> {
    read_chat(body, class).map(Question::Chat)
}

fn responses(body: Prompt, class: Class) -> Result<Question, Refusal> {
    read_responses(body, class, &transparent()).map(Question::Responses)
}

fn embeddings(body: Prompt, class: Class) -> Result<Question, Refusal> {
    read_embeddings(body, class).map(Question::Embeddings)
}

fn rendered(question: &Question, class: Class) {
    let own = "the-own-id";
    let plain = Carry::plain(own.parse().expect("a name"));
    let open = Carry {
        capabilities: question.capabilities().clone(),
        open_body: true,
        limit_name: LimitName::MaxCompletionTokens,
        json_object_as_schema: true,
        tokenizer: Tokenizer::OpenAi,
        ..plain.clone()
    };
    for carry in [plain, open] {
        if question.fits(&carry).is_ok() {
            let body = question.begin(&carry, &|_| "hidden".into(), class).into_body().expect("no job").body;
            // That no key stands twice in it is part of this.
            let document = Document::parse(body.expose_into_bytes()).expect("what is sent is JSON");
            let model = document.root().member("model").and_then(|model| Some(model.text()?.into_owned()));
            assert_eq!(model.as_deref(), Some(own));
        }
    }
}
