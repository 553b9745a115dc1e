//! Predicates beyond the first page: each page looks at every span by itself.

use super::reader::Reader;
use super::span::{Span, Tests};
use super::types::ScanError;
use crate::ottl::{Seen, View};
use crate::plan::{Compiled, PlanSet};

/// The further pages of the plans that are alive.
pub(super) struct Pages<'p> {
    all: Vec<Page<'p>>,
    /// How many each plan has.
    counts: [usize; 2],
}

/// Bits of further pages, by plan; none before a span was looked at.
pub(super) type PageBits = Option<Box<[Vec<u64>; 2]>>;

struct Page<'p> {
    compiled: &'p Compiled,
    tests: Tests<'p>,
    /// 0: of the current plan; 1: of the previous one.
    plan: usize,
    /// Its place among those of its plan.
    at: usize,
    resource_bits: u64,
    resource_seen: [Seen; 2],
    /// Of the span that was looked at last.
    span_bits: u64,
}

impl<'p> Pages<'p> {
    /// None where no plan has more than one page.
    pub(super) fn new(plans: &'p PlanSet) -> Option<Self> {
        let current = plans.current.pages();
        let previous = plans.previous.as_ref().map_or(&[][..], |plan| plan.pages());
        let pages = [current, previous].into_iter().enumerate();
        let all: Vec<_> = pages
            .flat_map(|(plan, pages)| {
                pages.iter().enumerate().map(move |(at, compiled)| Page {
                    compiled,
                    tests: Tests::only(compiled),
                    plan,
                    at,
                    resource_bits: 0,
                    resource_seen: Default::default(),
                    span_bits: 0,
                })
            })
            .collect();
        (!all.is_empty()).then_some(Self {
            all,
            counts: [current.len(), previous.len()],
        })
    }

    pub(super) fn begin_resource(&mut self) {
        for page in &mut self.all {
            page.resource_bits = 0;
            page.resource_seen = Default::default();
        }
    }

    pub(super) fn resource(&mut self, message: Reader<'_>) {
        for page in &mut self.all {
            if page.compiled.looks_at_resources() {
                page.resource_bits |= page.tests.resource(message, &mut page.resource_seen)[0];
            }
        }
    }

    /// Run a span through all pages; `view`: what conditions in OTTL see, where some are asked.
    pub(super) fn look(
        &mut self,
        message: Reader<'_>,
        view: Option<&View<'_>>,
    ) -> Result<(), ScanError> {
        for page in &mut self.all {
            let span = Span::read(message, &page.tests)?;
            let asked = |view| page.compiled.ottl_bits(view, span.atoms()[0]);
            page.span_bits = span.bits[0] | view.map_or(0, asked) | page.resource_bits;
        }
        Ok(())
    }

    /// Add what the span set that was looked at last.
    pub(super) fn add(&self, into: &mut PageBits) {
        let into = into.get_or_insert_with(|| Box::new(self.counts.map(|pages| vec![0; pages])));
        for page in &self.all {
            let sum = &mut into[page.plan][page.at];
            *sum = page.compiled.join(*sum, page.span_bits);
        }
    }
}
