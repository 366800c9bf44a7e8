//! Stand-ins of the providers, accurate to the byte, that misbehave on demand. For tests alone: nothing that ships links
//! this.
//!
//! A [`Host`] listens on loopback, plain or by TLS under a test [`Ca`], by HTTP/1.1 or HTTP/2, answers in the dialect of the
//! path that it was asked at, and remembers exactly what reached it ([`Seen`]):
//!
//! | path ends with | it answers as |
//! |---|---|
//! | `/chat/completions`, `/embeddings`, `/models` | OpenAI; as Mistral where [`Says::chunks`] is set |
//! | `/messages` | Anthropic; a stream where the body says so |
//! | `/models/MODEL:rawPredict`, `:streamRawPredict` | Anthropic on Vertex AI |
//! | `/models/MODEL:generateContent`, `:streamGenerateContent` | Google |
//! | `/audio/transcriptions` | Whisper at OpenAI; Voxtral at Mistral where [`Says::chunks`] is set; Infomaniak's batches below `/ai/` |
//! | `/transcriptions:transcribe`, `/speech/recognition/…` | Azure Speech |
//! | `/ocr` | Mistral, which reads documents |
//! | `/documentModels/MODEL:analyze` and what lies below `/documentModels/MODEL/` | Azure Document Intelligence |
//! | `/images/generations` | OpenAI |
//! | `/OWNER/APP/…/text-to-image`, `/OWNER/APP/requests/ID` | fal's queue |
//!
//! What it says is set by [`Says`]: words, thoughts, calls, figures. A [`Fault`] makes it misbehave, in each dialect alike:
//! for the next answers ([`Host::next`]) or for all of them ([`Host::always`]). Errors have the shape of whoever was asked,
//! and repeat the request unless they are told a sentence. A [`Proxy`] stands between. The binary `phi-simulate` runs such
//! hosts beside a real gateway, and takes faults over HTTP.
//!
//! ```
//! # tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
//! use phi_simulate::{Fault, Host};
//!
//! let host = Host::start().await.expect("loopback has a free port");
//! host.next([Fault::status(429).retry_after("7"), Fault::Reset { after: None }]);
//! assert!(host.seen().is_empty());
//! # });
//! ```

mod answer;
mod aws;
pub mod bench;
mod ca;
pub mod control;
mod fault;
mod host;
mod http1;
mod http2;
mod pictures;
mod proxy;
mod says;
mod seen;
mod wire;

pub use answer::spoken;
pub use aws::AWS_KEY;
pub use ca::{Ca, Http};
pub use fault::{Ends, Fault, Shape, StatusFault, UsageLie, VectorLie};
pub use host::Host;
pub use pictures::Pictures;
pub use proxy::{Proxy, ProxyFault};
pub use says::{Says, Tool};
pub use seen::{Ended, Seen};
