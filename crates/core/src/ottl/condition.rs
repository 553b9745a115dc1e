//! A condition as it crosses from Python, the twin of `tailsampler/decide/ottl/expression.py`.
//! What every node means is told there.

use serde::{Deserialize, Serialize};

/// One condition: its text as written, and what is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The version of this format: 1.
    pub format: u32,
    /// What it is asked of.
    pub context: Context,
    /// As the operator wrote it.
    pub text: String,
    /// What is evaluated.
    pub expression: Expression,
}

/// What a condition is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    /// Each span.
    Span,
    /// Each event of each span.
    SpanEvent,
}

/// One node of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expression {
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool {
        /// The boolean.
        value: bool,
    },
    /// A number without a point.
    Int {
        /// The number.
        value: i64,
    },
    /// A number with a point.
    Double {
        /// In decimal; `inf`, `-inf` and `nan` for what has no digits.
        value: String,
    },
    /// A text.
    String {
        /// The text.
        value: String,
    },
    /// Bytes.
    Bytes {
        /// In hex.
        value: String,
    },
    /// A span id.
    SpanId {
        /// 16 hex digits.
        value: String,
    },
    /// A trace id.
    TraceId {
        /// 32 hex digits.
        value: String,
    },
    /// An instant.
    Time {
        /// Since 1970, UTC.
        seconds: i64,
        /// And so many nanoseconds, under 10^9.
        nanos: u32,
    },
    /// A duration.
    Duration {
        /// Nanoseconds.
        ns: i64,
    },
    /// A list of values, literal or not.
    List {
        /// Its members.
        items: Vec<Expression>,
    },
    /// A map.
    Map {
        /// In the order in which they are written.
        entries: Vec<Entry>,
    },
    /// A field of the span or of what it belongs to.
    Path {
        /// Whose field it is.
        context: Owner,
        /// Its dotted name.
        field: String,
        /// What it is indexed by.
        #[serde(default)]
        keys: Vec<Expression>,
    },
    /// A converter with all of its arguments.
    Call {
        /// Its name.
        function: String,
        /// As many as it has parameters.
        arguments: Vec<Expression>,
    },
    /// A part of what a converter returns.
    Index {
        /// The call.
        of: Box<Expression>,
        /// Strings and ints.
        keys: Vec<Expression>,
    },
    /// Arithmetic.
    Math {
        /// The operator.
        op: Operator,
        /// Before it.
        left: Box<Expression>,
        /// Behind it.
        right: Box<Expression>,
    },
    /// A minus.
    Negate {
        /// What stands behind it.
        of: Box<Expression>,
    },
    /// A comparison.
    Compare {
        /// The operator.
        op: Comparison,
        /// Before it.
        left: Box<Expression>,
        /// Behind it.
        right: Box<Expression>,
    },
    /// All of the terms, from the left.
    And {
        /// Two or more.
        terms: Vec<Expression>,
    },
    /// Any of the terms, from the left.
    Or {
        /// Two or more.
        terms: Vec<Expression>,
    },
    /// The opposite.
    Not {
        /// Of this.
        term: Box<Expression>,
    },
}

/// One key of a map and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Expression,
}

/// Whose field a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The Resource.
    Resource,
    /// The InstrumentationScope.
    Scope,
    /// The Span.
    Span,
    /// The event of it that is asked.
    Event,
}

/// An operator of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `+`
    #[serde(rename = "+")]
    Add,
    /// `-`
    #[serde(rename = "-")]
    Subtract,
    /// `*`
    #[serde(rename = "*")]
    Multiply,
    /// `/`
    #[serde(rename = "/")]
    Divide,
}

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `==`
    #[serde(rename = "==")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    Unequal,
    /// `<`
    #[serde(rename = "<")]
    Below,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Above,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
}
