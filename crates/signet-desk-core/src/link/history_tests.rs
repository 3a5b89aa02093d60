use super::*;
use crate::venue::HistorySettings;

const T0: i64 = 1_795_219_200_000;

#[test]
fn the_page_says_how_many_days_count() {
    let texts = include_str!("../../../../ui/src/language/en.ts");
    assert!(texts.contains(&format!("of the last {DEALER_DAYS} days of this desk's history")));
}

/// An identity that is closed has the files and the processor to itself again.
#[test]
fn a_look_back_of_an_identity_that_was_closed_makes_and_tells_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keys = || Keys::derive(&[5; 32], "TRADER1").unwrap();
    // A file is followed by the next one after a day.
    for day in 0..3 {
        let now_ms = T0 + day * DAY_MS;
        let settings = HistorySettings::default();
        let mut recorder = Recorder::open(dir.path(), keys(), "1", now_ms, &settings).unwrap();
        recorder.record(now_ms, What::Down);
        recorder.close(now_ms);
    }
    let summaries = || {
        let names = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
        names.filter(|p| p.extension().is_some_and(|e| e == "dealers")).count()
    };
    let reader = Reader::new(dir.path(), keys());
    for (closed, told, made) in [(true, 0, 0), (false, 1, 2)] {
        let times = Cell::new(0);
        let tell = |earlier: Tally| {
            assert!(earlier.turns().is_empty());
            times.set(times.get() + 1);
        };
        look_back(&reader, T0 + 9 * DAY_MS, &AtomicBool::new(closed), tell).unwrap();
        assert_eq!((times.get(), summaries()), (told, made), "closed: {closed}");
    }
}
