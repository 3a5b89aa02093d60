//! The end of sessions that may not be on any longer.

use super::{EndReason, Pipeline, sessions::ActiveSession};
use signet_events::About;
use signet_fix::session::{Outbox, Session};
use signet_identity::CompId;
use std::{rc::Rc, time::Duration};

/// Time for the Logout to leave before the connection is closed.
const GOODBYE: Duration = Duration::from_millis(200);
/// A peer that does not read loses its session all the same.
const FORCE: Duration = Duration::from_millis(300);
/// Certificates checked before other tasks of the thread have their turn: a chain takes a signature
/// check for each link.
pub(super) const AT_A_TIME: usize = 8;
/// How long a graceful stop waits for Logouts to be answered.
const STOP_MAX: Duration = Duration::from_secs(3);

impl Pipeline {
    /// Cuts off every session that `good` does not find good; the desk reads why.
    pub fn end_sessions(self: &Rc<Self>, good: impl Fn(&ActiveSession) -> Result<(), EndReason>) {
        let verdicts = self.sessions.map_on(|desk, s| (desk.clone(), good(s).err()));
        for (desk, why) in verdicts {
            if let Some(why) = why {
                self.end_session(&desk, &why);
            }
        }
    }

    /// The same where each check takes its time.
    pub async fn end_sessions_few_at_a_time(
        self: &Rc<Self>,
        good: impl Fn(&ActiveSession) -> Result<(), EndReason>,
    ) {
        for few in self.sessions.on().chunks(AT_A_TIME) {
            for desk in few {
                if let Some(Err(why)) = self.sessions.of(desk, &good) {
                    self.end_session(desk, &why);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Cuts off one desk, if it is on.
    pub(super) fn end_if_on(self: &Rc<Self>, desk: &CompId, code: &'static str, words: String) {
        if self.sessions.is_on(desk) {
            self.end_session(desk, &EndReason::new(code, words, ""));
        }
    }

    /// Ends one session; the desk reads why, and before that what becomes of its RFQs.
    pub(super) fn end_session(self: &Rc<Self>, desk: &CompId, why: &EndReason) {
        self.withdraw_as(desk, why.withdrawal);
        let access = self.sessions.access(desk);
        let Some((session, outbox, serial)) = self.sessions.cut(desk) else { return };
        if let Some(access) = access {
            self.tell_ended(desk, &access, &serial, why);
        }
        let EndReason { code, words, cure, .. } = why;
        tracing::warn!(%desk, serial, code = *code, "session cut off: {words}");
        let detail = format!("session cut off, certificate {serial}: {words}");
        self.events.gateway(code, About::desk(desk), detail);
        session.logout_because(words, Some((code, cure)));
        tokio::task::spawn_local(close(self.clone(), desk.clone(), session, outbox));
    }

    /// Says Logout to everybody and waits a moment for the answers.
    pub async fn say_goodbye(&self) {
        let all = self.sessions.all();
        for s in &all {
            s.logout("the gateway is stopping");
        }
        let deadline = tokio::time::Instant::now() + STOP_MAX;
        while all.iter().any(|s| s.is_logged_on()) && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tracing::info!("gateway has stopped");
    }
}

/// Closes a connection once its Logout had time to leave.
async fn close(pipeline: Rc<Pipeline>, desk: CompId, session: Rc<Session>, outbox: Rc<Outbox>) {
    tokio::time::sleep(GOODBYE).await;
    outbox.close();
    tokio::time::sleep(FORCE).await;
    if session.is_attached_to(&outbox) {
        session.detach();
        while let Some(e) = session.next_event() {
            pipeline.desk_event(&desk, e);
        }
    }
}
