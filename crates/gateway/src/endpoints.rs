//! Every path that answers. `/v1/...` and `/api/v1/...` are the same API; a path is taken as it is written, so that
//! `//v1`, `%76` or a trailing slash is another path and answers 404.

mod explain;
mod look;
mod models;
mod pricing;

pub use explain::Stage;
pub(crate) use pricing::Shelf;

use http::{HeaderValue, Method, Request, Response, header};
use phi_dialect::Question;
use phi_words::{Class, Code, Modality, ModelName, Prompt, Refusal, RequestId};

use crate::body::Body;
use crate::endpoints::pricing::Filter;

/// What a request asks of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Whether the process answers, without a credential.
    Health,
    /// The public rate card, without a credential.
    Pricing(Filter),
    /// Work that may reach a host.
    Ask(Modality),
    /// What would become of such work.
    Explain,
    /// Something to be looked up here.
    Look(Look),
}

/// Something to be looked up here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// Every name that the caller may ask for.
    Models,
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
    /// Whether it is built; a row that is not answers 404 `not_found`.
    pub built: bool,
}

/// The contract's table of endpoints, section 8.
pub const ENDPOINTS: &[Row] = &[
    Row { method: "POST", path: "/chat/completions", built: true },
    Row { method: "POST", path: "/embeddings", built: true },
    Row { method: "GET", path: "/models", built: true },
    Row { method: "GET", path: "/models/{id}", built: true },
    Row { method: "GET", path: "/ping", built: true },
    Row { method: "GET", path: "/requests/{id}", built: true },
    Row { method: "POST", path: "/responses", built: false },
    Row { method: "POST", path: "/messages", built: false },
    Row { method: "POST", path: "/messages/count_tokens", built: false },
    Row { method: "POST", path: "/audio/transcriptions", built: false },
    Row { method: "POST", path: "/audio/speech", built: false },
    Row { method: "POST", path: "/ocr", built: false },
    Row { method: "POST", path: "/images/generations", built: false },
    Row { method: "POST", path: "/videos/generations", built: false },
    Row { method: "GET", path: "/videos/{id}", built: false },
    Row { method: "POST", path: "/math/chat/completions", built: false },
    Row { method: "GET", path: "/pricing", built: true },
    Row { method: "POST", path: "/route/explain", built: true },
];

/// Finds what a request asks for.
///
/// # Errors
/// `invalid_request` for framing that two servers could read in two ways, `not_found`, `method_not_allowed`.
pub(crate) fn find<B>(request: &Request<B>) -> Result<Endpoint, Refusal> {
    one_authority(request)?;
    plain_coding(request)?;
    let query = request.uri().query().filter(|query| !query.is_empty());
    let found = named(request.uri().path());
    let asks_for_prices = matches!(found, Some((Endpoint::Pricing(_), _)));
    if query.is_some() && !asks_for_prices {
        return Err(Refusal::new(
            Code::InvalidRequest,
            "the path has a query",
            "send everything in headers and body: a query ends up in access logs",
        ));
    }
    let (endpoint, method) = found.ok_or_else(not_found)?;
    if *request.method() != method {
        return Err(Refusal::new(
            Code::MethodNotAllowed,
            format!("this path does not take {}", known(request.method())),
            format!("use {method}"),
        ));
    }
    match (endpoint, query) {
        (Endpoint::Pricing(_), Some(query)) => Filter::parse(query).map(Endpoint::Pricing),
        (endpoint, _) => Ok(endpoint),
    }
}

fn named(path: &str) -> Option<(Endpoint, Method)> {
    if path == "/health" {
        return Some((Endpoint::Health, Method::GET));
    }
    let below = path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/v1/"))?;
    match below {
        "chat/completions" => return Some((Endpoint::Ask(Modality::Chat), Method::POST)),
        "embeddings" => return Some((Endpoint::Ask(Modality::Embeddings), Method::POST)),
        "pricing" => return Some((Endpoint::Pricing(Filter::default()), Method::GET)),
        "route/explain" => return Some((Endpoint::Explain, Method::POST)),
        "models" => return Some((Endpoint::Look(Look::Models), Method::GET)),
        "ping" => return Some((Endpoint::Look(Look::Ping), Method::GET)),
        _ => {}
    }
    if let Some(id) = below.strip_prefix("models/") {
        // The official SDKs write the `/` of a model's name in this way; nothing else in a path is decoded.
        let id = id.replace("%2F", "/");
        return Some((Endpoint::Look(Look::Model(id.parse().ok()?)), Method::GET));
    }
    let id = below.strip_prefix("requests/")?;
    Some((Endpoint::Look(Look::Request(id.parse().ok()?)), Method::GET))
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

/// Reads what is asked of a modality.
///
/// # Errors
/// The refusals of step 6 of the contract's section 9.
pub(crate) fn question(modality: Modality, body: Prompt, class: Class) -> Result<Question, Refusal> {
    match modality {
        Modality::Chat => phi_dialect::read_chat(body, class).map(Question::Chat),
        Modality::Embeddings => phi_dialect::read_embeddings(body, class).map(Question::Embeddings),
        Modality::Ocr
        | Modality::Transcription
        | Modality::Speech
        | Modality::Image
        | Modality::Video
        | Modality::Math => Err(not_found()),
    }
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
                assert_eq!(found.is_ok(), row.built, "{} {base}{path}", row.method);
                if !row.built {
                    assert_eq!(found, Err(Code::NotFound));
                }
            }
        }
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
            assert_eq!(coded(good), Ok(Endpoint::Ask(Modality::Embeddings)), "{good:?}");
        }
        for bad in [&["gzip, chunked"][..], &["chunked", "chunked"], &["chunked, chunked"], &["identity"], &[""]] {
            assert_eq!(coded(bad), Err(Code::InvalidRequest), "{bad:?}");
        }
    }
}
