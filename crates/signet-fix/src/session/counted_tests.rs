use super::*;
use crate::store::SealedStore;
use proptest::prelude::*;
use signet_journal::StoreKey;
use std::collections::{BTreeSet, VecDeque};
use tempfile::TempDir;

const NOW: UtcMillis = UtcMillis(1_000);

fn open(dir: &TempDir) -> Counted {
    let path = dir.path().join("s");
    let store = SealedStore::open(&path, &StoreKey::new([7; 32]), NOW, false).unwrap();
    Counted::new(Box::new(store))
}

#[derive(Debug, Clone, Copy)]
enum Do {
    /// The engine, or a Logon, sets the number.
    Expect(u64),
    Handled(u64),
    AllHandled,
    Reset,
}

#[test]
fn table_of_what_a_kill_leaves() {
    use Do::{AllHandled, Expect, Handled, Reset};
    let rows: [(&[Do], u64, u64); 16] = [
        (&[Expect(5)], 5, 1),
        (&[Expect(5), AllHandled], 5, 5),
        (&[Expect(5), AllHandled, Expect(9), Handled(6)], 9, 7),
        (&[Expect(5), AllHandled, Expect(9), Handled(3)], 9, 5),
        (&[Expect(5), AllHandled, Expect(6), Handled(900)], 6, 6),
        (&[Expect(5), AllHandled, Expect(6), Handled(u64::MAX)], 6, 6),
        (&[Expect(5), AllHandled, Handled(9)], 5, 5),
        // A Logon ahead of its turn: the number is higher for a moment.
        (&[Expect(5), AllHandled, Expect(9), Expect(10), Expect(5)], 5, 5),
        // Handed back: what has not been counted, and what has.
        (&[Expect(5), AllHandled, Expect(8), Expect(6)], 6, 5),
        (&[Expect(5), AllHandled, Expect(3)], 3, 3),
        // The number is in use again, and what came under it now has not been dealt with.
        (&[Expect(5), AllHandled, Expect(3), Expect(4), Handled(3)], 4, 3),
        (&[Expect(5), AllHandled, Expect(8), Expect(6), Expect(7), Handled(6)], 7, 5),
        (&[Expect(5), AllHandled, Expect(3), Expect(4), AllHandled, Expect(5), Handled(4)], 5, 5),
        (&[Expect(5), AllHandled, Reset], 1, 1),
        (&[Expect(5), Reset, Expect(2), Handled(4)], 2, 1),
        (&[Expect(5), Reset, Expect(2), AllHandled], 2, 2),
    ];
    for (steps, now, after_a_kill) in rows {
        let dir = tempfile::tempdir().unwrap();
        let mut s = open(&dir);
        for step in steps {
            match *step {
                Expect(n) => s.set_next_target(n).unwrap(),
                Handled(n) => s.handled(n).unwrap(),
                AllHandled => s.all_handled().unwrap(),
                Reset => s.reset(NOW).unwrap(),
            }
        }
        assert_eq!(s.next_target(), now, "{steps:?}");
        drop(s);
        assert_eq!(open(&dir).next_target(), after_a_kill, "{steps:?}");
    }
}

/// A process with its session's store, its journal, and a peer that sends what is asked for.
struct Process<'a> {
    dir: &'a TempDir,
    store: Option<Counted>,
    /// Messages that came and were not fetched.
    events: VecDeque<u64>,
    /// The one that was fetched last, and whether it is over.
    handling: Option<(u64, bool)>,
    /// What was written down, which outlives the process.
    journal: BTreeSet<u64>,
    highest: u64,
    handed_back: bool,
}

impl Process<'_> {
    fn store(&mut self) -> &mut Counted {
        self.store.as_mut().unwrap()
    }

    fn receive(&mut self) {
        let number = self.store().next_target();
        self.store().set_next_target(number + 1).unwrap();
        self.events.push_back(number);
        self.highest = self.highest.max(number);
    }

    fn write(&mut self) {
        if let Some((number, over)) = &mut self.handling
            && !*over
        {
            self.journal.insert(*number);
            *over = true;
        }
    }

    /// As `Session::next_event`: whoever asks has dealt with what it has.
    fn fetch(&mut self) {
        self.write();
        let handled = self.handling.take();
        let event = self.events.pop_front();
        match (event, handled) {
            (None, _) => self.store().all_handled().unwrap(),
            (Some(_), Some((number, _))) => self.store().handled(number).unwrap(),
            (Some(_), None) => {}
        }
        self.handling = event.map(|number| (number, false));
    }

    /// As `Session::hand_back`.
    fn hand_back(&mut self) {
        let Some((number, over)) = &mut self.handling else { return };
        if *over {
            return;
        }
        *over = true;
        let number = *number;
        self.handed_back = true;
        self.events.clear();
        self.store().set_next_target(number).unwrap();
    }

    fn is_killed(&mut self) -> Result<(), TestCaseError> {
        self.store = None;
        self.events.clear();
        self.handling = None;
        self.store = Some(open(self.dir));
        let expected = self.store().next_target();
        let lost: Vec<u64> = (1..expected).filter(|n| !self.journal.contains(n)).collect();
        prop_assert!(lost.is_empty(), "{lost:?} are never asked for; {expected} is expected");
        let twice = self.journal.range(expected..).count();
        prop_assert!(twice <= 1 || self.handed_back, "{twice} come twice");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whenever the process is killed, no message that was not written down counts as received,
    /// and of those that were one at most comes again.
    #[test]
    fn no_message_is_lost_by_a_kill_at_any_moment(steps in prop::collection::vec(0u8..16, 0..80)) {
        let dir = tempfile::tempdir().unwrap();
        let mut p = Process {
            dir: &dir,
            store: Some(open(&dir)),
            events: VecDeque::new(),
            handling: None,
            journal: BTreeSet::new(),
            highest: 0,
            handed_back: false,
        };
        for step in steps {
            match step {
                0..6 => p.receive(),
                6..11 => p.fetch(),
                11..13 => p.write(),
                13 => p.hand_back(),
                _ => p.is_killed()?,
            }
        }
        p.is_killed()?;
        while p.store().next_target() <= p.highest {
            p.receive();
        }
        while !p.events.is_empty() || p.handling.is_some() {
            p.fetch();
        }
        let missing = (1..=p.highest).find(|n| !p.journal.contains(n));
        prop_assert_eq!(missing, None);
        let in_memory = p.store().next_target();
        drop(p);
        prop_assert_eq!(open(&dir).next_target(), in_memory);
    }
}
