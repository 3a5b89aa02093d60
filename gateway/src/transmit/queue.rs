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

/// Writes until it is told to stop; what is in the channel then is written first.
pub(super) async fn run(shared: &Shared, mut inbox: mpsc::Receiver<Notice>, stop: Stop) {
    let mut waiting = VecDeque::from_iter(verification(shared));
    let (mut stopping, mut failing) = (false, false);
    tokio::pin!(stop);
    loop {
        while waiting.len() < BATCH_MAX
            && let Ok(notice) = inbox.try_recv()
        {
            waiting.push_back(notice);
        }
        let before = waiting.len();
        let written = write(shared, &mut waiting);
        shared.tell_unwritten(written.err(), &mut failing);
        if stopping && (waiting.is_empty() || waiting.len() == before) {
            break;
        }
        if !waiting.is_empty() && waiting.len() != before {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            biased;
            _ = &mut stop, if !stopping => stopping = true,
            () = tokio::time::sleep(RETRY), if !waiting.is_empty() => {}
            // What a disk refused waits, and with it the channel, which is bounded.
            notice = inbox.recv(), if waiting.is_empty() => match notice {
                Some(notice) => waiting.push_back(notice),
                None => stopping = true,
            },
        }
    }
    if !waiting.is_empty() {
        tracing::error!(alert = true, count = waiting.len(), "signals could not be written");
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
    })
}

/// Writes what can be written, oldest first; the rest stays. A level counts as told once its notice
/// is on the disk: after a crash in between it is told again, never not at all.
fn write(shared: &Shared, waiting: &mut VecDeque<Notice>) -> Result<(), SpoolError> {
    let (mut written, mut result) = (0, Ok(()));
    for notice in waiting.iter() {
        result = shared.append(notice);
        if result.is_err() {
            break;
        }
        written += 1;
    }
    // Bytes that did not reach the disk are appended again, with the same names.
    shared.sync()?;
    for notice in waiting.drain(..written) {
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
            tracing::info!(user = n.user, "the receiver of signals has no name for this person");
            return Ok(());
        };
        if n.left_out > 0 {
            self.tell_undelivered(n.left_out, &n.user, "too many sessions of one person ended");
        }
        let json = json!({ "user": n.user, "claims": self.claims(n, found) }).to_string();
        let mut spool = self.spool.borrow_mut();
        let dropped = spool.make_room();
        if dropped > 0 {
            self.tell_undelivered(dropped, "", "the queue is full; the oldest were dropped");
        }
        let (at_us, uid, code) = (n.at_us, n.jti.clone(), n.told.name().to_owned());
        spool.append(|_, _| Draft { at_us, severity: 1, uid, code, json })?;
        self.status.appended(n.at_us);
        Ok(())
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
                self.events.gateway("signal.undelivered", About::object("signals"), words);
            }
            None if was => tracing::info!("signals are written to disk again"),
            _ => {}
        }
    }

    fn tell_undelivered(&self, count: u64, user: &str, why: &str) {
        tracing::error!(alert = true, count, user, why, "signals are lost");
        let about = match user {
            "" => About::object("signals"),
            user => About::user(user),
        };
        let words = format!("{count} signals are lost: {why}");
        self.events.gateway("signal.undelivered", About { count: Some(count), ..about }, words);
    }
}
