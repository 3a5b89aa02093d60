use super::*;
use proptest::prelude::*;

fn limits() -> LimitsSection {
    let rate = |burst, per_minute| Rate { burst, per_minute };
    LimitsSection {
        desk_requests: rate(3, 60),
        desk_other: rate(2, 60),
        desk_kib: rate(10, 60),
        excess: rate(2, 60),
        desk_logons: rate(2, 60),
        excess_pause_seconds: 30,
        ..LimitsSection::default()
    }
}

const S: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn a_flood_of_one_class_is_refused_then_ends_and_leaves_the_others_alone() {
    use BudgetVerdict::{Go, Out, TooMany};
    let t = Instant::now();
    for (what, want) in [
        (&[(0, Class::Request, 100); 6][..], &[Go, Go, Go, TooMany, TooMany, Out][..]),
        (
            &[
                (0, Class::Request, 1),
                (0, Class::Request, 1),
                (0, Class::Request, 1),
                (0, Class::Cancel, 1),
            ],
            &[Go; 4],
        ),
        // One comes back each second.
        (
            &[
                (0, Class::Request, 1),
                (0, Class::Request, 1),
                (0, Class::Request, 1),
                (0, Class::Request, 1),
                (1, Class::Request, 1),
            ],
            &[Go, Go, Go, TooMany, Go],
        ),
        // Classes without a rate of their own share one.
        (&[(0, Class::Quote, 1), (0, Class::Report, 1), (0, Class::Other, 1)], &[Go, Go, TooMany]),
        // Long messages cost more.
        (
            &[
                (0, Class::Request, 9 * 1_024),
                (0, Class::Cancel, 2 * 1_024),
                (0, Class::Cancel, 1_024),
            ],
            &[Go, TooMany, Go],
        ),
    ] {
        let mut b = PeerBudget::of_desk(&limits());
        let got: Vec<BudgetVerdict> =
            what.iter().map(|(s, c, n)| b.judge(t + S(*s), *c, *n)).collect();
        assert_eq!(got, want, "{what:?}");
    }
}

#[test]
fn who_was_disconnected_for_its_excess_waits_and_nobody_logs_on_all_the_time() {
    let t = Instant::now();
    let mut b = PeerBudget::of_desk(&limits());
    assert_eq!(
        [b.may_log_on(t), b.may_log_on(t), b.may_log_on(t)],
        [Ok(()), Ok(()), Err(NoLogon::TooOften)]
    );
    assert_eq!(b.may_log_on(t + S(1)), Ok(()));
    while b.judge(t, Class::Request, 1) != BudgetVerdict::Out {}
    assert_eq!(b.may_log_on(t + S(10)), Err(NoLogon::Paused { seconds: 21 }));
    assert_eq!(b.may_log_on(t + S(30)), Ok(()));
}

#[test]
fn every_message_has_the_class_that_its_sender_is_limited_by() {
    let l = LimitsSection::default();
    let (desk, dealer) = (PeerBudget::of_desk(&l), PeerBudget::of_dealer(&l));
    let of_desk =
        [Class::Request, Class::Accept, Class::Cancel, Class::Status, Class::List, Class::Keys];
    let of_dealer = [Class::Quote, Class::Report, Class::Reject];
    assert!(
        of_desk.iter().all(|c| desk.classes.contains_key(c) && !dealer.classes.contains_key(c))
    );
    assert!(
        of_dealer.iter().all(|c| dealer.classes.contains_key(c) && !desk.classes.contains_key(c))
    );
}

#[test]
fn what_is_left_out_is_counted_and_told_by_the_next_or_by_a_summary() {
    let t = Instant::now();
    let mut s = Summaries::new(2, S(10));
    assert_eq!(
        (0..5).map(|_| s.spend(t, "a")).collect::<Vec<_>>(),
        [Some(0), Some(0), None, None, None]
    );
    assert_eq!(s.spend(t, "b"), Some(0), "another is not kept out");
    assert_eq!(s.flush(t), []);
    assert_eq!(s.spend(t + S(10), "a"), Some(3));
    assert_eq!(s.spend(t + S(10), "a"), None);
    assert_eq!(s.flush(t + S(20)), [("a", 1)]);
    assert_eq!(s.flush(t + S(40)), []);
}

#[test]
fn a_flood_of_subjects_takes_no_more_room() {
    let (t, mut s) = (Instant::now(), Summaries::new(1, S(10)));
    for n in 0..KEYS_MAX + 50 {
        s.spend(t, n);
    }
    assert_eq!(s.keys.len(), KEYS_MAX);
    assert_eq!(s.spend(t, usize::MAX), None);
    assert_eq!(s.spend(t + S(10), usize::MAX), Some(0), "those that were quiet are forgotten");
}

#[test]
fn a_days_bytes_are_refused_once_used_up_and_told_once() {
    let mut d = DayBytes::default();
    for (day, bytes, want) in [
        (1, 60, Ok(())),
        (1, 50, Err(true)),
        (1, 40, Ok(())),
        (1, 1, Err(false)),
        (2, 100, Ok(())),
        (2, 1, Err(true)),
    ] {
        assert_eq!(d.add(day, bytes, 100), want, "{day} {bytes}");
    }
}

proptest! {
    /// Whatever is sent and whenever: no more goes through than burst and rate allow.
    #[test]
    fn no_order_of_messages_gets_more_through(steps in prop::collection::vec((0u64..3_000, 0usize..5_000), 1..300)) {
        let (t, mut b) = (Instant::now(), PeerBudget::of_desk(&limits()));
        let (mut ms, mut gone, mut kib) = (0, 0u64, 0u64);
        for (later, bytes) in steps {
            ms += later;
            if b.judge(t + Duration::from_millis(ms), Class::Request, bytes) == BudgetVerdict::Go {
                gone += 1;
                kib += bytes.div_ceil(1_024) as u64;
            }
            prop_assert!(gone <= 3 + ms / 1_000 && kib <= 10 + ms / 1_000, "{} {} {}", gone, kib, ms);
        }
    }
}
