//! Conditions in OTTL that a plan asks of every span.

use super::{PlanError, Predicate, Test};
use crate::ottl::{
    Atoms, Lowered, Outcome, Owner, Program, View, Wants, reads_events, without_events,
};
use crate::wire::events_of;

/// One condition.
#[derive(Debug)]
struct Asking {
    lowered: Option<Lowered>,
    program: Program,
}

impl Asking {
    fn ask(&self, view: &View<'_>, atoms: Option<u64>) -> Outcome {
        match (&self.lowered, atoms) {
            (Some(Lowered::Whole(formula)), Some(atoms)) if formula.holds(atoms) => Outcome::True,
            (Some(lowered), Some(atoms)) if !lowered.formula().holds(atoms) => Outcome::False,
            _ => self.program.ask(view),
        }
    }
}

/// One policy's conditions.
#[derive(Debug)]
pub(super) struct Asked {
    matched: u64,
    /// Errors end the asking.
    failed: Option<u64>,
    span: Vec<Asking>,
    event: Vec<Asking>,
    /// Conditions on events read the other ones, too.
    reads_events: bool,
    resource: Wants,
    scope: Wants,
}

impl Asked {
    /// The conditions of a predicate, if it has some; of those on spans, what can be, is lowered to
    /// `atoms`.
    ///
    /// # Errors
    /// [`PlanError::Condition`].
    pub(super) fn of(
        position: usize,
        predicate: &Predicate,
        atoms: &mut Atoms,
    ) -> Result<Option<Self>, PlanError> {
        let Test::Ottl {
            span,
            event,
            failed,
        } = &predicate.test
        else {
            return Ok(None);
        };
        let programs = |conditions: &[crate::ottl::Condition]| {
            let compiled: Result<Vec<_>, _> = conditions.iter().map(Program::new).collect();
            compiled.map_err(|error| PlanError::Condition {
                position,
                reason: predicate.reason.clone(),
                why: error.to_string(),
            })
        };
        Ok(Some(Self {
            matched: 1 << position,
            failed: failed.map(|bit| 1 << bit),
            span: programs(span)?
                .into_iter()
                .map(|program| Asking {
                    lowered: program.lower(atoms),
                    program,
                })
                .collect(),
            event: programs(event)?
                .into_iter()
                .map(|program| Asking {
                    lowered: None,
                    program,
                })
                .collect(),
            reads_events: reads_events(event),
            resource: Wants::of(span.iter().chain(event), Owner::Resource),
            scope: Wants::of(span.iter().chain(event), Owner::Scope),
        }))
    }

    /// The attributes of resources and of scopes that are read.
    pub(super) fn wants(&self) -> (Wants, Wants) {
        (self.resource.clone(), self.scope.clone())
    }

    /// Whether atoms say all that there is to say.
    pub(super) fn is_lowered(&self) -> bool {
        let whole = |asking: &Asking| matches!(asking.lowered, Some(Lowered::Whole(_)));
        self.event.is_empty() && self.span.iter().all(whole)
    }

    /// The bit that a span with these atoms sets, where they say it all; 0 if none.
    #[inline]
    pub(super) fn lowered_bits(&self, atoms: u64) -> u64 {
        let holds = |lowered: &Lowered| lowered.formula().holds(atoms);
        let holds = |asking: &Asking| asking.lowered.as_ref().is_some_and(holds);
        if self.span.iter().any(holds) {
            self.matched
        } else {
            0
        }
    }

    /// The bit that a span sets; 0 if none. `atoms`: those of the span, if they can be told.
    pub(super) fn bits(&self, view: &View<'_>, atoms: Option<u64>) -> u64 {
        if let Some(bits) = self.first(&self.span, view, atoms) {
            return bits;
        }
        if self.event.is_empty() {
            return 0;
        }
        if view.index.is_some_and(|index| !index.has_events()) {
            return 0;
        }
        let mut events = events_of(view.span).peekable();
        if events.peek().is_none() {
            return 0;
        }
        // Else every event that reads something of its span would walk over all events.
        let mut bare = Vec::new();
        let as_it_is = self.reads_events || view.index.is_some();
        if !as_it_is {
            without_events(view.span, &mut bare);
        }
        let span = if as_it_is { view.span } else { &bare };
        let found = events.find_map(|event| {
            let event = View {
                event: Some(event),
                span,
                ..*view
            };
            self.first(&self.event, &event, None)
        });
        found.unwrap_or(0)
    }

    /// What the first of these that says something sets.
    fn first(&self, all: &[Asking], view: &View<'_>, atoms: Option<u64>) -> Option<u64> {
        all.iter().find_map(|asking| match asking.ask(view, atoms) {
            Outcome::True => Some(self.matched),
            Outcome::Error => self.failed,
            Outcome::False => None,
        })
    }

    /// Both bits of a race, of which the first that is set stays alone.
    pub(super) fn race(&self) -> Option<u64> {
        self.failed.map(|failed| failed | self.matched)
    }
}
