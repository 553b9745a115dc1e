//! Parts of conditions that the one pass over a span answers by the way: a comparison of an
//! attribute with a literal, a pattern that an attribute is searched for, what depends on nothing
//! but the kind or the status code, and whether the span is a root.
//!
//! None of these can err, so a condition of nothing else is a [`Formula`] of bits. What a span
//! holds that they do not foresee (a list, another kind than the six) is seen, and then the
//! condition itself is asked.

use std::borrow::Cow;

use regex::bytes::Regex;

use super::View;
use super::compare::compare;
use super::condition::Comparison;
use super::eval::truth;
use super::paths::{Field, Read};
use super::program::Node;
use super::text;
use super::value::Value;
use crate::plan::Value as Held;

/// Bits of a word.
const MOST: u32 = 64;
const KINDS: usize = 6;
const CODES: usize = 3;

/// What is asked of an attribute.
#[derive(Debug)]
pub(crate) struct Check(Asks);

#[derive(Debug)]
enum Asks {
    /// To be this string.
    Is(Vec<u8>),
    Compare {
        op: Comparison,
        literal: Value<'static>,
        /// The literal stands before the operator.
        before: bool,
    },
    Matches(Regex),
}

impl Check {
    /// Whether it holds; none if that cannot be told from what was read.
    #[inline]
    pub(crate) fn holds(&self, held: Held<'_>) -> Option<bool> {
        if let (Asks::Is(asked), Held::Text(text)) = (&self.0, held) {
            return Some(asked == text);
        }
        if let (Asks::Matches(pattern), Held::Text(text)) = (&self.0, held) {
            return Some(pattern.is_match(text));
        }
        self.holds_of(match held {
            Held::None => Value::Nil,
            Held::Text(text) => Value::Text(Cow::Borrowed(text)),
            Held::Int(value) => Value::Int(value),
            Held::Bool(value) => Value::Bool(value),
            Held::Double(value) => Value::Double(value),
            Held::Other => return None,
        })
    }

    fn holds_of(&self, value: Value<'_>) -> Option<bool> {
        match &self.0 {
            Asks::Is(_) => Some(false), // a string was compared above
            Asks::Compare {
                op,
                literal,
                before: true,
            } => Some(compare(*op, literal, &value)),
            Asks::Compare { op, literal, .. } => Some(compare(*op, &value, literal)),
            Asks::Matches(pattern) => {
                let text = text::text(value).ok()?;
                Some(text.is_some_and(|text| pattern.is_match(&text)))
            }
        }
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
    pub(crate) keys: u128,
    /// Bits that those set.
    pub(crate) atoms: u64,
    /// Bits that those could have set.
    pub(crate) known: u64,
    /// Something that the checks cannot tell.
    pub(crate) unforeseen: bool,
}

impl Atoms {
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

    /// All bits of a span; none if some cannot be told.
    #[inline]
    pub(crate) fn of(&self, seen: &Seen, kind: i32, code: i32, parent: &[u8]) -> Option<u64> {
        let kind = self.kinds.get(usize::try_from(kind).ok()?)?;
        let code = self.codes.get(usize::try_from(code).ok()?)?;
        if seen.unforeseen {
            return None;
        }
        // Ids of another length are as good as none.
        let root = parent.len() != 8 || parent == [0; 8];
        let root = if root { self.root } else { 0 };
        Some(seen.atoms | self.absent & !seen.known | kind | code | root)
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

/// A condition that can be lowered.
enum Tree {
    Leaf(Leaf),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

enum Leaf {
    Root,
    /// By kind.
    Kind([bool; KINDS]),
    /// By status code.
    Code([bool; CODES]),
    Attribute(Vec<u8>, Check),
}

impl Tree {
    fn of(node: &Node) -> Option<Self> {
        let all = |terms: &[Node]| terms.iter().map(Self::of).collect::<Option<_>>();
        Some(match node {
            Node::And(terms) => Self::And(all(terms)?),
            Node::Or(terms) => Self::Or(all(terms)?),
            Node::Not(term) => Self::Not(Box::new(Self::of(term)?)),
            _ => Self::Leaf(leaf(node)?),
        })
    }
}

fn leaf(node: &Node) -> Option<Leaf> {
    if let Some((key, check)) = attribute(node) {
        return Some(Leaf::Attribute(key.to_vec(), check));
    }
    // What depends on so little is asked of all spans that there can be, here and now.
    match reads(node) {
        Reads::Kind => table(node, |kind| vec![0x30, kind]).map(Leaf::Kind),
        Reads::Code => table(node, |code| vec![0x7a, 2, 0x18, code]).map(Leaf::Code),
        _ => matches!(node, Node::IsRootSpan).then_some(Leaf::Root),
    }
}

/// What a node says of the spans with number 0, 1, ...; none if it ever errs.
fn table<const N: usize>(node: &Node, span: fn(u8) -> Vec<u8>) -> Option<[bool; N]> {
    let mut holds = [false; N];
    for (number, holds) in (0..).zip(&mut holds) {
        let view = View {
            resources: &[],
            scopes: &[],
            span: &span(number),
            event: None,
            index: None,
        };
        *holds = truth(node, &view).ok()?;
    }
    Some(holds)
}

fn attribute(node: &Node) -> Option<(&[u8], Check)> {
    match node {
        Node::Matches(target, pattern) => {
            Some((key(target)?, Check(Asks::Matches(pattern.clone()))))
        }
        Node::Compare(op, sides) => {
            let (path, literal, before) = match &**sides {
                (path, Node::Literal(literal)) => (path, literal, false),
                (Node::Literal(literal), path) => (path, literal, true),
                _ => return None,
            };
            let check = match (op, plain(literal)?) {
                (Comparison::Equal, Value::Text(text)) => Asks::Is(text.into_owned()),
                (op, literal) => Asks::Compare {
                    op: *op,
                    literal,
                    before,
                },
            };
            Some((key(path)?, Check(check)))
        }
        _ => None,
    }
}

/// The key of a path that is one attribute of the span.
fn key(node: &Node) -> Option<&[u8]> {
    match node {
        Node::Path(field, keys) if field.is_span_attributes() => match keys.as_slice() {
            [Node::Literal(Value::Text(key))] => Some(key),
            _ => None,
        },
        _ => None,
    }
}

/// A copy of a literal of the kinds that attributes mostly have.
fn plain(literal: &Value<'static>) -> Option<Value<'static>> {
    match literal {
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::Bytes(_) => Some(literal.clone()),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Nothing,
    Kind,
    Code,
    More,
}

impl Reads {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (one, two) if one == two => one,
            _ => Self::More,
        }
    }
}

fn reads(node: &Node) -> Reads {
    let all = |nodes: &[Node]| nodes.iter().map(reads).fold(Reads::Nothing, Reads::and);
    match node {
        Node::Literal(_) => Reads::Nothing,
        Node::Path(field, keys) => path(*field).and(all(keys)),
        Node::List(nodes)
        | Node::Call(_, nodes)
        | Node::Coalesce(nodes)
        | Node::And(nodes)
        | Node::Or(nodes) => all(nodes),
        Node::Map(entries) => {
            let entries = entries.iter().map(|(_, node)| reads(node));
            entries.fold(Reads::Nothing, Reads::and)
        }
        Node::Matches(node, _) | Node::Index(node, _) | Node::Negate(node) | Node::Not(node) => {
            reads(node)
        }
        Node::Concat(nodes, node) => all(nodes).and(reads(node)),
        Node::Math(_, sides) | Node::Compare(_, sides) => reads(&sides.0).and(reads(&sides.1)),
        Node::IsRootSpan => Reads::More,
    }
}

const fn path(field: Field) -> Reads {
    if !field.is_of_span() {
        return Reads::More;
    }
    match field.read {
        Read::Kind | Read::KindName(_) => Reads::Kind,
        Read::StatusCode => Reads::Code,
        _ => Reads::More,
    }
}
