//! Unary framing: one message of one flag byte, four bytes of length, and the body.

use bytes::{Buf, Bytes, BytesMut};

use crate::fault::Fault;

const PREFIX: usize = 5;
/// Beyond this a buffer grows with what arrived, not with what the prefix announces.
const TRUSTED: usize = 256 << 10;

/// The frames of one request so far. The first is kept as it came, so that a request in one
/// frame is never copied; with the second all are put together, since a small slice would hold
/// on to the whole read buffer it came in.
#[derive(Debug, Default)]
pub(super) struct Gather {
    first: Bytes,
    rest: BytesMut,
}

impl Gather {
    /// Add a frame. Refuses as soon as the prefix announces more than `max`, or more arrived
    /// than it announced.
    pub(super) fn push(&mut self, frame: Bytes, max: usize) -> Result<(), Fault> {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = frame;
        } else {
            let announced = self.announced().unwrap_or(0) + PREFIX;
            let have = self.len();
            if self.rest.is_empty() {
                self.rest
                    .reserve((have + frame.len()).max(announced.min(TRUSTED)));
                self.rest
                    .extend_from_slice(&std::mem::take(&mut self.first));
            }
            self.rest.extend_from_slice(&frame);
        }
        match self.announced() {
            Some(body) if body > max => Err(Fault::too_large(body, max)),
            Some(body) if self.len() > body + PREFIX => Err(Fault::broken(
                "received more than one message in a unary call",
            )),
            _ => Ok(()),
        }
    }

    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn announced(&self) -> Option<usize> {
        let start: &[u8] = if self.rest.is_empty() {
            &self.first
        } else {
            &self.rest
        };
        let length = start.get(1..PREFIX)?;
        length
            .try_into()
            .ok()
            .map(|bytes| u32::from_be_bytes(bytes) as usize)
    }

    /// The message, and whether it is compressed.
    pub(super) fn finish(self) -> Result<(bool, Bytes), Fault> {
        if self.len() == 0 {
            return Err(Fault::broken("received no message in a unary call"));
        }
        if self
            .announced()
            .is_none_or(|body| self.len() < body + PREFIX)
        {
            return Err(Fault::broken(format!(
                "the message is truncated: {} bytes arrived",
                self.len()
            )));
        }
        let mut body = if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        };
        let flag = body.get_u8();
        body.advance(PREFIX - 1);
        match flag {
            0 => Ok((false, body)),
            1 => Ok((true, body)),
            other => Err(Fault::broken(format!("unknown message flag {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(frames: &[&[u8]], max: usize) -> Result<(bool, Bytes), Fault> {
        let mut gather = Gather::default();
        for frame in frames {
            gather.push(Bytes::copy_from_slice(frame), max)?;
        }
        gather.finish()
    }

    /// Wherever the frames are cut, the message is the same.
    #[test]
    fn cuts_do_not_matter() {
        let whole = b"\x01\0\0\0\x03abc";
        for at in 0..=whole.len() {
            let (compressed, body) = gather(&[&whole[..at], &whole[at..]], 9).unwrap();
            assert!(compressed && body == "abc");
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(gather(&bytes, 9).unwrap().1, "abc");
    }

    /// A message in one frame is a slice of that frame, not a copy.
    #[test]
    fn one_frame_is_not_copied() {
        let frame = Bytes::from_static(b"\0\0\0\0\x03abc");
        let mut gather = Gather::default();
        gather.push(frame.clone(), 9).unwrap();
        let (_, body) = gather.finish().unwrap();
        assert_eq!(body.as_ptr(), frame[PREFIX..].as_ptr());
    }

    /// None, half, two, a strange flag and a giant are each turned away in their own words.
    #[test]
    fn broken_framing_is_named() {
        let words = |frames: &[&[u8]]| gather(frames, 9).unwrap_err().message;
        assert!(words(&[]).contains("no message"));
        assert!(words(&[b"\0\0\0"]).contains("truncated"));
        assert!(words(&[b"\0\0\0\0\x03ab"]).contains("truncated"));
        assert!(words(&[b"\0\0\0\0\x01a\0\0\0\0\x01b"]).contains("more than one"));
        assert!(words(&[b"\x02\0\0\0\x01a"]).contains("flag 2"));
        assert!(words(&[b"\0\xff\xff\xff\xff"]).contains("(4294967295 vs. 9 bytes)"));
    }
}
