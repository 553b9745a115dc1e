//! The tier in front: a hash ring by trace id, whose view of the gateways lags behind, and a queue
//! for what a gateway does not take.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::gateways::Tier;
use super::load::OneSpan;
use super::{Event, RESOLVED_MS, WAIT_MS};

const POINTS: u64 = 100;
/// A process that was stopped or killed is back after so long.
const BACK_MS: u64 = 10_000;

/// What is to be done with a gateway, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Start,
    Stop,
    Kill,
    Lose,
    Enter,
    Leave,
}

pub(super) struct Balancer {
    /// The next gateway has this number.
    next: usize,
    ring: BTreeMap<u64, usize>,
    members: BTreeSet<usize>,
    up: BTreeSet<usize>,
    plans: VecDeque<(u64, Step, usize)>,
    waiting: Vec<OneSpan>,
}

fn place(gateway: usize, point: u64) -> u64 {
    let number = (gateway as u64) << 32 | point;
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.rotate_left(29).wrapping_mul(0xff51_afd7)
}

impl Balancer {
    pub(super) fn new(gateways: usize) -> Self {
        let mut balancer = Self {
            next: gateways,
            ring: BTreeMap::new(),
            members: (0..gateways).collect(),
            up: (0..gateways).collect(),
            plans: VecDeque::new(),
            waiting: Vec::new(),
        };
        balancer.build();
        balancer
    }

    fn build(&mut self) {
        let members = self.members.iter();
        let places = members.flat_map(|&one| (0..POINTS).map(move |at| (place(one, at), one)));
        self.ring = places.collect();
    }

    /// Something happens to the oldest gateway, or to a new one.
    pub(super) fn happens(&mut self, event: Event, now_ms: u64) {
        let Some(&oldest) = self.members.first() else {
            return;
        };
        let fresh = self.next;
        let steps: &[(u64, Step, usize)] = &match event {
            Event::Joins => {
                self.next += 1;
                vec![(0, Step::Start, fresh), (RESOLVED_MS, Step::Enter, fresh)]
            }
            Event::Leaves => vec![
                (RESOLVED_MS, Step::Leave, oldest),
                (RESOLVED_MS + 2 * WAIT_MS, Step::Stop, oldest),
            ],
            Event::Restarts => vec![
                (RESOLVED_MS, Step::Leave, oldest),
                (RESOLVED_MS, Step::Stop, oldest),
                (RESOLVED_MS + BACK_MS, Step::Start, oldest),
                (2 * RESOLVED_MS + BACK_MS, Step::Enter, oldest),
            ],
            Event::Dies => vec![
                (0, Step::Kill, oldest),
                (RESOLVED_MS, Step::Leave, oldest),
                (BACK_MS, Step::Start, oldest),
                (RESOLVED_MS + BACK_MS, Step::Enter, oldest),
            ],
            Event::IsLost => {
                self.next += 1;
                vec![
                    (0, Step::Lose, oldest),
                    (RESOLVED_MS, Step::Leave, oldest),
                    (BACK_MS, Step::Start, fresh),
                    (RESOLVED_MS + BACK_MS, Step::Enter, fresh),
                ]
            }
        };
        let steps = steps
            .iter()
            .map(|(in_ms, step, who)| (now_ms + in_ms, *step, *who));
        self.plans.extend(steps);
    }

    /// Carry out what is due.
    pub(super) fn turn(&mut self, tier: &mut dyn Tier, now_ms: u64) {
        let (due, later) = self
            .plans
            .drain(..)
            .partition(|(at_ms, _, _)| *at_ms <= now_ms);
        self.plans = later;
        let due: VecDeque<(u64, Step, usize)> = due;
        for (_, step, gateway) in due {
            match step {
                Step::Start => {
                    self.up.insert(gateway);
                    tier.start(gateway, now_ms);
                }
                Step::Stop | Step::Kill => {
                    self.up.remove(&gateway);
                    tier.stop(gateway, step == Step::Stop);
                }
                Step::Lose => {
                    self.up.remove(&gateway);
                    tier.lose(gateway);
                }
                Step::Enter => {
                    self.members.insert(gateway);
                }
                Step::Leave => {
                    self.members.remove(&gateway);
                }
            }
            self.build();
        }
    }

    /// Where these spans go, and those that wait; what has nowhere to go waits on.
    pub(super) fn route(&mut self, spans: Vec<OneSpan>) -> BTreeMap<usize, Vec<OneSpan>> {
        let mut parts: BTreeMap<usize, Vec<OneSpan>> = BTreeMap::new();
        let waiting = std::mem::take(&mut self.waiting);
        for span in waiting.into_iter().chain(spans) {
            match self.owner(span).filter(|owner| self.up.contains(owner)) {
                Some(owner) => parts.entry(owner).or_default().push(span),
                None => self.waiting.push(span),
            }
        }
        parts
    }

    fn owner(&self, span: OneSpan) -> Option<usize> {
        let [high, low] = [0, 8].map(|at| {
            let id = span.trace_id();
            u64::from_be_bytes(std::array::from_fn(|byte| id[at + byte]))
        });
        let place = (high ^ low).wrapping_mul(0x2545_f491_4f6c_dd1d);
        let next = self.ring.range(place..).next();
        next.or_else(|| self.ring.first_key_value())
            .map(|(_, owner)| *owner)
    }
}
