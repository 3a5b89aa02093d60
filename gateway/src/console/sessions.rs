//! The sessions of the console. Pure: the time is passed in.
//!
//! A session is named by 256 random bits, of which only the digest is kept. It ends after a time
//! without a request that a person caused, after some hours in any case, when the person logs out,
//! and when the key or the account is locked.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Without a request that a person caused.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
/// In any case.
pub(super) const AGE_MAX: Duration = Duration::from_secs(8 * 3_600);
/// Of one administrator; the one that was idle longest makes room.
pub(super) const EACH_MAX: usize = 5;
/// Of all.
pub(super) const TOTAL_MAX: usize = 256;

/// SHA-256 of the token.
pub(super) type TokenDigest = [u8; 32];

/// Who has logged in, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// As certificates name the administrator.
    pub(super) name: String,
    /// The security key, base64url.
    pub(super) credential_id: String,
    /// What every change must repeat.
    pub(super) csrf: String,
    /// Where the key was touched to log in.
    pub(super) from: IpAddr,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Over {
    /// It was never there, or ended some time ago.
    #[error("there is no such session")]
    Unknown,
    #[error("nobody did anything for {} minutes", IDLE_MAX.as_secs() / 60)]
    Idle,
    #[error("a session lasts {} hours at most", AGE_MAX.as_secs() / 3_600)]
    Old,
    #[error("the risk policy wants a touch from this network")]
    Moved,
    #[error("a newer session of the same person took its place")]
    Replaced,
}

/// A place for another session cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug)]
struct Row {
    session: Session,
    began: Instant,
    last: Instant,
}

impl Row {
    fn over(&self, now: Instant) -> Option<Over> {
        if now.saturating_duration_since(self.began) >= AGE_MAX {
            return Some(Over::Old);
        }
        (now.saturating_duration_since(self.last) >= IDLE_MAX).then_some(Over::Idle)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<TokenDigest, Row>);

impl Sessions {
    /// Begins one; those of the same person that had to make room.
    pub(super) fn begin(
        &mut self,
        token: TokenDigest,
        session: Session,
        now: Instant,
    ) -> Result<Vec<Session>, Full> {
        let mut ended = Vec::new();
        while self.of(&session.name).count() >= EACH_MAX {
            let idle = self.of(&session.name).min_by_key(|(_, r)| (r.last, r.began));
            let Some(oldest) = idle.map(|(t, _)| *t) else { break };
            ended.extend(self.0.remove(&oldest).map(|r| r.session));
        }
        if self.0.len() >= TOTAL_MAX {
            return Err(Full);
        }
        self.0.insert(token, Row { session, began: now, last: now });
        Ok(ended)
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a TokenDigest, &'a Row)> {
        self.0.iter().filter(move |(_, r)| r.session.name == name)
    }

    /// The session of a token, and how long it may last at most. `by_person`: somebody did
    /// something, so it goes on.
    pub(super) fn get(
        &mut self,
        token: &TokenDigest,
        by_person: bool,
        now: Instant,
    ) -> Result<(Session, Duration), Over> {
        let row = self.0.get_mut(token).ok_or(Over::Unknown)?;
        if let Some(over) = row.over(now) {
            return Err(over);
        }
        if by_person {
            row.last = now;
        }
        let left = AGE_MAX.saturating_sub(now.saturating_duration_since(row.began));
        Ok((row.session.clone(), left))
    }

    /// Ends one.
    pub(super) fn end(&mut self, token: &TokenDigest) -> Option<Session> {
        self.0.remove(token).map(|r| r.session)
    }

    /// Ends every session that is not allowed any longer.
    pub(super) fn end_where(&mut self, gone: impl Fn(&Session) -> bool) -> Vec<Session> {
        let tokens: Vec<_> =
            self.0.iter().filter(|(_, r)| gone(&r.session)).map(|(t, _)| *t).collect();
        tokens.iter().filter_map(|t| self.end(t)).collect()
    }

    /// Forgets those whose time is over, and says which.
    pub(super) fn sweep(&mut self, now: Instant) -> Vec<(Session, Over)> {
        let over: Vec<_> =
            self.0.iter().filter_map(|(t, r)| r.over(now).map(|why| (*t, why))).collect();
        over.into_iter().filter_map(|(t, why)| Some((self.end(&t)?, why))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str) -> Session {
        let from = [192, 0, 2, 1].into();
        Session { name: name.into(), credential_id: "k".into(), csrf: "c".into(), from }
    }

    fn token(n: u8) -> TokenDigest {
        [n; 32]
    }

    /// What happens to one session, in seconds since it began, and how it is then.
    #[test]
    fn table_of_a_session() {
        const IDLE: u64 = IDLE_MAX.as_secs();
        const AGE: u64 = AGE_MAX.as_secs();
        enum Step {
            Person(u64),
            Poll(u64),
            Logout,
        }
        use Step::{Logout, Person, Poll};
        let every = |step: u64, until: u64| (1..=until / step).map(move |n| Person(n * step));
        let polls = (1..IDLE).step_by(10).map(Poll).collect::<Vec<_>>();
        for (name, steps, at, want) in [
            ("new", vec![], 0, Ok(())),
            ("just not idle", vec![], IDLE - 1, Ok(())),
            ("idle", vec![], IDLE, Err(Over::Idle)),
            ("a person prolongs it", vec![Person(IDLE - 1)], 2 * IDLE - 2, Ok(())),
            ("but not for ever", vec![Person(IDLE - 1)], 2 * IDLE - 1, Err(Over::Idle)),
            ("a poll does not", vec![Poll(IDLE - 1)], IDLE, Err(Over::Idle)),
            ("nor do many", polls, IDLE, Err(Over::Idle)),
            (
                "over, it stays over",
                vec![Person(IDLE), Person(IDLE + 1)],
                IDLE + 2,
                Err(Over::Idle),
            ),
            ("all day", every(600, AGE - 1).collect(), AGE - 1, Ok(())),
            ("too old", every(600, AGE - 1).collect(), AGE, Err(Over::Old)),
            ("logged out", vec![Logout], 1, Err(Over::Unknown)),
            ("logged out twice", vec![Logout, Logout, Person(1)], 2, Err(Over::Unknown)),
            ("a clock that stands still", vec![Person(0), Person(0)], 0, Ok(())),
        ] {
            let (mut all, began) = (Sessions::default(), Instant::now());
            let when = |s: u64| began + Duration::from_secs(s);
            all.begin(token(1), session("ada"), began).unwrap();
            for step in steps {
                match step {
                    Person(s) => drop(all.get(&token(1), true, when(s))),
                    Poll(s) => drop(all.get(&token(1), false, when(s))),
                    Logout => drop(all.end(&token(1))),
                }
            }
            let found = all.get(&token(1), false, when(at));
            assert_eq!(found.as_ref().map(|_| ()).map_err(|e| *e), want, "{name}");
            if let Ok((s, left)) = found {
                assert_eq!(
                    (s, left),
                    (session("ada"), AGE_MAX - Duration::from_secs(at)),
                    "{name}"
                );
            }
            assert_eq!(all.get(&token(2), true, when(at)).unwrap_err(), Over::Unknown, "{name}");
            let swept = all.sweep(when(at)).len();
            let over = matches!(want, Err(Over::Idle | Over::Old));
            assert_eq!((swept, all.0.len()), (over.into(), want.is_ok().into()), "{name}");
        }
    }

    #[test]
    fn one_person_has_so_many_and_the_idle_one_makes_room() {
        let (mut all, began) = (Sessions::default(), Instant::now());
        for n in 0..EACH_MAX as u8 {
            let at = began + Duration::from_secs(n.into());
            assert_eq!(all.begin(token(n), session("ada"), at), Ok(vec![]));
        }
        let later = began + Duration::from_secs(60);
        all.get(&token(0), true, later).unwrap();
        assert_eq!(all.begin(token(99), session("ada"), later), Ok(vec![session("ada")]));
        assert_eq!(all.get(&token(1), true, later).unwrap_err(), Over::Unknown);
        assert!(all.get(&token(0), true, later).is_ok());
        assert_eq!(all.begin(token(98), session("bob"), later), Ok(vec![]), "of another");
    }

    #[test]
    fn all_together_have_so_many() {
        let (mut all, now) = (Sessions::default(), Instant::now());
        for n in 0..TOTAL_MAX {
            let mut digest = token(0);
            digest[..8].copy_from_slice(&(n as u64).to_be_bytes());
            all.begin(digest, session(&format!("a{n}")), now).unwrap();
        }
        assert_eq!(all.begin(token(255), session("ada"), now), Err(Full));
        assert_eq!(all.begin(token(255), session("a7"), now), Err(Full), "not a way around");
        let gone = all.end_where(|s| s.name == "a7" || s.name == "a8");
        assert_eq!(gone.len(), 2);
        assert_eq!(all.begin(token(255), session("ada"), now), Ok(vec![]));
    }
}
