//! Whose request it is: by bearer token, by header, or nobody in particular.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use tailsampler_core::intake::Tenant;

use crate::error::DoorError;
use crate::fault::Fault;
use crate::options;

/// Whoever names no tenant, where that is allowed.
const DEFAULT: Tenant = 0;
const DIGEST_BYTES: usize = 32;

/// The tenants that are known. Tokens are known by their digests alone, so a lookup that takes
/// longer or shorter says nothing of a token, and a memory dump holds none.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    header: Option<HeaderName>,
    names: HashMap<Vec<u8>, Named>,
    tokens: HashMap<[u8; DIGEST_BYTES], Tenant>,
    required: bool,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    tenant: Tenant,
    has_tokens: bool,
}

impl Tenants {
    /// Check the options, and make them quick to look things up in.
    pub(crate) fn new(options: &options::Tenants) -> Result<Self, DoorError> {
        let wrong = |problem: String| DoorError::Options(format!("tenants: {problem}"));
        let header = options.header.as_ref().map(|name| {
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong(format!("{name:?} is not a header name")))
        });
        let mut tokens = HashMap::new();
        for token in &options.tokens {
            let known = unhex(&token.sha256)
                .ok_or_else(|| wrong("sha256 is not 64 hex digits".to_owned()))?;
            if usize::from(token.tenant) >= options.names.len() {
                return Err(wrong(format!(
                    "there is no name for tenant {}",
                    token.tenant
                )));
            }
            tokens.insert(known, token.tenant);
        }
        let mut names = HashMap::new();
        for (number, name) in options.names.iter().enumerate() {
            let tenant = Tenant::try_from(number)
                .map_err(|_| wrong(format!("more than {} names", Tenant::MAX)))?;
            let has_tokens = options.tokens.iter().any(|token| token.tenant == tenant);
            names.insert(name.clone().into_bytes(), Named { tenant, has_tokens });
        }
        Ok(Self {
            header: header.transpose()?,
            names,
            tokens,
            required: options.required,
        })
    }

    /// The tenant of a request with these headers. A tenant that has tokens is never named by a
    /// header, and a wrong token is refused even where none is needed: its sender is mistaken
    /// about who it is.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Result<Tenant, Fault> {
        if !self.tokens.is_empty()
            && let Some(token) = headers
                .get(AUTHORIZATION)
                .and_then(|value| bearer(value.as_bytes()))
        {
            return self.by_token(token);
        }
        if let Some(header) = &self.header
            && let Some(name) = headers.get(header)
        {
            match self.names.get(name.as_bytes()) {
                Some(named) if named.has_tokens => {
                    return Err(Fault::unauthenticated(
                        "this tenant is known by its token; send authorization: Bearer <token>",
                    ));
                }
                Some(named) => return Ok(named.tenant),
                None if self.required => {
                    return Err(Fault::unauthenticated(
                        "this tenant is not known here; receive.tenants lists those that are",
                    ));
                }
                None => return Ok(DEFAULT),
            }
        }
        if !self.required {
            return Ok(DEFAULT);
        }
        Err(Fault::unauthenticated(if self.tokens.is_empty() {
            format!(
                "the header {} is missing; it names the tenant",
                self.header.as_ref().map_or("", HeaderName::as_str)
            )
        } else {
            "a token is needed; send authorization: Bearer <token>".to_owned()
        }))
    }

    fn by_token(&self, token: &[u8]) -> Result<Tenant, Fault> {
        let shown = digest(&SHA256, token);
        self.tokens
            .get(shown.as_ref())
            .copied()
            .ok_or_else(|| Fault::unauthenticated("this token is not known here"))
    }
}

/// The token of `Bearer <token>`; the scheme in any case, as RFC 7235 has it. A token that was
/// forgotten is an empty one: HTTP/1 cuts the space off.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer") && matches!(token, [] | [b' ', ..]);
    is_bearer.then(|| token.trim_ascii())
}

fn unhex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    if text.len() != 2 * DIGEST_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; DIGEST_BYTES];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(out)
}
