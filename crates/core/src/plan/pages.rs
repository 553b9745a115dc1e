//! The bits of a trace where policies ask for more predicates than a word has bits.

use super::{PAGE, Plan, PlanError, Predicate, Test};

/// The predicates that held of a trace, or of some spans of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bits<'a> {
    /// The first page.
    pub first: u64,
    /// The others; pages that are missing have no bit set.
    pub more: &'a [u64],
}

impl Bits<'_> {
    /// Whether this predicate held.
    #[inline]
    #[must_use]
    pub fn has(&self, bit: u16) -> bool {
        let bit = usize::from(bit);
        self.page(bit / PAGE) >> (bit % PAGE) & 1 == 1
    }

    /// The bits of one page.
    #[must_use]
    pub fn page(&self, page: usize) -> u64 {
        match page.checked_sub(1) {
            None => self.first,
            Some(at) => self.more.get(at).copied().unwrap_or_default(),
        }
    }
}

/// The predicates beyond the first page, each page a plan of its own that judges nothing.
pub(super) fn pages(plan: &Plan) -> impl Iterator<Item = Plan> + '_ {
    let pages = plan.predicates.chunks(PAGE).enumerate().skip(1);
    pages.map(|(page, predicates)| Plan {
        format: plan.format,
        predicates: predicates
            .iter()
            .map(|predicate| on_page(predicate, page))
            .collect(),
        ..Plan::default()
    })
}

/// A predicate that speaks of others as its page numbers them.
fn on_page(predicate: &Predicate, page: usize) -> Predicate {
    let mut predicate = predicate.clone();
    if let Test::Ottl {
        failed: Some(failed),
        ..
    } = &mut predicate.test
    {
        *failed -= (page * PAGE) as u16;
    }
    predicate
}

/// Finds a predicate that its page cannot run.
pub(super) fn check(plan: &Plan) -> Result<(), PlanError> {
    for (position, predicate) in plan.predicates.iter().enumerate() {
        let why = match predicate.test {
            // Its bit is found by the times of all spans together, for the first page.
            Test::Lasting { .. } if position >= PAGE => "must be among the first 64",
            // They exclude each other, which is looked after page by page.
            Test::Ottl {
                failed: Some(failed),
                ..
            } if usize::from(failed) / PAGE != position / PAGE => {
                "and what it sets when it fails must be on one page of 64"
            }
            _ => continue,
        };
        return Err(PlanError::Page {
            position,
            reason: predicate.reason.clone(),
            why,
        });
    }
    Ok(())
}
