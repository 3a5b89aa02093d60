//! What dealers say: its budget, its evidence, what a reject is about, then the journal and the
//! router (stages 8 and 9 of `message.rs`).

use super::{Pipeline, measured::fault_code};
use crate::{clock::now, limits::Class, metrics::Peer};
use signet_events::About;
use signet_fix::{
    AppMessage,
    message::{BusinessReject, DecodeError},
    session::{Event, Meta},
};
use signet_rfq::DealerId;
use signet_router::Input;
use std::time::Instant;

/// A dealer's message was not taken, since it cannot be written down.
const NOT_TAKEN: &str = "journal.not_taken";

/// Which messages are missing, for whoever reads the event.
pub(super) fn gap_words(of_peer: bool, from: u64, to: u64) -> String {
    let to = if to == 0 { "the last".to_owned() } else { to.to_string() };
    match of_peer {
        true => {
            format!("messages {from} to {to} of the peer are missing; the gateway asks for them")
        }
        false => format!("the peer asks for messages {from} to {to} of the gateway"),
    }
}

impl Pipeline {
    /// A dealer could not be connected to. It is dialled again and again, so each cause is told
    /// once in a row; `told` is the one that was told last.
    pub fn dealer_unreached(
        &self,
        dealer: &DealerId,
        told: &mut Option<&'static str>,
        (cause, words): (&'static str, String),
    ) {
        if told.replace(cause) != Some(cause) {
            let words = format!("{words} ({cause})");
            self.events.gateway("dealer.unreached", About::dealer(dealer), words);
        }
    }

    /// Whatever happened in a dealer's FIX session.
    pub fn dealer_event(&self, dealer: &DealerId, event: Event) {
        match event {
            Event::LoggedOn => {
                tracing::info!(%dealer, "dealer logged on");
                self.metrics.dealers.is_now(dealer, true, now());
                self.events.gateway("dealer.on", About::dealer(dealer), "");
                self.route(Input::DealerUp(dealer.clone()));
            }
            Event::LoggedOut { text, .. } => {
                tracing::info!(%dealer, text, "dealer logged out");
                self.metrics.dealers.is_now(dealer, false, now());
                self.events.gateway(
                    "dealer.off",
                    About::dealer(dealer),
                    text.as_deref().unwrap_or_default(),
                );
                self.route(Input::DealerDown(dealer.clone()));
            }
            Event::Message { message, meta } => self.dealer_message(dealer, message, &meta),
            Event::Refused { msg_type, error } => {
                tracing::warn!(%dealer, msg_type, %error, "message from a dealer refused");
                self.metrics.messages.refused(Peer::Dealer, &msg_type, fault_code(&error));
                self.count_dealer_fault(dealer);
                let words = format!("{msg_type}: {error}");
                self.events.gateway("fix.refused", About::dealer(dealer), words.as_str());
                self.dealer_at_fault(dealer, &words);
                if let DecodeError::Signature(why) = &error {
                    self.unsigned_by_dealer(dealer, &msg_type, why);
                }
            }
            Event::Gap { of_peer, from, to } => {
                let words = gap_words(of_peer, from, to);
                self.events.gateway("fix.gap", About::dealer(dealer), words);
            }
            Event::Rejected { seq, ref_seq, ref_msg_type, text } => {
                tracing::warn!(%dealer, ref_msg_type, text, "a dealer rejected a message of ours");
                self.count_dealer(dealer, Class::Reject, text.len());
                // A message that could not be read was not processed either.
                let reject = BusinessReject {
                    ref_seq_num: Some(ref_seq),
                    ref_msg_type,
                    ref_id: None,
                    reason: 0,
                    text: Some(text),
                };
                let reject = self.reference(dealer, reject);
                self.take_from(dealer, vec![AppMessage::BusinessReject(reject)], seq);
            }
            _ => {}
        }
    }

    /// A dealer's message tells what is already so: it is counted and kept as evidence, and none is
    /// refused.
    fn dealer_message(&self, dealer: &DealerId, message: AppMessage, meta: &Meta) {
        self.look_at_clock();
        let message = self.router.with(|r| r.of_dealer(message));
        let _timed = self.metrics.messages.received(Peer::Dealer, message.msg_type());
        self.metrics.dealers.answered(dealer, &message, Instant::now());
        self.count_dealer(dealer, Class::of(&message), meta.bytes);
        if !self.keep_dealer(dealer, &message, meta) {
            return self.not_taken(dealer, meta.seq);
        }
        let messages = match message {
            AppMessage::BusinessReject(j) => {
                vec![AppMessage::BusinessReject(self.reference(dealer, j))]
            }
            AppMessage::QuoteCancel(c) if c.rfq.is_none() => {
                let named = self.router.cancels(dealer, c);
                named.into_iter().map(AppMessage::QuoteCancel).collect()
            }
            m => vec![m],
        };
        self.take_from(dealer, messages, meta.seq);
    }

    /// Does what a dealer's message number `seq` says. Of one that cannot be written down nothing
    /// is done, and the dealer is to send it again: a fill, or the end of one, must not be known
    /// here until the next restart only.
    fn take_from(&self, dealer: &DealerId, messages: Vec<AppMessage>, seq: u64) {
        let taken = messages.into_iter().all(|m| self.route(Input::FromDealer(dealer.clone(), m)));
        if !taken {
            self.not_taken(dealer, seq);
        }
    }

    fn not_taken(&self, dealer: &DealerId, seq: u64) {
        let words = format!(
            "message {seq} cannot be written down; the dealer is to send it again, from that \
                number on, when it is connected again"
        );
        tracing::error!(alert = true, %dealer, code = NOT_TAKEN, "{words}");
        self.events.gateway(NOT_TAKEN, About::dealer(dealer), words);
        if let Some(session) = self.sessions.dealer(dealer) {
            session.hand_back(
                seq,
                "this end cannot write now; send again from the number that \
                its next Logon leads to",
            );
        }
    }

    /// What a reject is about: by 379 if it is there, else by the sequence number (45) of what this
    /// dealer was sent.
    fn reference(&self, dealer: &DealerId, j: BusinessReject) -> BusinessReject {
        if j.ref_id.is_some() {
            return j;
        }
        let sent = self.sent.borrow();
        match j.ref_seq_num.and_then(|seq| sent.get(dealer).and_then(|s| s.of(seq))) {
            Some((msg_type, id)) => {
                BusinessReject { ref_msg_type: msg_type.into(), ref_id: Some(id.into()), ..j }
            }
            None => j,
        }
    }
}
