//! A few scripts at every point, as a test; `tailsampler-simulate crash-points` takes many.

use tailsampler_simulation::check::check;
use tailsampler_simulation::disk::{Dice, Fate};
use tailsampler_simulation::life::{Event, Life};
use tailsampler_simulation::points::{Extent, enumerate};
use tailsampler_simulation::script::{MODES, Script};

/// No promise is broken, wherever the machine stops.
#[test]
fn every_point_of_a_few_scripts() {
    let tally = enumerate(&Extent {
        scripts: 12,
        steps: 60,
        matching: String::new(),
    });
    assert!(tally.points > 10_000, "{} points", tally.points);
    assert!(tally.violations.is_empty(), "{:?}", tally.violations);
}

/// The runner reports: where a request is said to be acknowledged before it was written, spans are
/// missed.
#[test]
fn a_lie_is_found() {
    let (_, always) = MODES[2];
    let script = Script::new(3, always, 60);
    let mut life = Life::play(&script);
    for timed in &mut life.events {
        if matches!(timed.event, Event::Acknowledged(_)) {
            timed.ended = timed.began;
        }
    }
    let mut found = 0;
    for stop in 0..life.disk.operations() {
        let disk = life.disk.left(stop, Fate::Kept, &mut Dice::new(0));
        let broken = disk.map(|disk| check(&life, &script, (stop, Fate::Kept), disk));
        found += usize::from(matches!(broken, Some(Err(_))));
    }
    assert!(found > 0);
}

/// The same seed is the same life.
#[test]
fn seeds_are_lives() {
    let (_, mode) = MODES[1];
    let play = |seed| {
        let life = Life::play(&Script::new(seed, mode, 60));
        (format!("{:?}", life.events), life.disk.operations())
    };
    assert_eq!(play(5), play(5));
    assert_ne!(play(5), play(6));
}
