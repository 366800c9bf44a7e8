use phi_words::Capability;

use super::turns::Arranged;
use super::{misfit, must};
use crate::json::Object;
use crate::middle::{Choice, Conversation, Effort, Thinking};
use crate::{Carry, Misfit};

/// How the model thinks, and how much it may say with that.
pub(crate) struct Plan {
    pub(crate) form: Form,
    /// The limit of output, which Anthropic demands; thinking counts to it.
    pub(crate) max_tokens: u64,
    /// Whether the model does not think although it should.
    pub(crate) is_left_out: bool,
}

/// What is said of thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing: the model does what it does.
    Silent,
    Disabled,
    Adaptive(Option<&'static str>),
    Budget(u64),
}

/// The least budget that Anthropic takes (SDK, `thinking_config_enabled_param.py`).
const LEAST: u64 = 1_024;
/// The limit of output where neither caller nor row has one; twice the budget, where that is more.
const DEFAULT_MAX: u64 = 4_096;

/// Decides how a model thinks (<https://platform.claude.com/docs/en/build-with-claude/thinking>). From Claude 4.6 on it is
/// asked to think as much as it finds right, and by `output_config.effort` how hard; before, it has a budget of tokens. The
/// row tells by what it lacks. Efforts have no official budgets: 1024 tokens for a low one, and twice as many a step, but no
/// more than half of the output. A caller's own budget is never changed, and never said in another way.
///
/// With a budget, the model's last turn has to begin with a thought if it called functions, so where that is not given
/// back the model goes on without thinking; without a budget there is no such rule
/// (<https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting>).
pub(crate) fn plan(asked: &Conversation, arranged: &Arranged<'_>, carry: &Carry) -> Result<Plan, Misfit> {
    let lacks = |name: &str| carry.lacks.contains(name);
    let thinks = carry.capabilities.contains(&Capability::Reasoning) && !lacks("reasoning_effort");
    let form = match asked.thinking {
        None => Form::Silent,
        Some(Thinking::Off) if !thinks => Form::Silent,
        Some(Thinking::Off) if lacks("thinking.disabled") => return Err(misfit("reasoning_effort")),
        Some(Thinking::Off) => Form::Disabled,
        Some(Thinking::Adaptive | Thinking::Effort(_) | Thinking::Budget(_)) if !thinks => {
            return Err(misfit("reasoning_effort"));
        }
        Some(Thinking::Budget(_)) if lacks("thinking.enabled") => return Err(misfit("thinking")),
        Some(Thinking::Budget(tokens)) => Form::Budget(tokens),
        Some(Thinking::Adaptive) if lacks("thinking.adaptive") => Form::Budget(budget(Effort::High)),
        Some(Thinking::Effort(effort)) if lacks("thinking.adaptive") => Form::Budget(budget(effort)),
        Some(Thinking::Adaptive) => Form::Adaptive(None),
        Some(Thinking::Effort(effort)) => {
            let (word, name) = word(effort);
            must(name.is_none_or(|name| !lacks(name)), "reasoning_effort")?;
            Form::Adaptive(Some(word))
        }
    };
    let is_left_out = matches!(form, Form::Budget(_)) && arranged.lacks_thought();
    let plan = within(form, asked, carry)?;
    Ok(if is_left_out { Plan { form: Form::Silent, is_left_out, ..plan } } else { plan })
}

/// Sets the limit of output, and a budget that is less than it.
fn within(form: Form, asked: &Conversation, carry: &Carry) -> Result<Plan, Misfit> {
    let most = carry.max_output.unwrap_or(u64::MAX);
    let beside = match form {
        Form::Budget(tokens) => tokens,
        Form::Silent | Form::Disabled | Form::Adaptive(_) => 0,
    };
    let usual = carry.max_output.unwrap_or(DEFAULT_MAX.max(beside.saturating_mul(2)));
    let max_tokens = asked.limit.unwrap_or(usual).min(most);
    let Form::Budget(tokens) = form else { return Ok(Plan { form, max_tokens, is_left_out: false }) };
    let (tokens, field) = match asked.thinking {
        Some(Thinking::Budget(_)) => (tokens, "thinking"),
        Some(Thinking::Off | Thinking::Adaptive | Thinking::Effort(_)) | None => {
            (tokens.min(max_tokens / 2).max(LEAST), "reasoning_effort")
        }
    };
    must((LEAST..max_tokens).contains(&tokens), field)?;
    Ok(Plan { form: Form::Budget(tokens), max_tokens, is_left_out: false })
}

impl Form {
    /// Whether anything is said.
    pub(crate) fn is_told(self) -> bool {
        self != Self::Silent
    }
}

impl Plan {
    /// Whether what is asked beside thinking goes with it: a model that thinks draws as it likes, and one that does so within
    /// a budget is not made to call a function
    /// (<https://platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows>). `temperature` and `top_p` are
    /// those that ask for something.
    pub(crate) fn fits(
        &self,
        asked: &Conversation,
        temperature: Option<f64>,
        top_p: Option<f64>,
    ) -> Result<(), Misfit> {
        let has_budget = match self.form {
            Form::Silent | Form::Disabled => return Ok(()),
            Form::Adaptive(_) => false,
            Form::Budget(_) => true,
        };
        must(temperature.is_none(), "temperature")?;
        must(top_p.is_none_or(|top_p| top_p >= 0.95), "top_p")?;
        must(asked.sampling.top_k.is_none(), "top_k")?;
        must(!(has_budget && matches!(asked.choice, Some(Choice::Any | Choice::Named(_)))), "tool_choice")
    }

    pub(crate) fn write(&self, out: &mut Object) {
        match self.form {
            Form::Silent => {}
            Form::Disabled => out.object("thinking", |out| {
                out.text("type", "disabled");
            }),
            Form::Adaptive(_) => out.object("thinking", |out| {
                out.text("type", "adaptive");
            }),
            Form::Budget(tokens) => out.object("thinking", |out| {
                out.text("type", "enabled").whole("budget_tokens", tokens);
            }),
        }
    }

    /// How hard it thinks: the value of `output_config.effort`.
    pub(crate) fn effort(&self) -> Option<&'static str> {
        match self.form {
            Form::Adaptive(effort) => effort,
            Form::Silent | Form::Disabled | Form::Budget(_) => None,
        }
    }
}

/// Anthropic's word for an effort (<https://platform.claude.com/docs/en/build-with-claude/effort>), and what a row that lacks
/// it says. The least that it has is `low`.
const fn word(effort: Effort) -> (&'static str, Option<&'static str>) {
    match effort {
        Effort::Minimal | Effort::Low => ("low", None),
        Effort::Medium => ("medium", None),
        Effort::High => ("high", None),
        Effort::XHigh => ("xhigh", Some("reasoning_effort.xhigh")),
        Effort::Max => ("max", Some("reasoning_effort.max")),
    }
}

const fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal | Effort::Low => LEAST,
        Effort::Medium => 2 * LEAST,
        Effort::High => 4 * LEAST,
        Effort::XHigh => 8 * LEAST,
        Effort::Max => 16 * LEAST,
    }
}
