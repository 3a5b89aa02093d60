//! Which tokens were taken already.

use crate::SetRefusal;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::{BTreeSet, HashMap};

/// The first half of the SHA-256 of an id: whatever the length of ids, each takes the same room.
type Id = [u8; 16];

/// The ids of tokens that could still be sent again. Bounded: beyond it none is taken, since one
/// that is forgotten could be replayed.
#[derive(Debug)]
pub struct Replays {
    seen: HashMap<Id, Seen>,
    /// The same, by when they are too old to be taken anyway.
    by_end: BTreeSet<(i64, Id)>,
    max: usize,
}

#[derive(Debug)]
struct Seen {
    /// Seconds since 1970.
    too_old_at: i64,
    /// Whether it was acted on; else somebody is at it.
    done: bool,
}

impl Replays {
    /// Remembers at most `max` at once.
    pub fn new(max: usize) -> Self {
        Self { seen: HashMap::new(), by_end: BTreeSet::new(), max }
    }

    /// Remembers a token that is otherwise good, until `too_old_at`; refuses one that was seen.
    /// Whoever takes it says [`done`](Self::done) or [`forget`](Self::forget) in the end.
    pub fn take(&mut self, jti: &str, too_old_at: i64, now_s: i64) -> Result<(), SetRefusal> {
        let id = id(jti);
        match self.seen.get(&id) {
            Some(Seen { done: true, .. }) => return Err(SetRefusal::Replayed),
            Some(Seen { done: false, .. }) => return Err(SetRefusal::InProgress),
            None => {}
        }
        while self.seen.len() >= self.max {
            match self.by_end.first().copied() {
                Some((until, oldest)) if until < now_s => self.remove(oldest),
                _ => return Err(SetRefusal::TooMany),
            }
        }
        self.seen.insert(id, Seen { too_old_at, done: false });
        self.by_end.insert((too_old_at, id));
        Ok(())
    }

    /// What was taken was acted on: it is not acted on again.
    pub fn done(&mut self, jti: &str) {
        if let Some(seen) = self.seen.get_mut(&id(jti)) {
            seen.done = true;
        }
    }

    /// What was taken could not be acted on: it may come again.
    pub fn forget(&mut self, jti: &str) {
        self.remove(id(jti));
    }

    fn remove(&mut self, id: Id) {
        if let Some(Seen { too_old_at, .. }) = self.seen.remove(&id) {
            self.by_end.remove(&(too_old_at, id));
        }
    }
}

fn id(jti: &str) -> Id {
    let mut id = Id::default();
    let digest = digest(&SHA256, jti.as_bytes());
    id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_once_and_no_more_than_there_is_room_for() {
        let mut r = Replays::new(2);
        assert_eq!(r.take("a", 10, 0), Ok(()));
        r.done("a");
        assert_eq!(r.take("a", 10, 0), Err(SetRefusal::Replayed));
        assert_eq!(r.take("b", 20, 0), Ok(()));
        r.done("b");
        assert_eq!(r.take("c", 20, 10), Err(SetRefusal::TooMany), "both could be sent again");
        assert_eq!(r.take("c", 30, 11), Ok(()), "the first is too old by now");
        r.done("c");
        assert_eq!(r.take("b", 20, 11), Err(SetRefusal::Replayed));
        r.forget("b");
        assert_eq!(r.take("b", 20, 11), Ok(()), "it was not acted on");
        // A clock that was set back forgets nothing.
        assert_eq!(r.take("c", 30, 0), Err(SetRefusal::Replayed));
        assert_eq!((r.seen.len(), r.by_end.len()), (2, 2));
    }

    #[test]
    fn what_is_not_decided_is_neither_taken_again_nor_said_to_be_taken() {
        let mut r = Replays::new(2);
        assert_eq!(r.take("a", 10, 0), Ok(()));
        assert_eq!(r.take("a", 10, 0), Err(SetRefusal::InProgress));
        r.forget("a");
        assert_eq!(r.take("a", 10, 0), Ok(()));
        r.done("a");
        assert_eq!(r.take("a", 10, 0), Err(SetRefusal::Replayed));
        // Of what is not there nothing becomes.
        r.done("b");
        assert_eq!(r.take("b", 10, 0), Ok(()));
    }

    /// The first that is too old is at hand; what is kept of an id has one size.
    #[test]
    fn a_full_memory_looks_at_one_and_keeps_sixteen_bytes_of_each() {
        const MAX: usize = 20_000;
        let mut r = Replays::new(MAX);
        for n in 0..MAX {
            let jti = format!("{n}{}", "x".repeat(1_000));
            r.take(&jti, i64::try_from(n).unwrap(), -1).unwrap();
        }
        assert_eq!(size_of::<Id>(), 16);
        // A scan for each would be 400,000,000 steps.
        for n in 0..MAX {
            assert_eq!(r.take(&format!("late{n}"), 1, -1), Err(SetRefusal::TooMany));
        }
        assert_eq!(r.take("next", 1, 1), Ok(()), "only the first was too old");
        assert_eq!(r.take("another", 1, 1), Err(SetRefusal::TooMany));
    }
}
