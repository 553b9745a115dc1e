//! Conditions in OTTL, as the policy `ottl_condition` of contrib's tail sampling has them.
//!
//! Python reads and checks their text and hands on a tree ([`Condition`]); [`Program`] is that tree
//! compiled once, and is asked of every span, or of every event. What evaluating means is written
//! in `tailsampler/decide/ottl`: `expression.py`, `converters.py` and `paths.py`.
//!
//! # Layout
//! - `condition`: the tree as it crosses. `program`: compiled. `eval`: evaluated.
//! - `value`: what comes of it, `attributes` and `paths`: read from the wire when it is asked for;
//!   `span_index` spares them to walk over a span again and again.
//! - `atoms`: what the one pass over a span answers by the way, so that nothing is evaluated;
//!   `lower`: which conditions that can be.
//! - `compare`, `math`, `text`, `functions`: what is done with values.

mod atoms;
mod attributes;
mod calendar;
mod compare;
mod condition;
mod decimal;
mod eval;
mod functions;
mod lower;
mod math;
mod paths;
mod program;
mod span_index;
mod text;
mod value;
mod wants;

pub(crate) use atoms::{Atoms, Check, Lowered, Seen};
pub use condition::{Comparison, Condition, Context, Entry, Expression, Operator, Owner};
pub use program::ProgramError;
pub use span_index::SpanIndex;
pub(crate) use wants::{Wants, reads_events, reduce, without_events};

/// What becomes of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told; the policy says what that means.
    Error,
}

/// What a condition is asked of: messages in protobuf, as they were received.
///
/// A message that is malformed ends where it is; a field or attribute that cannot be read is not
/// there.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The Resource; several count as one merged.
    pub resources: &'a [&'a [u8]],
    /// The InstrumentationScope; several count as one merged.
    pub scopes: &'a [&'a [u8]],
    /// The Span.
    pub span: &'a [u8],
    /// An Event of it, for conditions on events; without one they see an empty one.
    pub event: Option<&'a [u8]>,
    /// Where the fields of the Span stand, if that was found out.
    pub index: Option<&'a SpanIndex>,
}

/// A condition that can be asked.
#[derive(Debug)]
pub struct Program {
    node: program::Node,
}

impl Program {
    /// Compiles a condition.
    ///
    /// # Errors
    /// [`ProgramError`]: it is none that Python would have written.
    pub fn new(condition: &Condition) -> Result<Self, ProgramError> {
        let node = program::compile(condition)?;
        Ok(Self { node })
    }

    /// Lowers it to the bits of `atoms`, as far as it can be.
    pub(crate) fn lower(&self, atoms: &mut Atoms) -> Option<Lowered> {
        atoms.lower(&self.node)
    }

    /// Asks it.
    #[must_use]
    pub fn ask(&self, view: &View<'_>) -> Outcome {
        match eval::truth(&self.node, view) {
            Ok(true) => Outcome::True,
            Ok(false) => Outcome::False,
            Err(value::Erred) => Outcome::Error,
        }
    }
}

#[cfg(test)]
mod tests;
