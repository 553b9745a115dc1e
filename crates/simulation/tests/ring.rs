//! What a ring that changes does to traces, and what sharing verdicts does about it.

use tailsampler_simulation::ring::{Event, Fates, Sampler, Scenario, play};

fn fates(event: Event, sampler: Sampler) -> Fates {
    let scenario = Scenario {
        gateways: 3,
        traces: 12_000,
        traces_per_s: 100,
        event,
        sampler,
    };
    play(scenario, |_| ())
}

/// Wherever disks stay, nothing that is wanted is missing, and where verdicts are shared all of it
/// arrives whole.
#[test]
fn what_disks_hold_arrives_whole() {
    for event in Event::ALL {
        let (alone, sharing) = (fates(event, Sampler::Alone), fates(event, Sampler::Sharing));
        assert!(
            alone.split > 0,
            "{event:?}: traces were under way: {alone:?}"
        );
        assert!(sharing.split < alone.split, "{event:?}: {sharing:?}");
        assert_eq!(sharing.wanted, alone.wanted);
        if event != Event::IsLost {
            for fates in [alone, sharing] {
                assert_eq!(
                    (fates.lost, fates.split_by_r),
                    (0, 0),
                    "{event:?}: {fates:?}"
                );
            }
            assert_eq!(
                (sharing.split, sharing.whole),
                (0, sharing.wanted),
                "{event:?}"
            );
        }
    }
}

/// The model in memory loses what it held when it ends, as what it stands for does.
#[test]
fn memory_forgets() {
    let fates = fates(Event::Restarts, Sampler::InMemory);
    assert!(fates.lost > 0 && fates.split > 0, "{fates:?}");
}

/// The same scenario comes to the same fates.
#[test]
fn nothing_is_left_to_chance() {
    for sampler in Sampler::ALL {
        assert_eq!(fates(Event::Dies, sampler), fates(Event::Dies, sampler));
    }
}
