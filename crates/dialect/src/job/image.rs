//! Images that are made of words.

pub(crate) mod fal;
mod openai;

use phi_words::Class;

use super::Begin;
use crate::question::Image;
use crate::{Carry, Misfit, Service, Speaks};

pub(super) fn fits(image: &Image, carry: &Carry) -> Result<(), Misfit> {
    image.fits(carry)?;
    match carry.speaks {
        Speaks::OpenAi => Ok(()),
        Speaks::Service(Service::Fal) => fal::fits(image, carry),
        Speaks::Service(Service::AzureSpeech | Service::AzureDocuments | Service::InfomaniakBatch)
        | Speaks::Mistral
        | Speaks::Anthropic(_)
        | Speaks::Gemini
        | Speaks::Bedrock => Err(Misfit { field: "model".into() }),
    }
}

pub(super) fn begin(image: &Image, carry: &Carry, class: Class) -> Begin {
    match (carry.speaks, class) {
        (Speaks::OpenAi, _) => openai::begin(image, carry),
        // What is made there lies at addresses that are open to everybody.
        (Speaks::Service(Service::Fal), Class::General) => fal::begin(image, carry),
        (Speaks::Service(_) | Speaks::Mistral | Speaks::Anthropic(_) | Speaks::Gemini | Speaks::Bedrock, _) => {
            Begin::nothing()
        }
    }
}
