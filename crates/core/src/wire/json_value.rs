//! Single JSON values, as protobuf's JSON mapping reads them for a kind of field.

use std::borrow::Cow;

use super::base64;
use super::schema::Kind;
use super::write::{field, varint};

/// What a value must be, as the end of a sentence that begins with its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) &'static str);

/// A value on its way to the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Cow<'a, [u8]>),
}

impl Scalar<'_> {
    /// Appends the field; if it has its default, only when `always`.
    pub(super) fn write(&self, number: u32, always: bool, out: &mut Vec<u8>) {
        let key = u64::from(number) << 3;
        match self {
            Self::Varint(0) | Self::Fixed32(0) | Self::Fixed64(0) if !always => {}
            Self::Bytes(bytes) if bytes.is_empty() && !always => {}
            Self::Varint(value) => {
                varint(key, out);
                varint(*value, out);
            }
            Self::Fixed64(value) => {
                varint(key | 1, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Bytes(bytes) => field(key | 2, bytes, out),
            Self::Fixed32(value) => {
                varint(key | 5, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

const fn expected(kind: &Kind) -> Wrong {
    Wrong(match kind {
        Kind::Bool => "must be true or false",
        Kind::Int32 => "must be an integer of 32 bits",
        Kind::Uint32 | Kind::Fixed32 => "must be an integer of 32 bits without sign",
        Kind::Int64 => "must be an integer of 64 bits, as a number or a string",
        Kind::Fixed64 => "must be an integer of 64 bits without sign, as a number or a string",
        Kind::Double => "must be a number",
        Kind::Enum(_) => "must be an integer, or a name of its enum",
        Kind::Text => "must be a string",
        Kind::Bytes => "must be a string of base64",
        Kind::Id => "must be a string of hex digits",
        Kind::Message(_) => "must be an object",
    })
}

pub(super) fn boolean(kind: &Kind, value: bool) -> Result<Scalar<'static>, Wrong> {
    match kind {
        Kind::Bool => Ok(Scalar::Varint(value.into())),
        _ => Err(expected(kind)),
    }
}

pub(super) fn integer(kind: &Kind, value: i128) -> Result<Scalar<'static>, Wrong> {
    let wrong = |_| expected(kind);
    Ok(match kind {
        Kind::Int32 | Kind::Enum(_) => {
            let value = i32::try_from(value).map_err(wrong)?;
            Scalar::Varint(i64::from(value).cast_unsigned())
        }
        Kind::Uint32 => Scalar::Varint(u32::try_from(value).map_err(wrong)?.into()),
        Kind::Int64 => Scalar::Varint(i64::try_from(value).map_err(wrong)?.cast_unsigned()),
        Kind::Fixed32 => Scalar::Fixed32(value.try_into().map_err(wrong)?),
        Kind::Fixed64 => Scalar::Fixed64(value.try_into().map_err(wrong)?),
        Kind::Double => Scalar::Fixed64((value as f64).to_bits()),
        _ => return Err(expected(kind)),
    })
}

pub(super) fn real(kind: &Kind, value: f64) -> Result<Scalar<'static>, Wrong> {
    match kind {
        Kind::Double => Ok(Scalar::Fixed64(value.to_bits())),
        _ if value.is_finite() && value.fract() == 0.0 => integer(kind, value as i128),
        _ => Err(expected(kind)),
    }
}

pub(super) fn text<'a>(kind: &Kind, value: &'a str) -> Result<Scalar<'a>, Wrong> {
    let bytes = match kind {
        Kind::Text => Cow::Borrowed(value.as_bytes()),
        Kind::Id => Cow::Owned(hex(value).ok_or_else(|| expected(kind))?),
        Kind::Bytes => Cow::Owned(base64::decode(value).ok_or_else(|| expected(kind))?),
        Kind::Bool | Kind::Message(_) => return Err(expected(kind)),
        Kind::Enum(names) => {
            if let Some(number) = names.iter().position(|name| *name == value) {
                return Ok(Scalar::Varint(number as u64));
            }
            return number(kind, value);
        }
        Kind::Double => {
            return match value {
                "NaN" => real(kind, f64::NAN),
                "Infinity" => real(kind, f64::INFINITY),
                "-Infinity" => real(kind, f64::NEG_INFINITY),
                _ => number(kind, value),
            };
        }
        _ => return number(kind, value),
    };
    Ok(Scalar::Bytes(bytes))
}

/// A number in quotes, spelled as JSON spells numbers.
fn number(kind: &Kind, value: &str) -> Result<Scalar<'static>, Wrong> {
    match serde_json::from_str::<serde_json::Number>(value) {
        // JSON lets numbers stand between spaces; a string has to be the number and nothing else.
        Ok(_) if value.trim_ascii() != value => Err(expected(kind)),
        Ok(number) => match (number.as_i128(), number.as_f64()) {
            (Some(value), _) => integer(kind, value),
            (None, Some(value)) => real(kind, value),
            (None, None) => Err(expected(kind)),
        },
        Err(_) => Err(expected(kind)),
    }
}

fn hex(value: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8);
    let pairs = value.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
