//! What an exporter gives up at its bounds, in which order, and that it costs nobody else.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod outbox_support;

use outbox_support::*;
use proptest::prelude::*;
use tailsampler_core::options::Limits;
use tailsampler_core::outbox::{Batch, Settlement};

/// What the last rule kept goes first, the oldest of it first, and errors last.
#[test]
fn the_order_of_giving_up() {
    let mut fixture = Fixture::new(1 << 30, &[("away", bounded(Some(30_000), None))]);
    for _ in 0..30 {
        fixture.write(ERRORS, at(0));
        fixture.write(DEFAULT, at(0));
        fixture.write(SLOW, at(0));
        assert!(fixture.outbox.make_room(at(0)));
    }
    let given_up = fixture.given_up("away");
    assert_eq!(given_up["default"], 30, "{given_up:?}");
    assert!(given_up["slow"] > 0 && given_up["errors"] > 0);
    assert_eq!(fixture.totals("away").0.dropped.len(), 1);
    let bytes = fixture.outbox.stats(at(0)).exporters["away"].bytes;
    assert!(bytes <= 30_000, "{bytes}");
    let left = fixture.drain("away", at(0));
    let errors: Vec<u64> = (0..30).map(|i| 3 * i + 1).collect();
    let left_errors: Vec<_> = left.iter().copied().filter(|n| n % 3 == 1).collect();
    assert!(errors.ends_with(&left_errors), "the newest stay: {left:?}");
    let slow = left.iter().filter(|n| *n % 3 == 0).count();
    assert!(slow <= 1, "no error goes before: {left:?}");
}

/// While enough of a lower rule is there no error goes, however old it is.
#[test]
fn errors_outlive_newer_defaults() {
    let mut fixture = Fixture::new(1 << 30, &[("away", bounded(Some(30_000), None))]);
    let errors: Vec<u64> = (0..10).map(|_| fixture.write(ERRORS, at(0))).collect();
    for _ in 0..200 {
        fixture.write(DEFAULT, at(1));
        fixture.outbox.make_room(at(1));
    }
    let given_up = fixture.given_up("away");
    assert_eq!(given_up.keys().collect::<Vec<_>>(), ["default"]);
    let left = fixture.drain("away", at(1));
    assert_eq!(left[..10], errors);
    assert_eq!(*left.last().unwrap(), 210);
    assert!(
        left[10..].is_sorted_by(|a, b| a + 1 == *b),
        "the newest: {left:?}"
    );
}

/// What is given up stays so after a restart, and the books with it.
#[test]
fn giving_up_is_durable() {
    let mut fixture = Fixture::new(
        1 << 30,
        &[("away", bounded(Some(30_000), None)), ("well", FREE)],
    );
    for _ in 0..50 {
        fixture.write(ERRORS, at(0));
        fixture.write(DEFAULT, at(0));
        fixture.outbox.make_room(at(0));
    }
    let before = (fixture.totals("away"), fixture.totals("well"));
    fixture.restart(at(1));
    assert_eq!((fixture.totals("away"), fixture.totals("well")), before);
    assert_eq!(before.1.1, 100, "one exporter's bound costs no other");
    assert_eq!(fixture.drain("well", at(1)).len(), 100);
    let left = fixture.drain("away", at(1));
    assert_eq!(left.len() as u64, before.0.1);
}

/// What is too old goes by its own name, whichever rule kept it, also over a restart.
#[test]
fn what_is_too_old() {
    let limits = [("away", bounded(None, Some(60_000))), ("well", FREE)];
    let mut fixture = Fixture::new(1 << 30, &limits);
    fixture.write(ERRORS, at(0));
    fixture.write(DEFAULT, at(0));
    fixture.restart(at(30));
    let young = fixture.write(DEFAULT, at(30));
    fixture.outbox.make_room(at(59));
    assert_eq!(fixture.totals("away").1, 3);
    fixture.outbox.make_room(at(62));
    let (totals, held) = fixture.totals("away");
    assert_eq!(totals.dropped["outbox_expired"].spans, 2);
    assert_eq!(held, 1);
    assert_eq!(fixture.drain("away", at(62)), [young]);
    assert_eq!(fixture.drain("well", at(62)), [1, 2, 3]);
}

/// What an exporter has in hand is not given up; once it comes back it is.
#[test]
fn what_is_in_hand_stays() {
    let mut fixture = Fixture::new(1 << 30, &[("away", bounded(Some(5_000), None))]);
    fixture.write(DEFAULT, at(0));
    let (batch, first) = fixture.take("away", at(0)).unwrap();
    for _ in 0..20 {
        fixture.write(DEFAULT, at(0));
        fixture.outbox.make_room(at(0));
    }
    let all = Settlement::default();
    assert!(fixture.outbox.settle("away", batch.token, &all, at(0)));
    assert_eq!(fixture.totals("away").0.exported.spans, 1);
    let (batch, second) = fixture.take("away", at(0)).unwrap();
    assert!(second > first);
    fixture.outbox.give_back("away", batch.token, true);
    for _ in 0..20 {
        fixture.write(DEFAULT, at(0));
        fixture.outbox.make_room(at(0));
    }
    assert!(!fixture.drain("away", at(0)).contains(&second));
}

/// Old errors at the begin of the log do not pin it: they are copied to its end, for those who
/// want them, and come once.
#[test]
fn a_pinned_log_moves_on() {
    let mut fixture = Fixture::new(
        400_000,
        &[("away", bounded(Some(200_000), None)), ("well", FREE)],
    );
    let errors: Vec<u64> = (0..40).map(|_| fixture.write(ERRORS, at(0))).collect();
    let mut well = Vec::new();
    let mut largest = 0;
    for round in 0..1_500 {
        fixture.write(DEFAULT, at(1));
        assert!(fixture.outbox.make_room(at(1)), "round {round}");
        fixture.remove();
        well.extend(fixture.drain("well", at(1)));
        largest = largest.max(fixture.outbox.bytes());
        if round % 300 == 299 {
            fixture.restart(at(1));
        }
    }
    assert!(largest <= 420_000, "{largest}");
    assert_eq!(well, (1..=1_540).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(
        fixture.given_up("away").keys().collect::<Vec<_>>(),
        ["default"]
    );
    fixture.restart(at(2));
    let left = fixture.drain("away", at(2));
    assert!(errors.iter().all(|error| left.contains(error)));
    assert_eq!(
        left.len() as u64,
        1_540 - fixture.given_up("away")["default"]
    );
    assert!(fixture.outbox.is_empty());
}

/// Without a bound of their own, exporters that are away together share the outbox.
#[test]
fn two_are_away() {
    let mut fixture = Fixture::new(400_000, &[("one", FREE), ("two", FREE), ("well", FREE)]);
    for _ in 0..1_000 {
        fixture.write(DEFAULT, at(20));
        assert!(fixture.outbox.make_room(at(20)));
        fixture.remove();
        assert_eq!(fixture.drain("well", at(20)).len(), 1);
    }
    let stats = fixture.outbox.stats(at(20)).exporters;
    for name in ["one", "two"] {
        assert!(fixture.totals(name).0.dropped["outbox_full"].spans > 500);
        assert!(stats[name].bytes > 200_000, "{stats:?}");
    }
    assert!(fixture.totals("well").0.dropped.is_empty());
}

/// A burst that an exporter only needs some seconds for costs it nothing: the packer waits.
#[test]
fn a_burst_is_waited_for() {
    let mut fixture = Fixture::new(100_000, &[("slow", FREE)]);
    let mut written = 0;
    while fixture.outbox.make_room(at(1)) {
        fixture.write(DEFAULT, at(1));
        written += 1;
        assert!(written < 1_000, "it is never full");
    }
    assert_eq!(fixture.drain("slow", at(9)).len(), written);
    assert!(fixture.outbox.make_room(at(9)), "there is room again");
    for _ in 0..written {
        fixture.outbox.make_room(at(9));
        fixture.write(DEFAULT, at(9));
    }
    assert!(fixture.outbox.make_room(at(30)), "it is away");
    assert!(fixture.totals("slow").0.dropped["outbox_full"].spans > 0);
}

/// Live frames go first; the backlog gets its share of the bytes, or all while nothing else waits.
#[test]
fn the_drain() {
    for (permille, expected) in [(500, 50), (250, 25), (0, 0), (1_000, 100)] {
        let limits = Limits {
            drain_permille: permille,
            ..FREE
        };
        let mut fixture = Fixture::new(1 << 30, &[("back", limits)]);
        for _ in 0..200 {
            fixture.write(DEFAULT, at(0));
        }
        for _ in 0..200 {
            fixture.write(DEFAULT, at(60));
        }
        let (mut old, mut live) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let (batch, number) = fixture.take("back", at(60)).unwrap();
            let all = Settlement::default();
            assert!(fixture.outbox.settle("back", batch.token, &all, at(60)));
            if number <= 200 { &mut old } else { &mut live }.push(number);
        }
        assert_eq!(old.len(), expected);
        assert!(old.is_sorted() && live.is_sorted());
        let rest = fixture.drain("back", at(60));
        assert_eq!(rest.len(), 300);
        assert!(fixture.outbox.is_empty());
    }
}

/// Frames that were scattered by giving up go out in batches all the same.
#[test]
fn a_batch_spans_what_is_gone() {
    let mut fixture = Fixture::new(1 << 30, &[("away", bounded(Some(60_000), None))]);
    for _ in 0..40 {
        fixture.write(ERRORS, at(0));
        fixture.write(DEFAULT, at(0));
    }
    fixture.outbox.make_room(at(0));
    let batch = fixture.outbox.take("away", 1 << 20, 0, at(20)).unwrap();
    assert!(batch.traces > 40, "{}", batch.traces);
    fixture
        .outbox
        .settle("away", batch.token, &Settlement::default(), at(20));
    let (totals, held) = fixture.totals("away");
    assert_eq!((totals.exported.spans, held), (batch.spans, 0));
    fixture.restart(at(21));
    assert_eq!(fixture.totals("away"), (totals, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Write(u32),
    Take(bool),
    Settle(bool, prop::sample::Index),
    GiveBack(bool, prop::sample::Index),
    Room,
    Later(u64),
    Restart,
}

proptest! {
    /// Whatever happens in whatever order: books balance, nothing settled or given up is handed
    /// out, bounds hold but for what is in hand, and at the end all that is left comes.
    #[test]
    fn any_order(steps in prop::collection::vec(prop_oneof![
        12 => (1_u32..4).prop_map(Step::Write),
        3 => any::<bool>().prop_map(Step::Take),
        2 => any::<(bool, prop::sample::Index)>().prop_map(|(b, at)| Step::Settle(b, at)),
        1 => any::<(bool, prop::sample::Index)>().prop_map(|(b, at)| Step::GiveBack(b, at)),
        3 => Just(Step::Room),
        1 => (0_u64..30).prop_map(Step::Later),
        1 => Just(Step::Restart),
    ], 1..400)) {
        let names = ["a", "b"];
        let limits = [("a", bounded(Some(20_000), None)), ("b", bounded(None, Some(40_000)))];
        let mut fixture = Fixture::new(150_000, &limits);
        let mut out: [Vec<(Batch, u64)>; 2] = Default::default();
        let mut done: [Vec<u64>; 2] = Default::default();
        let mut doubted: [Vec<u64>; 2] = Default::default();
        let mut seconds = 0;
        for step in steps {
            match step {
                Step::Write(rank) => drop(fixture.write(rank, at(seconds))),
                Step::Room => {
                    fixture.outbox.make_room(at(seconds));
                    fixture.remove();
                    let bytes = fixture.outbox.stats(at(seconds)).exporters["a"].bytes;
                    prop_assert!(bytes <= 20_000 + 1_100 * out[0].len() as u64);
                }
                Step::Later(more) => seconds += more,
                Step::Take(who) => {
                    let who = usize::from(who);
                    if let Some((batch, number)) = fixture.take(names[who], at(seconds)) {
                        prop_assert!(!done[who].contains(&number));
                        prop_assert!(!out[who].iter().any(|(_, other)| *other == number));
                        out[who].push((batch, number));
                    }
                }
                Step::Settle(who, index) | Step::GiveBack(who, index) => {
                    let who = usize::from(who);
                    if out[who].is_empty() {
                        continue;
                    }
                    let (batch, number) = out[who].remove(index.index(out[who].len()));
                    if matches!(step, Step::GiveBack(..)) {
                        let unsure = number % 2 == 0;
                        fixture.outbox.give_back(names[who], batch.token, unsure);
                        if unsure {
                            doubted[who].push(number);
                        }
                        continue;
                    }
                    done[who].push(number);
                    let all = Settlement::default();
                    prop_assert!(fixture.outbox.settle(names[who], batch.token, &all, at(seconds)));
                }
                Step::Restart => {
                    fixture.restart(at(seconds));
                    out = Default::default();
                }
            }
            for (who, name) in names.iter().enumerate() {
                let (totals, _) = fixture.totals(name);
                prop_assert_eq!(totals.exported.spans, done[who].len() as u64);
                let given_up: u64 = totals.given_up.values().map(|count| count.spans).sum();
                let dropped: u64 = totals.dropped.values().map(|count| count.spans).sum();
                prop_assert_eq!(given_up, dropped);
                let again = done[who].iter().filter(|one| doubted[who].contains(one));
                prop_assert!(again.count() as u64 <= totals.exported_again.spans);
            }
        }
        for (who, name) in names.iter().enumerate() {
            let held = fixture.totals(name).1;
            let left = fixture.drain(name, at(seconds + 9));
            prop_assert_eq!(left.len() + out[who].len(), held as usize);
            prop_assert!(!left.iter().any(|number| done[who].contains(number)));
        }
    }
}
