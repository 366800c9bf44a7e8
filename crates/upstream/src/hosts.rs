use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use phi_catalog::{Address, Auth, Dialect, Host};
use phi_words::ProviderKey;

/// Where a request goes: made from a host of the catalogue alone, so nothing else can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    scheme: Scheme,
    authority: Authority,
    path: String,
    premises: bool,
    auth: Auth,
    dialect: Dialect,
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
        })
    }

    /// Whether it stands on the operator's premises, where addresses may be private.
    pub(crate) fn is_premises(&self) -> bool {
        self.premises
    }

    /// A request to it. `path` begins with `/`; the body is JSON, and so is the answer, or a stream of events.
    pub(crate) fn request<B>(
        &self,
        path: &str,
        key: Option<&ProviderKey>,
        stream: bool,
        body: B,
    ) -> Result<Request<B>, TargetError> {
        let mut request = self.addressed(Method::POST, path, body)?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.write_headers(request.headers_mut(), key, stream)?;
        Ok(request)
    }

    /// A request to look at what there is; `body` is empty.
    pub(crate) fn look<B>(&self, path: &str, key: Option<&ProviderKey>, body: B) -> Result<Request<B>, TargetError> {
        let mut request = self.addressed(Method::GET, path, body)?;
        self.write_headers(request.headers_mut(), key, false)?;
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

    /// Every header that a host is sent, but for `host` and those of the body. Nothing of the caller's is among them.
    fn write_headers(
        &self,
        headers: &mut HeaderMap,
        key: Option<&ProviderKey>,
        stream: bool,
    ) -> Result<(), TargetError> {
        let accept = if stream { "text/event-stream" } else { "application/json" };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("phi-gateway"));
        if self.dialect == Dialect::Anthropic {
            // Without it nothing is answered (<https://platform.claude.com/docs/en/api/versioning>).
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        let (name, prefix) = match self.auth {
            Auth::Bearer | Auth::GoogleServiceAccount => (header::AUTHORIZATION, "Bearer "),
            Auth::XApiKey => (HeaderName::from_static("x-api-key"), ""),
            Auth::ApiKey => (HeaderName::from_static("api-key"), ""),
            Auth::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
            Auth::OcpApimSubscriptionKey => (HeaderName::from_static("ocp-apim-subscription-key"), ""),
            Auth::Key => (header::AUTHORIZATION, "Key "),
            Auth::None => return Ok(()),
        };
        let key = key.ok_or(TargetError::NoKey)?;
        let shown = zeroize::Zeroizing::new(format!("{prefix}{}", key.expose_key()));
        let mut value = HeaderValue::from_str(&shown).map_err(|_| TargetError::NoKey)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}
