//! Where HTTP/2 frames begin, read from the bytes as they pass.
//!
//! h2 answers or swallows most control frames without telling anybody. Their heads are all that
//! it takes to count them, and a payload is stepped over in one go, whatever its size.

/// Bytes of a frame's head.
const HEAD: usize = 9;
/// What a client says first.
pub(crate) const PREFACE: usize = 24;
/// The part of a GOAWAY that is kept: where it stops, why, and some words.
const KEPT: usize = 72;

/// The kinds of frames that matter here.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const GOAWAY: u8 = 7;
}

/// `END_STREAM`, of DATA and HEADERS.
const END_STREAM: u8 = 1;

/// The head of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of the payload.
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Head {
    fn read(bytes: [u8; HEAD]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        Self {
            length: usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c),
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }

    pub(crate) const fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }
}

/// One direction of a connection. It believes what it reads: what is no HTTP/2 makes it count
/// nonsense, and h2 end the connection.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Bytes of the payload, or of the preface, that are still to come.
    left: usize,
    head: [u8; HEAD],
    /// Bytes of the head that came.
    have: usize,
    last: Head,
    goaway: Vec<u8>,
}

impl Frames {
    /// Frames that begin after `skipped` bytes of something else.
    pub(crate) fn after(skipped: usize) -> Self {
        Self {
            left: skipped,
            ..Self::default()
        }
    }

    /// Read on. `each` is told the head of every frame as soon as that is complete.
    #[inline]
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Head)) {
        loop {
            let step = self.left.min(bytes.len());
            if self.last.kind == kind::GOAWAY {
                let room = KEPT - self.goaway.len();
                self.goaway.extend_from_slice(&bytes[..step.min(room)]);
            }
            self.left -= step;
            bytes = &bytes[step..];
            if bytes.is_empty() {
                return;
            }
            let step = (HEAD - self.have).min(bytes.len());
            self.head[self.have..self.have + step].copy_from_slice(&bytes[..step]);
            self.have += step;
            bytes = &bytes[step..];
            if self.have < HEAD {
                return;
            }
            self.have = 0;
            self.last = Head::read(self.head);
            self.left = self.last.length;
            self.goaway.clear();
            each(self.last);
        }
    }

    /// Whether the next byte begins a frame.
    pub(crate) const fn between(&self) -> bool {
        self.left == 0 && self.have == 0
    }

    /// Bytes that came of a frame that is not complete.
    pub(crate) const fn unfinished(&self) -> usize {
        if self.left > 0 {
            self.last.length.saturating_sub(self.left)
        } else {
            0
        }
    }

    /// If the last frame was a GOAWAY and is complete: its error code, and its words.
    pub(crate) fn goaway(&self) -> Option<(u32, &[u8])> {
        if self.last.kind != kind::GOAWAY || self.left > 0 {
            return None;
        }
        let (code, words) = self.goaway.get(4..)?.split_first_chunk()?;
        Some((u32::from_be_bytes(*code), words))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut out = length[1..].to_vec();
        out.extend_from_slice(&[kind, flags]);
        out.extend_from_slice(&stream.to_be_bytes());
        out.extend_from_slice(payload);
        out
    }

    fn heads(skipped: usize, parts: &[&[u8]]) -> (Vec<Head>, Frames) {
        let mut frames = Frames::after(skipped);
        let mut seen = Vec::new();
        for part in parts {
            frames.feed(part, |head| seen.push(head));
        }
        (seen, frames)
    }

    proptest! {
        /// However the bytes are cut, the same frames are seen, and what is left over is the same.
        #[test]
        fn cuts_do_not_matter(
            made in vec((any::<u8>(), any::<u8>(), 0_u32..=0x7fff_ffff, vec(any::<u8>(), 0..90)), 0..9),
            cuts in vec(0_usize..900, 0..9),
            short in 0_usize..20,
        ) {
            let mut bytes = vec![7; PREFACE];
            for (kind, flags, stream, payload) in &made {
                bytes.extend(frame(*kind, *flags, *stream, payload));
            }
            bytes.truncate(bytes.len().saturating_sub(short));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at % (bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut from = 0;
            for at in cuts {
                parts.push(&bytes[from..at]);
                from = at;
            }
            parts.push(&bytes[from..]);
            let (whole, one) = heads(PREFACE, &[&bytes]);
            let (seen, many) = heads(PREFACE, &parts);
            prop_assert_eq!(&seen, &whole);
            prop_assert_eq!(one.between(), many.between());
            prop_assert_eq!(one.unfinished(), many.unfinished());
            prop_assert_eq!(one.goaway(), many.goaway());
            if short == 0 {
                let told: Vec<_> = seen.iter().map(|head| (head.kind, head.flags, head.stream, head.length)).collect();
                let want: Vec<_> = made.iter().map(|(kind, flags, stream, payload)| (*kind, *flags, *stream, payload.len())).collect();
                prop_assert_eq!(told, want);
                prop_assert!(one.between());
            }
        }
    }

    /// A frame counts as unfinished by what came of it, and no longer once it is complete.
    #[test]
    fn unfinished_frames_are_measured() {
        let bytes = frame(kind::DATA, 0, 1, &[0; 100]);
        let (_, mut frames) = heads(0, &[&bytes[..50]]);
        assert_eq!(frames.unfinished(), 41);
        frames.feed(&bytes[50..], |_| {});
        assert_eq!((frames.unfinished(), frames.between()), (0, true));
    }

    /// The code and the words of a GOAWAY are read once it is complete, however long it is.
    #[test]
    fn a_goaway_is_read() {
        let payload = [&[0, 0, 0, 9, 0, 0, 0, 11][..], b"too_many_resets"].concat();
        let bytes = frame(kind::GOAWAY, 0, 0, &payload);
        let (_, frames) = heads(0, &[&bytes[..20]]);
        assert_eq!(frames.goaway(), None);
        let (_, frames) = heads(0, &[&bytes]);
        assert_eq!(frames.goaway(), Some((11, &b"too_many_resets"[..])));
        let (_, frames) = heads(0, &[&frame(kind::GOAWAY, 0, 0, &[0; 500])]);
        assert_eq!(frames.goaway().map(|(code, _)| code), Some(0));
    }
}
