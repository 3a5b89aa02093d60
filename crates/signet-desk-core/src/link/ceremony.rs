//! Runs ceremonies with security keys on the link's thread, one at a time, and reports their
//! progress to the book.

use super::{Link, StepUpIntent};
use crate::{
    book::lock,
    laptop_clock::laptop_now,
    step_up::{Dialog, Subject},
};
use signet_fix::{
    AppMessage,
    message::{Answer, KeyRequest, StepUpAnswer},
};
use signet_stepup::{
    Context,
    client::{Ceremony, CeremonyError, KeyOperation, Order, Step, Told},
};
use std::{rc::Rc, time::Duration};
use tokio::sync::mpsc;

/// How long a key may take to end a ceremony that was cancelled.
const LET_GO_MAX: Duration = Duration::from_secs(2);

/// The origin that a key signs: the relying party's host, which has no web page.
///
/// This desk states the origin, so it must not let a venue ask as another relying party: the answer
/// would count there, for example as a login to the firm's web pages.
fn origin_of(options: &str, signs: bool, allowed: Option<&str>) -> Result<String, String> {
    let v: serde_json::Value =
        serde_json::from_str(options).map_err(|_| "they are not JSON".to_owned())?;
    let id = v
        .pointer(if signs { "/publicKey/rpId" } else { "/publicKey/rp/id" })
        .and_then(|id| id.as_str());
    let id = id.ok_or("they name no relying party")?;
    match allowed {
        Some(allowed) if allowed == id => Ok(format!("https://{id}")),
        Some(allowed) => Err(format!(
            "they ask as {}, and this venue may only ask as {allowed}",
            id.chars().take(60).collect::<String>()
        )),
        None => Err("this desk does not know the relying party of this venue (rp_id)".into()),
    }
}

impl Link {
    pub(super) fn step_up(self: &Rc<Self>, intent: StepUpIntent) {
        match intent {
            StepUpIntent::Begin(id) => lock(&self.book).with_step_ups(|s| s.begin(&id)),
            StepUpIntent::Pin(id, question, pin) => {
                let taken = lock(&self.book).with_step_ups(|s| s.takes_pin(&id, question));
                if taken {
                    self.ceremony.tell(&id, Told::Pin(pin));
                }
            }
            StepUpIntent::Stop(id) => self.ceremony.tell(&id, Told::Cancel),
            StepUpIntent::Refuse(id) => self.refuse(&id),
        }
    }

    fn refuse(&self, id: &str) {
        self.ceremony.tell(id, Told::Cancel);
        let closed = lock(&self.book).refuse_step_up(id, laptop_now());
        let Some(closed) = closed else { return };
        match closed.subject {
            Subject::Approve(_) => {
                let answer = Answer::Declined(None);
                self.send(&AppMessage::StepUpAnswer(StepUpAnswer { id: id.into(), answer }));
            }
            Subject::NewKey { .. } => {
                lock(&self.book).registration_failed(&CeremonyError::Cancelled)
            }
        }
    }

    /// Starts the next ceremony if none is running, and ends one whose dialog has closed.
    pub(super) fn next_ceremony(self: &Rc<Self>) {
        match self.ceremony.id() {
            Some(id) if !lock(&self.book).has_step_up(&id) => return self.ceremony.abandon(),
            Some(_) => return,
            None => {}
        }
        let Some(open) = lock(&self.book).next_step_up() else { return };
        let hear = self.ceremony.begin(&open.id);
        tokio::task::spawn_local(self.clone().hold_ceremony(open, hear));
    }

    async fn hold_ceremony(self: Rc<Self>, open: Dialog, mut hear: mpsc::UnboundedReceiver<Told>) {
        let exporter = self.exporter.get();
        lock(&self.book).with_step_ups(|s| s.started(&open.id));
        let result = match self.order(&open, exporter) {
            Ok(order) => self.perform(&open.id, order, &mut hear).await,
            Err(e) => Err(e),
        };
        let wanted = self.ceremony.end();
        // An answer is signed for one connection; if that one ended, the answer is useless.
        if wanted && self.exporter.get() == exporter {
            match result {
                Ok(json) => self.answer(&open, json),
                Err(e) => {
                    tracing::info!(
                        code = e.code(),
                        "a ceremony with a security key ended without an answer"
                    );
                    lock(&self.book).ceremony_failed(&open, &e);
                }
            }
        }
        self.next_ceremony();
    }

    fn order(&self, open: &Dialog, exporter: [u8; 32]) -> Result<Order, CeremonyError> {
        let bad = |why: &str| CeremonyError::BadOptions(why.into());
        let context = match &open.subject {
            Subject::Approve(a) => {
                Some(Context { approval: a.digest().map_err(|e| bad(&e.to_string()))?, exporter })
            }
            Subject::NewKey { .. } => None,
        };
        let left_ms = open.deadline.since(lock(&self.book).moment(laptop_now()).venue);
        let options = open.options.clone();
        Ok(Order {
            origin: origin_of(&options, context.is_some(), self.rp_id.borrow().as_deref())
                .map_err(|why| bad(&why))?,
            operation: if context.is_some() {
                KeyOperation::Sign(options)
            } else {
                KeyOperation::Register(options)
            },
            context,
            timeout: Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)),
            window: self.window.get(),
        })
    }

    async fn perform(
        &self,
        id: &str,
        order: Order,
        hear: &mut mpsc::UnboundedReceiver<Told>,
    ) -> Result<String, CeremonyError> {
        let mut ceremony = self.keys_reach.begin(order);
        loop {
            tokio::select! {
                step = ceremony.next() => match step {
                    Step::Status(s) => lock(&self.book).with_step_ups(|all| all.status(id, s)),
                    Step::Done(result) => return result,
                },
                told = hear.recv() => match told {
                    Some(Told::Pin(pin)) => ceremony.give_pin(pin),
                    // The ceremony was abandoned. The key must end it before another one starts.
                    None => {
                        ceremony.cancel();
                        let _ = tokio::time::timeout(LET_GO_MAX, ended(&mut ceremony)).await;
                        return Err(CeremonyError::Cancelled);
                    }
                    Some(Told::Cancel) => ceremony.cancel(),
                },
            }
        }
    }

    fn answer(&self, open: &Dialog, json: String) {
        lock(&self.book).with_step_ups(|s| s.checking(&open.id));
        let id = open.id.clone();
        self.send(&match &open.subject {
            Subject::Approve(_) => {
                AppMessage::StepUpAnswer(StepUpAnswer { id, answer: Answer::Signed(json) })
            }
            Subject::NewKey { .. } => {
                AppMessage::KeyRequest(KeyRequest::Finish { id, credential: json })
            }
        });
    }
}

/// Waits until a cancelled ceremony has ended.
async fn ended(ceremony: &mut Ceremony) {
    while !matches!(ceremony.next().await, Step::Done(_)) {}
}

#[cfg(test)]
#[path = "ceremony_tests.rs"]
mod tests;
