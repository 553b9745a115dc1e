//! URLs, as Go's `net/url` takes them apart and puts them together.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::Arguments;
use super::escapes::{Part, decode, encode, written};
use super::parameters::text;
use crate::ottl::value::{Answer, Erred, Map, Text, Value};

pub(super) fn url<'e>([uri, ..]: Arguments<'e>) -> Answer<'e> {
    let uri = text(uri)?;
    if uri.is_empty() {
        return Err(Erred);
    }
    parse(&uri).and_then(|url| url.parts()).ok_or(Erred)
}

#[derive(Debug, Default)]
struct Url<'u> {
    scheme: Vec<u8>,
    opaque: &'u [u8],
    /// Name and perhaps password, decoded.
    user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// With port, decoded.
    host: Vec<u8>,
    /// The scheme is followed by a path at once.
    no_host: bool,
    /// As written, and decoded.
    path: (&'u [u8], Vec<u8>),
    query: &'u [u8],
    /// There is a question mark with nothing behind it.
    empty_query: bool,
    /// As written, and decoded.
    fragment: (&'u [u8], Vec<u8>),
}

fn parse(uri: &[u8]) -> Option<Url<'_>> {
    let (rest, fragment) = cut(uri, b'#');
    let mut url = Url {
        fragment: (fragment, decode(fragment, Part::Fragment)?),
        ..Url::default()
    };
    if rest.iter().any(u8::is_ascii_control) {
        return None;
    }
    if rest == b"*" {
        url.path = (rest, rest.to_vec());
        return Some(url);
    }
    let (scheme, rest) = scheme(rest)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (mut rest, query) = cut(rest, b'?');
    (url.query, url.empty_query) = (query, query.is_empty() && uri_asks(uri));
    if !rest.starts_with(b"/") {
        if !scheme.is_empty() {
            url.opaque = rest;
            return Some(url);
        }
        // Else the first part of a path could be taken for a scheme.
        if cut(rest, b'/').0.contains(&b':') {
            return None;
        }
    }
    let has_scheme = !scheme.is_empty();
    if rest.starts_with(b"//") && (has_scheme || !rest.starts_with(b"///")) {
        let end = rest.iter().skip(2).position(|byte| *byte == b'/');
        let (authority, path) = rest.split_at(end.map_or(rest.len(), |at| at + 2));
        rest = path;
        (url.user, url.host) = parse_authority(authority.get(2..)?)?;
    } else {
        url.no_host = has_scheme && rest.starts_with(b"/");
    }
    url.path = (rest, decode(rest, Part::Path)?);
    Some(url)
}

fn cut(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == at) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, b""),
    }
}

/// Whether a URL has a question mark before its fragment.
fn uri_asks(uri: &[u8]) -> bool {
    cut(uri, b'#').0.contains(&b'?')
}

/// The scheme, if there is one, and what is behind its colon.
fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some((b"", text))
}

type User = (Vec<u8>, Option<Vec<u8>>);

fn parse_authority(authority: &[u8]) -> Option<(Option<User>, Vec<u8>)> {
    let Some(at) = authority.iter().rposition(|byte| *byte == b'@') else {
        return Some((None, parse_host(authority)?));
    };
    let (user, host) = (&authority[..at], parse_host(&authority[at + 1..])?);
    let stands = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(stands) {
        return None;
    }
    let (name, password) = cut(user, b':');
    let password = match user.contains(&b':') {
        true => Some(decode(password, Part::User)?),
        false => None,
    };
    Some((Some((decode(name, Part::User)?, password)), host))
}

fn parse_host(host: &[u8]) -> Option<Vec<u8>> {
    if host.contains(&b'[') {
        let address = host
            .strip_prefix(b"[")
            .filter(|rest| !rest.contains(&b'['))?;
        let end = address.iter().rposition(|byte| *byte == b']')?;
        let (address, port) = (&address[..end], &address[end + 1..]);
        if !is_port(port) {
            return None;
        }
        let zone = memchr::memmem::find(address, b"%25").unwrap_or(address.len());
        let (address, zone) = address.split_at(zone);
        let (address, zone) = (decode(address, Part::Host)?, decode(zone, Part::Zone)?);
        // A zone has a name behind its percent sign.
        std::str::from_utf8(&address)
            .ok()?
            .parse::<Ipv6Addr>()
            .ok()?;
        if zone.len() == 1 {
            return None;
        }
        return Some([b"[", &*address, &zone, b"]", port].concat());
    }
    let colon = host.iter().rposition(|byte| *byte == b':');
    if colon.is_some_and(|at| !is_port(&host[at..])) {
        return None;
    }
    decode(host, Part::Host)
}

/// Nothing, or a colon with digits behind it, or with none.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

impl Url<'_> {
    /// Host and port apart, an address without its brackets.
    fn host_and_port(&self) -> (&[u8], &[u8]) {
        let colon = self.host.iter().rposition(|byte| *byte == b':');
        let (host, port) = match colon.filter(|at| is_port(&self.host[*at..])) {
            Some(at) => (&self.host[..at], &self.host[at + 1..]),
            None => (&*self.host, &b""[..]),
        };
        let inner = host
            .strip_prefix(b"[")
            .and_then(|host| host.strip_suffix(b"]"));
        (inner.unwrap_or(host), port)
    }

    fn user_info(&self) -> Vec<u8> {
        let Some((name, password)) = &self.user else {
            return Vec::new();
        };
        let mut shown = encode(name, Part::User);
        if let Some(password) = password {
            shown.push(b':');
            shown.extend(encode(password, Part::User));
        }
        shown
    }

    fn put_together(&self) -> Vec<u8> {
        let mut out = self.scheme.clone();
        if !out.is_empty() {
            out.push(b':');
        }
        if self.opaque.is_empty() {
            let host = !self.host.is_empty() || self.user.is_some();
            let path = &self.path.1;
            if host || (!self.scheme.is_empty() && !path.is_empty() && !self.no_host) {
                out.extend(b"//");
            }
            if self.user.is_some() {
                out.extend(self.user_info());
                out.push(b'@');
            }
            out.extend(encode(&self.host, Part::Host));
            let path = written(self.path.0, path, Part::Path);
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
                out.extend(b"./");
            }
            out.extend(path);
        } else {
            out.extend(self.opaque);
        }
        if self.empty_query || !self.query.is_empty() {
            out.push(b'?');
            out.extend(self.query);
        }
        if !self.fragment.1.is_empty() {
            out.push(b'#');
            out.extend(written(self.fragment.0, &self.fragment.1, Part::Fragment));
        }
        out
    }

    /// The map; `None`: the port is too large for a number.
    fn parts<'e>(self) -> Option<Value<'e>> {
        let (host, port) = self.host_and_port();
        let path = &self.path.1;
        let extension = path.iter().rposition(|byte| *byte == b'.');
        let extension = extension.map_or(&b""[..], |at| &path[at + 1..]);
        let (name, password) = match &self.user {
            Some((name, password)) => (name.as_slice(), password.as_deref().unwrap_or_default()),
            None => (&b""[..], &b""[..]),
        };
        let text = |text: &[u8]| Value::Text(Cow::Owned(text.to_vec()));
        let mut parts: Vec<(Text<'e>, Value<'e>)> = Vec::new();
        let mut put = |key: &'static str, value| parts.push((Cow::Borrowed(key.as_bytes()), value));
        put("url.original", text(&self.put_together()));
        put("url.domain", text(host));
        put("url.scheme", text(&self.scheme));
        put("url.path", text(path));
        if !port.is_empty() {
            put(
                "url.port",
                Value::Int(std::str::from_utf8(port).ok()?.parse().ok()?),
            );
        }
        let others: [(&str, &[u8]); 6] = [
            ("url.fragment", &self.fragment.1),
            ("url.query", self.query),
            ("url.user_info", &self.user_info()),
            ("url.username", name),
            ("url.password", password),
            ("url.extension", extension),
        ];
        for (key, value) in others {
            if !value.is_empty() {
                put(key, text(value));
            }
        }
        Some(Value::Map(Map::Owned(parts)))
    }
}
