use phi_dialect::Question;
use phi_words::{HostName, ModelName, Prompt, ProviderName, RouteId};

use crate::{Judge, Terms};

/// What is asked, under settled terms, read once and whole.
#[derive(Debug)]
pub struct Ask {
    terms: Terms,
    question: Question,
    body: Prompt,
}

impl Ask {
    pub(crate) fn new(terms: Terms, question: Question, body: Prompt) -> Self {
        Self { terms, question, body }
    }

    /// The terms it is asked under.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What is asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The body as it came, to commit to.
    pub fn body(&self) -> &Prompt {
        &self.body
    }
}

/// What a rule may know of a route.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The route.
    pub route: &'a RouteId,
    /// The company.
    pub provider: &'a ProviderName,
    /// Its endpoint.
    pub host: &'a HostName,
    /// The model, by its catalogue name.
    pub model: &'a ModelName,
    /// Whether the host costs nothing and is open to test keys.
    pub free: bool,
}

/// Proof that a request was judged; it goes on to judge every route. Only [`crate::Police::permit`] makes it:
///
/// ```compile_fail
/// fn forge(ask: phi_police::Ask) -> phi_police::Permit {
///     phi_police::Permit { ask, judge: phi_police::Judge::passing() }
/// }
/// ```
/// ```
/// fn judge(police: &phi_police::Police, ask: phi_police::Ask) -> Result<phi_police::Permit, phi_words::Refusal> {
///     police.permit(ask)
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    ask: Ask,
    judge: Judge,
}

impl Permit {
    pub(crate) fn new(ask: Ask, judge: Judge) -> Self {
        Self { ask, judge }
    }

    /// What is permitted.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Whether this request may take that route: a test key reaches hosts that are free, and no others.
    pub fn allows(&self, route: &Facts<'_>) -> bool {
        route.free || !self.ask.terms.caller.is_test()
    }

    /// The version of the operator's policies that judged, `none` while there are none.
    pub fn policy(&self) -> &'static str {
        "none"
    }

    /// Takes the permit apart once the way out is settled: what was asked, and who judges the answer.
    pub fn into_parts(self) -> (Ask, Judge) {
        (self.ask, self.judge)
    }
}
