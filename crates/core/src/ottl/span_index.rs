//! Where the fields of a span stand, found once for all conditions.

use crate::wire::reader::Reader;

/// Fields of a Span have numbers from 1 to 16.
const NUMBERS: usize = 17;
const ATTRIBUTES: u32 = 9;
const EVENTS: u32 = 11;
const STATUS: u32 = 15;
/// Fields that have a length before them.
const SIZED: u32 =
    1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 13 | 1 << 15;

/// From here to there, in the Span message.
type Part = (u32, u32);

/// Where the fields of one span stand; used again for the next, so that it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct SpanIndex {
    /// The last of each number; nothing if it is not there.
    last: [Part; NUMBERS],
    attributes: Vec<Part>,
    /// Where the span begins in its request.
    base: usize,
    /// There are several of what is read as one.
    several: bool,
}

impl SpanIndex {
    /// The next span begins here.
    #[inline(always)]
    pub(crate) fn begin(&mut self, at: usize) {
        self.base = at;
        self.last = [(0, 0); NUMBERS];
        self.attributes.clear();
        self.several = false;
    }

    /// A field of it, from behind its tag to its end.
    #[inline(always)]
    pub(crate) fn note(&mut self, number: u32, from: usize, end: usize) {
        // A request is under 4 GiB, and so is a span.
        let part = ((from - self.base) as u32, (end - self.base) as u32);
        if number == ATTRIBUTES {
            self.attributes.push(part);
        }
        if let Some(last) = self.last.get_mut(number as usize) {
            self.several |= number == STATUS && *last != (0, 0);
            *last = part;
        }
    }

    /// Whether conditions may read the span by it; else it is of a rare kind.
    pub(crate) const fn is_usual(&self) -> bool {
        !self.several
    }

    /// What the last field with this number holds; `span`: the message that it is of.
    pub(super) fn last<'s>(&self, span: &'s [u8], number: u32) -> Option<&'s [u8]> {
        let part = *self.last.get(number as usize)?;
        let held = slice(span, part)?;
        if SIZED >> number & 1 == 1 {
            return unframed(held);
        }
        (part != (0, 0)).then_some(held)
    }

    /// The KeyValue messages.
    pub(super) fn attributes<'s>(&self, span: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
        let parts = self.attributes.iter();
        parts.filter_map(|part| unframed(slice(span, *part)?))
    }

    /// Whether there is an event.
    pub(crate) const fn has_events(&self) -> bool {
        self.last[EVENTS as usize].1 != 0
    }
}

fn slice(span: &[u8], (from, end): Part) -> Option<&[u8]> {
    span.get(from as usize..end as usize)
}

/// What stands behind its own length.
fn unframed(held: &[u8]) -> Option<&[u8]> {
    match held {
        [length, rest @ ..] if *length < 0x80 => Some(rest),
        _ => Reader::new(held, "Span").bytes().ok(),
    }
}

#[cfg(test)]
impl SpanIndex {
    /// That of this message, found in another way than the scan does.
    pub(super) fn of(span: &[u8]) -> Self {
        let mut index = Self::default();
        index.begin(0);
        let mut message = Reader::new(span, "Span");
        while let Ok(Some(field)) = message.field(|_| false) {
            let mut tag = Reader::new(&span[field.at..], "Span");
            tag.varint().unwrap();
            let wires = [9, 2, 2, 2, 2, 2, 0, 1, 1, 2, 0, 2, 0, 2, 0, 2, 5];
            if wires.get(field.number as usize) == Some(&field.wire) {
                index.note(field.number, field.at + tag.at(), field.end);
            }
        }
        index
    }
}
