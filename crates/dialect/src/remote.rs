//! Images that a body names by an address instead of holding them: which addresses those may be, and how what was fetched
//! takes their place. Nothing here fetches.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use phi_words::{Class, Code, Prompt, Refusal};

use crate::fields::{invalid, unsupported};
use crate::json::{Object, Value, text};
use crate::middle::Media;

/// How many images of a body may stand elsewhere.
pub const MOST_IMAGES: usize = 8;
/// The longest address of one, in bytes.
const LONGEST: usize = 2_048;

/// How a body is read: for its class, and whether it may name images by their address.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The class of the request.
    pub class: Class,
    /// Where images may stand.
    pub images: Images,
}

/// All images inside the request.
impl From<Class> for Reading {
    fn from(class: Class) -> Self {
        Self { class, images: Images::Inside }
    }
}

/// Where the images of a body may stand.
#[derive(Debug, Clone)]
pub enum Images {
    /// Inside the request alone.
    Inside,
    /// There too, since the gateway that would fetch them does not stand in the request's region.
    Abroad,
    /// At these sources too.
    At(Arc<Sources>),
}

/// Who may be asked for images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Names and ports; none stands for every name, at port 443.
    listed: Vec<(String, u16)>,
}

impl Sources {
    /// Reads a list of `HOST` or `HOST:PORT`, where a host without a port means 443. An empty list means every host at that
    /// port.
    ///
    /// # Errors
    /// The first that is no such name: an address of numbers is none.
    pub fn parse(list: &[String]) -> Result<Self, &str> {
        let listed: Result<_, _> = list.iter().map(|place| authority(place).ok_or(place.as_str())).collect();
        Ok(Self { listed: listed? })
    }

    fn take(&self, address: &ImageAddress) -> bool {
        if self.listed.is_empty() {
            return address.port == HTTPS;
        }
        self.listed.iter().any(|(host, port)| *host == address.host && *port == address.port)
    }
}

/// Where an image stands. It is what a caller wrote, so it does not show itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageAddress {
    host: String,
    port: u16,
    target: String,
}

impl ImageAddress {
    /// Reads `https://HOST[:PORT]/PATH[?QUERY]` of plain ASCII: the host is a name of several labels and no number, and there
    /// is no user, password or fragment. Whatever two readers could understand differently is none.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").filter(|_| text.len() <= LONGEST)?;
        let (place, target) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
        let (host, port) = authority(place)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#\"<>[\\]^`{|}".contains(&byte);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        target.bytes().all(is_plain).then_some(Self { host, port, target })
    }

    /// The name of its host, in lower case.
    pub fn expose_host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn expose_target(&self) -> &str {
        &self.target
    }
}

impl fmt::Debug for ImageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageAddress(..)")
    }
}

const HTTPS: u16 = 443;

/// A name, and a port after it if there is one.
fn authority(place: &str) -> Option<(String, u16)> {
    let (host, port) = match place.split_once(':') {
        None => (place, HTTPS),
        Some((host, port)) => {
            let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
            (host, port.parse().ok().filter(|_| is_number)?)
        }
    };
    let host = host.to_ascii_lowercase();
    is_name(&host).then_some((host, port))
}

/// Whether it is a name as the public internet has them (RFC 1123, section 2.1): of two labels at least, of which the last
/// begins with a letter, so that no reader takes it for a number (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let top = host.rsplit_once('.').map(|(_, top)| top);
    host.len() <= 253
        && host.split('.').all(is_label)
        && top.is_some_and(|top| !top.starts_with(|c: char| c.is_ascii_digit()))
}

/// An image that a body names by its address.
#[derive(Debug, Clone)]
pub struct Remote {
    path: String,
    /// Which bytes of the body give way to the image.
    place: Range<usize>,
    shape: Shape,
    address: ImageAddress,
}

/// How an image stands in a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// As the text of a data URL.
    Url,
    /// As a `source` of Anthropic's.
    Source,
}

impl Remote {
    /// Where in the body it is named, for whoever is told of it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where it stands.
    pub const fn address(&self) -> &ImageAddress {
        &self.address
    }

    /// Reads the address at `path`, if it may be there. `place` is what the image takes the place of.
    pub(crate) fn read(
        path: String,
        address: Value<'_>,
        (place, shape): (Value<'_>, Shape),
        reading: &Reading,
    ) -> Result<Self, Refusal> {
        let inside = "send the image itself: `data:image/png;base64,…`, or jpeg, gif or webp";
        let outside = "is not an image inside the request";
        let url = address.text().unwrap_or_default();
        let sources = match &reading.images {
            _ if !url.starts_with("https:") => return Err(unsupported(path, outside, inside)),
            Images::Inside => return Err(unsupported(path, outside, inside)),
            Images::At(_) | Images::Abroad if reading.class == Class::Phi => {
                let what = "is the address of an image, and with PHI nobody else is asked for any";
                return Err(unsupported(path, what, inside));
            }
            Images::Abroad => {
                let what =
                    "is the address of an image, which this gateway would fetch from outside the request's region";
                return Err(unsupported(path, what, inside));
            }
            Images::At(sources) => sources,
        };
        let rule = "must be an image inside the request, or at `https://HOST/…`: a name without user, fragment or numbers \
                    in its place, every other character percent-encoded, in 2,048 bytes at most";
        let address = ImageAddress::parse(&url).ok_or_else(|| invalid(path.clone(), rule))?;
        if !sources.take(&address) {
            return Err(unsupported(
                path,
                "is at a host or port from which the operator lets no image be fetched",
                inside,
            ));
        }
        Ok(Self { path, place: place.place(), shape, address })
    }
}

/// An image, if it is one of those that hosts look at: by the media type that it came under, and by its first bytes
/// (<https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern>).
pub fn image(media_type: &str, bytes: &[u8]) -> Option<Media> {
    let told = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return None,
    };
    let told = if told == "image/jpg" { "image/jpeg" } else { &told };
    (told == kind).then(|| Media { kind: kind.to_owned(), data: STANDARD.encode(bytes) })
}

/// The image of a data URL. One that stands elsewhere counts as a PNG while routes are planned, which all hosts look at: it is
/// never rendered, since it is inside the request before a host is asked.
pub(crate) fn media(url: &str) -> Option<Media> {
    if url.starts_with("https:") {
        return Some(to_come());
    }
    let (kind, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let kind = if kind == "image/jpg" { "image/jpeg" } else { kind };
    Some(Media { kind: kind.to_owned(), data: data.to_owned() })
}

/// What an image counts as that is yet to be fetched.
pub(crate) fn to_come() -> Media {
    Media { kind: "image/png".to_owned(), data: "AA==".to_owned() }
}

/// A body in which the images stand in the place of their addresses.
pub(crate) fn furnished(body: &[u8], remotes: &[Remote], images: &[Media]) -> Result<Prompt, Refusal> {
    let room = images.iter().map(|image| image.data.len() + 128).sum::<usize>();
    let (mut out, mut from) = (Vec::with_capacity(body.len() + room), 0);
    let lost = || {
        Refusal::new(Code::Internal, "something went wrong on our side", "report the `x-request-id` to the operator")
    };
    for (remote, Media { kind, data }) in remotes.iter().zip(images) {
        out.extend_from_slice(body.get(from..remote.place.start).ok_or_else(lost)?);
        match remote.shape {
            Shape::Url => out.extend_from_slice(&text(&format!("data:{kind};base64,{data}"))),
            Shape::Source => {
                let mut source = Object::new();
                source.text("type", "base64").text("media_type", kind).text("data", data);
                out.extend_from_slice(&source.finish());
            }
        }
        from = remote.place.end;
    }
    out.extend_from_slice(body.get(from..).ok_or_else(lost)?);
    Ok(Prompt::new(out))
}

#[cfg(test)]
mod tests;
