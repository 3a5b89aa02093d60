use super::*;

#[test]
fn the_sample_with_the_shortest_round_trip_is_believed() {
    let mut c = GatewayClock::default();
    let t = |n: i64| UtcMillis(1_000_000 + n);
    assert_eq!(c.gateway(t(0)), t(0));
    // The gateway is 5000 ms ahead; the first answer was held up on the way back.
    c.measured(t(0), t(5_010), t(420));
    c.measured(t(1_000), t(6_010), t(1_020));
    assert_eq!(c.offset_ms(), Some(5_000));
    assert_eq!(c.gateway(t(2_000)), t(7_000));
    assert_eq!(c.round_trip_ms(), Some(20));
}

#[test]
fn a_step_of_the_gateways_clock_is_followed_at_once() {
    for step in [-3_600_000i64, -200, 200, 3_600_000] {
        let mut c = GatewayClock::default();
        let t = |n: i64| UtcMillis(10_000_000 + n);
        for n in 0..8 {
            c.measured(t(n * 3_000), t(n * 3_000 + 5_005), t(n * 3_000 + 10));
        }
        c.measured(t(30_000), t(35_010 + step), t(30_020));
        assert_eq!(c.offset_ms(), Some(5_000 + step));
    }
}

#[test]
fn a_slow_answer_is_no_step() {
    let mut c = GatewayClock::default();
    let t = |n: i64| UtcMillis(10_000_000 + n);
    c.measured(t(0), t(5_005), t(10));
    for (n, there, back) in [(1i64, 2_000i64, 5i64), (2, 5, 2_000), (3, 20_000, 30_000)] {
        let sent = n * 100_000;
        c.measured(t(sent), t(sent + there + 5_000), t(sent + there + back));
        assert_eq!(c.offset_ms(), Some(5_000), "the best sample stays");
    }
}

#[test]
fn a_clock_step_throws_old_samples_away() {
    let mut c = GatewayClock::default();
    let t = |n: i64| UtcMillis(1_000_000 + n);
    c.measured(t(0), t(10), t(20));
    c.measured(t(0), t(10), t(-5_000));
    assert_eq!(c.offset_ms(), None);
}

#[test]
fn until_a_round_trip_was_measured_the_first_messages_tell_about_the_clock() {
    let mut c = GatewayClock::default();
    let t = |n: i64| UtcMillis(10_000_000 + n);
    // The laptop is five minutes fast; one message took 40 ms, the next 400.
    for (sent, took) in [(0, 40), (10, 400)] {
        c.heard(t(sent), t(sent + took + 300_000));
    }
    assert_eq!(c.gateway(t(301_000)), t(301_000 - 300_040));
    // Nothing can be pressed with it.
    assert!(!c.is_known() && c.offset_ms().is_none());
    c.measured(t(302_000), t(2_020), t(302_040));
    assert_eq!(c.gateway(t(303_000)), t(3_000));
    c.heard(t(9_000), t(9_000));
    assert_eq!(c.gateway(t(303_000)), t(3_000), "a measurement counts for more");
    c.measured(t(0), t(10), t(-5_000));
    assert_eq!(c.gateway(t(0)), t(0), "over a step nothing is known");
}
