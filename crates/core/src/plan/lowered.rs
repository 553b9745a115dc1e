//! The conditions in OTTL of one page, and of them those that the pass over a span answers.

use super::ottl::Asked;
use super::{PAGE, Plan, PlanError, Test};
use crate::ottl::{Atoms, Seen, View};

/// Conditions of which atoms say all that there is to say.
#[derive(Debug, Default)]
pub(super) struct Lowered {
    asked: Vec<Asked>,
    atoms: Atoms,
}

impl Lowered {
    /// The conditions of a page that are lowered, and the others, of which some are in part.
    ///
    /// # Errors
    /// [`PlanError::Condition`].
    pub(super) fn of(plan: &Plan) -> Result<(Self, Vec<Asked>), PlanError> {
        let page = || plan.predicates.iter().take(PAGE);
        let keys = page().filter_map(|predicate| match &predicate.test {
            Test::First { key, .. } => Some(key.as_str()),
            _ => None,
        });
        let (mut lowered, mut others) = (Vec::new(), Vec::new());
        let mut atoms = Atoms::beside(keys);
        for (position, predicate) in page().enumerate() {
            if let Some(asked) = Asked::of(position, predicate, &mut atoms)? {
                let whole = asked.is_lowered();
                if whole { &mut lowered } else { &mut others }.push(asked);
            }
        }
        let asked = lowered;
        Ok((Self { asked, atoms }, others))
    }

    /// Pairs of bits of which the first that is set stays alone.
    pub(super) fn races(&self, others: &[Asked]) -> Vec<u64> {
        let all = self.asked.iter().chain(others);
        all.filter_map(Asked::race).collect()
    }

    /// What the matcher is to look for.
    pub(super) const fn atoms_mut(&mut self) -> &mut Atoms {
        &mut self.atoms
    }

    /// Whether there is anything to ask; a condition of no terms has no atoms.
    #[inline(always)]
    pub(super) const fn any(&self) -> bool {
        self.atoms.any() || !self.asked.is_empty()
    }

    /// Fills in what a span is beside its attributes, and returns the bits that it sets.
    #[inline]
    pub(super) fn bits(
        &self,
        seen: &mut Seen,
        (kind, code): (i32, i32),
        parent: &[u8],
        span: &[u8],
    ) -> u64 {
        self.atoms.finish(seen, kind, code, parent);
        let Some(atoms) = seen.told() else {
            return self.evaluated(span);
        };
        let bits = self.asked.iter().map(|one| one.lowered_bits(atoms));
        bits.fold(0, |bits, one| bits | one)
    }

    #[cold]
    fn evaluated(&self, span: &[u8]) -> u64 {
        // What is lowered reads nothing but the span.
        let view = View {
            resources: &[],
            scopes: &[],
            span,
            event: None,
            index: None,
        };
        let bits = self.asked.iter().map(|one| one.bits(&view, None));
        bits.fold(0, |bits, one| bits | one)
    }
}
