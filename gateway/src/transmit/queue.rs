//! From the channel to the disk: one fsync for as many notices as are there.

use super::{Notice, Shared, subject::subject};
use crate::{
    clock::now_us,
    delivery::{Draft, SpoolError},
    threads::Stop,
};
use serde_json::{Value, json};
use signet_events::About;
use signet_registry::random_id;
use signet_signals::{Initiator, Notice as Token, Told};
use std::{collections::VecDeque, time::Duration};
use tokio::sync::mpsc;

/// Notices written with one fsync, at most.
const BATCH_MAX: usize = 256;
/// How often a disk that refused is asked again.
const RETRY: Duration = Duration::from_millis(250);

/// What is on its way to the disk.
#[derive(Default)]
struct Batch {
    /// Not in the spool yet.
    waiting: VecDeque<Notice>,
    /// In the spool, and perhaps not on the disk: these are not appended again.
    unsynced: Vec<Notice>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.unsynced.is_empty()
    }
}

/// Writes until it is told to stop; what is in the channel then is written first.
pub(super) async fn run(shared: &Shared, mut inbox: mpsc::Receiver<Notice>, stop: Stop) {
    let mut batch =
        Batch { waiting: verification(shared).into_iter().collect(), ..Batch::default() };
    let (mut stopping, mut failing) = (false, false);
    tokio::pin!(stop);
    loop {
        while batch.waiting.len() < BATCH_MAX
            && let Ok(notice) = inbox.try_recv()
        {
            batch.waiting.push_back(notice);
        }
        let written = write(shared, &mut batch);
        let failed = written.is_err();
        shared.tell_unwritten(written.err(), &mut failing);
        if stopping && (failed || (batch.is_empty() && inbox.is_empty())) {
            break;
        }
        tokio::select! {
            biased;
            _ = &mut stop, if !stopping => stopping = true,
            // What a disk refused waits, and with it the channel, which is bounded.
            () = tokio::time::sleep(RETRY), if failed => {}
            notice = inbox.recv(), if !failed && !stopping => match notice {
                Some(notice) => batch.waiting.push_back(notice),
                None => stopping = true,
            },
            () = tokio::task::yield_now(), if stopping => {}
        }
    }
    let count = batch.waiting.len() + batch.unsynced.len() + inbox.len();
    if count > 0 {
        tracing::error!(alert = true, count, "signals could not be written");
    }
}

fn verification(shared: &Shared) -> Option<Notice> {
    shared.section.verification_stream.as_ref()?;
    Some(Notice {
        user: String::new(),
        jti: random_id()?,
        txn: random_id()?,
        told: Told::Verification,
        initiator: Initiator::Policy,
        reason: String::new(),
        at_us: now_us(),
        left_out: 0,
        lost: 0,
    })
}

/// Writes what can be written, oldest first; the rest stays. A level counts as told once its notice
/// is on the disk: after a crash in between it is told again, never not at all.
fn write(shared: &Shared, batch: &mut Batch) -> Result<(), SpoolError> {
    let mut result = Ok(());
    while let Some(notice) = batch.waiting.pop_front() {
        result = shared.append(&notice);
        if result.is_err() {
            batch.waiting.push_front(notice);
            break;
        }
        batch.unsynced.push(notice);
    }
    if batch.unsynced.is_empty() {
        return result;
    }
    shared.sync()?;
    for notice in batch.unsynced.drain(..) {
        if let Told::RiskLevel { current, .. } = notice.told {
            let set = shared.told.borrow_mut().set(&notice.user, Some(current.as_str()));
            if let Err(e) = set {
                tracing::error!(alert = true, error = %e, "a told risk level is not on the disk");
            }
        }
    }
    result
}

impl Shared {
    fn append(&self, n: &Notice) -> Result<(), SpoolError> {
        let stream = || {
            let id = self.section.verification_stream.as_ref()?;
            Some(json!({ "format": "opaque", "id": id }))
        };
        let found = match n.told {
            Told::Verification => stream(),
            _ => subject(&self.section, &n.user),
        };
        let Some(found) = found else {
            self.tell_lost(n);
            tracing::info!(user = n.user, "the receiver of signals has no name for this person");
            return Ok(());
        };
        let json = json!({ "user": n.user, "claims": self.claims(n, found) }).to_string();
        let mut spool = self.spool.borrow_mut();
        let dropped = spool.make_room();
        if dropped > 0 {
            self.tell_undelivered(dropped, "", "the queue is full; the oldest were dropped");
        }
        let (at_us, uid, code) = (n.at_us, n.jti.clone(), n.told.name().to_owned());
        spool.append(|_, _| Draft { at_us, severity: 1, uid, code, json })?;
        self.status.appended(n.at_us);
        drop(spool);
        // Once: what the disk refuses comes here again.
        self.tell_lost(n);
        if n.left_out > 0 {
            self.tell_undelivered(n.left_out, &n.user, "too many sessions of one person ended");
        }
        Ok(())
    }

    fn tell_lost(&self, n: &Notice) {
        if n.lost > 0 {
            self.tell_undelivered(n.lost, "", "more came at once than could be queued");
        }
    }

    fn claims(&self, n: &Notice, subject: Value) -> Value {
        let token = Token {
            issuer: &self.section.issuer,
            audience: &self.section.audience,
            jti: &n.jti,
            txn: &n.txn,
            subject,
            told: &n.told,
            initiator: n.initiator,
            reason: &n.reason,
            at_s: n.at_us.div_euclid(1_000_000),
        };
        token.claims()
    }

    fn sync(&self) -> Result<(), SpoolError> {
        let mut spool = self.spool.borrow_mut();
        spool.sync()?;
        self.head.send_if_modified(|head| std::mem::replace(head, spool.head()) != spool.head());
        Ok(())
    }

    fn tell_unwritten(&self, error: Option<SpoolError>, failing: &mut bool) {
        let was = std::mem::replace(failing, error.is_some());
        match error {
            Some(e) if !was => {
                tracing::error!(alert = true, error = %e, "signals cannot be written to disk");
                let words = format!("they cannot be written to disk and wait: {e}");
                self.events.gateway("signal.undelivered", About::object(&self.object), words);
            }
            None if was => tracing::info!("signals are written to disk again"),
            _ => {}
        }
    }

    fn tell_undelivered(&self, count: u64, user: &str, why: &str) {
        tracing::error!(alert = true, count, user, why, "signals are lost");
        let about = match user {
            "" => About::object(&self.object),
            user => About::user(user),
        };
        let words = format!("{count} signals are lost ({}): {why}", self.object);
        self.events.gateway("signal.undelivered", About { count: Some(count), ..about }, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{DeliveryStatus, Spool},
        events::EventSink,
        sealed_map::SealedMap,
    };
    use signet_journal::StoreKey;
    use std::{cell::RefCell, sync::Arc};
    use tokio::sync::{oneshot, watch};

    #[tokio::test]
    async fn what_is_in_the_channel_at_the_end_is_written_however_much_it_is() {
        let (dir, key) = (tempfile::tempdir().unwrap(), StoreKey::new([7; 32]));
        let section = "url = 'https://h/p'\nissuer = 'https://gw'\naudience = 'a'\ntrust = 't'\n\
            subject_is_user_id = true";
        let spool = Spool::open(dir.path(), &key, &["receiver"], 16 << 20).unwrap();
        let shared = Shared {
            head: watch::Sender::new(spool.head()),
            object: "signals".into(),
            section: toml::from_str(section).unwrap(),
            spool: RefCell::new(spool),
            told: RefCell::new(SealedMap::open(&dir.path().join("levels"), &key).unwrap()),
            status: Arc::new(DeliveryStatus::new(["receiver"])),
            events: EventSink::default(),
        };
        let notice = Notice {
            user: "alice".into(),
            jti: "j".into(),
            txn: "t".into(),
            told: Told::SessionRevoked { session: "s".into(), device: None },
            initiator: Initiator::Policy,
            reason: String::new(),
            at_us: 1,
            left_out: 0,
            lost: 0,
        };
        let all = 2 * BATCH_MAX + 1;
        let (notices, inbox) = mpsc::channel(all);
        for _ in 0..all {
            notices.try_send(notice.clone()).unwrap();
        }
        let (stop, stopped) = oneshot::channel();
        stop.send(()).unwrap();
        run(&shared, inbox, stopped).await;
        assert_eq!(shared.spool.borrow().head(), all as u64);
    }
}
