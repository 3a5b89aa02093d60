//! The router: its inputs, outputs and limits, and the handling of one input.

use signet_fix::message::{
    AppMessage, ExecutionReport, ListDigest, OrderStatusRequest, QuoteRequest, QuoteResponse,
    QuoteStatusReport, RfqStatus, TakeOver,
};
use signet_identity::CompId;
use signet_rfq::{
    AcceptId, Catalogue, DealerId, InstrumentId, Line, LineState, Rfq, RfqId, RfqState, Terms,
    UtcMillis,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod accepts;
mod age;
mod answers;
mod counters;
mod dealer_link;
mod dealer_side;
mod desk_side;
mod ends;
mod hand_over;
mod index;
mod kept;
mod memory;
mod names;
mod not_taken;
mod proposal;
mod reports;
mod seen;
mod snapshot;
mod turned_down;

use accepts::Accepts;
pub use age::accept_age;
use answers::AnswerLost;
pub use answers::{accept_refusal, accept_waits, request_refusal};
pub use counters::counter_refusal;
use hand_over::Former;
pub use hand_over::{TakeOverFacts, TakeOverRefusal, not_taken_over};
use index::RfqIndex;
pub use index::{Amounts, Doing};
pub use kept::Keep;
pub use memory::{CLOCK_CORRECTED_PART, CLOCK_STEP_MS};
use memory::{Elapsed, Kept};
use names::DealerNames;
#[cfg(test)]
pub(crate) use names::counted;
pub use names::{NameBytes, is_name};
pub use proposal::{Proposal, Trade, TradeStep};
pub use seen::{LineSeen, RfqSeen};

/// Open RFQs one desk may have.
pub const MAX_OPEN_RFQS_PER_DESK: usize = 200;
/// Ended RFQs without a trade that are remembered for one desk, unless told otherwise.
const MAX_ENDED_RFQS_PER_DESK: usize = 1_000;
/// Trades of one desk that are remembered: it asks for no more until the first of them is a day
/// old.
const MAX_TRADES_PER_DESK: usize = 20_000;
/// Desks are told which dealers can be reached no more often than this.
const VENUE_STATE_MS: i64 = 1_000;
/// Desks that are told in one go: what each may see is a question to the policies.
const VENUE_STATES_AT_ONCE: usize = 64;
/// Final answers kept for a desk that is away.
const MAX_PENDING_PER_DESK: usize = 1_000;
/// How long an ended RFQ is remembered: long enough to reconcile what a laptop missed overnight.
const REMEMBER_TRADED_MS: i64 = 24 * 3_600_000;
const REMEMBER_OTHER_MS: i64 = 15 * 60_000;
/// An accept without an answer for this long is asked about, and again after as long.
const ASK_AGAIN_MS: i64 = 15_000;
/// A desk that asks about its accept, as one does that is back after a gap, has the dealer asked
/// again after so long at the soonest.
const ASK_FOR_DESK_MS: i64 = 1_000;

/// An input of the router. The caller passes one at a time, with the gateway's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A desk has logged on; it gets the venue's state and a snapshot.
    DeskUp(CompId),
    /// A desk's session has ended.
    DeskDown(CompId),
    /// A message of a desk, under the CompID its session is authenticated for.
    FromDesk(CompId, AppMessage),
    /// A dealer has logged on; answers that may have been lost are asked for again.
    DealerUp(DealerId),
    /// A dealer's session has ended; its quotes cannot be taken.
    DealerDown(DealerId),
    /// A message of a dealer, under the CompID its session is authenticated for.
    FromDealer(DealerId, AppMessage),
    /// A message to a dealer could not be sent.
    NotSentToDealer(DealerId, AppMessage),
    /// A decision about a desk's message, carried out without deciding again.
    Decided(CompId, Decided),
    /// Time has passed: quotes and RFQs end, and old RFQs are forgotten.
    Tick,
}

/// What the gateway has let through. The journal keeps the decision, not the question: a later
/// change of instruments, limits, dealers or desks does not alter it.
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// An RFQ, on the gateway's clock.
    Request(QuoteRequest),
    /// An accept; its 131 is the RFQ's id as the desk wrote it.
    Accept(QuoteResponse),
    /// The desk has a colleague's RFQ from now on.
    TakeOver(TakeOver),
    /// The gateway ends an RFQ of the desk, which calls it so.
    End {
        /// The RFQ, as its desk calls it.
        rfq: RfqId,
        /// Why, as its desk reads it.
        text: String,
    },
    /// By the time of the record this RFQ of the desk, and every other one whose time was up, had
    /// ended.
    TimeUp(RfqId),
}

/// What the caller has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this to a desk that is online.
    ToDesk(CompId, AppMessage),
    /// A desk that is away will learn of this when it is back, by its snapshot or by the answers
    /// that wait for it; for those who watch the business.
    Untold(CompId, AppMessage),
    /// Send this to a dealer; what cannot be sent comes back as [`Input::NotSentToDealer`].
    ToDealer(DealerId, AppMessage),
    /// A desk traded with a dealer, for those who remember longer than the journal.
    Traded(CompId, DealerId),
    /// Nobody knows whether an accept of this desk was traded: the line to its dealer is lost, or
    /// the gateway was restarted. Once for each accept while the gateway runs, and again at each
    /// start while it is unknown; for those who watch the business.
    Unanswered(CompId, ExecutionReport),
    /// A line for the log: who is at fault and what happened.
    Note(String),
    /// An event that people must look at: a stable code, the dealer it is about, and what happened.
    Alert {
        /// What kind of event it is, for example `execution.disputed`.
        code: &'static str,
        /// The dealer it is about, by CompID.
        about: String,
        /// What happened, for people.
        words: String,
    },
}

/// A trader's desk as configured.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// The desk's CompID.
    pub id: CompId,
    /// Dealers this desk may ask; empty means every dealer.
    pub dealers: BTreeSet<DealerId>,
}

/// A dealer as configured.
#[derive(Debug, Clone)]
pub struct DealerSettings {
    /// The dealer's CompID.
    pub id: DealerId,
    /// What desks show, DealerName (20005).
    pub name: String,
    /// It takes counters (QuoteResponse, 694=2), DealerCounters (20007).
    pub counters: bool,
    /// It lets a part of its quotes be taken, DealerParts (20008): it fills no more than OrderQty
    /// (38) of an accept.
    pub parts: bool,
}

#[derive(Debug)]
struct Desk {
    settings: DeskSettings,
    online: bool,
    /// Final answers that could not be delivered; sent after the next snapshot.
    pending: VecDeque<AppMessage>,
}

#[derive(Debug)]
struct Dealer {
    settings: DealerSettings,
    online: bool,
}

/// One RFQ and its desk.
#[derive(Debug, Clone)]
struct Entry {
    desk: CompId,
    rfq: Rfq,
    /// The instrument's id is an ISIN; kept here, as the instrument may leave the catalogue.
    isin: bool,
    ended_at: Option<UtcMillis>,
    /// When the answer to the accept in flight was last asked for.
    asked_at: Option<UtcMillis>,
    /// The last accept, by its desk, that was said to be unknown.
    unknown_told: Option<(CompId, AcceptId)>,
    /// Why the accept in flight is unknown, if it is.
    answer_lost: AnswerLost,
    /// When it last had something that is to be remembered.
    kept: Kept,
    /// The desks that had it before, the first one first.
    before: Vec<Former>,
    /// Why the gateway ends it as soon as no accept waits for its answer.
    to_end: Option<String>,
}

/// The gateway's id of an RFQ or an accept: unique over all desks. Dealers know it by a name, see
/// [`names`].
fn outer(desk: &CompId, id: &str) -> String {
    [desk.as_str(), ".", id].concat()
}

/// The gateway's RFQs and what it knows of desks and dealers; see the crate.
#[derive(Debug)]
pub struct Router {
    venue: String,
    practice: bool,
    catalogue: Catalogue,
    /// Of the catalogue, which stays as it is.
    list_digest: ListDigest,
    desks: BTreeMap<CompId, Desk>,
    dealers: BTreeMap<DealerId, Dealer>,
    rfqs: RfqIndex,
    accepts: Accepts,
    names: DealerNames,
    /// The name that the record has which is replayed.
    recorded_name: Option<String>,
    /// Dealers that desks without settings of their own may ask (empty: all); `None` when there can
    /// be no such desk.
    desk_default: Option<BTreeSet<DealerId>>,
    /// The journal is being replayed: its records count whatever the present settings say.
    replaying: bool,
    max_ended: usize,
    /// When desks were last told which dealers can be reached, and which of them have not heard of
    /// a change since.
    venue_told: Option<UtcMillis>,
    venue_stale: BTreeSet<CompId>,
    /// The desk that was told last, while others of them are still to be told.
    venue_cursor: Option<CompId>,
    /// The time of the last tick.
    ticked: Option<UtcMillis>,
    elapsed: Elapsed,
    /// Accepts of RFQs that were traded in, or are in dispute, up to this time of the wall clock may
    /// be forgotten; `None`: none is.
    forgotten: Option<UtcMillis>,
    out: Vec<Output>,
}

impl Router {
    /// A router without RFQs, with nobody online. `venue` is VenueName (20002), `practice` is
    /// PracticeVenue (20001): simulated dealers, nothing is real. `random` makes the names by which
    /// dealers know RFQs: without bytes from it no request is taken.
    pub fn new(
        venue: String,
        practice: bool,
        catalogue: Catalogue,
        desks: impl IntoIterator<Item = DeskSettings>,
        dealers: impl IntoIterator<Item = DealerSettings>,
        random: impl FnMut() -> Option<NameBytes> + Send + 'static,
    ) -> Self {
        let desk = |s: DeskSettings| {
            (s.id.clone(), Desk { settings: s, online: false, pending: VecDeque::new() })
        };
        let dealer = |s: DealerSettings| (s.id.clone(), Dealer { settings: s, online: false });
        Self {
            venue,
            practice,
            list_digest: ListDigest::of(&catalogue),
            catalogue,
            desks: desks.into_iter().map(desk).collect(),
            dealers: dealers.into_iter().map(dealer).collect(),
            rfqs: RfqIndex::default(),
            accepts: Accepts::default(),
            names: DealerNames::new(random),
            recorded_name: None,
            desk_default: None,
            replaying: false,
            max_ended: MAX_ENDED_RFQS_PER_DESK,
            venue_told: None,
            venue_stale: BTreeSet::new(),
            venue_cursor: None,
            ticked: None,
            elapsed: Elapsed::default(),
            forgotten: None,
            out: Vec::new(),
        }
    }

    /// Desks that the registry admits without settings of their own get these.
    pub fn with_desk_default(mut self, dealers: Option<BTreeSet<DealerId>>) -> Self {
        self.desk_default = dealers;
        self
    }

    /// How many ended RFQs without a trade are remembered for one desk.
    pub fn with_max_ended(mut self, n: usize) -> Self {
        self.max_ended = n;
        self
    }

    /// Makes an entry for a desk that has no settings of its own. Admission is decided elsewhere; a
    /// replay of the journal takes the same way.
    fn meet(&mut self, desk: &CompId) {
        let Some(dealers) = &self.desk_default else { return };
        if !self.desks.contains_key(desk) {
            let settings = DeskSettings { id: desk.clone(), dealers: dealers.clone() };
            self.desks
                .insert(desk.clone(), Desk { settings, online: false, pending: VecDeque::new() });
        }
    }

    /// Takes one input at time `now` and returns what to do.
    pub fn handle(&mut self, now: UtcMillis, input: Input) -> Vec<Output> {
        if !self.replaying {
            self.elapsed.wall_is(now);
        }
        // Of most desks the journal has decisions only, and what came of them is kept for the desk.
        if let Input::DeskUp(d) | Input::FromDesk(d, _) | Input::Decided(d, _) = &input {
            self.meet(d);
        }
        match input {
            Input::DeskUp(d) => self.desk_up(&d, now),
            Input::DeskDown(d) => {
                if let Some(d) = self.desks.get_mut(&d) {
                    d.online = false;
                }
            }
            Input::FromDesk(d, m) => self.desk_said(&d, m, now),
            Input::DealerUp(d) => self.dealer_up(&d, now),
            Input::DealerDown(d) => self.dealer_down(&d, now),
            Input::FromDealer(d, m) => self.dealer_said(&d, m, now),
            Input::NotSentToDealer(d, m) => self.not_sent(&d, m, now),
            Input::Decided(desk, Decided::Request(q)) => self.open_request(&desk, q, now),
            Input::Decided(desk, Decided::Accept(r)) => self.pass_on(&desk, r, now),
            Input::Decided(desk, Decided::TakeOver(t)) => self.hand_over(&desk, &t, now),
            Input::Decided(desk, Decided::End { rfq, text }) => {
                self.end_by_gateway(&desk, &rfq, text, now)
            }
            // The tick before it has done it.
            Input::Decided(_, Decided::TimeUp(_)) => {}
            Input::Tick => self.tick(now),
        }
        self.rfqs.settle();
        std::mem::take(&mut self.out)
    }

    /// A report about an accept whose numbers are not prices says what they are.
    fn typed(&self, desk: &CompId, e: ExecutionReport) -> ExecutionReport {
        let sent = self.accepts.of_desk(desk, &e.accept);
        let rfq = sent.and_then(|(_, sent)| self.rfqs.get(&sent.rfq));
        let of = rfq.map(|r| r.rfq.terms.price_type);
        let price_type = of.map_or(e.price_type, |t| t.as_reported(e.price_type));
        ExecutionReport { price_type, ..e }
    }

    fn tell_desk(&mut self, desk: &CompId, m: AppMessage) {
        let m = match m {
            AppMessage::ExecutionReport(e) => AppMessage::ExecutionReport(self.typed(desk, e)),
            other => other,
        };
        let Some(d) = self.desks.get_mut(desk) else { return };
        if d.online {
            return self.out.push(Output::ToDesk(desk.clone(), m));
        }
        self.out.push(Output::Untold(desk.clone(), m.clone()));
        if matches!(m, AppMessage::ExecutionReport(_) | AppMessage::QuoteStatusReport(_)) {
            let lost = kept::await_desk(&mut d.pending, m);
            if let Some((dealer, e)) = lost.and_then(|e| Some((e.dealer.clone()?, e))) {
                let words = format!(
                    "{} for accept {} waits no more for {desk}, which is away: more than \
                        {MAX_PENDING_PER_DESK} answers do",
                    e.exec_id, e.accept
                );
                self.alert("execution.untold", &dealer, words);
            }
        }
    }

    fn tell_dealer(&mut self, dealer: &DealerId, m: AppMessage) {
        self.out.push(Output::ToDealer(dealer.clone(), m));
    }

    fn note(&mut self, text: String) {
        self.out.push(Output::Note(text));
    }

    fn alert(&mut self, code: &'static str, about: &DealerId, words: String) {
        self.out.push(Output::Alert { code, about: about.to_string(), words });
    }

    fn tick(&mut self, now: UtcMillis) {
        if self.ticked.replace(now).is_some_and(|before| now < before) {
            self.clock_was_set_back(now);
        }
        // The source of random numbers may have failed before.
        self.names.draw();
        for id in self.rfqs.due(now) {
            self.rfq_tick(&id, now);
        }
        self.rfqs.settle();
        self.forget(now);
        self.tell_stale(now);
    }

    fn rfq_tick(&mut self, id: &RfqId, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        let waiting: Vec<AcceptId> =
            e.rfq.lines.iter().filter_map(|l| l.counter_sent()).map(|c| c.id.clone()).collect();
        e.rfq.tick(now);
        for counter in waiting {
            self.tell_counter(id, &counter);
        }
        let Some(e) = self.rfqs.get_mut(id) else { return };
        // A report may come long after it has ended.
        if e.rfq.state == RfqState::Expired && e.ended_at.is_none() {
            self.ended(id, RfqStatus::Expired, None, now);
        } else if e.rfq.in_flight() && e.asked_at.is_some_and(|t| now.since(t) >= ASK_AGAIN_MS) {
            self.ask_what_became(id, now);
        } else {
            self.end_if_due(id, now);
        }
    }

    /// Tells the desk that its RFQ has ended and the dealers who still quote that they may stop.
    fn ended(&mut self, id: &RfqId, status: RfqStatus, text: Option<String>, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        e.ended_at = Some(now);
        e.kept = self.elapsed.kept(e.kept, now);
        e.asked_at = None;
        let (desk, rfq, isin) = (e.desk.clone(), e.rfq.clone(), e.isin);
        if rfq.state != RfqState::Done {
            let report = QuoteStatusReport::of_rfq(
                rfq.terms.id.clone(),
                rfq.terms.instrument.clone(),
                status,
                text,
            );
            self.tell_desk(&desk, AppMessage::QuoteStatusReport(report));
        }
        let waits = |l: &&Line| l.live_quote(now).is_some() || l.state == LineState::Countered;
        for l in rfq.lines.iter().filter(waits) {
            let Some(q) = &l.quote else { continue };
            let pass = AcceptId::new(format!("P.{}", now.0))
                .ok()
                .and_then(|id| QuoteResponse::pass(id, &rfq, q, isin, now));
            let Some(pass) = pass else { continue };
            self.tell_dealer(&l.dealer, AppMessage::QuoteResponse(pass));
        }
    }

    /// Asks the dealer what became of the accept in flight (OrderStatusRequest).
    fn ask_what_became(&mut self, id: &RfqId, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        e.asked_at = Some(now);
        let Some((a, state)) = &e.rfq.accept else { return };
        if !state.in_flight() {
            return;
        }
        let Some((accept, _)) = self.accepts.of_desk(&e.desk, &a.id) else { return };
        let ask = OrderStatusRequest {
            accept: accept.clone(),
            instrument: a.instrument.clone(),
            side: a.side,
            dealer: None,
            sent: None,
        };
        let dealer = a.dealer.clone();
        if self.dealers.get(&dealer).is_some_and(|d| d.online) {
            self.tell_dealer(&dealer, AppMessage::OrderStatusRequest(ask));
        }
    }

    fn isin(&self, id: &InstrumentId) -> bool {
        self.catalogue.get(id).is_some_and(|i| i.asset_class.has_isin())
    }

    /// Whether prices are percentages of par: of an instrument with an ISIN, or of a package whose
    /// legs all have one.
    fn priced_by_isin(&self, terms: &Terms) -> bool {
        match &terms.legs[..] {
            [] => self.isin(&terms.instrument),
            legs => legs.iter().all(|l| self.isin(&l.instrument)),
        }
    }

    /// The RFQ, by the gateway's id, whose quote an accept takes.
    pub fn rfq_accepted(&self, desk: &CompId, r: &QuoteResponse) -> Option<RfqId> {
        self.rfq_of_accept(desk, r).ok()
    }
}

#[cfg(test)]
impl Router {
    /// Every RFQ as it stands, for tests.
    pub fn dump(&self) -> Vec<(RfqId, Rfq)> {
        self.rfqs.iter().map(|(id, e)| (id.clone(), e.rfq.clone())).collect()
    }

    /// Every RFQ as it stands once the line to every dealer is lost, which a restart does, for
    /// tests.
    pub fn dump_without_dealers(&mut self, now: UtcMillis) -> Vec<(RfqId, Rfq)> {
        let all: Vec<DealerId> = self.dealers.keys().cloned().collect();
        for dealer in all {
            self.handle(now, Input::DealerDown(dealer));
        }
        self.dump()
    }
}

#[cfg(test)]
mod tests;
