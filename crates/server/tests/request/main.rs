//! The path of a request, from a caller's socket to a host's and back, with everything between as it is served.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod agreements;
mod ask;
mod bedrock;
mod crowd;
mod dialects;
mod edge;
mod embeddings;
mod explain;
mod failover;
mod fields;
mod h2;
mod headers;
mod health;
mod hostile;
mod images;
mod law;
mod limits;
mod looks;
mod messages;
mod money;
mod ocr;
mod operations;
mod pricing;
mod record;
mod refusals;
mod responses;
mod routing;
mod setup;
mod speech;
mod stand;
mod streaming;
mod transcription;
mod vertex;
mod wire;
