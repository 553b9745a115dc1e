//! Parts of conditions that the one pass over a span answers by the way: a comparison of an
//! attribute with a literal, a pattern that an attribute is searched for, what depends on nothing
//! but the kind or the status code, and whether the span is a root.
//!
//! None of these can err, so a condition of nothing else is a [`Formula`] of bits. What a span
//! holds that they do not foresee (a list, another kind than the six) is seen, and then the
//! condition itself is asked.

use std::borrow::Cow;
use std::collections::BTreeSet;

use regex::bytes::Regex;

use super::compare::{compare, holds};
use super::condition::Comparison;
use super::lower::{CODES, KINDS, Leaf, Tree};
use super::program::Node;
use super::text;
use super::value::Value;
use crate::plan::Value as Held;

/// Bits of a word.
const MOST: u32 = 64;

/// What is asked of an attribute.
#[derive(Debug)]
pub(crate) struct Check(pub(super) Asks);

#[derive(Debug)]
pub(super) enum Asks {
    Nil,
    Is(Vec<u8>),
    Number(Comparison, i64),
    Compare(Comparison, Value<'static>),
    Matches(Regex),
}

impl Check {
    /// Whether it holds; none if that cannot be told from what was read.
    #[inline(always)]
    pub(crate) fn holds(&self, held: Held<'_>) -> Option<bool> {
        match (&self.0, held) {
            (_, Held::Other) => None,
            (Asks::Nil, held) => Some(held == Held::None),
            (Asks::Is(asked), Held::Text(text)) => Some(asked == text),
            (Asks::Is(_), _) => Some(false),
            (Asks::Number(op, asked), Held::Int(value)) => Some(holds(*op, Some(value.cmp(asked)))),
            _ => self.holds_of(held),
        }
    }

    fn holds_of(&self, held: Held<'_>) -> Option<bool> {
        let value = match held {
            Held::None => Value::Nil,
            Held::Text(text) => Value::Text(Cow::Borrowed(text)),
            Held::Int(value) => Value::Int(value),
            Held::Bool(value) => Value::Bool(value),
            Held::Double(value) => Value::Double(value),
            Held::Other => return None,
        };
        Some(match &self.0 {
            Asks::Nil => compare(Comparison::Equal, &value, &Value::Nil),
            Asks::Is(asked) => matches!(value, Value::Text(text) if *text == **asked),
            Asks::Number(op, asked) => compare(*op, &value, &Value::Int(*asked)),
            Asks::Compare(op, literal) => compare(*op, &value, literal),
            Asks::Matches(pattern) => {
                let text = text::text(value).ok()?;
                text.is_some_and(|text| pattern.is_match(&text))
            }
        })
    }
}

/// A condition, or what must hold before the rest of it is asked, over the bits of [`Atoms`].
#[derive(Debug)]
pub(crate) enum Formula {
    /// Every bit of the first is set, and none of the second.
    Bits(u64, u64),
    And(Vec<Formula>),
    Or(Vec<Formula>),
    Not(Box<Formula>),
}

impl Formula {
    /// Whether it holds of these bits.
    #[inline]
    pub(crate) fn holds(&self, atoms: u64) -> bool {
        match self {
            Self::Bits(set, unset) => atoms & (set | unset) == *set,
            _ => self.holds_deep(atoms),
        }
    }

    fn holds_deep(&self, atoms: u64) -> bool {
        match self {
            Self::Bits(..) => self.holds(atoms),
            Self::And(terms) => terms.iter().all(|term| term.holds(atoms)),
            Self::Or(terms) => terms.iter().any(|term| term.holds(atoms)),
            Self::Not(term) => !term.holds(atoms),
        }
    }
}

/// How much of a condition a formula says.
#[derive(Debug)]
pub(crate) enum Lowered {
    /// All of it.
    Whole(Formula),
    /// Where this does not hold, the condition does not, and does not err either.
    Guard(Formula),
}

impl Lowered {
    pub(crate) const fn formula(&self) -> &Formula {
        match self {
            Self::Whole(formula) | Self::Guard(formula) => formula,
        }
    }
}

/// What formulas ask of spans, each of its parts a bit.
#[derive(Debug, Default)]
pub(crate) struct Atoms {
    count: u32,
    /// Keys of which the first attribute counts, whoever asks for it.
    keys: BTreeSet<Vec<u8>>,
    attributes: Vec<(Vec<u8>, u64, Check)>,
    /// Bits that a span of this kind has.
    kinds: [u64; KINDS],
    /// Bits that a span with this status code has.
    codes: [u64; CODES],
    /// The bit of a root span.
    root: u64,
    /// Bits of attributes that hold where there is none.
    absent: u64,
}

/// What was seen of a span on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Keys that it had so far, of which the first attribute counts.
    pub(crate) keys: u64,
    /// Bits that those set.
    pub(crate) atoms: u64,
    /// Bits that those could have set.
    pub(crate) known: u64,
    /// Something that the checks cannot tell.
    pub(crate) unforeseen: bool,
}

impl Seen {
    /// All atoms of a span that was finished; none if some cannot be told.
    #[inline]
    pub(crate) fn told(&self) -> Option<u64> {
        (!self.unforeseen).then_some(self.atoms)
    }
}

impl Atoms {
    /// None yet, where predicates ask for the first attribute with these keys.
    pub(crate) fn beside<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        Self {
            keys: keys.map(|key| key.as_bytes().to_vec()).collect(),
            ..Self::default()
        }
    }

    /// Lowers a condition, as far as it can be.
    pub(super) fn lower(&mut self, node: &Node) -> Option<Lowered> {
        if let Some(tree) = Tree::of(node) {
            return Some(Lowered::Whole(self.formula(tree)?));
        }
        // Terms are asked from the left, so those before the first that may err settle some spans.
        let Node::And(terms) = node else {
            return None;
        };
        let trees: Vec<_> = terms.iter().map_while(Tree::of).collect();
        if trees.is_empty() {
            return None;
        }
        Some(Lowered::Guard(self.formula(Tree::And(trees))?))
    }

    /// Whether anything is asked.
    pub(crate) const fn any(&self) -> bool {
        self.count > 0
    }

    /// (key, bit, check), for whoever sees the attributes.
    pub(crate) fn take_attributes(&mut self) -> Vec<(Vec<u8>, u64, Check)> {
        std::mem::take(&mut self.attributes)
    }

    /// Adds to what was seen of the attributes of a span what else it is.
    #[inline]
    pub(crate) fn finish(&self, seen: &mut Seen, kind: i32, code: i32, parent: &[u8]) {
        let kind = usize::try_from(kind).ok().and_then(|at| self.kinds.get(at));
        let code = usize::try_from(code).ok().and_then(|at| self.codes.get(at));
        let (Some(kind), Some(code)) = (kind, code) else {
            seen.unforeseen = true;
            return;
        };
        // Ids of another length are as good as none.
        let root = parent.len() != 8 || parent == [0; 8];
        let root = if root { self.root } else { 0 };
        seen.atoms |= self.absent & !seen.known | kind | code | root;
    }

    fn bit(&mut self) -> Option<u64> {
        let bit = (self.count < MOST).then(|| 1 << self.count);
        self.count += u32::from(bit.is_some());
        bit
    }

    /// None if there are too many.
    fn formula(&mut self, tree: Tree) -> Option<Formula> {
        Some(match tree {
            Tree::Leaf(leaf) => Formula::Bits(self.leaf(leaf)?, 0),
            Tree::And(terms) => {
                let (mut set, mut unset, mut others) = (0, 0, Vec::new());
                for term in terms {
                    match self.formula(term)? {
                        Formula::Bits(one, other) => (set, unset) = (set | one, unset | other),
                        other => others.push(other),
                    }
                }
                if set & unset != 0 || !others.is_empty() {
                    others.insert(0, Formula::Bits(set, 0));
                    others.insert(1, Formula::Bits(0, unset));
                    return Some(Formula::And(others));
                }
                Formula::Bits(set, unset)
            }
            Tree::Or(terms) => {
                let terms = terms.into_iter().map(|term| self.formula(term));
                Formula::Or(terms.collect::<Option<_>>()?)
            }
            Tree::Not(term) => match self.formula(*term)? {
                Formula::Bits(set, 0) if set.is_power_of_two() => Formula::Bits(0, set),
                other => Formula::Not(Box::new(other)),
            },
        })
    }

    fn leaf(&mut self, leaf: Leaf) -> Option<u64> {
        if let Leaf::Attribute(key, _) = &leaf
            && !self.keys.contains(key)
        {
            if self.keys.len() >= MOST as usize {
                return None;
            }
            self.keys.insert(key.clone());
        }
        let bit = self.bit()?;
        match leaf {
            Leaf::Root => self.root |= bit,
            Leaf::Kind(holds) => add(&mut self.kinds, holds, bit),
            Leaf::Code(holds) => add(&mut self.codes, holds, bit),
            Leaf::Attribute(key, check) => {
                if check.holds(Held::None) == Some(true) {
                    self.absent |= bit;
                }
                self.attributes.push((key, bit, check));
            }
        }
        Some(bit)
    }
}

fn add<const N: usize>(to: &mut [u64; N], holds: [bool; N], bit: u64) {
    for (bits, holds) in to.iter_mut().zip(holds) {
        *bits |= if holds { bit } else { 0 };
    }
}
