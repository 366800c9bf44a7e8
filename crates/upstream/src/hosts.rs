use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use jiff::Timestamp;
use phi_catalog::{Address, Auth, Dialect, Host};
use phi_dialect::job::{Message, Verb};
use phi_vault::AwsKey;

use crate::keys::Shown;

/// Where a request goes: made from a host of the catalogue alone, so nothing else can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    scheme: Scheme,
    authority: Authority,
    path: String,
    premises: bool,
    auth: Auth,
    dialect: Dialect,
    /// Of hosts whose requests are signed, the region that they are signed for.
    aws_region: Option<String>,
}

/// Why a host of the catalogue cannot be reached as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// Plain HTTP away from the operator's premises.
    #[error("the host is reached by plain HTTP and does not stand on the operator's premises")]
    Plain,
    /// The whole is no address.
    #[error("the host's address is none")]
    NoAddress,
    /// The host wants a key, and there is none, or none that a header can hold.
    #[error("there is no key that this host could be shown")]
    NoKey,
}

impl Target {
    /// A host at its address, the gaps of which are filled.
    pub(crate) fn of(host: &Host, address: &Address) -> Result<Self, TargetError> {
        if !address.tls && !host.premises {
            return Err(TargetError::Plain);
        }
        Ok(Self {
            scheme: if address.tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority: address.authority().parse().map_err(|_| TargetError::NoAddress)?,
            path: address.path.clone(),
            premises: host.premises,
            auth: host.auth,
            dialect: host.dialect,
            aws_region: address.aws_region().map(str::to_owned),
        })
    }

    /// Whether it stands on the operator's premises, where addresses may be private.
    pub(crate) fn is_premises(&self) -> bool {
        self.premises
    }

    /// A request to it. `path` begins with `/`; the body is JSON, and so is the answer, or a stream of events. `bytes` are
    /// those of the body.
    pub(crate) fn request<B>(
        &self,
        path: &str,
        key: Option<&Shown>,
        stream: bool,
        bytes: &[u8],
        body: B,
    ) -> Result<Request<B>, TargetError> {
        let mut request = self.addressed(Method::POST, path, body)?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.write_headers(request.headers_mut(), stream);
        match key {
            Some(Shown::Aws { key, at }) => self.sign(&mut request, key, bytes, *at)?,
            Some(Shown::Key(_)) | None => self.show(request.headers_mut(), key)?,
        }
        Ok(request)
    }

    /// A message of a job; `body` is its own.
    pub(crate) fn message<B>(
        &self,
        message: &Message,
        key: Option<&Shown>,
        body: B,
    ) -> Result<Request<B>, TargetError> {
        let method = match message.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Delete => Method::DELETE,
        };
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| TargetError::NoAddress);
        let mut request = self.addressed(method, &message.path, body)?;
        self.write_headers(request.headers_mut(), false);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(message.accept));
        if let Some(content_type) = &message.content_type {
            request.headers_mut().insert(header::CONTENT_TYPE, value(content_type)?);
        }
        for (name, text) in &message.headers {
            request.headers_mut().insert(HeaderName::from_static(name), value(text)?);
        }
        self.show(request.headers_mut(), key)?;
        Ok(request)
    }

    /// A request to look at what there is; `body` is empty.
    pub(crate) fn look<B>(&self, path: &str, key: Option<&Shown>, body: B) -> Result<Request<B>, TargetError> {
        let mut request = self.addressed(Method::GET, path, body)?;
        self.write_headers(request.headers_mut(), false);
        self.show(request.headers_mut(), key)?;
        Ok(request)
    }

    fn addressed<B>(&self, method: Method, path: &str, body: B) -> Result<Request<B>, TargetError> {
        let path = format!("{}{path}", self.path);
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(PathAndQuery::try_from(path).map_err(|_| TargetError::NoAddress)?)
            .build()
            .map_err(|_| TargetError::NoAddress)?;
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        Ok(request)
    }

    /// Every header that a host is sent, but for `host`, those of the body and those of the key. Nothing of the caller's is
    /// among them.
    fn write_headers(&self, headers: &mut HeaderMap, stream: bool) {
        let accept = match (stream, self.dialect) {
            (true, Dialect::Bedrock) => "application/vnd.amazon.eventstream",
            (true, _) => "text/event-stream",
            (false, _) => "application/json",
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("phi-gateway"));
        if self.dialect == Dialect::Anthropic {
            // Without it nothing is answered (<https://platform.claude.com/docs/en/api/versioning>).
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
    }

    /// Shows the key.
    fn show(&self, headers: &mut HeaderMap, key: Option<&Shown>) -> Result<(), TargetError> {
        let (name, prefix) = match self.auth {
            Auth::Bearer | Auth::GoogleServiceAccount => (header::AUTHORIZATION, "Bearer "),
            Auth::XApiKey => (HeaderName::from_static("x-api-key"), ""),
            Auth::ApiKey => (HeaderName::from_static("api-key"), ""),
            Auth::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
            Auth::OcpApimSubscriptionKey => (HeaderName::from_static("ocp-apim-subscription-key"), ""),
            Auth::Key => (header::AUTHORIZATION, "Key "),
            // It signs, and is not shown; nothing is signed but what asks for an answer.
            Auth::AwsSigV4 => return Err(TargetError::NoKey),
            Auth::None => return Ok(()),
        };
        let Some(Shown::Key(key)) = key else { return Err(TargetError::NoKey) };
        let shown = zeroize::Zeroizing::new(format!("{prefix}{}", key.expose_key()));
        headers.insert(name, secret(&shown)?);
        Ok(())
    }

    /// Signs a request with a key of AWS.
    fn sign<B>(&self, request: &mut Request<B>, key: &AwsKey, body: &[u8], at: Timestamp) -> Result<(), TargetError> {
        let region = self.aws_region.as_deref().filter(|_| self.auth == Auth::AwsSigV4).ok_or(TargetError::NoKey)?;
        let signed = key.sign(self.authority.as_str(), request.uri().path(), region, body, at);
        for (name, value) in signed {
            request.headers_mut().insert(HeaderName::from_static(name), secret(value.expose_key())?);
        }
        Ok(())
    }
}

/// A value that no log shows.
fn secret(text: &str) -> Result<HeaderValue, TargetError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| TargetError::NoKey)?;
    value.set_sensitive(true);
    Ok(value)
}
