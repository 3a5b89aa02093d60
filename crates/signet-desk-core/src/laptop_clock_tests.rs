use super::*;

#[test]
fn only_what_was_counted_moves_the_clock() {
    let anchor = Anchor { wall: UtcMillis(1_000_000), counted: Duration::from_secs(50) };
    for (counted_ms, want) in
        [(50_000, 1_000_000), (50_001, 1_000_001), (3_650_000, 4_600_000), (10, 1_000_000)]
    {
        assert_eq!(anchor.at(Duration::from_millis(counted_ms)), UtcMillis(want), "{counted_ms}");
    }
    assert_eq!(anchor.at(Duration::MAX), UtcMillis(1_000_000) + i64::MAX);
}

#[test]
fn it_begins_at_the_wall_clock_and_never_goes_back() {
    let mut before = laptop_now();
    for _ in 0..1_000 {
        let now = laptop_now();
        assert!(now >= before);
        before = now;
    }
}
