//! Every path that answers. `/v1/...` and `/api/v1/...` are the same API; a path is taken as it is written, so that
//! `//v1`, `%76` or a trailing slash is another path and answers 404.

mod count;
mod explain;
mod look;
mod models;
mod pricing;

pub use explain::Stage;
pub(crate) use models::Page;
pub(crate) use pricing::Shelf;

use http::{HeaderValue, Method, Request, Response, header};
use phi_dialect::{Way, Work};
use phi_words::{Code, Modality, ModelName, Refusal, RequestId};

use crate::body::Body;
use crate::endpoints::pricing::Filter;
use crate::surface::Surface;

/// What a request asks of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Whether the process answers, without a credential.
    Health,
    /// The public rate card, without a credential.
    Pricing(Filter),
    /// Work that may reach a host.
    Ask(Way),
    /// How long the input of such work is.
    Count,
    /// What would become of such work.
    Explain,
    /// Something to be looked up here.
    Look(Look),
}

/// Something to be looked up here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// The names that the caller may ask for, or some of them.
    Models(Page),
    /// One of them.
    Model(ModelName),
    /// The caller's own key and defaults.
    Ping,
    /// One of the caller's own entries.
    Request(RequestId),
}

/// One row of the contract's table of endpoints.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The method.
    pub method: &'static str,
    /// The path below `/v1`; `{id}` stands for one segment or more.
    pub path: &'static str,
    serves: Serves,
}

/// What a row of the table is for.
#[derive(Debug, Clone, Copy)]
enum Serves {
    Ask(Way),
    Count,
    Explain,
    Pricing,
    Models,
    Model,
    Ping,
    Request,
    /// Nothing yet: it answers 404 `not_found`.
    Planned,
}

/// The contract's table of endpoints, section 8: every path that is found is found here.
pub const ENDPOINTS: &[Row] = &[
    Row::post("/chat/completions", Serves::Ask(Way::Chat)),
    Row::post("/embeddings", Serves::Ask(Way::Embeddings)),
    Row::lookup("/models", Serves::Models),
    Row::lookup("/models/{id}", Serves::Model),
    Row::lookup("/ping", Serves::Ping),
    Row::lookup("/requests/{id}", Serves::Request),
    Row::post("/responses", Serves::Ask(Way::Responses)),
    Row::post("/messages", Serves::Ask(Way::Messages)),
    Row::post("/messages/count_tokens", Serves::Count),
    Row::post("/audio/transcriptions", Serves::Ask(Way::Work(Work::Transcription))),
    Row::post("/audio/speech", Serves::Ask(Way::Work(Work::Speech))),
    Row::post("/ocr", Serves::Ask(Way::Work(Work::Ocr))),
    Row::post("/images/generations", Serves::Ask(Way::Work(Work::Image))),
    Row::post("/videos/generations", Serves::Planned),
    Row::lookup("/videos/{id}", Serves::Planned),
    Row::post("/math/chat/completions", Serves::Planned),
    Row::lookup("/pricing", Serves::Pricing),
    Row::post("/route/explain", Serves::Explain),
];

impl Row {
    const fn post(path: &'static str, serves: Serves) -> Self {
        Self { method: "POST", path, serves }
    }

    const fn lookup(path: &'static str, serves: Serves) -> Self {
        Self { method: "GET", path, serves }
    }

    /// What may reach a host through it, if anything may.
    pub const fn modality(&self) -> Option<Modality> {
        match self.serves {
            Serves::Ask(way) => Some(way.modality()),
            Serves::Count
            | Serves::Explain
            | Serves::Pricing
            | Serves::Models
            | Serves::Model
            | Serves::Ping
            | Serves::Request
            | Serves::Planned => None,
        }
    }

    /// What a path below `/v1` asks for, where it is of this row.
    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let id = match self.path.strip_suffix("{id}") {
            Some(before) => path.strip_prefix(before)?,
            None if path == self.path => "",
            None => return None,
        };
        Some(match self.serves {
            Serves::Ask(way) => Endpoint::Ask(way),
            Serves::Count => Endpoint::Count,
            Serves::Explain => Endpoint::Explain,
            Serves::Pricing => Endpoint::Pricing(Filter::default()),
            Serves::Models => Endpoint::Look(Look::Models(Page::default())),
            // The official SDKs write the `/` of a model's name in this way; nothing else in a path is decoded.
            Serves::Model => Endpoint::Look(Look::Model(id.replace("%2F", "/").parse().ok()?)),
            Serves::Ping => Endpoint::Look(Look::Ping),
            Serves::Request => Endpoint::Look(Look::Request(id.parse().ok()?)),
            Serves::Planned => return None,
        })
    }
}

/// Finds what a request asks for.
///
/// # Errors
/// `invalid_request` for framing that two servers could read in two ways, `not_found`, `method_not_allowed`.
pub(crate) fn find<B>(request: &Request<B>) -> Result<Endpoint, Refusal> {
    one_authority(request)?;
    plain_coding(request)?;
    let query = request.uri().query().filter(|query| !query.is_empty());
    let found = named(request.uri().path());
    let is_anthropic = Surface::of(request) == Surface::Anthropic;
    let takes_query = match &found {
        Some((Endpoint::Pricing(_), _)) => true,
        // The SDKs of Anthropic say so what they try out.
        Some((Endpoint::Look(Look::Models(_)), _)) => is_anthropic,
        _ => is_anthropic && query == Some("beta=true"),
    };
    if query.is_some() && !takes_query {
        return Err(Refusal::new(
            Code::InvalidRequest,
            "the path has a query",
            "send everything in headers and body: a query ends up in access logs",
        ));
    }
    let (endpoint, method) = found.ok_or_else(not_found)?;
    if request.method() != method {
        return Err(Refusal::new(
            Code::MethodNotAllowed,
            format!("this path does not take {}", known(request.method())),
            format!("use {method}"),
        ));
    }
    match (endpoint, query) {
        (Endpoint::Pricing(_), Some(query)) => Filter::parse(query).map(Endpoint::Pricing),
        (Endpoint::Look(Look::Models(_)), Some(query)) => Page::parse(query).map(Look::Models).map(Endpoint::Look),
        (endpoint, _) => Ok(endpoint),
    }
}

/// What a path asks for, and by which method.
fn named(path: &str) -> Option<(Endpoint, &'static str)> {
    if path == "/health" {
        return Some((Endpoint::Health, "GET"));
    }
    let below = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/v1"))?;
    ENDPOINTS.iter().find_map(|row| Some((row.endpoint(below)?, row.method)))
}

/// A caller's own word is not repeated: only methods that HTTP names are.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "that method",
    }
}

fn not_found() -> Refusal {
    Refusal::new(
        Code::NotFound,
        "there is nothing at this path",
        "the base URL ends in `/v1`; `docs/contract.md` lists the endpoints",
    )
}

/// Exactly one `Host`, and a path, not a whole URL, as the target (RFC 9112, section 3.2).
fn one_authority<B>(request: &Request<B>) -> Result<(), Refusal> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts == 1 && request.uri().authority().is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        Code::InvalidRequest,
        "the request does not name one host",
        "send one `Host` header, and a path as the target",
    ))
}

/// `chunked` is the one coding that is read. With another before it the body would be taken for what it is not, and two
/// lines are a proxy's chance to read the other one.
fn plain_coding<B>(request: &Request<B>) -> Result<(), Refusal> {
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if chunked && codings.next().is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        Code::InvalidRequest,
        "the body comes in a transfer coding that is not read",
        "send it with a `Content-Length`, or with `Transfer-Encoding: chunked` alone",
    ))
}

pub(crate) fn health() -> Response<Body> {
    json(b"{\"status\":\"ok\"}\n".to_vec())
}

pub(crate) fn json(bytes: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, target: &str) -> Result<Endpoint, Code> {
        let request = Request::builder().method(method).uri(target).header("host", "phi").body(()).expect("a request");
        find(&request).map_err(|refusal| refusal.code)
    }

    #[test]
    fn each_row_of_the_table_answers_as_it_says() {
        for row in ENDPOINTS {
            let path = row.path.replace("{id}", &RequestId::new().to_string());
            for base in ["/v1", "/api/v1"] {
                let found = asked(row.method, &format!("{base}{path}"));
                let planned = matches!(row.serves, Serves::Planned);
                assert_eq!(found.as_ref().err(), planned.then_some(&Code::NotFound), "{} {base}{path}", row.method);
            }
        }
        let built = ENDPOINTS.iter().filter(|row| !matches!(row.serves, Serves::Planned));
        assert_eq!(built.count(), 15, "what is built is found");
    }

    #[test]
    fn a_path_is_taken_as_it_is_written() {
        for target in [
            "/",
            "/v1",
            "/v1/",
            "/v2/models",
            "//v1/models",
            "/v1//models",
            "/v1/models/",
            "/v1/%6dodels",
            "/v1/chat/completions/",
            "/v1/chat/completions;a=b",
            "/V1/models",
            "/v1/requests/1",
            "/metrics",
        ] {
            assert_eq!(asked("GET", target), Err(Code::NotFound), "{target}");
        }
        assert_eq!(asked("GET", "/v1/models?x=1"), Err(Code::InvalidRequest));
        assert_eq!(asked("GET", "http://elsewhere/v1/models"), Err(Code::InvalidRequest));
        assert_eq!(asked("DELETE", "/v1/models"), Err(Code::MethodNotAllowed));
        assert_eq!(asked("GET", "/v1/chat/completions"), Err(Code::MethodNotAllowed));
    }

    #[test]
    fn a_models_name_may_hold_a_slash_in_either_writing() {
        for target in ["/v1/models/local/e5", "/v1/models/local%2Fe5"] {
            let model = "local/e5".parse().expect("a name");
            assert_eq!(asked("GET", target), Ok(Endpoint::Look(Look::Model(model))), "{target}");
        }
    }

    #[test]
    fn a_query_stands_where_the_sdks_of_anthropic_send_one() {
        let asked = |method: &str, target: &str| {
            let request = Request::builder().method(method).uri(target).header("host", "phi");
            let request = request.header("anthropic-version", "2023-06-01").body(()).expect("a request");
            find(&request).map_err(|refusal| refusal.code)
        };
        for base in ["/v1", "/api/v1"] {
            let ask = Ok(Endpoint::Ask(Way::Messages));
            assert_eq!(asked("POST", &format!("{base}/messages?beta=true")), ask);
            assert_eq!(asked("POST", &format!("{base}/messages/count_tokens?beta=true")), Ok(Endpoint::Count));
            assert!(asked("GET", &format!("{base}/models?beta=true&limit=1")).is_ok());
            assert!(asked("GET", &format!("{base}/models/a?beta=true")).is_ok());
        }
        for (method, target) in [
            ("POST", "/v1/messages?beta=false"),
            ("POST", "/v1/messages?beta=true&a=b"),
            ("POST", "/v1/chat/completions?beta=true"),
            ("GET", "/v1/ping?beta=true"),
            ("GET", "/v1/models/a?limit=1"),
            ("GET", "/v1/models?key=a"),
        ] {
            assert_eq!(asked(method, target), Err(Code::InvalidRequest), "{target}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let none = Request::builder().uri("/v1/models").body(()).expect("a request");
        let two =
            Request::builder().uri("/v1/models").header("host", "a").header("host", "b").body(()).expect("a request");
        for request in [none, two] {
            assert_eq!(find(&request).map_err(|refusal| refusal.code), Err(Code::InvalidRequest));
        }
    }
    #[test]
    fn a_body_comes_chunked_or_as_it_is() {
        let coded = |codings: &[&str]| {
            let request = Request::builder().method("POST").uri("/v1/embeddings").header("host", "phi");
            let request = codings.iter().fold(request, |request, coding| request.header("transfer-encoding", *coding));
            find(&request.body(()).expect("a request")).map_err(|refusal| refusal.code)
        };
        for good in [&[][..], &["chunked"], &["Chunked"]] {
            assert_eq!(coded(good), Ok(Endpoint::Ask(Way::Embeddings)), "{good:?}");
        }
        for bad in [&["gzip, chunked"][..], &["chunked", "chunked"], &["chunked, chunked"], &["identity"], &[""]] {
            assert_eq!(coded(bad), Err(Code::InvalidRequest), "{bad:?}");
        }
    }
}
