//! Challenges that wait for the answer of a security key. Pure: the time is passed in.
//!
//! Each is found by its challenge and can be answered once. Those of one address make room for its
//! own only, so that nobody pushes somebody else's out.

use crate::limits::Subject;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long an answer may take.
pub(super) const LIFE: Duration = Duration::from_secs(150);
/// From one address; the oldest of them makes room.
pub(super) const ADDRESS_MAX: usize = 16;
/// Of one name, from all addresses.
pub(super) const NAME_MAX: usize = 64;
/// Of all.
pub(super) const TOTAL_MAX: usize = 1_000;

/// So many are open that another one is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

#[derive(Debug)]
struct Row<T> {
    name: String,
    from: Subject,
    at: Instant,
    order: u64,
    what: T,
}

/// By challenge, base64url.
#[derive(Debug)]
pub(super) struct Ceremonies<T> {
    rows: HashMap<String, Row<T>>,
    next: u64,
}

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self { rows: HashMap::new(), next: 0 }
    }
}

impl<T> Ceremonies<T> {
    /// Keeps one until it is answered or its time is over.
    pub(super) fn begin(
        &mut self,
        challenge: String,
        (name, from): (&str, Subject),
        now: Instant,
        what: T,
    ) -> Result<(), Busy> {
        self.rows.retain(|_, r| now.saturating_duration_since(r.at) < LIFE);
        while self.rows.values().filter(|r| r.from == from).count() >= ADDRESS_MAX {
            let own = self.rows.iter().filter(|(_, r)| r.from == from);
            let Some(oldest) = own.min_by_key(|(_, r)| r.order).map(|(c, _)| c.clone()) else {
                break;
            };
            self.rows.remove(&oldest);
        }
        let of_name = self.rows.values().filter(|r| r.name == name).count();
        if of_name >= NAME_MAX || self.rows.len() >= TOTAL_MAX {
            return Err(Busy);
        }
        let (name, order) = (name.to_owned(), self.next);
        self.next += 1;
        self.rows.insert(challenge, Row { name, from, at: now, order, what });
        Ok(())
    }

    /// Takes one out, whatever becomes of it.
    pub(super) fn take(&mut self, challenge: &str, now: Instant) -> Option<T> {
        let row = self.rows.remove(challenge)?;
        (now.saturating_duration_since(row.at) < LIFE).then_some(row.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(n: u32) -> Subject {
        Subject::Address(std::net::IpAddr::V4(n.into()))
    }

    #[test]
    fn one_is_answered_once_and_in_time() {
        let (mut c, now) = (Ceremonies::default(), Instant::now());
        for name in ["a", "b", "c"] {
            c.begin(name.into(), ("ada", from(1)), now, name).unwrap();
        }
        assert_eq!(c.take("a", now), Some("a"));
        assert_eq!(c.take("a", now), None, "once");
        assert_eq!(c.take("x", now), None);
        assert_eq!(c.take("b", now + LIFE - Duration::from_millis(1)), Some("b"));
        assert_eq!(c.take("c", now + LIFE), None, "late");
        assert_eq!(c.take("c", now), None, "and gone");
    }

    #[test]
    fn an_address_pushes_out_its_own_only() {
        let (mut c, now) = (Ceremonies::default(), Instant::now());
        c.begin("mine".into(), ("ada", from(1)), now, ()).unwrap();
        for n in 0..200 {
            c.begin(n.to_string(), ("ada", from(2)), now, ()).unwrap();
        }
        assert_eq!(c.rows.len(), 1 + ADDRESS_MAX);
        assert!(c.take("mine", now).is_some());
        assert!(c.take("183", now).is_none() && c.take("184", now).is_some());
    }

    #[test]
    fn a_name_and_all_together_have_so_many() {
        let (mut c, now) = (Ceremonies::default(), Instant::now());
        for n in 0..NAME_MAX as u32 {
            c.begin(n.to_string(), ("ada", from(n)), now, ()).unwrap();
        }
        assert_eq!(c.begin("x".into(), ("ada", from(9_999)), now, ()), Err(Busy));
        for n in NAME_MAX as u32..TOTAL_MAX as u32 {
            c.begin(n.to_string(), (&n.to_string(), from(n)), now, ()).unwrap();
        }
        assert_eq!(c.begin("x".into(), ("bob", from(9_999)), now, ()), Err(Busy));
        // Those whose time is over make room.
        assert_eq!(c.begin("x".into(), ("bob", from(9_999)), now + LIFE, ()), Ok(()));
        assert_eq!(c.rows.len(), 1);
    }
}
