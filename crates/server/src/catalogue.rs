//! What an operator is told of the catalogue: described in words that a program can read too, listed and checked.

pub mod check;
pub(crate) mod describe;
pub mod import;
pub mod list;
