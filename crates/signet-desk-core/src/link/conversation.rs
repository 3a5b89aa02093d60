//! Handles what arrives on one connection.

use super::{
    Link,
    outcome::{Ended, Goodbye},
    target::Target,
    wire::FixStream,
};
use crate::{
    book::lock,
    laptop_clock::laptop_now,
    peer_text, posture,
    view::{LinkState, Problem},
};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::DecodeError,
    pump::pump,
    session::{Event, Outbox},
};
use signet_identity::Identity;
use signet_keystore::{IdentitySlot, SwitchAction, SwitchEvent};
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

pub(super) struct Conversation<'a> {
    link: Rc<Link>,
    target: &'a Target,
    /// The identity that the connection was made with.
    slot: IdentitySlot,
    identity: &'a Identity,
    exporter: [u8; 32],
    outbox: Rc<Outbox>,
    /// When the logon was accepted.
    on_since: Cell<Option<Instant>>,
    goodbye: RefCell<Option<Goodbye>>,
}

impl<'a> Conversation<'a> {
    /// A conversation on the connection that `outbox` writes to.
    pub(super) fn new(
        link: Rc<Link>,
        target: &'a Target,
        slot: IdentitySlot,
        identity: &'a Identity,
        outbox: Rc<Outbox>,
    ) -> Self {
        let exporter = link.exporter.get();
        Self {
            link,
            target,
            slot,
            identity,
            exporter,
            outbox,
            on_since: Cell::new(None),
            goodbye: RefCell::new(None),
        }
    }

    /// Runs until the connection ends.
    pub(super) async fn run(&self, stream: FixStream) -> Ended {
        let t = self.target;
        let mut framer = Framer::new();
        let closed = pump(stream, &mut framer, &t.session, &self.outbox, |e| self.event(e)).await;
        Ended::of(&closed, self.on_since.get().is_some(), self.goodbye.take())
    }

    /// How long ago the logon was accepted on this connection; `None`: it was not.
    pub(super) fn was_on(&self) -> Option<Duration> {
        self.on_since.get().map(|since| since.elapsed())
    }

    fn event(&self, e: Event) {
        let now = laptop_now();
        match e {
            Event::LoggedOn => self.logged_on(now),
            Event::LoggedOut { text, code, cure, retry_s } => {
                let cure = cure.as_deref().map(peer_text::shown);
                *self.goodbye.borrow_mut() =
                    text.map(|text| Goodbye { text: peer_text::shown(&text), code, cure, retry_s });
            }
            Event::Message { message, meta } => {
                if let Some(sent) = meta.sent.filter(|_| !meta.poss_dup) {
                    lock(&self.link.book).heard(sent, now);
                }
                self.message(message, now);
            }
            Event::Pong { id, sent } => self.link.pong(&id, sent, now),
            Event::Rejected { ref_seq, ref_msg_type, text, .. } => {
                let text = peer_text::shown(&format!("{ref_msg_type}: {text}"));
                lock(&self.link.book).session_reject(ref_seq, &text, now);
            }
            Event::Refused { msg_type, error } => {
                tracing::warn!(msg_type, %error, "a message of the gateway was refused");
                if let DecodeError::Signature(why) = &error {
                    lock(&self.link.book).not_believed(&msg_type, &Problem::from(why), now);
                }
            }
            _ => {}
        }
    }

    fn logged_on(&self, now: UtcMillis) {
        self.promote_if_new();
        self.on_since.set(Some(Instant::now()));
        self.link.certify_history(self.identity);
        self.link.show(|s| {
            s.state = LinkState::Restoring;
            s.problem = None;
        });
        let session = &self.target.session;
        if self.link.is_direct() {
            self.link.direct_up();
            self.link.next_ceremony();
        } else {
            let request = lock(&self.link.book).list_request(now);
            if let Some(request) = request {
                let _ = session.send(&request);
            }
        }
        self.link.ping(session);
    }

    /// The gateway accepted the certificate; a renewed one becomes the current one.
    fn promote_if_new(&self) {
        let keys = &self.target.keys;
        if keys.happened(SwitchEvent::Accepted(self.slot)) == SwitchAction::Promote {
            let (issuer, name) = (self.link.issuer.clone(), keys.name.clone());
            tokio::task::spawn_local(async move { issuer.promote(&name).await });
        }
    }

    fn message(&self, m: AppMessage, now: UtcMillis) {
        match m {
            AppMessage::PostureRequest { nonce } if self.target.venue.direct.is_none() => {
                return self.tell_posture(nonce);
            }
            m if self.link.is_direct() => self.link.direct_heard(m),
            m => {
                let answers = lock(&self.link.book).message(m, now);
                for a in answers {
                    if let Err(e) = self.target.session.send(&a) {
                        tracing::warn!(error = %e, "an answer could not be sent");
                    }
                }
            }
        }
        self.link.next_ceremony();
    }

    /// Answers the gateway's question about the laptop, on the connection on which it asked.
    fn tell_posture(&self, nonce: String) {
        // A token may sign for long. The session holds the lock of its files, which must be free
        // when the trader connects again meanwhile.
        let session = Rc::downgrade(&self.target.session);
        let outbox = Rc::downgrade(&self.outbox);
        let version = self.link.config.version.clone();
        let (key, exporter) = (self.identity.message_key(), self.exporter);
        tokio::task::spawn_local(async move {
            let Some(envelope) = posture::envelope(key, exporter, nonce, &version).await else {
                return;
            };
            if let (Some(session), Some(outbox)) = (session.upgrade(), outbox.upgrade())
                && session.is_attached_to(&outbox)
                && let Err(e) = session.send(&AppMessage::PostureReport { envelope })
            {
                tracing::warn!(error = %e, "the report about this laptop could not be sent");
            }
        });
    }
}
