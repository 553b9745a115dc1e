//! Predicates on attributes, arranged by key so that most attributes are passed over unread.

use super::asked::Ask;
use super::{PAGE, Plan, PlanError, Test};
use crate::ottl::{Atoms, Check, Seen};

/// What an attribute holds, as far as a predicate can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// No value at all.
    #[default]
    None,
    /// A string, as it came: not yet known to be UTF-8.
    Text(&'a [u8]),
    /// An integer.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// A number with a point.
    Double(f64),
    /// Anything else.
    Other,
}

impl Value<'_> {
    /// The integer it is, or that its decimal digits spell.
    fn integer(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Text(digits) if !digits.is_empty() => {
                digits.iter().try_fold(0i64, |value, digit| {
                    let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
                    value.checked_mul(10)?.checked_add(i64::from(digit))
                })
            }
            _ => None,
        }
    }
}

/// The tests on one attribute key.
#[derive(Debug, Default)]
struct Asked {
    key: Vec<u8>,
    /// (bit, test); of a check the bit is that of its atom.
    tests: Vec<(u64, Asks)>,
    /// The atoms of all checks.
    atoms: u64,
    /// Its bit among the keys of which the first attribute counts.
    seen: u64,
}

/// One test.
#[derive(Debug)]
enum Asks {
    /// To be one of these, in order.
    Integers(Vec<i64>),
    /// To be one of these, in order.
    Strings(Vec<Vec<u8>>),
    /// Of the first attribute with the key.
    First(Ask),
    /// Of the same.
    Check(Check),
}

/// Every test on the attributes of one kind of owner (spans, or resources).
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    /// By length of key.
    asked: Vec<Asked>,
    /// Where those with a key of each length begin, as far as lengths are told apart.
    begins: Lengths,
    /// One bit a length that some key has; the last stands for 63 and over.
    lengths: u64,
    of_resource: bool,
}

/// Lengths of keys that are told apart; the last stands for itself and over.
const LENGTHS: usize = 64;

#[derive(Debug)]
struct Lengths([usize; LENGTHS]);

impl Default for Lengths {
    fn default() -> Self {
        Self([0; LENGTHS])
    }
}

#[inline(always)]
const fn length(key: &[u8]) -> usize {
    if key.len() < LENGTHS {
        key.len()
    } else {
        LENGTHS - 1
    }
}

/// The bit of a key's length in a mask of lengths.
#[inline(always)]
pub(crate) const fn length_bit(key: &[u8]) -> u64 {
    1 << length(key)
}

/// Whether two keys are the same. Most have up to 32 bytes, which are compared in place.
#[inline(always)]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if one.len() < 8 {
        return one == other;
    }
    if one.len() <= 16 {
        return one.first_chunk::<8>() == other.first_chunk()
            && one.last_chunk::<8>() == other.last_chunk();
    }
    one.first_chunk::<16>() == other.first_chunk()
        && one.last_chunk::<16>() == other.last_chunk()
        && (one.len() <= 32 || one == other)
}

impl Matcher {
    /// The tests on spans of a plan's first page, with the atoms of its conditions, and those on
    /// resources.
    ///
    /// # Errors
    /// [`PlanError::Expression`].
    pub(crate) fn pair(plan: &Plan, atoms: &mut Atoms) -> Result<(Self, Self), PlanError> {
        let (mut span, mut resource) = (Self::default(), Self::default());
        resource.of_resource = true;
        for (position, predicate) in plan.predicates.iter().take(PAGE).enumerate() {
            let bit = 1 << position;
            match &predicate.test {
                Test::SpanIntIn { keys, values } => {
                    let mut values = values.clone();
                    values.sort_unstable();
                    for key in keys {
                        span.ask(key)
                            .tests
                            .push((bit, Asks::Integers(values.clone())));
                    }
                }
                Test::SpanStringIn { keys, values } => span.ask_strings(bit, keys, values),
                Test::ResourceStringIn { keys, values } => resource.ask_strings(bit, keys, values),
                Test::First { key, asks } => {
                    let ask = || {
                        Ask::new(asks).map_err(|error| PlanError::Expression {
                            position,
                            reason: predicate.reason.clone(),
                            why: error.to_string(),
                        })
                    };
                    span.ask(key).tests.push((bit, Asks::First(ask()?)));
                    resource.ask(key).tests.push((bit, Asks::First(ask()?)));
                }
                Test::SpanStatusIn { .. }
                | Test::SpanSampled
                | Test::SamplingInformation
                | Test::TraceStateIn { .. }
                | Test::Lasting { .. }
                | Test::Ottl { .. }
                | Test::OttlFailed { .. } => {}
            }
        }
        for (key, atom, check) in atoms.take_attributes() {
            let asked = span.ask(&key);
            asked.tests.push((atom, Asks::Check(check)));
            asked.atoms |= atom;
        }
        Ok((span.arranged(), resource.arranged()))
    }

    fn ask(&mut self, key: impl AsRef<[u8]>) -> &mut Asked {
        let key = key.as_ref();
        let found = self.asked.iter().position(|a| a.key == key);
        let at = found.unwrap_or_else(|| {
            self.asked.push(Asked {
                key: key.into(),
                ..Asked::default()
            });
            self.asked.len() - 1
        });
        &mut self.asked[at]
    }

    fn ask_strings(&mut self, bit: u64, keys: &[String], values: &[String]) {
        let mut values: Vec<Vec<u8>> = values.iter().map(|v| v.as_bytes().to_vec()).collect();
        values.sort_unstable();
        for key in keys {
            self.ask(key)
                .tests
                .push((bit, Asks::Strings(values.clone())));
        }
    }

    fn arranged(mut self) -> Self {
        self.asked.sort_by_key(|asked| asked.key.len());
        for (length, begins) in self.begins.0.iter_mut().enumerate() {
            *begins = self
                .asked
                .partition_point(|asked| self::length(&asked.key) < length);
        }
        self.lengths = self.asked.iter().fold(0, |m, a| m | length_bit(&a.key));
        let counts = |(_, test): &(u64, Asks)| matches!(test, Asks::First(_) | Asks::Check(_));
        let first = self
            .asked
            .iter_mut()
            .filter(|asked| asked.tests.iter().any(counts));
        // Atoms see to it that there are no more such keys than a word has bits.
        for (place, asked) in first.enumerate() {
            asked.seen = 1 << place;
        }
        self
    }

    #[inline(always)]
    pub(crate) const fn lengths(&self) -> u64 {
        self.lengths
    }

    #[inline(always)]
    fn asked_of(&self, key: &[u8]) -> Option<&Asked> {
        let length = length(key);
        let asked = self.asked.get(self.begins.0[length]..)?.iter();
        asked
            .take_while(|asked| self::length(&asked.key) == length)
            .find(|asked| same(&asked.key, key))
    }

    /// The bits that this attribute sets, and the integer that did it (0: none, or not to be shown).
    /// `seen`: what its owner had before; of its keys the first attribute counts.
    #[inline]
    pub(crate) fn bits(&self, key: &[u8], value: Value<'_>, seen: &mut Seen) -> (u64, u32) {
        let mut set = (0, 0);
        if self.lengths & length_bit(key) == 0 {
            return set;
        }
        let Some(asked) = self.asked_of(key) else {
            return set;
        };
        let first = asked.seen & !seen.keys != 0;
        seen.keys |= asked.seen;
        seen.known |= asked.atoms;
        for (bit, test) in &asked.tests {
            match test {
                Asks::Integers(values) => {
                    if let Some(integer) = value.integer()
                        && values.binary_search(&integer).is_ok()
                    {
                        set = (set.0 | bit, u32::try_from(integer).unwrap_or(0));
                    }
                }
                Asks::Strings(values) => {
                    if let Value::Text(text) = value
                        && values.binary_search_by(|v| v.as_slice().cmp(text)).is_ok()
                    {
                        set.0 |= bit;
                    }
                }
                Asks::First(ask) if first => {
                    if ask.pass(value, self.of_resource) {
                        set.0 |= bit;
                    }
                }
                Asks::Check(check) if first => match check.holds(value) {
                    Some(true) => seen.atoms |= bit,
                    Some(false) => {}
                    None => seen.unforeseen = true,
                },
                Asks::First(_) | Asks::Check(_) => {}
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of one length that differ in a byte, wherever it is, are told apart.
    #[test]
    fn every_byte_of_a_key_counts() {
        for length in 0..70 {
            let key: Vec<u8> = (0..length).collect();
            assert!(same(&key, &key.clone()));
            assert!(!same(&key, &[&*key, b"x"].concat()));
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 0x80;
                assert!(!same(&key, &other), "{length} bytes, another at {at}");
            }
        }
    }
}
