//! Conditions, asked of spans. They are written as operators write them; `conditions.json` has what
//! Python makes of each text that stands in these tables.

mod converters;
mod hostile;
mod language;
mod lowered;
mod paths;
mod random;
mod refusals;
mod strings;
mod support;
