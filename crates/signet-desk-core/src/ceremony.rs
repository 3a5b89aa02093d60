//! Ceremonies with security keys, on the link's thread: one at a time, begun when a challenge is there,
//! told to the book as they go.

use crate::{
    link::{Link, laptop_now, lock},
    step_up::{Matter, Open},
};
use signet_fix::{
    AppMessage,
    message::{Answer, KeyRequest, StepUpAnswer},
};
use signet_stepup::{
    Context,
    client::{Ask, CeremonyError, Order, Pin, Step, Told},
};
use std::{rc::Rc, time::Duration};
use tokio::sync::mpsc;

/// What the person does with the dialog.
#[derive(Debug)]
pub enum StepUpIntent {
    /// Begin, or try again.
    Begin(String),
    Pin(String, Pin),
    /// Stop the ceremony; it may be tried again.
    Stop(String),
    /// Tell the gateway no.
    Refuse(String),
}

/// How long a key may take to let go of a ceremony that is over.
const LET_GO_MAX: Duration = Duration::from_secs(2);

/// The ceremony under way.
pub(crate) struct Running {
    id: String,
    /// `None` once nobody wants its answer any more.
    told: Option<mpsc::UnboundedSender<Told>>,
}

/// Where a key believes itself to be asked from: the relying party's own host, which has no page.
fn origin_of(options: &str) -> Option<String> {
    let v: serde_json::Value = serde_json::from_str(options).ok()?;
    let id = v.pointer("/publicKey/rpId").or_else(|| v.pointer("/publicKey/rp/id"))?;
    Some(format!("https://{}", id.as_str()?))
}

impl Link {
    pub(crate) fn step_up(self: &Rc<Self>, intent: StepUpIntent) {
        match intent {
            StepUpIntent::Begin(id) => lock(&self.book).with_step_ups(|s| s.begin(&id)),
            StepUpIntent::Pin(id, pin) => self.tell_ceremony(&id, Told::Pin(pin)),
            StepUpIntent::Stop(id) => self.tell_ceremony(&id, Told::Cancel),
            StepUpIntent::Refuse(id) => self.refuse(&id),
        }
        self.next_ceremony();
    }

    fn tell_ceremony(&self, id: &str, told: Told) {
        if let Some(told_to) = self.ceremony.borrow().as_ref().filter(|r| r.id == id).and_then(|r| r.told.as_ref()) {
            let _ = told_to.send(told);
        }
    }

    fn refuse(&self, id: &str) {
        self.tell_ceremony(id, Told::Cancel);
        let Some(closed) = lock(&self.book).close_step_up(id) else { return };
        match closed.matter {
            Matter::Approve(_) => {
                let answer = Answer::Declined(None);
                self.send(&AppMessage::StepUpAnswer(StepUpAnswer { id: id.into(), answer }));
            }
            Matter::NewKey { .. } => lock(&self.book).registration_failed(&CeremonyError::Cancelled),
        }
    }

    /// No ceremony outlives the connection its answer is for.
    pub(crate) fn stop_ceremony(&self) {
        if let Some(r) = self.ceremony.borrow_mut().as_mut() {
            r.told = None;
        }
    }

    /// Begins the next ceremony when none is under way, and ends one whose dialog has closed.
    pub(crate) fn next_ceremony(self: &Rc<Self>) {
        let gone = self.ceremony.borrow().as_ref().map(|r| !lock(&self.book).has_step_up(&r.id));
        match gone {
            Some(true) => return self.stop_ceremony(),
            Some(false) => return,
            None => {}
        }
        let Some(open) = lock(&self.book).next_step_up() else { return };
        let (told, hear) = mpsc::unbounded_channel();
        *self.ceremony.borrow_mut() = Some(Running { id: open.id.clone(), told: Some(told) });
        tokio::task::spawn_local(self.clone().ceremony(open, hear));
    }

    async fn ceremony(self: Rc<Self>, open: Open, mut hear: mpsc::UnboundedReceiver<Told>) {
        let exporter = self.exporter.get();
        lock(&self.book).with_step_ups(|s| s.started(&open.id));
        let result = match self.order(&open, exporter) {
            Ok(order) => self.perform(&open.id, order, &mut hear).await,
            Err(e) => Err(e),
        };
        let wanted = self.ceremony.borrow_mut().take().is_some_and(|r| r.told.is_some());
        // An answer signed for a connection that is no more is for nobody.
        if wanted && self.exporter.get() == exporter {
            match result {
                Ok(json) => self.answer(&open, json),
                Err(e) => {
                    tracing::info!(code = e.code(), "a ceremony with a security key ended without an answer");
                    lock(&self.book).ceremony_failed(&open, &e);
                }
            }
        }
        self.next_ceremony();
    }

    fn order(&self, open: &Open, exporter: [u8; 32]) -> Result<Order, CeremonyError> {
        let bad = |why: &str| CeremonyError::BadOptions(why.into());
        let context = match &open.matter {
            Matter::Approve(a) => Some(Context { approval: a.digest().map_err(|e| bad(&e.to_string()))?, exporter }),
            Matter::NewKey { .. } => None,
        };
        let left_ms = open.deadline.since(lock(&self.book).clock.gateway(laptop_now()));
        let options = open.options.clone();
        Ok(Order {
            origin: origin_of(&options).ok_or_else(|| bad("they name no relying party"))?,
            ask: if context.is_some() { Ask::Sign(options) } else { Ask::Register(options) },
            context,
            timeout: Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)),
            window: self.window.get(),
        })
    }

    async fn perform(&self, id: &str, order: Order, hear: &mut mpsc::UnboundedReceiver<Told>) -> Result<String, CeremonyError> {
        let mut ceremony = self.keys_reach.begin(order);
        loop {
            tokio::select! {
                step = ceremony.next() => match step {
                    Step::Status(s) => lock(&self.book).with_step_ups(|all| all.status(id, s)),
                    Step::Done(result) => return result,
                },
                told = hear.recv() => match told {
                    Some(Told::Pin(pin)) => ceremony.give_pin(pin),
                    // Hung up: nobody wants it any more. The key lets go before another ceremony begins.
                    None => {
                        ceremony.cancel();
                        let done = async { while !matches!(ceremony.next().await, Step::Done(_)) {} };
                        let _ = tokio::time::timeout(LET_GO_MAX, done).await;
                        return Err(CeremonyError::Cancelled);
                    }
                    Some(Told::Cancel) => ceremony.cancel(),
                },
            }
        }
    }

    fn answer(&self, open: &Open, json: String) {
        lock(&self.book).with_step_ups(|s| s.checking(&open.id));
        let id = open.id.clone();
        self.send(&match &open.matter {
            Matter::Approve(_) => AppMessage::StepUpAnswer(StepUpAnswer { id, answer: Answer::Signed(json) }),
            Matter::NewKey { .. } => AppMessage::KeyRequest(KeyRequest::Finish { id, credential: json }),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_the_relying_partys_host() {
        for (options, want) in [
            (r#"{"publicKey":{"rpId":"stepup.bank.example"}}"#, Some("https://stepup.bank.example")),
            (r#"{"publicKey":{"rp":{"id":"stepup.bank.example"}}}"#, Some("https://stepup.bank.example")),
            (r#"{"publicKey":{}}"#, None),
            (r#"{"publicKey":{"rpId":7}}"#, None),
            ("rubbish", None),
        ] {
            assert_eq!(origin_of(options).as_deref(), want, "{options}");
        }
    }
}
