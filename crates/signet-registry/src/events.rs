//! The event log: rows that are only ever added. Each holds the digest of the one before, so that a
//! changed, removed or inserted row shows.
//!
//! Whoever can write the database can also write a whole new chain: keep the digest of the last
//! row, which `signet-gateway events` prints, somewhere else.

use super::{RegistryError, Tx, bulk, hex_sha256};
use signet_rfq::UtcMillis;
use sqlx::Row as _;

/// A field of an event is cut to this many characters: some of them come from strangers.
const FIELD_CHARS_MAX: usize = 500;
const COLUMNS: [&str; 9] =
    ["seq", "at_ms", "actor", "kind", "subject", "detail", "prev", "hash", "origin"];
/// Of a certificate; RFC 5280 §4.1.2.2 allows 20 bytes, hexadecimal.
const SERIAL_LEN_MAX: usize = 40;

/// A row of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number: 1, 2, 3 ... without a gap.
    pub seq: i64,
    /// When it happened, by the clock of the gateway or of the administrator's machine.
    pub at: UtcMillis,
    /// Who did it: an administrator's account, or the address of an enrolling desk.
    pub actor: String,
    /// What happened, such as `user.locked` or `enrol.code_wrong`.
    pub kind: String,
    /// The object: a user, `USER/DEVICE` or a name.
    pub subject: String,
    /// The rest of what happened, in words, at most 500 characters; may hold text of strangers.
    pub detail: String,
    /// `hash` of the event before; empty for the first.
    pub prev: String,
    /// SHA-256 over every field above and, where it is not empty, `origin`; lower-case hexadecimal.
    pub hash: String,
    /// The gateway that hands this event to the SIEM itself; empty when nobody does, and always in
    /// rows older than schema 4.
    pub origin: String,
}

/// An event that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// When it happened.
    pub at: UtcMillis,
    /// Who did it; cut to 500 characters.
    pub actor: String,
    /// What happened; a fixed word of the program, such as `user.locked`.
    pub kind: &'static str,
    /// The object: a user, `USER/DEVICE` or a name; cut to 500 characters.
    pub subject: String,
    /// The rest in words; cut to 500 characters.
    pub detail: String,
    /// The gateway that hands it to the SIEM itself; empty when nobody does.
    pub origin: String,
}

impl NewEvent {
    /// Control characters become blanks, and fields are cut, when it is written.
    pub fn new(
        at: UtcMillis,
        actor: &str,
        kind: &'static str,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            at,
            actor: actor.into(),
            kind,
            subject: subject.into(),
            detail: detail.into(),
            origin: String::new(),
        }
    }

    /// The same, handed to the SIEM by a gateway itself.
    #[must_use]
    pub fn with_origin(self, origin: impl Into<String>) -> Self {
        Self { origin: origin.into(), ..self }
    }
}

/// The chain is broken. At fault: whoever changed the database other than through this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event log was altered: {why} at event {seq}")]
pub struct ChainError {
    /// Number of the first event that does not fit.
    pub seq: i64,
    /// What does not fit, in words.
    pub why: &'static str,
}

impl Event {
    /// Serial number of the certificate that it is about, lower-case hexadecimal. The details of
    /// these kinds begin with it, and no other's.
    pub fn certificate(&self) -> Option<&str> {
        let known = matches!(
            self.kind.as_str(),
            "certificate.issued"
                | "certificate.renewed"
                | "certificate.first_used"
                | "certificate.superseded"
                | "certificate.revoked"
        );
        let serial = self.detail.split([' ', ':']).next()?;
        let hex = serial.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (known && hex && (1..=SERIAL_LEN_MAX).contains(&serial.len())).then_some(serial)
    }

    /// Every field with its length, so that no two events have one digest.
    fn digest(&self) -> String {
        let mut bytes = Vec::new();
        for field in [
            &self.seq.to_string(),
            &self.at.0.to_string(),
            &self.actor,
            &self.kind,
            &self.subject,
            &self.detail,
            &self.prev,
        ]
        .into_iter()
        // What older releases wrote has none, and keeps its digest.
        .chain(Some(&self.origin).filter(|o| !o.is_empty()))
        {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        hex_sha256(&bytes)
    }
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(FIELD_CHARS_MAX).collect()
}

/// Adds one event. The caller's transaction already holds the lock that puts writers in a row.
pub(super) async fn append(tx: &mut Tx, new: NewEvent) -> Result<(), RegistryError> {
    append_all(tx, vec![new]).await
}

/// The same for many, in their order: the head of the chain is read and written once.
pub(super) async fn append_all(tx: &mut Tx, all: Vec<NewEvent>) -> Result<(), RegistryError> {
    if all.is_empty() {
        return Ok(());
    }
    let head = sqlx::query("SELECT head_seq, head_hash FROM registry_meta WHERE id = 1")
        .fetch_one(&mut **tx)
        .await?;
    let (mut seq, mut prev): (i64, String) = (head.try_get(0)?, head.try_get(1)?);
    let mut rows: Vec<[bulk::Value; 9]> = Vec::with_capacity(all.len());
    for new in all {
        let mut event = Event {
            seq: seq + 1,
            at: new.at,
            actor: clean(&new.actor),
            kind: new.kind.into(),
            subject: clean(&new.subject),
            detail: clean(&new.detail),
            prev,
            hash: String::new(),
            origin: clean(&new.origin),
        };
        event.hash = event.digest();
        (seq, prev) = (event.seq, event.hash.clone());
        rows.push([
            event.seq.into(),
            event.at.0.into(),
            event.actor.into(),
            event.kind.into(),
            event.subject.into(),
            event.detail.into(),
            event.prev.into(),
            event.hash.into(),
            event.origin.into(),
        ]);
    }
    bulk::insert(tx, "events", COLUMNS, rows).await?;
    sqlx::query("UPDATE registry_meta SET head_seq = $1, head_hash = $2 WHERE id = 1")
        .bind(seq)
        .bind(prev)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Checks events in order, from the first to the head; `Ok` holds how many.
pub fn verify<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    head: (i64, &str),
) -> Result<i64, ChainError> {
    let (mut seq, mut prev) = (0, "");
    for e in events {
        seq += 1;
        let broken = |why| ChainError { seq, why };
        if e.seq != seq {
            return Err(broken("one is missing"));
        }
        if e.prev != prev {
            return Err(broken("it does not follow the one before"));
        }
        if e.digest() != e.hash {
            return Err(broken("its content was changed"));
        }
        prev = &e.hash;
    }
    if (seq, prev) != head {
        return Err(ChainError { seq: seq + 1, why: "the end was cut off" });
    }
    Ok(seq)
}

/// Checks some events in order that follow one another, and that they lead to what comes after
/// them: the digest that the next event names, or the head's.
pub fn verify_part<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    after: &str,
) -> Result<(), ChainError> {
    let mut before: Option<&Event> = None;
    for e in events {
        let broken = |why| ChainError { seq: e.seq, why };
        if before.is_some_and(|b| e.seq != b.seq + 1) {
            return Err(broken("one is missing"));
        }
        if before.is_some_and(|b| e.prev != b.hash) {
            return Err(broken("it does not follow the one before"));
        }
        if e.digest() != e.hash {
            return Err(broken("its content was changed"));
        }
        before = Some(e);
    }
    match before {
        Some(last) if last.hash != after => {
            Err(ChainError { seq: last.seq + 1, why: "it does not follow the one before" })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(n: i64) -> Vec<Event> {
        let mut prev = String::new();
        let make = |seq| {
            let mut e = Event {
                seq,
                at: UtcMillis(seq * 10),
                actor: "root@host".into(),
                kind: "user.locked".into(),
                subject: "alice".into(),
                detail: String::new(),
                prev: prev.clone(),
                hash: String::new(),
                origin: if seq % 2 == 0 { "GW1".into() } else { String::new() },
            };
            e.hash = e.digest();
            prev = e.hash.clone();
            e
        };
        (1..=n).map(make).collect()
    }

    #[test]
    fn every_kind_of_change_shows() {
        let whole = chain(5);
        let head = (5, whole[4].hash.as_str());
        assert_eq!(verify(&whole, head), Ok(5));
        assert_eq!(verify(&[], (0, "")), Ok(0));
        let changed = |f: &dyn Fn(&mut Vec<Event>)| {
            let mut c = whole.clone();
            f(&mut c);
            verify(&c, head).map_err(|e| (e.seq, e.why))
        };
        assert_eq!(changed(&|c| c[2].subject = "bob".into()), Err((3, "its content was changed")));
        assert_eq!(changed(&|c| c[2].at = UtcMillis(1)), Err((3, "its content was changed")));
        assert_eq!(changed(&|c| c[2].origin = "GW1".into()), Err((3, "its content was changed")));
        assert_eq!(changed(&|c| c[1].origin.clear()), Err((2, "its content was changed")));
        assert_eq!(changed(&|c| drop(c.remove(2))), Err((3, "one is missing")));
        assert_eq!(changed(&|c| drop(c.pop())), Err((5, "the end was cut off")));
        assert_eq!(changed(&|c| c.swap(1, 2)), Err((2, "one is missing")));
        let recomputed = changed(&|c| {
            c[2].subject = "bob".into();
            c[2].hash = c[2].digest();
        });
        assert_eq!(recomputed, Err((4, "it does not follow the one before")));
    }

    #[test]
    fn every_kind_of_change_within_a_part_shows() {
        let whole = chain(6);
        let part = &whole[2..5];
        let after = whole[5].prev.as_str();
        assert_eq!(verify_part(part, after), Ok(()));
        assert_eq!(verify_part(&[], after), Ok(()));
        for (change, want) in [
            (
                &(|c: &mut Vec<Event>| c[1].subject = "bob".into()) as &dyn Fn(&mut Vec<Event>),
                (4, "its content was changed"),
            ),
            (&|c: &mut Vec<Event>| drop(c.remove(1)), (5, "one is missing")),
            (&|c: &mut Vec<Event>| drop(c.pop()), (5, "it does not follow the one before")),
            (
                &|c: &mut Vec<Event>| {
                    c[0].subject = "bob".into();
                    c[0].hash = c[0].digest();
                },
                (4, "it does not follow the one before"),
            ),
            (
                &|c: &mut Vec<Event>| {
                    c[2].subject = "bob".into();
                    c[2].hash = c[2].digest();
                },
                (6, "it does not follow the one before"),
            ),
        ] {
            let mut c = part.to_vec();
            change(&mut c);
            assert_eq!(verify_part(&c, after).map_err(|e| (e.seq, e.why)), Err(want));
        }
    }

    /// Of the release before `origin`: its rows verify for ever.
    #[test]
    fn a_row_without_an_origin_has_the_digest_that_older_releases_gave_it() {
        let row = chain(1).remove(0);
        let old = "7794b8a0698d396e10248a7f29a47cf5a2273ed0035f25751ff95d95b05845fe";
        assert!(row.origin.is_empty());
        assert_eq!(row.hash, old);
    }

    #[test]
    fn table_of_serial_numbers() {
        let long = "a".repeat(41);
        for (kind, detail, want) in [
            ("certificate.issued", "0a1b for ALICE1, key in keychain", Some("0a1b")),
            ("certificate.renewed", "0a1b for ALICE1, key in token, follows 0a", Some("0a1b")),
            ("certificate.first_used", "0a1b", Some("0a1b")),
            ("certificate.superseded", "0a1b by 0a1c", Some("0a1b")),
            ("certificate.revoked", "0a1b: keyCompromise", Some("0a1b")),
            ("certificate.revoked", "0A1B: keyCompromise", None),
            ("certificate.revoked", long.as_str(), None),
            ("certificate.revoked", "", None),
            ("certificate.ends_soon", "0a1b", None),
            ("user.locked", "0a1b", None),
        ] {
            let e = Event { kind: kind.into(), detail: detail.into(), ..chain(1).remove(0) };
            assert_eq!(e.certificate(), want, "{kind} {detail}");
        }
    }

    #[test]
    fn text_cannot_move_between_fields() {
        let mut a = chain(1).remove(0);
        let mut b = a.clone();
        (a.subject, a.detail) = ("ab".into(), "c".into());
        (b.subject, b.detail) = ("a".into(), "bc".into());
        assert_ne!(a.digest(), b.digest());
    }
}
