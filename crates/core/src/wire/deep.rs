//! Deep validation: would a backend's decoder take this message?

use super::reader::{FIXED32, FIXED64, LEN, Reader, VARINT};
use super::schema::{Kind, Message};
use super::types::ScanError;

/// Messages that may be nested in a ResourceSpans, one in another: decoders commonly allow 100 in
/// a request, and this is what they have left on that level.
pub(crate) const IN_RESOURCE_SPANS: u32 = 99;

/// Checks a message and everything nested in it, `depth` levels down.
///
/// # Errors
/// The first thing that is wrong, and where.
pub(crate) fn check(
    mut message: Reader<'_>,
    schema: &Message,
    depth: u32,
) -> Result<(), ScanError> {
    while !message.done() {
        let at = message.at();
        let key = message.varint()?;
        let (number, wire) = message.key(key, at)?;
        let Some(field) = schema.field(number) else {
            if depth == 0 {
                return Err(message.error("a field nested over 100 levels deep", at));
            }
            message.skip(wire, at)?;
            continue;
        };
        if wire != field.kind.wire() {
            return Err(message.error("a wire type that does not fit its field", at));
        }
        match &field.kind {
            Kind::Text => check_text(&mut message, at)?,
            Kind::Message(schema) => {
                let below = depth
                    .checked_sub(1)
                    .ok_or_else(|| message.error("a message nested over 100 levels deep", at))?;
                check(message.message(schema.name)?, schema, below)?;
            }
            _ => message.skip(wire, at)?,
        }
    }
    Ok(())
}

/// Checks the string that comes next.
pub(crate) fn check_text(message: &mut Reader<'_>, at: usize) -> Result<(), ScanError> {
    match std::str::from_utf8(message.bytes()?) {
        Ok(_) => Ok(()),
        Err(_) => Err(message.error("text that is not UTF-8", at)),
    }
}

impl Kind {
    /// The wire type of a field of this kind.
    pub(crate) const fn wire(&self) -> u8 {
        match self {
            Self::Bool | Self::Int32 | Self::Uint32 | Self::Int64 | Self::Enum(_) => VARINT,
            Self::Fixed64 | Self::Double => FIXED64,
            Self::Fixed32 => FIXED32,
            Self::Text | Self::Bytes | Self::Id | Self::Message(_) => LEN,
        }
    }
}
