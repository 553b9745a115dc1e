//! Protobuf's wire format, read in place.

use super::types::ScanError;

pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const LEN: u8 = 2;
pub(crate) const FIXED32: u8 = 5;

const MAX_FIELD_KEY: u64 = u32::MAX as u64;

/// One message, being read. It borrows the request from its first byte to the end of the message,
/// so that every position, and thus every error, counts from the start of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    buf: &'a [u8],
    at: usize,
    within: &'static str,
}

/// One field as it stands on the wire: `at..end` with its key, `from..end` without key and length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) wire: u8,
    pub(crate) at: usize,
    pub(crate) from: usize,
    pub(crate) end: usize,
}

impl<'a> Reader<'a> {
    /// Reads `buf` from its start; `within` names the message in errors.
    pub(crate) const fn new(buf: &'a [u8], within: &'static str) -> Self {
        Self { buf, at: 0, within }
    }

    /// Reads the message that stands at `from..end` of the same request.
    pub(crate) fn part(&self, from: usize, end: usize, within: &'static str) -> Self {
        Self {
            buf: self.buf.get(..end).unwrap_or(self.buf),
            at: from,
            within,
        }
    }

    #[inline(always)]
    pub(crate) const fn done(&self) -> bool {
        self.at >= self.buf.len()
    }

    #[inline(always)]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    #[inline(always)]
    pub(crate) const fn end(&self) -> usize {
        self.buf.len()
    }

    /// Everything not read yet.
    #[inline(always)]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.buf.get(self.at..).unwrap_or_default()
    }

    /// Some bytes of the request.
    pub(crate) fn slice(&self, from: usize, end: usize) -> &'a [u8] {
        self.buf.get(from..end).unwrap_or_default()
    }

    #[cold]
    pub(crate) const fn error(&self, what: &'static str, at: usize) -> ScanError {
        ScanError {
            what,
            within: self.within,
            at,
        }
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, ScanError> {
        match self.buf.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    /// Up to ten bytes, minimal or not; the tenth may only carry the 64th bit.
    fn long_varint(&mut self) -> Result<u64, ScanError> {
        let mut value = 0;
        for (count, &byte) in self.rest().iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * count);
            if byte < 0x80 {
                if count == 9 && byte > 1 {
                    return Err(self.error("a number over 64 bits", self.at));
                }
                self.at += count + 1;
                return Ok(value);
            }
        }
        let what = if self.rest().len() < 10 {
            "a number that is cut off"
        } else {
            "a number over ten bytes"
        };
        Err(self.error(what, self.at))
    }

    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], ScanError> {
        let at = self.at;
        let len = self.varint()?;
        let found = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest().split_at_checked(len));
        match found {
            Some((found, _)) => {
                self.at += found.len();
                Ok(found)
            }
            None => Err(self.error("a length that runs past the end of its message", at)),
        }
    }

    /// Reads a length, steps over that many bytes and returns a reader on them.
    #[inline(always)]
    pub(crate) fn message(&mut self, within: &'static str) -> Result<Self, ScanError> {
        let len = self.bytes()?.len();
        Ok(self.part(self.at - len, self.at, within))
    }

    #[inline(always)]
    pub(crate) fn fixed64(&mut self) -> Result<u64, ScanError> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.at += 8;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => Err(self.error("a fixed 64-bit number that is cut off", self.at)),
        }
    }

    #[inline(always)]
    pub(crate) fn fixed32(&mut self) -> Result<u32, ScanError> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.at += 4;
                Ok(u32::from_le_bytes(*bytes))
            }
            None => Err(self.error("a fixed 32-bit number that is cut off", self.at)),
        }
    }

    /// Checks a field key that was read at `at`, and splits it.
    pub(crate) fn key(&self, key: u64, at: usize) -> Result<(u32, u8), ScanError> {
        if key > MAX_FIELD_KEY {
            return Err(self.error("a field number over 29 bits", at));
        }
        if key < 8 {
            return Err(self.error("field number 0", at));
        }
        Ok(((key >> 3) as u32, (key & 7) as u8))
    }

    /// Steps over the value of a field of this wire type.
    pub(crate) fn skip(&mut self, wire: u8, at: usize) -> Result<(), ScanError> {
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            LEN => self.bytes().map(drop),
            FIXED32 => self.fixed32().map(drop),
            3 | 4 => Err(self.error("a group, which OTLP does not have,", at)),
            _ => Err(self.error("an unknown wire type", at)),
        }
    }

    /// Steps over a field that the caller does not read: whatever is unknown. `known` are the
    /// numbers that the message does have; with those, the wire type must have been wrong.
    pub(crate) fn skip_unknown(
        &mut self,
        key: u64,
        at: usize,
        known: fn(u32) -> bool,
    ) -> Result<(), ScanError> {
        let (number, wire) = self.key(key, at)?;
        if known(number) && wire != 3 && wire != 4 {
            return Err(self.error("a wire type that does not fit its field", at));
        }
        self.skip(wire, at)
    }

    /// The next field of a message in which every known field is length-delimited.
    pub(crate) fn field(&mut self, known: fn(u32) -> bool) -> Result<Option<Field>, ScanError> {
        if self.done() {
            return Ok(None);
        }
        let at = self.at;
        let key = self.varint()?;
        let (number, wire) = self.key(key, at)?;
        let from = if wire == LEN {
            let len = self.bytes()?.len();
            self.at - len
        } else {
            let from = self.at;
            self.skip_unknown(key, at, known)?;
            from
        };
        Ok(Some(Field {
            number,
            wire,
            at,
            from,
            end: self.at,
        }))
    }
}
