//! What dealers call RFQs, accepts and counters.
//!
//! The gateway's own ids begin with the CompID of the desk that asked first. No dealer may read
//! one: it would know which desk of the firm asks, and could follow each of them. Towards dealers
//! an RFQ has a name of random characters, and its accepts and counters have that name and a
//! number: the desk's own ids count all that the desk does. Router, journal and events know the
//! gateway's ids only; messages are translated where they leave for a dealer
//! ([`Router::for_dealer`]) and where they come from one ([`Router::of_dealer`]).
//!
//! An RFQ of a journal from before there were names has none: its dealers know it by the gateway's
//! id, until it is forgotten.

use super::{Entry, Input, Router, accepts::OF_TAKER};
use crate::Decided;
use signet_fix::message::{
    AppMessage, BusinessReject, ExecutionReport, OrderStatusRequest, QuoteCancel, QuoteMsg,
    QuoteRequest, QuoteRequestReject, QuoteResponse, QuoteStatusReport, Response,
};
use signet_rfq::{AcceptId, RfqId};
use std::{collections::HashMap, fmt, hash::Hash};

/// The random bytes of a name: 80 bits, which nobody guesses and chance does not repeat.
pub type NameBytes = [u8; 10];

/// Base32 (RFC 4648).
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS_OF_NAME: usize = 16;
/// A name that is in use is drawn again. A source that repeats itself is broken.
const DRAWS_MAX: usize = 16;
/// No RFQ and no accept has this id.
const NOTHING: &str = "~";

/// Where the random bytes of names come from.
type Source = Box<dyn FnMut() -> Option<NameBytes> + Send>;

pub(super) struct DealerNames {
    source: Source,
    /// For the next RFQ.
    next: Option<RfqId>,
    rfqs: HashMap<RfqId, Named>,
    rfq_of: HashMap<RfqId, RfqId>,
    accepts: HashMap<AcceptId, AcceptId>,
    accept_of: HashMap<AcceptId, AcceptId>,
}

/// An RFQ that has a name.
#[derive(Debug)]
struct Named {
    name: RfqId,
    /// Its accepts and counters, by the gateway's id, each with its name.
    accepts: Vec<(AcceptId, AcceptId)>,
}

impl fmt::Debug for DealerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DealerNames").field("rfqs", &self.rfqs).finish_non_exhaustive()
    }
}

impl DealerNames {
    pub(super) fn new(source: impl FnMut() -> Option<NameBytes> + Send + 'static) -> Self {
        let mut new = Self {
            source: Box::new(source),
            next: None,
            rfqs: HashMap::new(),
            rfq_of: HashMap::new(),
            accepts: HashMap::new(),
            accept_of: HashMap::new(),
        };
        new.draw();
        new
    }

    /// Draws the name of the next RFQ, if there is none yet.
    pub(super) fn draw(&mut self) {
        for _ in 0..DRAWS_MAX {
            if self.next.is_some() {
                return;
            }
            let name = (self.source)().and_then(|bytes| name_of(&bytes));
            self.next = name.filter(|name| !self.rfq_of.contains_key(name));
        }
    }

    /// The name that the next RFQ will have; `None`: the source of random numbers fails.
    pub(super) fn next(&self) -> Option<&RfqId> {
        self.next.as_ref()
    }

    pub(super) fn take_next(&mut self) -> Option<RfqId> {
        let name = self.next.take();
        self.draw();
        name
    }

    pub(super) fn name_rfq(&mut self, id: &RfqId, name: RfqId) {
        self.rfq_of.insert(name.clone(), id.clone());
        self.rfqs.insert(id.clone(), Named { name, accepts: Vec::new() });
        // Drawn before this one was known to be in use.
        if self.next.as_ref().is_some_and(|next| self.rfq_of.contains_key(next)) {
            self.next = None;
            self.draw();
        }
    }

    pub(super) fn name_accept(&mut self, rfq: &RfqId, id: &AcceptId, name: AcceptId) {
        let Some(named) = self.rfqs.get_mut(rfq) else { return };
        named.accepts.push((id.clone(), name.clone()));
        self.accept_of.insert(name.clone(), id.clone());
        self.accepts.insert(id.clone(), name);
    }

    pub(super) fn forget(&mut self, rfq: &RfqId) {
        let Some(named) = self.rfqs.remove(rfq) else { return };
        self.rfq_of.remove(&named.name);
        for (id, name) in named.accepts {
            self.accept_of.remove(&name);
            // A replay remembers an RFQ longer: another one may have an accept of this id by now.
            if self.accepts.get(&id) == Some(&name) {
                self.accepts.remove(&id);
            }
        }
    }

    fn of_rfq(&self, id: &RfqId) -> Option<&RfqId> {
        self.rfqs.get(id).map(|named| &named.name)
    }

    /// The RFQ that a dealer means.
    fn rfq_meant(&self, said: &RfqId) -> RfqId {
        meant(said, &self.rfq_of, &self.rfqs, || RfqId::new(NOTHING).ok())
    }

    /// The accept or the counter that a dealer means.
    fn accept_meant(&self, said: &AcceptId) -> AcceptId {
        meant(said, &self.accept_of, &self.accepts, || AcceptId::new(NOTHING).ok())
    }

    /// The name of an accept or a counter that has one.
    fn of_accept(&self, id: &AcceptId) -> Option<&AcceptId> {
        self.accepts.get(id)
    }
}

/// What a dealer means by what it says: what has that name. The gateway's own id of what has a name
/// means nothing: an answer would tell a dealer that it guessed well which desk asks.
fn meant<Id: Clone + Eq + Hash, T>(
    said: &Id,
    of_name: &HashMap<Id, Id>,
    named: &HashMap<Id, T>,
    nothing: impl FnOnce() -> Option<Id>,
) -> Id {
    let own = || named.contains_key(said).then(nothing).flatten();
    of_name.get(said).cloned().or_else(own).unwrap_or_else(|| said.clone())
}

/// Whether an RFQ may be called so towards dealers. The gateway's ids have a dot.
pub fn is_name(text: &str) -> bool {
    text.len() == DIGITS_OF_NAME && text.bytes().all(|b| DIGITS.contains(&b))
}

/// Five bits to each digit.
fn name_of(bytes: &NameBytes) -> Option<RfqId> {
    let bits = bytes.iter().fold(0_u128, |bits, b| (bits << 8) | u128::from(*b));
    let digit = |place: usize| {
        let five = usize::try_from((bits >> (5 * place)) & 31).ok()?;
        DIGITS.get(five).map(|d| char::from(*d))
    };
    let text: Option<String> = (0..DIGITS_OF_NAME).rev().map(digit).collect();
    RfqId::new(text?).ok()
}

impl Entry {
    /// The number of the accept that is sent next, of whoever has the RFQ by then.
    pub(super) fn next_accept(&self) -> usize {
        self.rfq.past.len() + usize::from(self.rfq.accept.is_some()) + 1
    }

    /// The same of a counter.
    pub(super) fn next_counter(&self) -> usize {
        self.rfq.lines.iter().map(|l| l.counters.len()).sum::<usize>() + 1
    }
}

impl Router {
    /// What dealers will call what this input makes, an RFQ, an accept or a counter: it is written
    /// down with the input. `None`: it makes none of these, or its dealers know it by the gateway's
    /// id.
    pub fn new_name(&self, input: &Input) -> Option<String> {
        match input {
            Input::Decided(_, Decided::Request(_)) => self.names.next().map(ToString::to_string),
            Input::Decided(_, Decided::Accept(_)) => {
                self.name_of_accept(&self.concerns(input)?).map(String::from)
            }
            Input::FromDesk(_, AppMessage::QuoteResponse(r)) if r.response == Response::Counter => {
                self.name_of_counter(&self.concerns(input)?).map(String::from)
            }
            _ => None,
        }
    }

    /// What dealers call an RFQ that is remembered.
    pub fn called(&self, rfq: &RfqId) -> RfqId {
        self.names.of_rfq(rfq).unwrap_or(rfq).clone()
    }

    /// The accept or the counter that a dealer calls so, by the gateway's id.
    pub fn accept_called(&self, name: &AcceptId) -> AcceptId {
        self.names.accept_meant(name)
    }

    /// Names the accept that is sent next in an RFQ. In a replay it has the name that was written
    /// down.
    pub(super) fn name_of_accept(&self, rfq: &RfqId) -> Option<AcceptId> {
        let number = self.rfqs.get(rfq)?.next_accept();
        self.numbered(rfq, &number.to_string())
    }

    /// The same of a counter.
    pub(super) fn name_of_counter(&self, rfq: &RfqId) -> Option<AcceptId> {
        let number = self.rfqs.get(rfq)?.next_counter();
        self.numbered(rfq, &format!("c{number}"))
    }

    fn numbered(&self, rfq: &RfqId, number: &str) -> Option<AcceptId> {
        let name = self.names.of_rfq(rfq)?;
        match &self.recorded_name {
            Some(name) => AcceptId::new(name.clone()).ok(),
            None => AcceptId::new(format!("{name}{OF_TAKER}{number}")).ok(),
        }
    }

    /// A message as its dealer reads it.
    pub fn for_dealer(&self, m: AppMessage) -> AppMessage {
        match m {
            AppMessage::QuoteRequest(q) => {
                AppMessage::QuoteRequest(QuoteRequest { id: self.called(&q.id), ..q })
            }
            // The id of a pass is the gateway's own word, without a desk in it.
            AppMessage::QuoteResponse(r) if r.response != Response::Pass => {
                let id = self.names.of_accept(&r.id).unwrap_or(&r.id).clone();
                AppMessage::QuoteResponse(QuoteResponse { id, ..r })
            }
            AppMessage::OrderStatusRequest(h) => {
                let accept = self.names.of_accept(&h.accept).unwrap_or(&h.accept).clone();
                AppMessage::OrderStatusRequest(OrderStatusRequest { accept, ..h })
            }
            m => m,
        }
    }

    /// A message of a dealer, in the gateway's ids.
    pub fn of_dealer(&self, m: AppMessage) -> AppMessage {
        let names = &self.names;
        match m {
            AppMessage::Quote(q) => {
                AppMessage::Quote(QuoteMsg { rfq: names.rfq_meant(&q.rfq), ..q })
            }
            AppMessage::QuoteCancel(c) => {
                let rfq = c.rfq.as_ref().map(|said| names.rfq_meant(said));
                AppMessage::QuoteCancel(QuoteCancel { rfq, ..c })
            }
            AppMessage::QuoteRequestReject(r) => {
                let rfq = names.rfq_meant(&r.rfq);
                AppMessage::QuoteRequestReject(QuoteRequestReject { rfq, ..r })
            }
            AppMessage::QuoteStatusReport(s) => {
                let answers = s.answers.as_ref().map(|said| names.accept_meant(said));
                let rfq = names.rfq_meant(&s.rfq);
                AppMessage::QuoteStatusReport(QuoteStatusReport { rfq, answers, ..s })
            }
            AppMessage::ExecutionReport(e) => {
                let accept = names.accept_meant(&e.accept);
                AppMessage::ExecutionReport(ExecutionReport { accept, ..e })
            }
            AppMessage::BusinessReject(j) => {
                let ref_id = j.ref_id.map(|said| names.meant(&j.ref_msg_type, said));
                AppMessage::BusinessReject(BusinessReject { ref_id, ..j })
            }
            m => m,
        }
    }
}

impl DealerNames {
    /// What a reject of a dealer is about, by the type and the id of what it was sent.
    fn meant(&self, msg_type: &str, said: String) -> String {
        let rfq = || RfqId::new(said.as_str()).ok().map(|id| String::from(self.rfq_meant(&id)));
        let accept =
            || AcceptId::new(said.as_str()).ok().map(|id| String::from(self.accept_meant(&id)));
        let meant = if msg_type == "R" { rfq() } else { accept() };
        meant.unwrap_or(said)
    }
}

/// Names that are told apart, for tests: the first is `AAAAAAAAAAAAAAAB`.
#[cfg(test)]
pub(crate) fn counted() -> impl FnMut() -> Option<NameBytes> + Send + 'static {
    let mut n = 0_u64;
    move || {
        n += 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&n.to_be_bytes());
        Some(bytes)
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
