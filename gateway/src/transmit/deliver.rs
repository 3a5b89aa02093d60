//! From the disk to the receiver: one at a time and in order, until the receiver has it or will
//! never take it.

use super::Shared;
use crate::{
    clock::now,
    delivery::{
        Away, Connection, DeliveryFailure, Poster, Reader, Record, Say, SpoolError, pause, random,
    },
};
use serde_json::{Value, json};
use signet_events::About;
use signet_signals::{PushAnswer, Signer, push_answer};
use std::{rc::Rc, time::Instant};

/// The one receiver's cursor.
const WHICH: usize = 0;
const RECORD_BYTES: usize = 64 * 1024;
const TOKEN: &str = "application/secevent+jwt";
const JSON: &str = "application/json";

/// The notice that is tried.
struct Current {
    record: Rc<Record>,
    /// How often it was answered, and not taken.
    tries: u32,
}

struct Delivery {
    shared: Rc<Shared>,
    signer: Signer,
    poster: Poster,
    reader: Reader,
    current: Option<Current>,
    away: Away,
    /// The disk does not take the cursor.
    unwritten: bool,
}

/// Delivers for ever.
pub(super) async fn keep_up(shared: Rc<Shared>, signer: Signer, poster: Poster) {
    let (reader, current, away) = (Reader::default(), None, Away::default());
    let unwritten = false;
    let mut d = Delivery { shared, signer, poster, reader, current, away, unwritten };
    d.tell_waiting();
    let mut tries = 0;
    loop {
        let before = d.confirmed();
        let failure = match d.session().await {
            Ok(never) => match never {},
            Err(e) => e,
        };
        tries = if d.confirmed() > before { 0 } else { tries + 1 };
        d.failed(&failure);
        tokio::time::sleep(pause(tries, random())).await;
    }
}

impl Delivery {
    /// One connection, until it fails.
    async fn session(&mut self) -> Result<std::convert::Infallible, DeliveryFailure> {
        // Nothing is dialled before there is something to say.
        self.next().await?;
        let mut connection = self.poster.connect().await?;
        loop {
            self.give(&mut connection).await?;
            self.next().await?;
        }
    }

    /// Waits until there is something to send.
    async fn next(&mut self) -> Result<(), SpoolError> {
        let mut head = self.shared.head.subscribe();
        while self.current.is_none() {
            let until = *head.borrow_and_update();
            let after = self.confirmed();
            let limit = (1, RECORD_BYTES);
            let read = self.shared.spool.borrow().read(&mut self.reader, after, until, limit)?;
            match read.into_iter().next() {
                Some(record) => self.current = Some(Current { record, tries: 0 }),
                None if head.changed().await.is_err() => std::future::pending().await,
                None => {}
            }
        }
        Ok(())
    }

    /// Sends the current notice, and does what the answer says.
    async fn give(&mut self, connection: &mut Connection) -> Result<(), DeliveryFailure> {
        let Some(Current { record, tries }) = &self.current else { return Ok(()) };
        let (record, tries) = (record.clone(), *tries);
        // It authenticates, so this program wrote it.
        let mut kept: Value = serde_json::from_str(&record.json).unwrap_or_default();
        let user = kept["user"].as_str().unwrap_or_default().to_owned();
        let mut claims = kept["claims"].take();
        claims["iat"] = json!(now().0.div_euclid(1_000));
        let token = self.signer.sign(&claims);
        let token = token.map_err(|e| DeliveryFailure::Answer(e.to_string()))?;
        let answer = self.poster.post(connection, (TOKEN, JSON), token.into_bytes()).await?;
        let status = answer.0.as_u16();
        match push_answer(status, &answer.1, tries) {
            PushAnswer::Taken => {
                self.done(record.sequence);
                self.works();
                let words =
                    format!("{}, token {}, {}", record.code, record.uid, self.shared.object);
                self.tell("signal.sent", &user, words);
                Ok(())
            }
            PushAnswer::Never { err, words } => {
                self.done(record.sequence);
                self.works();
                let what = format!("{}, token {}", record.code, record.uid);
                tracing::error!(alert = true, user, err, words, "the receiver refused {what}");
                let of = &self.shared.object;
                let words =
                    format!("{what}, {of}: the receiver refused it for good: {err}: {words}");
                self.tell("signal.undelivered", &user, words);
                Ok(())
            }
            PushAnswer::Again => {
                self.current = Some(Current { record, tries: tries.saturating_add(1) });
                Err(DeliveryFailure::Status(status))
            }
        }
    }

    fn confirmed(&self) -> u64 {
        self.shared.spool.borrow().cursor(WHICH)
    }

    /// Never to be sent again by this run.
    fn done(&mut self, sequence: u64) {
        self.current = None;
        self.shared.confirm(sequence, &mut self.unwritten);
        self.tell_waiting();
    }

    /// How much waits, and since when the oldest of it does.
    fn tell_waiting(&mut self) {
        let after = self.confirmed();
        let spool = self.shared.spool.borrow();
        let oldest = spool.read(&mut self.reader, after, u64::MAX, (1, RECORD_BYTES));
        let oldest_us = oldest.ok().and_then(|found| found.first().map(|r| r.at_us));
        self.shared.status.waits(WHICH, spool.head().saturating_sub(after), oldest_us);
    }

    /// The receiver answers.
    fn works(&mut self) {
        self.shared.status.works(WHICH);
        if self.away.works() == Say::Back {
            tracing::info!("the receiver of signals takes them again");
            let words = "it takes signals again";
            self.shared.events.gateway(
                "signal.receiver_back",
                About::object(&self.shared.object),
                words,
            );
        }
    }

    fn failed(&mut self, failure: &DeliveryFailure) {
        self.shared.status.failed(WHICH, now());
        tracing::warn!(%failure, "signals cannot be delivered");
        if self.away.failed(Instant::now()) == Say::Away {
            let words = failure.to_string();
            self.shared.events.gateway(
                "signal.receiver_away",
                About::object(&self.shared.object),
                words,
            );
        }
    }

    fn tell(&self, code: &'static str, user: &str, words: String) {
        let about = match user {
            "" => About::object(&self.shared.object),
            user => About::user(user),
        };
        self.shared.events.gateway(code, about, words);
    }
}

impl Shared {
    /// The receiver is done with this one. When the disk does not take that, the receiver did
    /// nothing wrong: it goes on to get the others, and `failing` keeps what is said of the disk to
    /// once.
    fn confirm(&self, sequence: u64, failing: &mut bool) {
        let mut spool = self.spool.borrow_mut();
        spool.confirm(WHICH, sequence);
        let error = spool.write_cursor(WHICH).err();
        drop(spool);
        let was = std::mem::replace(failing, error.is_some());
        match error {
            Some(e) if !was => {
                tracing::error!(alert = true, error = %e, "the disk does not take what was sent");
                let words = format!(
                    "the disk of the gateway does not take what the receiver has: {e}; after a \
                        restart the receiver is sent it again"
                );
                self.events.gateway("signal.undelivered", About::object(&self.object), words);
            }
            None if was => tracing::info!("the disk takes what was sent again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{DeliveryStatus, Draft, Spool},
        events::{EventSink, Outlet},
        sealed_map::SealedMap,
    };
    use signet_events::Event;
    use signet_journal::StoreKey;
    use std::{
        cell::RefCell,
        fs,
        sync::{Arc, Mutex},
    };
    use tokio::sync::watch;

    #[derive(Default)]
    struct Kept(Mutex<Vec<(&'static str, String)>>);

    impl Outlet for Kept {
        fn take(&self, event: &Event) {
            self.0.lock().unwrap().push((event.code, event.words.to_string()));
        }
    }

    /// The receiver has the token: what is wrong then is the disk.
    #[test]
    fn a_cursor_that_cannot_be_written_is_the_disks_fault_and_said_once() {
        let (dir, key) = (tempfile::tempdir().unwrap(), StoreKey::new([7; 32]));
        let mut spool = Spool::open(dir.path(), &key, &["receiver"], 16 << 20).unwrap();
        for n in 1..=4 {
            let (uid, code, json) = (n.to_string(), "c".to_owned(), "{}".to_owned());
            spool.append(|_, _| Draft { at_us: n, severity: 1, uid, code, json }).unwrap();
        }
        let section = "url = 'https://h/p'\nissuer = 'https://gw'\naudience = 'a'\ntrust = 't'\n\
            subject_is_user_id = true";
        let kept = Arc::<Kept>::default();
        let shared = Shared {
            head: watch::Sender::new(spool.head()),
            object: "signals".into(),
            section: toml::from_str(section).unwrap(),
            spool: RefCell::new(spool),
            told: RefCell::new(SealedMap::open(&dir.path().join("levels"), &key).unwrap()),
            status: Arc::new(DeliveryStatus::new(["receiver"])),
            events: EventSink::new(None, Some(kept.clone())),
        };
        let cursor = || fs::read_to_string(dir.path().join("receiver.cursor")).unwrap();
        let mut failing = false;
        shared.confirm(1, &mut failing);
        assert_eq!((failing, cursor().as_str()), (false, "1"));
        // No file can be made where a folder is.
        let in_the_way = dir.path().join("receiver.new");
        fs::create_dir(&in_the_way).unwrap();
        for n in [2, 3] {
            shared.confirm(n, &mut failing);
            assert_eq!((failing, cursor().as_str()), (true, "1"));
            assert_eq!(shared.spool.borrow().cursor(WHICH), n);
        }
        let told = std::mem::take(&mut *kept.0.lock().unwrap());
        assert!(
            matches!(&told[..], [("signal.undelivered", words)] if words.contains("the disk")),
            "{told:?}"
        );
        fs::remove_dir(&in_the_way).unwrap();
        shared.confirm(4, &mut failing);
        assert_eq!((failing, cursor().as_str()), (false, "4"));
        assert!(kept.0.lock().unwrap().is_empty());
    }
}
