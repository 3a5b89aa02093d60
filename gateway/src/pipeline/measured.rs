//! What the trading thread tells whoever watches: refusals by code, what left, and once a second
//! how it is.

use super::{Pipeline, Transport};
use crate::{
    clock::{now, now_us},
    metrics::Peer,
};
use signet_fix::{
    AppMessage,
    message::{DecodeError, ExecType},
};
use signet_identity::CompId;
use signet_rfq::{DealerId, UtcMillis};
use signet_router::{Input, journal::JournalError};
use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

/// How often the state is told.
const STATE_EVERY: Duration = Duration::from_secs(1);

/// When the state was told last, and when the timer of the thread is due.
#[derive(Debug, Default)]
pub(super) struct Told {
    state: Cell<Option<Instant>>,
    tick: Cell<Option<Instant>>,
}

/// The reason code of a message that its session refused.
pub(super) fn fault_code(e: &DecodeError) -> &'static str {
    match e {
        DecodeError::Signature(why) => why.code(),
        DecodeError::UnsupportedType(_) => "fix.unsupported",
        _ => "fix.refused",
    }
}

impl Pipeline {
    /// A message left for a dealer.
    pub(super) fn measure_sent(&self, dealer: &DealerId, m: &AppMessage) {
        self.metrics.messages.sent(Peer::Dealer, m.msg_type());
        self.metrics.dealers.asked(dealer, m, Instant::now());
    }

    /// A message was meant for a desk; `left`: it did.
    pub(super) fn measure_told(&self, m: &AppMessage, left: bool) {
        if left {
            self.metrics.messages.sent(Peer::Desk, m.msg_type());
        }
    }

    /// The router refused what a desk asked for.
    pub(super) fn measure_answer(&self, m: &AppMessage) {
        let refused = match m {
            AppMessage::QuoteRequestReject(r) if r.dealer.is_none() => "R",
            AppMessage::ExecutionReport(e)
                if e.dealer.is_none() && e.exec_type == ExecType::Rejected =>
            {
                "AJ"
            }
            _ => return,
        };
        self.metrics.messages.refused(Peer::Desk, refused, "router.refused");
    }

    /// An input is not in the journal.
    pub(super) fn measure_unwritten(&self, input: &Input, e: &JournalError) {
        let code = match e {
            JournalError::Full { .. } => "journal.full",
            JournalError::NotReadable => "journal.not_readable",
            _ => "journal.unwritable",
        };
        match input {
            Input::FromDesk(_, m) => {
                self.metrics.messages.refused(Peer::Desk, m.msg_type(), code);
            }
            Input::FromDealer(_, m) => {
                self.metrics.messages.refused(Peer::Dealer, m.msg_type(), code);
            }
            _ => {}
        }
    }

    /// How late the thread's timer is, and once a second its state.
    pub(super) fn measure_state(self: &Rc<Self>) {
        let at = Instant::now();
        let state = &self.metrics.state;
        if let Some(last) = self.told.tick.replace(Some(at)) {
            let late = at.saturating_duration_since(last).saturating_sub(super::TICK);
            state.lag.0.observe(late.as_secs_f64());
        }
        let due =
            self.told.state.get().is_none_or(|t| at.saturating_duration_since(t) >= STATE_EVERY);
        if !due {
            return;
        }
        self.told.state.set(Some(at));
        state.trading_seen.set(now_us() as f64 / 1e6);
        let on = self.sessions.map_on(|_, s| s.transport);
        for transport in [Transport::Tcp, Transport::Quic] {
            let count = on.iter().filter(|t| **t == transport).count();
            state.sessions.get_or_create(&[("transport", transport.word())]).set(whole(count));
        }
        if let Some(registry) = &self.registry {
            state.registry_age.set(registry.age().as_secs_f64());
            let waiting = registry.reports_waiting();
            state.queues.get_or_create(&[("queue", "registry_reports")]).set(whole(waiting));
        }
        if let Some(s) = &self.step_up {
            let held = s.held();
            state.queues.get_or_create(&[("queue", "held_messages")]).set(whole(held));
        }
    }

    /// Whether a lease of a desk's session is good, and until when at the latest.
    pub(super) fn lease_until(&self, desk: &CompId) -> Option<UtcMillis> {
        self.step_up.as_ref().and_then(|s| s.lease_until(desk, now()))
    }
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
