use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

/// Where a host is, with gaps for what a credential brings: `https://api.infomaniak.com/2/ai/{product_id}/openai/v1`.
///
/// A gap is filled with 1 to 63 of `a-z 0-9 -`, so nothing that fills it can reach beyond its place; and the last two
/// labels of a host's name are never gaps, so a credential cannot lead to somebody else's domain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    tls: bool,
    host: String,
    port: u16,
    path: String,
    written: String,
}

/// A whole address, all gaps filled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whether it is reached by TLS.
    pub tls: bool,
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What every path begins with; empty, or `/` and more, without a `/` at the end.
    pub path: String,
}

/// A credential does not bring what an address needs. The offending value is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    /// Nothing is there for this gap.
    #[error("the credential brings no `{0}`")]
    Missing(String),
    /// What is there does not fit.
    #[error("the credential's `{0}` is not 1 to 63 of `a-z 0-9 -`")]
    Misfit(String),
    /// The host's name would be no name any more.
    #[error(
        "what the credential brings makes a part of the host's name longer than 63 characters, or all of it than 253"
    )]
    TooLong,
}

impl Template {
    /// Reads an address: `http://` or `https://`, a host, perhaps a port, perhaps a path; no user, query or fragment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("an address begins with `https://` or `http://`"),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        check_host(host)?;
        check_path(path)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { tls, host, port, path: path.to_owned(), written: text.to_owned() })
    }

    /// Whether it is reached by TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether its host is a private, loopback or otherwise local place, as far as its name says. A name of the public
    /// kind may still resolve to a private address: whoever resolves it has to look again.
    pub fn is_private(&self) -> bool {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return is_private(ip);
        }
        let last = self.host.rsplit('.').next().unwrap_or_default();
        !self.host.contains('.') || ["localhost", "local", "internal", "lan", "home", "arpa"].contains(&last)
    }

    /// Whether it is Vertex AI's: by TLS, at the global endpoint or at that of a location or multi-region which the path
    /// names too (<https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/locations>). The location is no
    /// gap: it says where the host is.
    pub fn is_vertex(&self) -> bool {
        const SERVICE: &str = "aiplatform.googleapis.com";
        let location = match (self.host.as_str(), self.host.strip_suffix(SERVICE)) {
            ("aiplatform.us.rep.googleapis.com", _) => "us",
            ("aiplatform.eu.rep.googleapis.com", _) => "eu",
            (_, Some("")) => "global",
            (_, Some(location)) => location.strip_suffix('-').unwrap_or_default(),
            (_, None) => "",
        };
        let is_place = !location.is_empty() && location.bytes().all(is_filling);
        self.tls && self.port == 443 && is_place && self.path.contains(&format!("/locations/{location}/"))
    }

    /// The region of Amazon Bedrock whose endpoint it is: by TLS, and no gap
    /// (<https://docs.aws.amazon.com/general/latest/gr/bedrock.html>).
    pub fn aws_region(&self) -> Option<&str> {
        bedrock_region(&self.host).filter(|_| self.tls && self.port == 443)
    }

    /// The names of its gaps.
    pub fn params(&self) -> BTreeSet<&str> {
        gaps(&self.host).chain(gaps(&self.path)).collect()
    }

    /// The whole address, with what a credential brings.
    ///
    /// # Errors
    /// [`Unfilled`], where a gap stays or would be filled with what does not fit.
    pub fn fill(&self, params: &BTreeMap<String, String>) -> Result<Address, Unfilled> {
        let (mut host, mut path) = (self.host.clone(), self.path.clone());
        for gap in self.params() {
            let value = params.get(gap).ok_or_else(|| Unfilled::Missing(gap.to_owned()))?;
            let fits = (1..=63).contains(&value.len()) && value.bytes().all(is_filling);
            if !fits {
                return Err(Unfilled::Misfit(gap.to_owned()));
            }
            let gap = format!("{{{gap}}}");
            (host, path) = (host.replace(&gap, value), path.replace(&gap, value));
        }
        if host.len() > 253 || host.split('.').any(|label| label.len() > 63) {
            return Err(Unfilled::TooLong);
        }
        Ok(Address { tls: self.tls, host, port: self.port, path })
    }

    /// What would have to fill the gaps for it to be this address; `None` where nothing does.
    pub fn params_of(&self, address: &str) -> Option<BTreeMap<String, String>> {
        let whole = Self::parse(address.trim_end_matches('/')).ok()?.fill(&BTreeMap::new()).ok()?;
        let written = [(self.host.as_str(), whole.host.as_str()), (self.path.as_str(), whole.path.as_str())];
        let mut params = BTreeMap::new();
        for (mut template, mut text) in written {
            while let Some((head, rest)) = template.split_once('{') {
                let (gap, after) = rest.split_once('}')?;
                let literal = after.split('{').next().unwrap_or_default();
                text = text.strip_prefix(head)?;
                let end = if literal.is_empty() { text.len() } else { text.find(literal)? };
                params.insert(gap.to_owned(), text.get(..end)?.to_owned());
                (template, text) = (after, text.get(end..)?);
            }
        }
        // Whatever was read from it: that it is this address is shown by filling.
        (self.fill(&params).ok()? == whole).then_some(params)
    }
}

impl TryFrom<String> for Template {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Address {
    /// `host:port`, with brackets where the host is an IPv6 address; the port only where it is not the usual one.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The region of Amazon Bedrock whose endpoint it is.
    pub fn aws_region(&self) -> Option<&str> {
        bedrock_region(&self.host)
    }

    /// The whole of it with `path` after its own, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority(), self.path)
    }
}

/// `bedrock-runtime.REGION.amazonaws.com`, or the same with `-fips`.
fn bedrock_region(host: &str) -> Option<&str> {
    let (service, rest) = host.split_once('.')?;
    let region = rest.strip_suffix(".amazonaws.com")?;
    let is_region = (1..=63).contains(&region.len()) && region.bytes().all(is_filling);
    (["bedrock-runtime", "bedrock-runtime-fips"].contains(&service) && is_region).then_some(region)
}

/// Whether an address is not one of the public internet (RFC 6890 and successors).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_private_v6(v6), is_private_v4),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let reserved = a == 0 || a >= 224 || (a == 192 && b == 0 && c == 0) || (a == 198 && (b == 18 || b == 19));
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation() || shared || reserved
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let global_unicast = ip.segments()[0] & 0xe000 == 0x2000;
    let documentation = ip.segments()[0] == 0x2001 && ip.segments()[1] == 0xdb8;
    !global_unicast || documentation
}

fn is_filling(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let after = authority.rfind(']').unwrap_or(0);
    let Some(colon) = authority.rfind(':').filter(|colon| *colon > after) else { return Ok((authority, None)) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok((host, Some(port))),
        Ok(_) | Err(_) => Err("the port is not a number from 1 to 65535"),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let ip = inner.strip_suffix(']').and_then(|ip| ip.parse::<Ipv6Addr>().ok());
        return ip.map(|_| ()).ok_or("what stands in brackets is not an IPv6 address");
    }
    let labels: Vec<&str> = host.split('.').collect();
    let Some(last) = labels.last() else { return Err(NO_HOST) };
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        // Other spellings, such as `127.1`, name an address that the eye does not see.
        return host
            .parse::<Ipv4Addr>()
            .map(|_| ())
            .map_err(|_| "a host whose last part is a number is not an IPv4 address");
    }
    let fixed = labels.len().saturating_sub(2);
    for (at, label) in labels.iter().enumerate() {
        let text = without_gaps(label)?;
        let has_gap = text.len() != label.len();
        if has_gap && (at >= fixed || labels.len() < 3) {
            return Err("the last two parts of a host's name cannot be a parameter");
        }
        if (text.is_empty() && !has_gap) || label.len() > 63 || !text.bytes().all(is_filling) {
            return Err(NO_HOST);
        }
    }
    Ok(())
}

const NO_HOST: &str = "the host is not a name of `a-z 0-9 - .`, an IPv4 address, or an IPv6 address in brackets";

fn check_path(path: &str) -> Result<(), &'static str> {
    let segments = path.split('/').skip(1);
    for segment in segments {
        let text = without_gaps(segment)?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if segment.is_empty() || segment.starts_with('.') || !text.bytes().all(allowed) {
            return Err(
                "the path has an empty or dotted part, ends with `/`, or holds more than letters, digits and `-._~`",
            );
        }
    }
    Ok(())
}

/// The text around the gaps.
fn without_gaps(text: &str) -> Result<String, &'static str> {
    let mut around = text.to_owned();
    for gap in gaps(text) {
        let fits = !gap.is_empty() && gap.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !fits {
            return Err("a parameter's name in `{}` is not of `a-z _`");
        }
        around = around.replace(&format!("{{{gap}}}"), "");
    }
    if around.contains(['{', '}']) { Err("a parameter is not `{name}`") } else { Ok(around) }
}

fn gaps(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(gap, _)| gap)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(template: &str, params: &[(&str, &str)]) -> Result<String, Unfilled> {
        let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Template::parse(template).unwrap().fill(&params).map(|address| address.url("/chat/completions"))
    }

    #[test]
    fn an_address_tells_what_fills_the_gaps() {
        let told = |template: &str, address: &str| {
            let params = Template::parse(template).unwrap().params_of(address)?;
            Some(params.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
        };
        let infomaniak = "https://api.infomaniak.com/2/ai/{product_id}/openai/v1";
        assert_eq!(
            told(infomaniak, "https://api.infomaniak.com/2/ai/12345/openai/v1/").as_deref(),
            Some("product_id=12345")
        );
        assert_eq!(told("https://{a}.example.com/{b}", "https://x-1.example.com/y").as_deref(), Some("a=x-1 b=y"));
        assert_eq!(told("https://api.example.com/v1", "https://api.example.com:443/v1").as_deref(), Some(""));
        for other in [
            "https://api.infomaniak.com/2/ai/12345/openai",
            "https://api.infomaniak.com/2/ai/12345/openai/v1/chat",
            "https://api.infomaniak.com/2/ai//openai/v1",
            "https://api.infomaniak.com/2/ai/1/2/openai/v1",
            "http://api.infomaniak.com/2/ai/12345/openai/v1",
            "https://api.infomaniak.com:8443/2/ai/12345/openai/v1",
            "https://user@api.infomaniak.com/2/ai/12345/openai/v1",
            "https://api.infomaniak.com.example/2/ai/12345/openai/v1",
            "https://api.infomaniak.com/2/ai/{product_id}/openai/v1",
            "",
        ] {
            assert_eq!(told(infomaniak, other), None, "{other}");
        }
    }

    #[test]
    fn bedrock_is_in_one_region_that_its_name_says() {
        let region = |text: &str| Template::parse(text).unwrap().aws_region().map(str::to_owned);
        assert_eq!(region("https://bedrock-runtime.eu-central-2.amazonaws.com/model").as_deref(), Some("eu-central-2"));
        assert_eq!(region("https://bedrock-runtime-fips.us-east-1.amazonaws.com/model").as_deref(), Some("us-east-1"));
        for other in [
            "http://bedrock-runtime.us-east-1.amazonaws.com/model",
            "https://bedrock-runtime.us-east-1.amazonaws.com:8443/model",
            "https://bedrock-runtime.{region}.amazonaws.com/model",
            "https://bedrock-runtime.a.b.amazonaws.com/model",
            "https://bedrock.us-east-1.amazonaws.com/model",
            "https://bedrock-runtime.us-east-1.amazonaws.com.example/model",
            "https://bedrock-runtime.amazonaws.com/model",
        ] {
            assert_eq!(region(other), None, "{other}");
        }
    }

    #[test]
    fn vertex_is_at_one_location_which_host_and_path_both_name() {
        let is_vertex = |text: &str| Template::parse(text).unwrap().is_vertex();
        let path = "/v1/projects/{project}/locations";
        assert!(is_vertex(&format!("https://aiplatform.googleapis.com{path}/global/endpoints/openapi")));
        assert!(is_vertex(&format!("https://aiplatform.eu.rep.googleapis.com{path}/eu/endpoints/openapi")));
        assert!(is_vertex(&format!(
            "https://europe-west2-aiplatform.googleapis.com{path}/europe-west2/endpoints/openapi"
        )));
        for elsewhere in [
            format!("https://europe-west2-aiplatform.googleapis.com{path}/europe-west4/endpoints/openapi"),
            format!("https://europe-west2-aiplatform.googleapis.com{path}/europe-west22/endpoints/openapi"),
            format!("https://aiplatform.googleapis.com{path}/europe-west2/endpoints/openapi"),
            format!("https://europe-west2-aiplatform.googleapis.com{path}"),
            format!("https://aiplatform.eu.rep.googleapis.com{path}/us/endpoints/openapi"),
            format!("https://aiplatform.x.rep.googleapis.com{path}/x/endpoints/openapi"),
            format!("https://{{location}}-aiplatform.googleapis.com{path}/{{location}}/endpoints/openapi"),
            format!("https://evilaiplatform.googleapis.com{path}/evil/endpoints/openapi"),
            format!("https://x-aiplatform.googleapis.com.evil.example{path}/x/endpoints/openapi"),
            format!("https://x.y-aiplatform.googleapis.com{path}/x.y/endpoints/openapi"),
            format!("https://x-aiplatform.googleapis.com:8443{path}/x/endpoints/openapi"),
            format!("http://x-aiplatform.googleapis.com{path}/x/endpoints/openapi"),
            "https://generativelanguage.googleapis.com/v1beta/locations/global/openai".to_owned(),
        ] {
            assert!(!is_vertex(&elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn gaps_are_filled_with_what_the_credential_brings() {
        let infomaniak = "https://api.infomaniak.com/2/ai/{product_id}/openai/v1";
        assert_eq!(
            filled(infomaniak, &[("product_id", "1234"), ("other", "x")]).unwrap(),
            "https://api.infomaniak.com/2/ai/1234/openai/v1/chat/completions"
        );
        assert_eq!(filled(infomaniak, &[]), Err(Unfilled::Missing("product_id".into())));
        for bad in ["", "a/b", "..", "A", "a.b", "x@evil", "a b", &"a".repeat(64)] {
            assert_eq!(filled(infomaniak, &[("product_id", bad)]), Err(Unfilled::Misfit("product_id".into())), "{bad}");
        }
        assert_eq!(
            filled("https://{resource}.openai.azure.com:8443", &[("resource", "phi-ch")]).unwrap(),
            "https://phi-ch.openai.azure.com:8443/chat/completions"
        );
        assert_eq!(filled("https://{a}-a.b.com", &[("a", &"a".repeat(62))]), Err(Unfilled::TooLong));
        assert_eq!(filled("http://[::1]:9/v1", &[]).unwrap(), "http://[::1]:9/v1/chat/completions");
    }

    #[test]
    fn an_address_that_could_mislead_is_refused() {
        for bad in [
            "api.example.com/v1",
            "ftp://a.b",
            "https://",
            "https://a.b/",
            "https://a.b//c",
            "https://a.b/../c",
            "https://a.b/.c",
            "https://u@a.b",
            "https://a.b?x",
            "https://a.b/c?x",
            "https://a.b#x",
            "https://a.b:0",
            "https://a.b:65536",
            "https://a.b:+1",
            "https://A.b",
            "https://a..b",
            "https://a.b.",
            "https://{x}.com",
            "https://{x}",
            "https://a.{x}.com",
            "https://a.{x}",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.0x1",
            "https://{x}.0.0.1",
            "https://[::1",
            "https://[127.0.0.1]",
            "https://a.b/{X}",
            "https://a.b/{x",
            "https://a.b/x}",
            "https://a.b/{}",
            "https://a.b/%2e",
            "https://a\u{430}.b",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn private_places_are_known() {
        for private in [
            "http://127.0.0.1:1",
            "http://10.1.2.3",
            "http://192.168.0.1",
            "http://169.254.169.254",
            "http://0.0.0.0",
            "http://100.64.0.1",
            "http://[::1]",
            "http://[fe80::1]",
            "http://[fd00::1]",
            "http://[::ffff:10.0.0.1]",
            "http://localhost",
            "http://a.localhost",
            "http://gpu.lan",
            "http://x.internal",
            "http://gpu",
        ] {
            assert!(Template::parse(private).unwrap().is_private(), "{private}");
        }
        for public in ["https://api.example.com", "https://8.8.8.8", "https://[2606:4700::1111]"] {
            assert!(!Template::parse(public).unwrap().is_private(), "{public}");
        }
    }

    proptest! {
        /// Whatever fills the gaps, the address is a sound one, and its host ends as it was written.
        #[test]
        fn no_credential_leads_to_another_domain(
            host in "[a-z{}.0-9-]{1,12}|\\{a\\}(-[a-z]{1,3})?\\.[a-z]{1,4}\\.(com|\\{b\\}|ch|7)",
            path in "(/(\\{[ab]\\}|[a-z.]{0,3}))?",
            a in "[a-z0-9-]{1,63}|[./@:%A-Z ]{0,3}", b in "[a-z0-9-]{1,63}",
        ) {
            let written = format!("https://{host}{path}");
            let Ok(template) = Template::parse(&written) else { return Ok(()) };
            let params = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
            let Ok(address) = template.fill(&params) else { return Ok(()) };
            let again = Template::parse(&address.url(""));
            prop_assert!(again.as_ref().is_ok_and(|again| again.params().is_empty()), "{written} {address:?}");
            let end = |host: &str| host.rsplit('.').take(2).map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(end(&host), end(&address.host));
            prop_assert!(address.host.parse::<IpAddr>().is_err() || host.parse::<IpAddr>().is_ok());
        }
    }
}
