//! What a span and a trace may cost, counted and not timed: allocations, and where valgrind is
//! there, instructions. The budgets stand in `benchmarks/budgets.json`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic fails the test, and what was counted is printed beside its budget"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use allocation_counter::measure;
use serde_json::Value;
use tailsampler_load::judged::Judged;

const SPANS_PER_TRACE: usize = 8;
const TRACES: usize = 6_400;
/// Under valgrind, which takes fifty times as long.
const FEWER_TRACES: usize = 1_600;
/// So many requests of 512 spans hold them.
const REQUESTS: usize = TRACES * SPANS_PER_TRACE / 512;

fn benchmarks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn core(chain: &str, traces: usize) -> Judged {
    let path = benchmarks().join(format!("load/tests/plans/{chain}.json"));
    let options = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut core = Judged::new(options, SPANS_PER_TRACE).unwrap();
    // Tables and buffers that exist once are no cost of a span.
    core.round(traces).unwrap();
    core
}

fn budgets(chain: &str) -> Value {
    let text = std::fs::read(benchmarks().join("budgets.json")).unwrap();
    let budgets: Value = serde_json::from_slice(&text).unwrap();
    budgets["chains"][chain].clone()
}

fn hold(chain: &str, what: &str, counted: f64) {
    let budget = budgets(chain)[what].as_f64().expect(what);
    println!("{chain}: {what} {counted:.3}, budget {budget}");
    assert!(
        counted <= budget,
        "{chain}: {what} is {counted:.3}, over its budget of {budget} in benchmarks/budgets.json; \
         if what costs that much is worth it, raise the budget in the same change"
    );
}

fn allocations(chain: &str) {
    let mut core = core(chain, TRACES);
    let requests = core.requests(TRACES);
    let ingest = measure(|| core.ingest(requests).unwrap()).count_total;
    let judge = measure(|| assert_eq!(core.judge(), TRACES)).count_total;
    core.settle().unwrap();
    hold(
        chain,
        "allocations_a_request_of_512",
        ingest as f64 / REQUESTS as f64,
    );
    hold(
        chain,
        "allocations_a_trace_judged",
        judge as f64 / TRACES as f64,
    );
}

/// Taking in a request and judging a trace allocate no more than the standard chain's budget.
#[test]
fn the_standard_chain_allocates_within_its_budget() {
    allocations("standard");
}

/// The same of twenty policies.
#[test]
fn twenty_policies_allocate_within_their_budget() {
    allocations("twenty");
}

/// The same of a Collector's block of twenty policies.
#[test]
fn a_collectors_chain_allocates_within_its_budget() {
    allocations("contrib");
}

/// What runs under valgrind: requests are made, and taken in and judged only if that is asked.
#[test]
#[ignore = "run by the tests of instructions, under valgrind"]
fn work() {
    let chain = std::env::var("BUDGETS_CHAIN").expect("BUDGETS_CHAIN");
    let mut core = core(&chain, FEWER_TRACES);
    let requests = core.requests(FEWER_TRACES);
    if std::env::var_os("BUDGETS_JUDGE").is_some() {
        core.ingest(requests).unwrap();
        assert_eq!(core.judge(), FEWER_TRACES);
    }
}

/// Instructions of the child; None without valgrind.
fn instructions(chain: &str, judge: bool) -> Option<f64> {
    let ran = Command::new("valgrind")
        .args(["--tool=none", "--version"])
        .output();
    if ran.is_err() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true")
                && std::env::var_os("TAILSAMPLER_REQUIRE_ALL").is_none(),
            "missing in CI: valgrind"
        );
        println!("skipped: valgrind is not on PATH");
        return None;
    }
    let mut child = Command::new("valgrind");
    if judge {
        child.env("BUDGETS_JUDGE", "1");
    }
    let done = child
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "work", "--ignored", "--test-threads=1"])
        .env("BUDGETS_CHAIN", chain)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("Collected"))
        .expect(&said);
    Some(line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// A span taken in and judged takes no more instructions than its budget, as this profile
/// compiles it.
#[test]
fn a_span_takes_instructions_within_its_budget() {
    for chain in ["standard", "contrib"] {
        let (Some(less), Some(more)) = (instructions(chain, false), instructions(chain, true))
        else {
            return;
        };
        let spans = (FEWER_TRACES * SPANS_PER_TRACE) as f64;
        hold(chain, "instructions_a_span", (more - less) / spans);
    }
}
