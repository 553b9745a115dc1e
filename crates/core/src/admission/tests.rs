use std::time::Duration;

use proptest::prelude::*;

use super::fair::max_min;
use super::{Admission, AdmissionOptions};

const SECOND: u64 = 1_000_000_000;

fn limited(whole: Option<u64>, tenants: &[Option<u64>]) -> Admission {
    let options = AdmissionOptions {
        spans_per_second: whole,
        tenants: tenants.to_vec(),
        overload: None,
    };
    Admission::new(&options, 0)
}

/// Offer `spans` a request, every `every_ns`, for so many seconds; returns what was admitted.
fn offer(admission: &mut Admission, senders: &[(u16, u64, u64)], seconds: u64) -> Vec<u64> {
    let mut next: Vec<u64> = senders.iter().map(|_| 0).collect();
    let mut admitted = vec![0; senders.len()];
    while let Some(now) = next.iter().copied().min()
        && now < seconds * SECOND
    {
        for (sender, &(tenant, spans, every_ns)) in senders.iter().enumerate() {
            if next[sender] == now {
                if admission.ask(tenant, spans, now).is_ok() {
                    admitted[sender] += spans;
                }
                next[sender] += every_ns;
            }
        }
    }
    admitted
}

/// 10,000 spans a second are let in of ten times as many, after a second's worth at once.
#[test]
fn a_rate_holds_on_average() {
    let mut admission = limited(Some(10_000), &[]);
    let admitted = offer(&mut admission, &[(0, 512, 5_000_000)], 100);
    let most = 10_000 * 101 + 2 * 512;
    assert!((1_000_000..=most).contains(&admitted[0]), "{admitted:?}");
    let counted = admission.counted()[0];
    assert_eq!(counted.admitted, admitted[0]);
    assert_eq!(counted.admitted + counted.limited, 100 * 200 * 512);
}

/// A request larger than a second's worth passes, and is waited for afterwards.
#[test]
fn a_large_request_passes() {
    let mut admission = limited(Some(100), &[]);
    assert_eq!(admission.ask(0, 1_000, 0), Ok(()));
    let wait = admission.ask(0, 1, 0).unwrap_err();
    assert!(wait > Duration::from_secs(9) && wait < Duration::from_secs(10));
    let then = u64::try_from(wait.as_nanos()).unwrap();
    assert!(admission.ask(0, 1, then - 20_000_000).is_err());
    assert_eq!(admission.ask(0, 1, then + 1), Ok(()));
}

/// A sender who waits as long as it is told is let in.
#[test]
fn the_delay_is_long_enough() {
    let mut admission = limited(Some(1_000), &[None, Some(10)]);
    let mut now = 0;
    for _ in 0..1_000 {
        if let Err(wait) = admission.ask(1, 25, now) {
            now += u64::try_from(wait.as_nanos()).unwrap() + 1;
            assert_eq!(admission.ask(1, 25, now), Ok(()));
        }
    }
    let rate = admission.counted()[1].admitted * SECOND / now;
    assert!((9..=10).contains(&rate), "{rate} spans a second");
}

/// A tenant's rate is its own, and unknown tenants are one.
#[test]
fn tenants_have_rates_of_their_own() {
    let mut admission = limited(None, &[Some(100), Some(1_000), None]);
    let senders = [
        (0, 10, 1_000_000),
        (1, 10, 1_000_000),
        (2, 10, 1_000_000),
        (77, 10, 1_000_000),
    ];
    let admitted = offer(&mut admission, &senders, 10);
    assert!(admitted[0] + admitted[3] <= 100 * 11 + 20, "{admitted:?}");
    assert!((10_000..=11_010).contains(&admitted[1]), "{admitted:?}");
    assert_eq!(admitted[2], 100_000);
}

/// One who floods leaves the others what they want, up to an equal part.
#[test]
fn a_flood_takes_nothing_from_others() {
    let mut admission = limited(Some(10_000), &[None, None, None]);
    // 1,000,000 spans a second beside 1,000 and 2,500.
    let senders = [
        (0, 1_000, 1_000_000),
        (1, 10, 10_000_000),
        (2, 25, 10_000_000),
    ];
    let admitted = offer(&mut admission, &senders, 60);
    // All but what the first window, in which nobody is known yet, may have cost.
    assert!(admitted[1] >= 59 * 1_000, "{admitted:?}");
    assert!(admitted[2] >= 59 * 2_500, "{admitted:?}");
    // And nothing is left unused.
    let all: u64 = admitted.iter().sum();
    assert!(all >= 60 * 9_900, "{admitted:?}");
}

/// Two who flood get the same, however many requests each makes.
#[test]
fn floods_share_alike() {
    let mut admission = limited(Some(10_000), &[None, None]);
    let senders = [(0, 100, 1_000_000), (1, 100, 10_000_000)];
    let admitted = offer(&mut admission, &senders, 60);
    assert!(admitted[0].abs_diff(admitted[1]) < 60_000, "{admitted:?}");
}

/// While the gateway is behind, only who takes more than its part is told so.
#[test]
fn who_is_greedy() {
    let mut admission = limited(None, &[None, None]);
    for round in 0..10_u64 {
        for step in 0..10 {
            let now = round * 100_000_000 + step * 10_000_000;
            let _ = admission.ask(0, 100, now);
            admission.count_pressed(0, 900);
            let _ = admission.ask(1, 10, now);
        }
    }
    let now = 1_005_000_000;
    let _ = admission.ask(0, 2_000, now);
    let _ = admission.ask(1, 10, now);
    assert!(admission.is_greedy(0, now));
    assert!(!admission.is_greedy(1, now));
}

proptest! {
    /// Nothing is given beyond the whole or beyond what is wanted, nothing is left while somebody
    /// wants more, and nobody has less than another one who was not satisfied.
    #[test]
    fn max_min_is_fair(wanted in prop::collection::vec(0..10_000_u64, 1..20), whole in 0..50_000_u64) {
        let share = max_min(&wanted, whole);
        let given: u64 = share.iter().sum();
        prop_assert!(given <= whole);
        let all: u64 = wanted.iter().sum();
        prop_assert!(given + wanted.len() as u64 > whole.min(all));
        for (one, want) in share.iter().zip(&wanted) {
            prop_assert!(one <= want);
            let unsatisfied = one < want;
            prop_assert!(!unsatisfied || share.iter().all(|other| *other <= one + 1 + wanted.len() as u64));
        }
    }

    /// Whatever comes when, no second has more than two seconds' worth, a window's part, which is
    /// given when the window begins, and two requests: one overdraws the bucket, one the part.
    #[test]
    fn no_burst_beyond_the_bucket(
        asks in prop::collection::vec((0..200_u64, 0..50_000_000_u64), 1..500),
    ) {
        let mut admission = limited(Some(1_000), &[]);
        let (mut now, mut taken) = (0, Vec::new());
        for (spans, pause) in asks {
            now += pause;
            if admission.ask(0, spans, now).is_ok() {
                taken.push((now, spans));
            }
            let lately = taken.iter().filter(|(at, _)| at + SECOND > now);
            prop_assert!(lately.map(|(_, spans)| spans).sum::<u64>() <= 2_000 + 100 + 2 * 200);
        }
    }
}
