//! Which tokens were taken already.

use crate::SetRefusal;
use std::collections::HashMap;

/// The ids of tokens that could still be sent again. Bounded: beyond it none is taken, since one
/// that is forgotten could be replayed.
#[derive(Debug)]
pub struct Replays {
    /// With when they are too old to be taken anyway, seconds since 1970.
    seen: HashMap<String, i64>,
    max: usize,
}

impl Replays {
    /// Remembers at most `max` at once.
    pub fn new(max: usize) -> Self {
        Self { seen: HashMap::new(), max }
    }

    /// Remembers a token that is otherwise good, until `too_old_at`; refuses one that was seen.
    pub fn take(&mut self, jti: &str, too_old_at: i64, now_s: i64) -> Result<(), SetRefusal> {
        if self.seen.contains_key(jti) {
            return Err(SetRefusal::Replayed);
        }
        if self.seen.len() >= self.max {
            self.seen.retain(|_, until| *until >= now_s);
        }
        if self.seen.len() >= self.max {
            return Err(SetRefusal::TooMany);
        }
        self.seen.insert(jti.to_owned(), too_old_at);
        Ok(())
    }

    /// What was taken could not be acted on: it may come again.
    pub fn forget(&mut self, jti: &str) {
        self.seen.remove(jti);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_once_and_no_more_than_there_is_room_for() {
        let mut r = Replays::new(2);
        assert_eq!(r.take("a", 10, 0), Ok(()));
        assert_eq!(r.take("a", 10, 0), Err(SetRefusal::Replayed));
        assert_eq!(r.take("b", 20, 0), Ok(()));
        assert_eq!(r.take("c", 20, 10), Err(SetRefusal::TooMany), "both could be sent again");
        assert_eq!(r.take("c", 30, 11), Ok(()), "the first is too old by now");
        assert_eq!(r.take("b", 20, 11), Err(SetRefusal::Replayed));
        r.forget("b");
        assert_eq!(r.take("b", 20, 11), Ok(()), "it was not acted on");
        // A clock that was set back forgets nothing.
        assert_eq!(r.take("c", 30, 0), Err(SetRefusal::Replayed));
    }
}
