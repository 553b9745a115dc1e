//! A condition made ready to run: names resolved, literals read, expressions compiled.

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};

use super::condition::{Comparison, Condition, Context, Entry, Expression, Operator, Owner};
use super::functions::{self, Run};
use super::paths::{Field, Read};
use super::value::{Instant, List, Map, Text, Value};

/// The format that this core knows.
const FORMAT: u32 = 1;

/// Bytes that one regular expression may take in memory.
const EXPRESSION: usize = 64 << 20;

/// Why a condition cannot be run. What Python lowered has none of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Written by another version.
    #[error(
        "a condition of format {0}, and this core knows format {FORMAT}; install both from one release"
    )]
    Format(u32),
    /// No such path, or none that stands here.
    #[error("the path {0} cannot stand here; write the condition anew from its text")]
    Path(String),
    /// No such converter, or not with these arguments.
    #[error(
        "the converter {0} cannot be called here, or not so; write the condition anew from its text"
    )]
    Call(String),
    /// A literal that cannot be read.
    #[error("{0:?} is no literal of its kind; write the condition anew from its text")]
    Literal(String),
    /// No regular expression, or too large.
    #[error("the pattern {pattern:?} cannot be used: {why}")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// In words.
        why: String,
    },
}

/// A node that can be evaluated.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Value<'static>),
    List(Vec<Node>),
    Map(Vec<(Vec<u8>, Node)>),
    Path(Field, Vec<Node>),
    Call(Run, Vec<Node>),
    Matches(Box<Node>, Regex),
    Concat(Vec<Node>, Box<Node>),
    Coalesce(Vec<Node>),
    IsRootSpan,
    Index(Box<Node>, Vec<Key>),
    Math(Operator, Box<(Node, Node)>),
    Negate(Box<Node>),
    Compare(Comparison, Box<(Node, Node)>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
}

/// What a converter's result is indexed by.
#[derive(Debug)]
pub(super) enum Key {
    Name(Vec<u8>),
    Place(i64),
}

/// The node of a whole condition.
pub(super) fn compile(condition: &Condition) -> Result<Node, ProgramError> {
    if condition.format != FORMAT {
        return Err(ProgramError::Format(condition.format));
    }
    Compiler {
        context: condition.context,
    }
    .node(&condition.expression)
}

struct Compiler {
    context: Context,
}

impl Compiler {
    fn node(&self, expression: &Expression) -> Result<Node, ProgramError> {
        let literal = |value| Ok(Node::Literal(value));
        match expression {
            Expression::Nil => literal(Value::Nil),
            Expression::Bool { value } => literal(Value::Bool(*value)),
            Expression::Int { value } => literal(Value::Int(*value)),
            Expression::Double { value } => literal(Value::Double(
                value.parse().map_err(|_| wrong_literal(value))?,
            )),
            Expression::String { value } => literal(Value::Text(text(value))),
            Expression::Bytes { value } => literal(Value::Bytes(Cow::Owned(octets(value)?))),
            Expression::SpanId { value } => literal(Value::SpanId(id(value)?)),
            Expression::TraceId { value } => literal(Value::TraceId(id(value)?)),
            Expression::Time { seconds, nanos } if *nanos < 1_000_000_000 => {
                literal(Value::Time(Instant {
                    seconds: *seconds,
                    nanos: *nanos,
                }))
            }
            Expression::Time { nanos, .. } => Err(wrong_literal(&nanos.to_string())),
            Expression::Duration { ns } => literal(Value::Duration(*ns)),
            Expression::List { items } => Ok(list(self.nodes(items)?)),
            Expression::Map { entries } => self.map(entries),
            Expression::Path {
                context,
                field,
                keys,
            } => self.path(*context, field, keys),
            Expression::Call {
                function,
                arguments,
            } => self.call(function, arguments),
            Expression::Index { of, keys } => Ok(Node::Index(
                self.boxed(of)?,
                keys.iter().map(key).collect::<Result<_, _>>()?,
            )),
            Expression::Math { op, left, right } => Ok(Node::Math(*op, self.pair(left, right)?)),
            Expression::Negate { of } => Ok(Node::Negate(self.boxed(of)?)),
            Expression::Compare { op, left, right } => {
                Ok(Node::Compare(*op, self.pair(left, right)?))
            }
            Expression::And { terms } => Ok(Node::And(self.nodes(terms)?)),
            Expression::Or { terms } => Ok(Node::Or(self.nodes(terms)?)),
            Expression::Not { term } => Ok(Node::Not(self.boxed(term)?)),
        }
    }

    fn nodes(&self, expressions: &[Expression]) -> Result<Vec<Node>, ProgramError> {
        expressions.iter().map(|each| self.node(each)).collect()
    }

    fn boxed(&self, expression: &Expression) -> Result<Box<Node>, ProgramError> {
        self.node(expression).map(Box::new)
    }

    fn pair(
        &self,
        left: &Expression,
        right: &Expression,
    ) -> Result<Box<(Node, Node)>, ProgramError> {
        Ok(Box::new((self.node(left)?, self.node(right)?)))
    }

    /// A key that is written twice is there once, with the later value.
    fn map(&self, entries: &[Entry]) -> Result<Node, ProgramError> {
        let mut nodes: Vec<(Vec<u8>, Node)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let node = self.node(&entry.value)?;
            match nodes
                .iter_mut()
                .find(|(key, _)| key == entry.key.as_bytes())
            {
                Some((_, before)) => *before = node,
                None => nodes.push((entry.key.clone().into_bytes(), node)),
            }
        }
        if !nodes
            .iter()
            .all(|(_, node)| matches!(node, Node::Literal(_)))
        {
            return Ok(Node::Map(nodes));
        }
        let values = nodes.into_iter().filter_map(|(key, node)| match node {
            Node::Literal(value) => Some((Cow::Owned(key), value)),
            _ => None,
        });
        Ok(Node::Literal(Value::Map(Map::Owned(values.collect()))))
    }

    fn path(&self, owner: Owner, name: &str, keys: &[Expression]) -> Result<Node, ProgramError> {
        let field = self.field(owner, name)?;
        let most = match field.read {
            Read::Attributes(_) => usize::MAX,
            Read::TraceState => 1,
            _ => 0,
        };
        if keys.len() > most || matches!(field.read, Read::Members(_)) {
            return Err(ProgramError::Path(name.to_owned()));
        }
        Ok(Node::Path(field, self.nodes(keys)?))
    }

    fn field(&self, owner: Owner, name: &str) -> Result<Field, ProgramError> {
        let found = Field::named(owner, name);
        found
            .filter(|_| owner != Owner::Event || self.context == Context::SpanEvent)
            .ok_or_else(|| ProgramError::Path(name.to_owned()))
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<Node, ProgramError> {
        if let ("Len" | "IsList", [argument]) = (name, arguments)
            && let Some(field) = self.members(argument)
        {
            return Ok(if name == "Len" {
                Node::Path(field, Vec::new())
            } else {
                Node::Literal(Value::Bool(true))
            });
        }
        match (name, arguments) {
            ("IsRootSpan", []) if self.context == Context::Span => Ok(Node::IsRootSpan),
            ("IsMatch", [target, Expression::String { value }]) => {
                Ok(Node::Matches(self.boxed(target)?, pattern(value)?))
            }
            ("Concat", [Expression::List { items }, delimiter]) => {
                Ok(Node::Concat(self.nodes(items)?, self.boxed(delimiter)?))
            }
            ("Coalesce", [Expression::List { items }]) => Ok(Node::Coalesce(self.nodes(items)?)),
            _ => match functions::named(name, arguments.len()) {
                Some(run) => Ok(Node::Call(run, self.nodes(arguments)?)),
                None => Err(ProgramError::Call(name.to_owned())),
            },
        }
    }

    /// The path `events` or `links`.
    fn members(&self, argument: &Expression) -> Option<Field> {
        let Expression::Path {
            context,
            field,
            keys,
        } = argument
        else {
            return None;
        };
        let field = self.field(*context, field).ok()?;
        (matches!(field.read, Read::Members(_)) && keys.is_empty()).then_some(field)
    }
}

fn list(nodes: Vec<Node>) -> Node {
    if !nodes.iter().all(|node| matches!(node, Node::Literal(_))) {
        return Node::List(nodes);
    }
    let values = nodes.into_iter().filter_map(|node| match node {
        Node::Literal(value) => Some(value),
        _ => None,
    });
    Node::Literal(Value::List(List::Owned(values.collect())))
}

fn key(expression: &Expression) -> Result<Key, ProgramError> {
    match expression {
        Expression::String { value } => Ok(Key::Name(value.clone().into_bytes())),
        Expression::Int { value } => Ok(Key::Place(*value)),
        other => Err(wrong_literal(&format!("{other:?}"))),
    }
}

fn pattern(pattern: &str) -> Result<Regex, ProgramError> {
    RegexBuilder::new(pattern)
        .size_limit(EXPRESSION)
        .build()
        .map_err(|error| ProgramError::Pattern {
            pattern: pattern.to_owned(),
            why: error.to_string(),
        })
}

fn text(value: &str) -> Text<'static> {
    Cow::Owned(value.as_bytes().to_vec())
}

fn octets(digits: &str) -> Result<Vec<u8>, ProgramError> {
    functions::from_hex(digits.as_bytes()).ok_or_else(|| wrong_literal(digits))
}

fn id<const SIZE: usize>(digits: &str) -> Result<[u8; SIZE], ProgramError> {
    octets(digits)?
        .try_into()
        .map_err(|_| wrong_literal(digits))
}

fn wrong_literal(said: &str) -> ProgramError {
    ProgramError::Literal(said.to_owned())
}
