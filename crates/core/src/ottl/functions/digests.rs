//! Digests of strings.

use std::borrow::Cow;

use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

use super::Arguments;
use super::parameters::text;
use crate::ottl::text::hex;
use crate::ottl::value::{Answer, Value};

pub(super) fn md5<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(shown(&Md5::digest(&text(value)?)))
}

pub(super) fn sha1<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(shown(&Sha1::digest(&text(value)?)))
}

pub(super) fn sha256<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(shown(&Sha256::digest(&text(value)?)))
}

pub(super) fn sha512<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(shown(&Sha512::digest(&text(value)?)))
}

/// FNV-1a.
pub(super) fn fnv<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    let hash = text(value)?
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    Ok(Value::Int(hash.cast_signed()))
}

fn shown<'e>(digest: &[u8]) -> Value<'e> {
    Value::Text(Cow::Owned(hex(digest)))
}
