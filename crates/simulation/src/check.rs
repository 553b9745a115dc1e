//! Another gateway is started on what is left of a life, goes on to the end, and is held to what
//! had been promised until then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::Fsync;
use tailsampler_core::simulation::World;
use tailsampler_core::wire::TraceId;

use crate::disk::Fate;
use crate::life::{Event, Life, MS, SpanId, number, spans_of, verdict};
use crate::script::Script;

/// What had happened when the machine stopped.
#[derive(Default)]
struct Truth {
    acknowledged: BTreeSet<SpanId>,
    /// Of these, those that a sync that has ended was behind.
    durable: BTreeSet<SpanId>,
    /// Sent, and nobody was told whether they were taken.
    under_way: BTreeSet<SpanId>,
    /// Verdicts that had been given.
    judged: BTreeMap<TraceId, bool>,
    /// Traces that were being judged.
    judging: BTreeSet<TraceId>,
    delivered: BTreeSet<SpanId>,
    /// What was on its way to a backend: it may come twice.
    on_the_way: BTreeSet<SpanId>,
    nothing: BTreeSet<SpanId>,
}

impl Truth {
    fn at(life: &Life, stop: usize) -> Self {
        let mut truth = Self::default();
        for timed in &life.events {
            let over = timed.ended <= stop;
            match &timed.event {
                _ if timed.began > stop => {}
                Event::Acknowledged(spans) if over => truth.acknowledged.extend(spans),
                Event::Acknowledged(spans) => truth.under_way.extend(spans),
                Event::Judged(trace, kept) if over => drop(truth.judged.insert(*trace, *kept)),
                Event::Judged(trace, _) => drop(truth.judging.insert(*trace)),
                Event::Delivered(spans) if over => truth.delivered.extend(spans),
                Event::Delivered(spans) => truth.on_the_way.extend(spans),
                Event::Synced if over => {
                    // It began with what had been acknowledged by then.
                    for earlier in &life.events {
                        if earlier.ended <= timed.began
                            && let Event::Acknowledged(spans) = &earlier.event
                        {
                            truth.durable.extend(spans);
                        }
                    }
                }
                Event::Synced => {}
            }
        }
        truth
    }

    /// What must still be known after this fate in this mode.
    fn owed(&self, mode: Fsync, fate: Fate) -> &BTreeSet<SpanId> {
        match mode {
            _ if !fate.is_power() => &self.acknowledged,
            Fsync::Always => &self.acknowledged,
            Fsync::Interval { .. } => &self.durable,
            Fsync::Never => &self.nothing,
        }
    }
}

/// What the second gateway did until nothing was left to do.
#[derive(Default)]
struct Outcome {
    judged: Vec<(TraceId, bool)>,
    delivered: Vec<SpanId>,
}

/// Start on `disk`; what is wrong with what follows, in words.
///
/// # Errors
/// The first promise that was broken.
pub fn check(
    life: &Life,
    script: &Script,
    (stop, fate): (usize, Fate),
    disk: MemoryDisk,
) -> Result<(), String> {
    let truth = Truth::at(life, stop);
    let world = World::left(Arc::new(disk), script.options(), life.now_ns);
    let mut world = world.map_err(|error| format!("no start: {error}"))?;
    let first = world.ledger();
    balanced(&first, fate)?;
    let received = first["spans"]["received"].as_u64().unwrap_or(0);
    let least = truth.owed(script.mode, fate).len() as u64;
    let most = (truth.acknowledged.len() + truth.under_way.len()) as u64;
    if received < least || received > most {
        return Err(format!("{received} spans received, not {least} to {most}"));
    }
    if !fate.is_power() {
        for (trace, kept) in &truth.judged {
            let known = world.decision(trace);
            let known = known.as_ref().and_then(verdict);
            if known != Some((*trace, *kept)) && !truth.judging.contains(trace) {
                return Err(format!(
                    "the verdict on {trace:02x?} was {kept}, and is {known:?}"
                ));
            }
        }
    }
    let outcome = go_on(&mut world, life)?;
    let last = world.ledger();
    balanced(&last, fate)?;
    let held = &last["spans"]["held"];
    if held["buffer"] != 0 || held["outbox"] != 0 {
        return Err(format!("held for ever: {held}"));
    }
    accounted(life, script, fate, &truth, &outcome)
}

fn balanced(ledger: &Value, fate: Fate) -> Result<(), String> {
    if ledger["balanced"] != true {
        return Err(format!("out of balance: {ledger}"));
    }
    let spans = &ledger["spans"];
    let lost = |reason: &str| spans["dropped"][reason].as_u64().unwrap_or(0);
    let lost = lost("corrupt") + lost("uncounted") + lost("quarantined");
    if !fate.is_power() && (lost > 0 || spans["restored"] != 0) {
        return Err(format!("mended though only the process died: {spans}"));
    }
    Ok(())
}

/// Judge and export until nothing is held.
fn go_on(world: &mut World, life: &Life) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut now_ns = life.now_ns;
    for _ in 0..3 {
        now_ns += 60_000 * MS;
        let verdicts = world.advance(now_ns);
        outcome.judged.extend(verdicts.iter().filter_map(verdict));
        for payload in world.take() {
            for mut span in spans_of(&payload).ok_or("an export that is no request")? {
                span.trace_state.clear();
                let number = number(&span).ok_or("an export of a span that was never sent")?;
                if life.spans.get(&number) != Some(&span) {
                    return Err(format!("span {number} was not sent like that: {span:?}"));
                }
                outcome.delivered.push(number);
            }
        }
    }
    Ok(outcome)
}

/// Where every span that was promised to be kept track of went.
fn accounted(
    life: &Life,
    script: &Script,
    fate: Fate,
    truth: &Truth,
    outcome: &Outcome,
) -> Result<(), String> {
    let mut again: BTreeMap<TraceId, Vec<bool>> = BTreeMap::new();
    for (trace, kept) in &outcome.judged {
        again.entry(*trace).or_default().push(*kept);
    }
    let delivered: BTreeSet<SpanId> = outcome.delivered.iter().copied().collect();
    if !fate.is_power() {
        for trace in truth.judged.keys() {
            if again.contains_key(trace) {
                return Err(format!("{trace:02x?} was judged twice"));
            }
        }
        let twice =
            |span: &&SpanId| truth.delivered.contains(span) && !truth.on_the_way.contains(span);
        if let Some(span) = delivered.iter().find(twice) {
            return Err(format!("span {span} was delivered twice"));
        }
        if outcome.delivered.len() != delivered.len() {
            return Err("a span was delivered twice by the second gateway".to_owned());
        }
    }
    for span in truth.owed(script.mode, fate) {
        let out = [&truth.delivered, &truth.on_the_way, &delivered];
        if out.iter().any(|spans| spans.contains(span)) {
            continue;
        }
        let Some(Ok(trace)) = life
            .spans
            .get(span)
            .map(|span| TraceId::try_from(&*span.trace_id))
        else {
            return Err(format!("span {span} was never sent"));
        };
        let dropped_now = again.get(&trace).is_some_and(|kept| kept.contains(&false));
        let dropped_then = truth.judged.get(&trace) == Some(&false);
        // A verdict that was being given when the machine stopped, and stands.
        let dropping = truth.judging.contains(&trace) && !again.contains_key(&trace);
        if !(dropped_now || dropped_then || dropping) {
            return Err(format!(
                "span {span} of trace {trace:02x?}, acknowledged, is nowhere; verdict then {:?}, \
                 being given {}, now {:?}",
                truth.judged.get(&trace),
                truth.judging.contains(&trace),
                again.get(&trace),
            ));
        }
    }
    Ok(())
}
