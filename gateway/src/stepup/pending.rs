//! Challenges that are open. Pure: time is passed in.

use signet_rfq::UtcMillis;
use std::collections::HashMap;

/// Of one desk, at one time.
pub const PER_DESK_MAX: usize = 16;
pub const TOTAL_MAX: usize = 10_000;

/// Where a challenge was sent, and until when it may be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub desk: String,
    pub exporter: [u8; 32],
    pub deadline: UtcMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Desk,
    All,
}

/// Why an answer does not reach its challenge, which is gone all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    NotOpen,
    NotYours,
    Late,
}

/// By id. What is taken out never comes back.
#[derive(Debug)]
pub struct Pending<T> {
    rows: HashMap<String, (Place, T)>,
    desks: HashMap<String, Vec<String>>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { rows: HashMap::new(), desks: HashMap::new() }
    }
}

impl<T> Pending<T> {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether another challenge has room. Forgets what this desk can no longer answer: challenges
    /// that are late, or were sent on an earlier connection.
    pub fn make_room(
        &mut self,
        desk: &str,
        exporter: &[u8; 32],
        now: UtcMillis,
    ) -> Result<(), Full> {
        for id in self.desks.get(desk).cloned().unwrap_or_default() {
            let keep = self
                .rows
                .get(&id)
                .is_some_and(|(p, _)| p.exporter == *exporter && now <= p.deadline);
            if !keep {
                self.remove(&id);
            }
        }
        if self.desks.get(desk).map_or(0, Vec::len) >= PER_DESK_MAX {
            return Err(Full::Desk);
        }
        if self.rows.len() >= TOTAL_MAX {
            self.forget_late(now);
        }
        if self.rows.len() >= TOTAL_MAX { Err(Full::All) } else { Ok(()) }
    }

    pub fn insert(&mut self, id: String, place: Place, row: T) {
        self.desks.entry(place.desk.clone()).or_default().push(id.clone());
        self.rows.insert(id, (place, row));
    }

    /// Takes a challenge out, whoever asks; it is handed over when it was sent here and is not
    /// late.
    pub fn take(
        &mut self,
        id: &str,
        desk: &str,
        exporter: &[u8; 32],
        now: UtcMillis,
    ) -> Result<(Place, T), Missed> {
        let (place, row) = self.remove(id).ok_or(Missed::NotOpen)?;
        if place.desk != desk || place.exporter != *exporter {
            return Err(Missed::NotYours);
        }
        if now > place.deadline { Err(Missed::Late) } else { Ok((place, row)) }
    }

    pub fn remove(&mut self, id: &str) -> Option<(Place, T)> {
        let (place, row) = self.rows.remove(id)?;
        if let Some(ids) = self.desks.get_mut(&place.desk) {
            ids.retain(|i| i != id);
            if ids.is_empty() {
                self.desks.remove(&place.desk);
            }
        }
        Some((place, row))
    }

    fn forget_late(&mut self, now: UtcMillis) {
        let late: Vec<String> = self
            .rows
            .iter()
            .filter(|(_, (p, _))| now > p.deadline)
            .map(|(id, _)| id.clone())
            .collect();
        late.iter().for_each(|id| drop(self.remove(id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: [u8; 32] = [1; 32];
    const THERE: [u8; 32] = [2; 32];

    fn with(ids: &[&str]) -> Pending<u8> {
        let mut p = Pending::default();
        ids.iter().for_each(|id| p.insert((*id).into(), place("A", 100), 0));
        p
    }

    fn place(desk: &str, deadline: i64) -> Place {
        Place { desk: desk.into(), exporter: HERE, deadline: UtcMillis(deadline) }
    }

    #[test]
    fn table_of_answers() {
        for (name, id, desk, exporter, now, want) in [
            ("good", "x", "A", HERE, 99, Ok(())),
            ("at the deadline", "x", "A", HERE, 100, Ok(())),
            ("late", "x", "A", HERE, 101, Err(Missed::Late)),
            ("another desk", "x", "B", HERE, 99, Err(Missed::NotYours)),
            ("another connection", "x", "A", THERE, 99, Err(Missed::NotYours)),
            ("unknown", "y", "A", HERE, 99, Err(Missed::NotOpen)),
        ] {
            let mut p = with(&["x"]);
            assert_eq!(p.take(id, desk, &exporter, UtcMillis(now)).map(|_| ()), want, "{name}");
            let left = if id == "x" { Err(Missed::NotOpen) } else { Ok(()) };
            assert_eq!(
                p.take("x", "A", &HERE, UtcMillis(99)).map(|_| ()),
                left,
                "{name}: gone whatever was said"
            );
        }
    }

    /// With as many as desk A may have.
    fn full() -> Pending<u8> {
        let ids: Vec<String> = (1..=PER_DESK_MAX).map(|n| n.to_string()).collect();
        with(&ids.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_desk_has_so_many_and_no_more() {
        let mut p = full();
        assert_eq!(p.make_room("A", &HERE, UtcMillis(100)), Err(Full::Desk));
        assert_eq!(p.make_room("B", &HERE, UtcMillis(100)), Ok(()));
        p.remove("2");
        assert_eq!(p.make_room("A", &HERE, UtcMillis(100)), Ok(()));
        p.insert("2".into(), place("A", 100), 0);
        // Late ones, and those of an earlier connection, make room.
        assert_eq!((p.make_room("A", &HERE, UtcMillis(101)), p.len()), (Ok(()), 0));
        let mut p = full();
        assert_eq!(
            (p.make_room("A", &THERE, UtcMillis(1)), p.len(), p.desks.len()),
            (Ok(()), 0, 0)
        );
    }

    #[test]
    fn all_desks_together_have_so_many() {
        let mut p = Pending::default();
        for n in 0..TOTAL_MAX {
            p.insert(n.to_string(), place(&format!("D{n}"), if n == 7 { 50 } else { 100 }), 0);
        }
        assert_eq!(p.make_room("A", &HERE, UtcMillis(50)), Err(Full::All));
        assert_eq!((p.make_room("A", &HERE, UtcMillis(51)), p.len()), (Ok(()), TOTAL_MAX - 1));
    }
}
