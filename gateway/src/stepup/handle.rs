//! The trading thread's handle to the service.

use super::{Challenge, KeyTicket, KeyView, Passed, StepUpRefusal, Ticket};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What may wait for the service.
pub(crate) const REQUESTS_MAX: usize = 1_024;
/// Longest answer that is handed over, bytes.
pub const ANSWER_LEN_MAX: usize = signet_stepup::rp::ANSWER_LEN_MAX;

type Answer<T> = oneshot::Sender<Result<T, StepUpRefusal>>;

/// What the trading thread asks.
pub(crate) enum Request {
    Begin(Box<Ticket>, Answer<Challenge>),
    Finish {
        id: String,
        desk: String,
        exporter: [u8; 32],
        answer: String,
        to: Answer<Passed>,
    },
    Drop(String),
    BeginRegistration(Box<KeyTicket>, Answer<Challenge>),
    FinishRegistration {
        id: String,
        desk: String,
        exporter: [u8; 32],
        answer: String,
        to: Answer<KeyView>,
    },
    Keys {
        user: String,
        to: Answer<Vec<KeyView>>,
    },
    Rename {
        user: String,
        key: String,
        name: String,
        to: Answer<KeyView>,
    },
}

/// The trading thread's end; cheap to clone. Every call is answered by the service, or at once with
/// [`StepUpRefusal::Busy`] when too much waits, or [`StepUpRefusal::Unavailable`] when it has
/// ended.
#[derive(Clone)]
pub struct StepUpHandle {
    requests: mpsc::Sender<Request>,
    origin: Arc<str>,
}

impl Request {
    pub(crate) fn refuse(self, why: StepUpRefusal) {
        match self {
            Self::Begin(_, to) | Self::BeginRegistration(_, to) => drop(to.send(Err(why))),
            Self::Finish { to, .. } => drop(to.send(Err(why))),
            Self::FinishRegistration { to, .. } | Self::Rename { to, .. } => {
                drop(to.send(Err(why)))
            }
            Self::Keys { to, .. } => drop(to.send(Err(why))),
            Self::Drop(_) => {}
        }
    }
}

impl StepUpHandle {
    /// A handle, and where its questions arrive.
    pub(crate) fn new(origin: &str) -> (Self, mpsc::Receiver<Request>) {
        let (requests, arrive) = mpsc::channel(REQUESTS_MAX);
        (Self { requests, origin: origin.into() }, arrive)
    }

    /// What a desk writes into `clientDataJSON`, without trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A challenge for somebody's registered keys.
    pub async fn begin(&self, ticket: Ticket) -> Result<Challenge, StepUpRefusal> {
        self.ask(|to| Request::Begin(Box::new(ticket), to)).await
    }

    /// Takes the challenge out and judges its answer. `desk` and `exporter` are of the connection
    /// the answer came on. `Ok` only when the evidence is on disk.
    pub async fn finish(
        &self,
        id: &str,
        desk: &str,
        exporter: [u8; 32],
        answer: String,
    ) -> Result<Passed, StepUpRefusal> {
        check_length(&answer)?;
        self.ask(|to| Request::Finish { id: id.into(), desk: desk.into(), exporter, answer, to })
            .await
    }

    /// Takes a challenge back: it can no longer be answered. When the service is too busy to hear
    /// it, the deadline does that.
    pub fn drop_challenge(&self, id: &str) {
        let _ = self.requests.try_send(Request::Drop(id.into()));
    }

    /// A challenge for a new key.
    pub async fn begin_registration(&self, ticket: KeyTicket) -> Result<Challenge, StepUpRefusal> {
        self.ask(|to| Request::BeginRegistration(Box::new(ticket), to)).await
    }

    /// Takes the challenge out, judges its answer and writes the key down.
    pub async fn finish_registration(
        &self,
        id: &str,
        desk: &str,
        exporter: [u8; 32],
        answer: String,
    ) -> Result<KeyView, StepUpRefusal> {
        check_length(&answer)?;
        self.ask(|to| Request::FinishRegistration {
            id: id.into(),
            desk: desk.into(),
            exporter,
            answer,
            to,
        })
        .await
    }

    /// A person's keys, oldest first; removed ones are left out.
    pub async fn keys(&self, user: &str) -> Result<Vec<KeyView>, StepUpRefusal> {
        self.ask(|to| Request::Keys { user: user.into(), to }).await
    }

    /// Gives a key of this person another name; `key` is [`KeyView::id`].
    pub async fn rename(
        &self,
        user: &str,
        key: &str,
        name: &str,
    ) -> Result<KeyView, StepUpRefusal> {
        self.ask(|to| Request::Rename { user: user.into(), key: key.into(), name: name.into(), to })
            .await
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StepUpRefusal> {
        let (to, answer) = oneshot::channel();
        self.requests.try_send(request(to)).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => StepUpRefusal::Busy,
            mpsc::error::TrySendError::Closed(_) => StepUpRefusal::Unavailable,
        })?;
        answer.await.unwrap_or(Err(StepUpRefusal::Unavailable))
    }
}

/// Before it takes a place in the queue.
fn check_length(answer: &str) -> Result<(), StepUpRefusal> {
    if answer.len() > ANSWER_LEN_MAX {
        Err(signet_stepup::rp::RpError::AnswerTooLong.into())
    } else {
        Ok(())
    }
}
