//! What is asked of the first attribute with a key, made ready to run.

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::{Asks, Value};

/// Bytes that a set of expressions may take, compiled. What searching takes beside is the crate's
/// own bound, a few MiB a thread.
const EXPRESSIONS: usize = 64 << 20;

#[derive(Debug)]
pub(super) enum Ask {
    Strings(Vec<Vec<u8>>),
    Expressions(RegexSet),
    Between(i64, i64),
    Bool(bool),
}

impl Ask {
    /// # Errors
    /// An expression that is none, or too large, in words.
    pub(super) fn new(asks: &Asks) -> Result<Self, regex::Error> {
        Ok(match asks {
            Asks::StringIn { values } => {
                Self::Strings(values.iter().map(|value| value.clone().into()).collect())
            }
            Asks::Matches { patterns } => Self::Expressions(
                RegexSetBuilder::new(patterns)
                    .size_limit(EXPRESSIONS)
                    .build()?,
            ),
            Asks::IntBetween { min, max } => Self::Between(*min, *max),
            Asks::Bool { value } => Self::Bool(*value),
        })
    }

    /// Whether an attribute passes. `of_resource`: there a value that is no string is searched as
    /// the empty one; on a span neither is.
    #[inline(always)]
    pub(super) fn pass(&self, value: Value<'_>, of_resource: bool) -> bool {
        match self {
            Self::Strings(values) => match value {
                Value::Text(text) => values.iter().any(|asked| asked == text),
                _ => false,
            },
            Self::Expressions(expressions) => is_found(expressions, value, of_resource),
            Self::Between(min, max) => {
                let integer = match value {
                    Value::Int(integer) => integer,
                    _ => 0,
                };
                (*min..=*max).contains(&integer)
            }
            Self::Bool(asked) => (value == Value::Bool(true)) == *asked,
        }
    }
}

/// Whether an expression is found; apart, so that what is cheaper stays small.
#[inline(never)]
fn is_found(expressions: &RegexSet, value: Value<'_>, of_resource: bool) -> bool {
    match value {
        Value::Text(text) => (of_resource || !text.is_empty()) && expressions.is_match(text),
        _ => of_resource && expressions.is_match(b""),
    }
}
