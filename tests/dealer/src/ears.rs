//! Events of the FIX engine for a dealer.

use std::sync::Arc;

use async_trait::async_trait;
use ironfix_core::message::{MsgType, RawMessage};
use ironfix_engine::application::{Application, RejectReason, SendVerdict, SessionId};
use ironfix_engine::{CloseReason, Connection, OutboundMessage};
use tokio::sync::mpsc;

use crate::wire::{Inbound, Outgoing};

/// What happens on the session.
pub(crate) enum Event {
    LoggedOn,
    /// The handle of the session that logged on; may come after its first messages.
    Established(Connection),
    Message(Inbound),
    Closed,
}

/// Passes everything on, in order.
pub(crate) struct Ears {
    pub(crate) events: mpsc::Sender<Event>,
}

impl Ears {
    async fn tell(&self, event: Event) {
        // The dealer has stopped, so there is no receiver.
        let _ = self.events.send(event).await;
    }
}

#[async_trait]
impl Application for Ears {
    async fn on_create(&self, _: &SessionId) {}

    async fn on_logon(&self, _: &SessionId) {
        self.tell(Event::LoggedOn).await;
    }

    async fn on_logout(&self, _: &SessionId) {}

    async fn on_session_closed(&self, session_id: &SessionId, reason: &CloseReason) {
        tracing::info!(session = %session_id, ?reason, "session closed");
        if reason.was_active() {
            self.tell(Event::Closed).await;
        }
    }

    async fn to_admin(&self, _: &mut OutboundMessage, _: &SessionId) {}

    async fn from_admin(&self, _: &RawMessage<'_>, _: &SessionId) -> Result<(), RejectReason> {
        Ok(())
    }

    async fn to_app(&self, _: &mut OutboundMessage, _: &SessionId) {}

    /// A quote is not sent again, as its time has passed. Reports about orders are repeated.
    fn to_app_resend<'a>(
        &'a self,
        message: &'a RawMessage<'_>,
        _: &'a SessionId,
    ) -> SendVerdict<'a> {
        let stale = matches!(message.msg_type(), MsgType::Quote | MsgType::QuoteCancel);
        let verdict = if stale { Err(RejectReason::new(0, "stale")) } else { Ok(()) };
        SendVerdict::ready(verdict)
    }

    async fn from_app(&self, message: &RawMessage<'_>, _: &SessionId) -> Result<(), RejectReason> {
        let fields = message.fields().map(|field| (field.tag, field.value));
        match Inbound::parse(message.msg_type().as_str(), fields) {
            Ok(inbound) => {
                self.tell(Event::Message(inbound)).await;
                Ok(())
            }
            Err(fault) => Err(RejectReason::new(fault.reason, fault.text).with_ref_tag(fault.tag)),
        }
    }
}

/// The engine's form of a message; `None` for a message type no engine could send.
pub(crate) fn engine_message(outgoing: &Outgoing) -> Option<OutboundMessage> {
    let mut message = OutboundMessage::new(MsgType::new(&outgoing.msg_type).ok()?);
    for (tag, value) in &outgoing.fields {
        message.push_str(*tag, value);
    }
    Some(message)
}

/// Shared by every session of one dealer.
pub(crate) type SharedEars = Arc<Ears>;
