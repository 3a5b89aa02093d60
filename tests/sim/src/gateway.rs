//! The gateway: the product's trading thread ([`signet_gateway::simulated`]), with a step-up service
//! that takes its time.

use crate::{
    cast::*,
    firm::firm,
    made,
    rules::{ANSWER_MS, step_up_rules, touch_of},
};
use signet_fix::{
    AppMessage,
    message::{QuoteResponse, Response, TakeOver},
    session::{Channel, Event, Outbox, Session},
};
use signet_gateway::{
    GatewayError,
    signed::read::{SignedLine, Wanted},
    simulated::{Plan, TradingThread},
};
use signet_rfq::{AcceptId, Rfq, RfqId, UtcMillis};
use signet_router::journal::JournalLimits;
use std::{collections::BTreeSet, net::IpAddr, path::Path, rc::Rc, time::Duration};

/// How long the step-up service takes, milliseconds.
const SERVICE_MS: i64 = 5;

pub(crate) struct Gateway {
    thread: TradingThread,
    desk: Rc<Session>,
    /// The gateway's clock is ahead of the true one by so much.
    pub offset: i64,
}

impl Gateway {
    /// Starts on what the folder holds.
    pub(crate) fn start(
        folder: &Path,
        desk: Rc<Session>,
        dealers: &[Rc<Session>],
        offset: i64,
        t: i64,
    ) -> Result<Self, GatewayError> {
        let loaded = &firm().loaded;
        let step_up = (step_up_rules(), ANSWER_MS);
        let (around, names) = (made::AROUND, t.unsigned_abs());
        let plan = Plan { loaded, state_dir: folder, step_up, around, names };
        let thread = TradingThread::start(&plan, UtcMillis(EPOCH + t + offset), passed(t))?;
        for (name, session) in DEALERS.iter().zip(dealers) {
            thread.add_dealer(&dealer(name), session);
        }
        Ok(Self { thread, desk, offset })
    }

    /// What time it is for the gateway.
    pub(crate) fn clock(&self, t: i64) -> UtcMillis {
        UtcMillis(EPOCH + t + self.offset)
    }

    /// Does something at a time.
    fn at<T>(&self, t: i64, f: impl FnOnce(&TradingThread) -> T) -> T {
        self.thread.time_is(self.clock(t), passed(t));
        let done = f(&self.thread);
        self.thread.questions_are_due(t + SERVICE_MS);
        done
    }

    /// What the gateway holds of the desk's RFQs.
    pub(crate) fn rfqs(&self) -> Vec<Rfq> {
        self.thread.rfqs_of(&comp(DESK))
    }

    /// What the desk calls the accept that a dealer calls so; `None`: it made none.
    pub(crate) fn accept_called(&self, name: &str) -> Option<String> {
        let id = self.thread.accept_called(&AcceptId::new(name).ok()?);
        id.as_str().strip_prefix(DESK)?.strip_prefix('.').map(str::to_owned)
    }

    /// A colleague asks for one of the desk's RFQs, by its place among those that are open; the one
    /// that the colleague has then.
    pub(crate) fn colleague_takes(&self, pick: u8, number: u32, t: i64) -> Option<String> {
        let all = self.rfqs();
        let open: Vec<&Rfq> = all.iter().filter(|r| !r.state.ended()).collect();
        let of = open.get(usize::from(pick) % open.len().max(1))?.terms.id.clone();
        let rfq = RfqId::new(format!("C{number}")).ok()?;
        let asks = TakeOver { rfq, desk: comp(DESK), of: of.clone(), at: self.clock(t) };
        let taken = self.at(t, |g| g.colleague_asks(&comp(COLLEAGUE), asks));
        taken.then(|| of.to_string())
    }

    /// The journal takes no new RFQ, or does again.
    pub(crate) fn is_full(&self, full: bool) {
        self.thread.limit_journal(match full {
            true => JournalLimits { total: 0, per_desk: 0 },
            false => JournalLimits::default(),
        });
    }

    /// The policies deny every accept, or do no longer.
    pub(crate) fn lock(&self, locked: bool, t: i64) {
        self.at(t, |g| g.use_entitlements(firm().policies(locked)));
    }

    pub(crate) fn clock_was_set(&self, t: i64) {
        self.at(t, TradingThread::clock_was_set);
    }

    /// The timers: quotes and RFQs end, and what waits.
    pub(crate) fn tick(&self, t: i64) {
        self.at(t, TradingThread::tick);
    }

    /// When the step-up service has its next answer, on the true clock.
    pub(crate) fn next_answer(&self) -> Option<i64> {
        self.thread.next_answer()
    }

    pub(crate) fn service_answers(&self, t: i64) {
        let good = |challenge: &str, answer: &str| answer == touch_of(challenge);
        self.at(t, |g| g.service_answers(t, self.clock(t), good));
    }

    // ----- connections -----

    /// The desk's session takes a connection.
    pub(crate) fn desk_connects(&self, id: u32, t: i64) -> Option<Rc<Outbox>> {
        let chain = &firm().desk.chain;
        let (binding, now) = (binding(id), self.clock(t));
        self.at(t, |g| g.desk_connects(&self.desk, chain, &binding, address(id), now))
    }

    /// The desk's connection is at another address; whether it may go on from there.
    pub(crate) fn desk_moved(&self, outbox: &Rc<Outbox>, t: i64) -> bool {
        let to = address(u32::try_from(t).unwrap_or(0));
        self.at(t, |g| g.desk_moved(outbox, to))
    }

    /// How the session of a dealer is attached to a connection; `None`: its line is cut.
    pub(crate) fn dealer_channel(&self, which: usize) -> Option<Channel> {
        let name = dealer(DEALERS[which]);
        let chain = &firm().dealers[which].chain;
        self.thread.may_dial(&name).then(|| self.thread.dealer_channel(&name, chain))
    }

    /// The accepts whose signed frame is in the evidence, and verifies.
    pub(crate) fn accepts_in_evidence(&self) -> Result<BTreeSet<String>, String> {
        let all = self.thread.evidence_of(DESK, "AJ").map_err(|e| e.to_string())?;
        let id = |text: &String| {
            let mut fields = text.split('\u{2401}');
            fields.find_map(|f| f.strip_prefix("693=")).map(str::to_owned)
        };
        Ok(all.iter().filter_map(id).collect())
    }

    /// Every signed message in the evidence, in its order.
    pub(crate) fn evidence(&self) -> Result<Vec<SignedLine>, String> {
        self.thread.evidence(&Wanted::default()).map_err(|e| e.to_string())
    }

    /// How many alerts of a code were raised.
    pub(crate) fn alerts(&self, code: &str) -> usize {
        self.thread.alerts(code)
    }

    // ----- what happens -----

    pub(crate) fn desk_event(&self, event: Event, t: i64) {
        self.at(t, |g| g.desk_event(event));
    }

    pub(crate) fn dealer_event(&self, which: usize, event: Event, t: i64) {
        self.at(t, |g| g.dealer_event(&dealer(DEALERS[which]), event));
    }
}

fn passed(t: i64) -> Duration {
    Duration::from_millis(u64::try_from(t).unwrap_or(0))
}

/// What the Logon of a connection is bound to.
pub(crate) fn binding(id: u32) -> String {
    format!("connection-{id}")
}

/// Of the firm's network, another one for each connection.
fn address(id: u32) -> IpAddr {
    let [_, _, high, low] = id.to_be_bytes();
    [127, 1, high, low].into()
}

/// An accept that a dealer is about to get.
pub(crate) fn is_accept(m: &AppMessage) -> Option<&QuoteResponse> {
    match m {
        AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => Some(r),
        _ => None,
    }
}
