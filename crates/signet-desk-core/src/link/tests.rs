use super::*;

#[test]
fn a_tick_that_comes_much_too_late_means_sleep() {
    for (ms, asleep) in [
        (0, false),
        (100, false),
        (15_000, false),
        (15_001, true),
        (8 * 3_600_000, true),
        (-3_600_000, false),
    ] {
        assert_eq!(slept(ms), asleep, "{ms}");
    }
}
