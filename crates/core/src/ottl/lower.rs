//! Which parts of a condition can be asked as [`super::atoms`] has it.

use super::View;
use super::atoms::{Asks, Check};
use super::compare::mirrored;
use super::condition::Comparison;
use super::eval::truth;
use super::paths::{Field, Read};
use super::program::Node;
use super::value::Value;

pub(super) const KINDS: usize = 6;
pub(super) const CODES: usize = 3;

/// A condition that can be lowered.
pub(super) enum Tree {
    Leaf(Leaf),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

/// A part that never errs.
pub(super) enum Leaf {
    Root,
    /// By kind.
    Kind([bool; KINDS]),
    /// By status code.
    Code([bool; CODES]),
    Attribute(Vec<u8>, Check),
}

impl Tree {
    pub(super) fn of(node: &Node) -> Option<Self> {
        let all = |terms: &[Node]| terms.iter().map(Self::of).collect::<Option<_>>();
        Some(match node {
            Node::And(terms) => Self::And(all(terms)?),
            Node::Or(terms) => Self::Or(all(terms)?),
            Node::Not(term) => Self::Not(Box::new(Self::of(term)?)),
            _ => return Self::leaf(node),
        })
    }

    fn leaf(node: &Node) -> Option<Self> {
        if let Some(tree) = Self::attribute(node) {
            return Some(tree);
        }
        // What depends on so little is asked of all spans that there can be, here and now.
        Some(Self::Leaf(match (reads(node), node) {
            (Reads::Kind, _) => Leaf::Kind(table(node, |kind| vec![0x30, kind])?),
            (Reads::Code, _) => Leaf::Code(table(node, |code| vec![0x7a, 2, 0x18, code])?),
            (_, Node::IsRootSpan) => Leaf::Root,
            _ => return None,
        }))
    }

    /// What is asked of one attribute.
    fn attribute(node: &Node) -> Option<Self> {
        let ask = |path, asks| {
            let key = key(path)?.to_vec();
            Some(Self::Leaf(Leaf::Attribute(key, Check(asks))))
        };
        let (op, path, literal) = match node {
            Node::Matches(path, pattern) => return ask(path, Asks::Matches(pattern.clone())),
            Node::Compare(op, sides) => match &**sides {
                (path, Node::Literal(literal)) => (*op, path, literal),
                (Node::Literal(literal), path) => (mirrored(*op), path, literal),
                _ => return None,
            },
            _ => return None,
        };
        // `!=` is the opposite of `==`, whatever is compared.
        let (op, not) = match op {
            Comparison::Unequal => (Comparison::Equal, true),
            op => (op, false),
        };
        let asks = match (op, literal) {
            (Comparison::Equal, Value::Nil) => Asks::Nil,
            (Comparison::Equal, Value::Text(text)) => Asks::Is(text.to_vec()),
            (_, Value::Int(value)) => Asks::Number(op, *value),
            _ => Asks::Compare(op, plain(literal)?),
        };
        let tree = ask(path, asks)?;
        Some(if not { Self::Not(Box::new(tree)) } else { tree })
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
