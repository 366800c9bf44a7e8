use std::future::poll_fn;

use bytes::BytesMut;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use hyper::body::{Body, Incoming};
use phi_dialect::middle::Media;
use phi_dialect::remote::{self, ImageAddress};

use super::single::Single;
use super::{Client, Outgoing, Sent};
use crate::fetch::Unfetched;

/// The longest image, in bytes.
const LONGEST: usize = 8 << 20;

impl Client {
    /// Fetches the image at an address of the public internet: its name is resolved once, and the connection is made to what
    /// was checked then, through no proxy. It is asked with nothing but what it takes to ask, and no redirect is followed.
    /// `take` is told how many bytes come, and may refuse them.
    pub(crate) async fn image(
        &self,
        address: &ImageAddress,
        take: impl Fn(usize) -> Result<(), Unfetched>,
    ) -> Result<Media, Unfetched> {
        let uri = uri(address).ok_or(Unfetched::NoAnswer)?;
        let pipe = self.images.connect(&uri).await.map_err(|_| Unfetched::NoAnswer)?;
        let mut connection = Single::open(pipe).await.map_err(|_| Unfetched::NoAnswer)?;
        let asked = connection.send(request(), &uri).await;
        let (kind, mut body) = judge(asked.map_err(|_| Unfetched::NoAnswer)?)?;
        let mut bytes = BytesMut::new();
        while let Some(piece) =
            poll_fn(|cx| connection.poll_piece(cx, &mut body)).await.map_err(|_| Unfetched::NoAnswer)?
        {
            if bytes.len() + piece.len() > LONGEST {
                return Err(Unfetched::TooLong);
            }
            take(piece.len())?;
            bytes.extend_from_slice(&piece);
        }
        remote::image(&kind, &bytes).ok_or(Unfetched::Kind)
    }
}

fn uri(address: &ImageAddress) -> Option<Uri> {
    let host = address.expose_host();
    let authority = if address.port() == 443 { host.to_owned() } else { format!("{host}:{}", address.port()) };
    Uri::builder().scheme("https").authority(authority).path_and_query(address.expose_target()).build().ok()
}

/// All that whoever keeps images is told beside the address.
fn request() -> Request<Outgoing> {
    let mut request = Request::new(Outgoing::of(Vec::new(), Sent::default()));
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("image/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("phi-gateway"));
    request
}

/// The media type of what begins, and what begins, if it may be an image.
fn judge(response: Response<Incoming>) -> Result<(String, Incoming), Unfetched> {
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(Unfetched::Status);
    }
    let mut kinds = head.headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|kind| kind.to_str().ok()).ok_or(Unfetched::Kind)?.to_owned();
    let is_plain = head.headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    if kinds.next().is_some() || !is_plain {
        return Err(Unfetched::Kind);
    }
    if body.size_hint().exact().is_some_and(|length| length > LONGEST as u64) {
        return Err(Unfetched::TooLong);
    }
    Ok((kind, body))
}
