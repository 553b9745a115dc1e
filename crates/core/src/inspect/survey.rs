//! Read everything in a data directory, and say what is there and what is not as it was written.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DataDirectory, InspectError, LOGS};
use crate::engine::{CHECKPOINT, Checkpoint, shed_in, stored_plan_names};
use crate::fs::guarded::{self, Guarded};
use crate::ledger::Count;
use crate::log::{Kind, Record};
use crate::outbox;
use crate::plan::{Compiled, Plan, PlanSet};
use crate::replay::{Found, Received, Spot};
use crate::tenants::TENANTS;
use crate::verdicts::{Batch, VerdictLog};
use crate::wire::{self, Scan};

/// Records of one kind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct KindSurvey {
    /// How many.
    pub records: u64,
    /// What is in them: spans of requests and frames, verdicts, notes on late spans.
    pub entries: u64,
    /// Bytes, headers included.
    pub bytes: u64,
}

/// A record that was written as it stands, and that this program cannot work on.
#[derive(Clone, Debug, Serialize)]
pub struct Unsound {
    /// The segment.
    pub path: String,
    /// Where it stands.
    pub position: u64,
    /// What it should be.
    pub kind: &'static str,
}

/// One log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogSurvey {
    /// Name and bytes of every segment, the oldest first.
    pub segments: Vec<(String, u64)>,
    /// Records by kind.
    pub kinds: BTreeMap<&'static str, KindSurvey>,
    /// When the oldest and the newest record were made, since the Unix epoch.
    pub wall_ns: Option<(u64, u64)>,
    /// Bytes that are no records.
    pub damage: Vec<Spot>,
    /// Records this program cannot work on.
    pub unsound: Vec<Unsound>,
}

/// Everything in a data directory.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Survey {
    /// By the names of their directories.
    pub logs: BTreeMap<&'static str, LogSurvey>,
    /// Spans that were received, and stand in no record any more though they should.
    pub missing: Count,
    /// `whole`, `one copy damaged`, `damaged` or `absent`, by file; plans by their number.
    pub files: BTreeMap<String, &'static str>,
    /// Nothing is damaged, unsound or missing. A write that a crash cut short is no damage.
    pub sound: bool,
}

/// How a kind is called in a survey.
const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "request",
        Kind::Shed => "shed",
        Kind::Verdicts => "verdicts",
        Kind::Late => "late",
        Kind::Kept => "kept",
        Kind::Moved => "moved",
        Kind::Settled => "settled",
        Kind::Taken => "taken",
        Kind::Mark => "mark",
        Kind::Filler => "filler",
        Kind::End => "end",
        Kind::Unknown(_) => "unknown",
    }
}

/// The state of a guarded file, in words.
pub(super) fn state<T>(found: &Guarded<T>) -> &'static str {
    match found {
        Guarded::Absent => "absent",
        Guarded::Whole(_, false) => "whole",
        Guarded::Whole(_, true) => "one copy damaged",
        Guarded::Damaged => "damaged",
    }
}

/// Looks into requests; plans have no bearing on whether they can be read.
struct Requests {
    plans: PlanSet,
    scanned: Scan,
}

impl Requests {
    fn new() -> Result<Self, crate::plan::PlanError> {
        let plan = Plan {
            format: 1,
            ..Plan::default()
        };
        Ok(Self {
            plans: PlanSet::new(std::sync::Arc::new(Compiled::new(plan)?)),
            scanned: Scan::default(),
        })
    }

    /// The spans of a request; None if it is none.
    fn accepted(&mut self, record: &Record) -> Option<Count> {
        wire::scan(&record.body, &self.plans, &mut self.scanned).ok()?;
        let spans = Count::new(self.scanned.spans, self.scanned.span_bytes);
        (spans.spans == u64::from(record.header.count)).then_some(spans)
    }
}

impl DataDirectory {
    /// Read everything; `progress` is told how many bytes of all are read, and may end it.
    ///
    /// # Errors
    /// [`InspectError`]; what is damaged is no error.
    pub fn survey(
        &self,
        mut progress: impl FnMut(u64, u64) -> bool,
    ) -> Result<Survey, InspectError> {
        let mut survey = Survey::default();
        let checkpoint = self.checkpoint(&mut survey)?;
        let (mut done, mut all) = (0, 0);
        for log in LOGS {
            let segments = self.reader(log)?.segments()?;
            all += segments.iter().map(|(_, _, bytes)| bytes).sum::<u64>();
            let segments = segments.into_iter().map(|(_, name, bytes)| (name, bytes));
            survey.logs.entry(log).or_default().segments = segments.collect();
        }
        // A log that begins at its begin says all that was ever received.
        let from_begin = self.reader("buffer")?.first() == Some(0) && checkpoint.freed == 0;
        let before = checkpoint.received_before;
        let mut received = Received::from(before.or_else(|| from_begin.then(Count::default)));
        received.claim(checkpoint.totals.received);
        let Ok(mut requests) = Requests::new() else {
            return Ok(survey); // a plan without rules always compiles
        };
        for log in LOGS {
            let reader = self.reader(log)?;
            let mut records = reader.records(0);
            let Some(of) = survey.logs.get_mut(log) else {
                continue;
            };
            while let Some(record) = records.next_found()? {
                let header = record.header;
                done += record.end() - record.position;
                if !progress(done, all) {
                    return Ok(survey);
                }
                received.claim(header.total);
                if !record.whole {
                    continue; // counted as damage
                }
                let kind = of.kinds.entry(name(header.kind)).or_default();
                kind.records += 1;
                kind.entries += u64::from(header.count);
                kind.bytes += record.end() - record.position;
                if header.wall_ns > 0 {
                    let (first, last) = of.wall_ns.unwrap_or((header.wall_ns, 0));
                    let wall_ns = header.wall_ns;
                    of.wall_ns = Some((first.min(wall_ns), last.max(wall_ns)));
                }
                let sound = match header.kind {
                    Kind::Request => {
                        let accepted = requests.accepted(&record);
                        match accepted {
                            Some(spans) if record.position >= checkpoint.freed => {
                                received.request(spans, header.total);
                            }
                            Some(_) => {}
                            None => drop(received.unknown(u64::from(header.count), header.total)),
                        }
                        accepted.is_some()
                    }
                    Kind::Shed => {
                        let shed = shed_in(&record);
                        if let Some(shed) = shed
                            && record.position >= checkpoint.freed
                        {
                            received.request(shed, header.total);
                        }
                        shed.is_some()
                    }
                    Kind::Verdicts | Kind::Late => is_full(&record),
                    _ => outbox::is_sound(&record),
                };
                if !sound {
                    of.unsound.push(Unsound {
                        path: reader.path_of(record.position),
                        position: record.position,
                        kind: name(header.kind),
                    });
                }
            }
            let mut found = Found::default();
            found.add_damage(log, &reader, records.damage());
            of.damage = found.damage;
        }
        received.finish();
        survey.missing = received.lost;
        survey.sound = survey.is_sound();
        Ok(survey)
    }

    /// The checkpoint, and the state of the small files.
    fn checkpoint(&self, survey: &mut Survey) -> Result<Checkpoint, InspectError> {
        let failed = |error| InspectError::Io {
            path: self.path.display().to_string(),
            error,
        };
        let checkpoint =
            guarded::look::<Checkpoint>(&*self.fs, &self.path, CHECKPOINT).map_err(failed)?;
        let checkpoint = checkpoint.filter(Checkpoint::is_possible);
        survey
            .files
            .insert(CHECKPOINT.to_owned(), state(&checkpoint));
        let tenants =
            guarded::look::<serde_json::Value>(&*self.fs, &self.path, TENANTS).map_err(failed)?;
        if !matches!(tenants, Guarded::Absent) {
            let state = state(&tenants);
            survey.files.insert(TENANTS.to_owned(), state);
        }
        let plans = self.path.join("plans");
        for name in stored_plan_names(&*self.fs, &self.path).map_err(failed)? {
            let plan = guarded::look::<Plan>(&*self.fs, &plans, &name).map_err(failed)?;
            survey.files.insert(format!("plans/{name}"), state(&plan));
        }
        Ok(match checkpoint {
            Guarded::Whole(checkpoint, _) => checkpoint,
            Guarded::Absent | Guarded::Damaged => Checkpoint::default(),
        })
    }
}

/// Whether every entry of a record of the verdict log is whole.
fn is_full(record: &Record) -> bool {
    let entries = match VerdictLog::decode(record) {
        Some(Batch::Verdicts(verdicts)) => verdicts.len(),
        Some(Batch::Late(late)) => late.len(),
        None => return false,
    };
    entries == record.header.count as usize
}

impl Survey {
    fn is_sound(&self) -> bool {
        let files = self.files.values();
        let whole = files
            .into_iter()
            .all(|state| matches!(*state, "whole" | "absent"));
        whole
            && self.missing.is_zero()
            && self
                .logs
                .values()
                .all(|log| log.unsound.is_empty() && log.damage.iter().all(Spot::is_torn_tail))
    }
}
