//! What a plan must be before it is run.

use super::{Clause, MAX_PREDICATES, MAX_VOTED, NEVER, Plan, Test, pages};

/// The format of plans that this core runs.
const FORMAT: u32 = 1;

/// A plan that cannot be run. The words name the rule or the predicate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Written for another version of the core.
    #[error("the plan has format {0}; this core runs format 1, so compile the policies again")]
    Format(u32),
    /// More conditions than a trace has bits.
    #[error(
        "the plan has {predicates} predicates, and a trace can carry {most}; merge some or drop some"
    )]
    TooManyPredicates {
        /// Predicates in the plan.
        predicates: usize,
        /// As many as there may be.
        most: usize,
    },
    /// A predicate in a place where it cannot be run.
    #[error("predicate {position} ({reason}) {why}")]
    Page {
        /// Of the predicate, from 0.
        position: usize,
        /// Its reason.
        reason: String,
        /// Where it must be.
        why: &'static str,
    },
    /// A predicate that could not be explained.
    #[error("predicate {0} has an empty reason; name what it found")]
    NoReason(usize),
    /// A predicate that asks for no attribute.
    #[error("predicate {position} ({reason}) has {keys}; name at least one attribute key")]
    Keys {
        /// Of the predicate, from 0.
        position: usize,
        /// Its reason.
        reason: String,
        /// What is wrong with them.
        keys: &'static str,
    },
    /// A regular expression that cannot be run.
    #[error("predicate {position} ({reason}): {why}")]
    Expression {
        /// Of the predicate, from 0.
        position: usize,
        /// Its reason.
        reason: String,
        /// What is wrong with it.
        why: String,
    },
    /// A condition that cannot be asked.
    #[error("predicate {position} ({reason}): {why}")]
    Condition {
        /// Of the predicate, from 0.
        position: usize,
        /// Its reason.
        reason: String,
        /// What is wrong with it.
        why: String,
    },
    /// A rule without a name.
    #[error("rule {0} has an empty name; name it")]
    NoName(usize),
    /// Two rules that could not be told apart.
    #[error("rule {position} is called {name:?}, as an earlier one is; rename one of them")]
    SameName {
        /// Of the second, from 0.
        position: usize,
        /// The name of both.
        name: String,
    },
    /// A clause about a predicate that does not exist.
    #[error("rule {rule:?} asks for predicate {bit}, but the plan has {predicates}")]
    Bit {
        /// The rule's name.
        rule: String,
        /// The bit it asks for.
        bit: u16,
        /// Predicates in the plan.
        predicates: usize,
    },
    /// Votes that do not belong to the rules.
    #[error("the plan has {policies} policies that vote, and {rules} names for them")]
    Votes {
        /// Policies.
        policies: usize,
        /// Rules, which bear the names.
        rules: usize,
    },
    /// Traces that are judged at no time.
    #[error("policies vote every 0 ms; write a tick of 1 ms or more")]
    Tick,
    /// A threshold over 56 bits.
    #[error("rule {rule:?} has threshold {threshold}; the largest, which keeps nothing, is 2^56")]
    Threshold {
        /// The rule's name.
        rule: String,
        /// Its threshold.
        threshold: u64,
    },
}

/// Finds the first thing that is wrong with a plan.
pub(super) fn check(plan: &Plan) -> Result<(), PlanError> {
    if plan.format != FORMAT {
        return Err(PlanError::Format(plan.format));
    }
    let most = match plan.votes {
        Some(_) => MAX_VOTED,
        None => MAX_PREDICATES,
    };
    if plan.predicates.len() > most {
        return Err(PlanError::TooManyPredicates {
            predicates: plan.predicates.len(),
            most,
        });
    }
    check_predicates(plan)?;
    pages::check(plan)?;
    check_rules(plan)?;
    check_votes(plan)
}

fn check_votes(plan: &Plan) -> Result<(), PlanError> {
    let Some(votes) = &plan.votes else {
        return Ok(());
    };
    if votes.tick_ms == 0 {
        return Err(PlanError::Tick);
    }
    if votes.policies.len() != plan.rules.len() {
        return Err(PlanError::Votes {
            policies: votes.policies.len(),
            rules: plan.rules.len(),
        });
    }
    let predicates = plan.predicates.len();
    for (policy, rule) in votes.policies.iter().zip(&plan.rules) {
        if let Some(bit) = policy.bits().find(|bit| usize::from(*bit) >= predicates) {
            let rule = rule.name.clone();
            return Err(PlanError::Bit {
                rule,
                bit,
                predicates,
            });
        }
    }
    Ok(())
}

fn check_predicates(plan: &Plan) -> Result<(), PlanError> {
    let predicates = plan.predicates.len();
    for (position, predicate) in plan.predicates.iter().enumerate() {
        if let Test::Ottl {
            failed: Some(bit), ..
        } = predicate.test
            && usize::from(bit) >= predicates
        {
            return Err(PlanError::Bit {
                rule: predicate.reason.clone(),
                bit,
                predicates,
            });
        }
        if predicate.reason.is_empty() {
            return Err(PlanError::NoReason(position));
        }
        let wrong = match &predicate.test {
            Test::SpanStatusIn { .. }
            | Test::SpanSampled
            | Test::SamplingInformation
            | Test::Lasting { .. }
            | Test::Ottl { .. }
            | Test::OttlFailed { .. }
            // A key that nobody wrote is empty, and nothing has it.
            | Test::First { .. }
            | Test::TraceStateIn { .. } => None,
            Test::SpanIntIn { keys, .. }
            | Test::SpanStringIn { keys, .. }
            | Test::ResourceStringIn { keys, .. } => {
                if keys.is_empty() {
                    Some("no keys")
                } else if keys.iter().any(String::is_empty) {
                    Some("an empty key")
                } else {
                    None
                }
            }
        };
        if let Some(keys) = wrong {
            return Err(PlanError::Keys {
                position,
                reason: predicate.reason.clone(),
                keys,
            });
        }
    }
    Ok(())
}

fn check_rules(plan: &Plan) -> Result<(), PlanError> {
    let mut names = std::collections::BTreeSet::new();
    for (position, rule) in plan.rules.iter().enumerate() {
        let name = || rule.name.clone();
        if rule.name.is_empty() {
            return Err(PlanError::NoName(position));
        }
        if !names.insert(rule.name.as_str()) {
            return Err(PlanError::SameName {
                position,
                name: name(),
            });
        }
        if rule.threshold > NEVER {
            return Err(PlanError::Threshold {
                rule: name(),
                threshold: rule.threshold,
            });
        }
        for clause in &rule.all {
            if let Clause::AnyBit { bits } = clause
                && let Some(bit) = bits
                    .iter()
                    .find(|bit| usize::from(**bit) >= plan.predicates.len())
            {
                return Err(PlanError::Bit {
                    rule: name(),
                    bit: u16::from(*bit),
                    predicates: plan.predicates.len(),
                });
            }
        }
    }
    Ok(())
}
