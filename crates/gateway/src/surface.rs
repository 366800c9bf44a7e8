//! How each dialect says things to its callers: (code) -> (status, body).

pub(crate) mod openai;
