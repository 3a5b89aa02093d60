//! The desk's part of step-up: the open challenges, what their dialogs show, and whether the
//! gateway asks to approve exactly what this desk has on its screen.
//!
//! The module is pure. Ceremonies run on the link's thread (`link/ceremony.rs`), which reports
//! their progress here.

use crate::{present, problem::problem, view::*};
use rust_decimal::Decimal;
use signet_fix::message::{StepUpChallenge, StepUpStatus};
use signet_rfq::{
    Catalogue, DealerId, Instrument, InstrumentId, PriceType, Rfq, RfqId, UtcMillis, group_digits,
};
use signet_stepup::{
    AcceptTerms, Action, AheadTerms, Approval, RequestTerms,
    client::{CeremonyError, Status},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many challenges may be open; further ones of the gateway are refused.
const MAX_OPEN: usize = 16;

/// What the person is asked to approve, or the key that is being registered.
#[derive(Debug, Clone, PartialEq, Eq)]
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Subject {
    Approve(Approval),
    NewKey { name: String },
}

/// One open dialog.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub id: String,
    pub subject: Subject,
    pub options: String,
    pub reason: String,
    pub deadline: UtcMillis,
    phase: StepUpPhase,
    pin: (bool, Option<u8>),
    problem: Option<Problem>,
    /// It belongs to another desk: this person is the second, and reads before the key blinks.
    others: bool,
}

impl Dialog {
    pub(crate) fn waits_to_begin(&self) -> bool {
        self.phase == StepUpPhase::Queued
    }

    pub(crate) fn rfq(&self) -> Option<RfqId> {
        let Subject::Approve(a) = &self.subject else { return None };
        match &a.action {
            Action::Request(r) if !self.others => RfqId::new(r.rfq.clone()).ok(),
            Action::Accept(t) if !self.others => RfqId::new(t.rfq.clone()).ok(),
            _ => None,
        }
    }

    /// The RFQ of which an accept is approved ahead. It does not wait for the touch.
    pub(crate) fn ahead(&self) -> Option<RfqId> {
        let Subject::Approve(a) = &self.subject else { return None };
        match &a.action {
            Action::Ahead(t) if !self.others => RfqId::new(t.rfq.clone()).ok(),
            _ => None,
        }
    }
}

/// What this desk has on its screen, for comparison with what it is asked to approve.
pub(crate) struct OnScreen<'a> {
    /// This desk's CompID.
    pub desk: &'a str,
    /// The gateway's CompID.
    pub gateway: &'a str,
    /// Finds an RFQ on the screen.
    pub rfq: &'a dyn Fn(&RfqId) -> Option<&'a Rfq>,
    /// What this desk asked to approve ahead.
    pub ahead: &'a dyn Fn(&RfqId) -> Option<&'a AheadTerms>,
    /// The key this desk wants to register.
    pub registering: Option<&'a str>,
    /// This person may approve actions of other traders.
    pub approver: bool,
}

/// Checks that the gateway asks for exactly what this desk sent. The error completes a sentence
/// for the trader and the log.
pub(crate) fn judge(text: &str, screen: &OnScreen<'_>) -> Result<Approval, &'static str> {
    let a = Approval::parse(text).map_err(|_| "it is not written as this version knows")?;
    if a.gateway != screen.gateway || a.approver != screen.desk {
        return Err("it is not for this desk at this gateway");
    }
    if a.desk != screen.desk {
        // A second person's desk has nothing to compare with; the person reads the terms.
        let may = screen.approver && matches!(a.action, Action::Request(_) | Action::Accept(_));
        return if may { Ok(a) } else { Err("this person approves nothing for others") };
    }
    let mine = |id: &str| RfqId::new(id).ok().and_then(|id| (screen.rfq)(&id));
    let same = match &a.action {
        Action::Session(_) => true,
        Action::Request(r) => {
            mine(&r.rfq).is_some_and(|rfq| !rfq.state.ended() && RequestTerms::of(&rfq.terms) == *r)
        }
        Action::Accept(t) => mine(&t.rfq).is_some_and(|rfq| {
            let sent = rfq.accept.as_ref().filter(|(_, s)| s.in_flight());
            sent.is_some_and(|(mine, _)| AcceptTerms::of(mine, &rfq.terms) == *t)
        }),
        Action::Ahead(t) => {
            RfqId::new(t.rfq.clone()).ok().and_then(|id| (screen.ahead)(&id)) == Some(t)
        }
        Action::RegisterKey { name } => screen.registering == Some(name),
    };
    if same { Ok(a) } else { Err("it differs from what this desk sent") }
}

#[derive(Debug)]
pub(crate) struct StepUps {
    open: Vec<Dialog>,
    pub access: AccessView,
    pub keys: KeysView,
    /// The name of the key that is being registered.
    pub registering: Option<String>,
    /// RFQs that wait for a second person.
    pub second: BTreeSet<RfqId>,
    /// Whether the gateway wants to be told that the laptop woke, and that its screen was unlocked.
    pub wake: (bool, bool),
}

pub(crate) fn no_access() -> AccessView {
    AccessView {
        step_up: false,
        direct: false,
        lease_until_ms: None,
        keys: 0,
        approver: false,
        text: None,
        risk: None,
    }
}

impl Default for StepUps {
    fn default() -> Self {
        let keys = KeysView { keys: Vec::new(), phase: RegisterPhase::Idle, problem: None };
        Self {
            open: Vec::new(),
            access: no_access(),
            keys,
            registering: None,
            second: BTreeSet::new(),
            wake: (false, false),
        }
    }
}

impl StepUps {
    /// Adds a challenge that passed [`judge`]. It replaces an earlier one about the same subject.
    pub(crate) fn add(&mut self, c: StepUpChallenge, approval: Approval, desk: &str) -> bool {
        let others = approval.desk != desk;
        let phase = if others { StepUpPhase::Ready } else { StepUpPhase::Queued };
        let reason =
            c.reason.unwrap_or_else(|| "The gateway asks for a touch of your security key.".into());
        self.put(Dialog {
            id: c.id,
            subject: Subject::Approve(approval),
            options: c.options,
            reason,
            deadline: c.deadline,
            phase,
            pin: (false, None),
            problem: None,
            others,
        })
    }

    /// Adds the dialog that registers a new key.
    pub(crate) fn add_new_key(
        &mut self,
        id: String,
        name: String,
        options: String,
        deadline: UtcMillis,
    ) -> bool {
        self.put(Dialog {
            id,
            subject: Subject::NewKey { name },
            options,
            reason: "This key is registered for you: your firm checks its make.".into(),
            deadline,
            phase: StepUpPhase::Queued,
            pin: (false, None),
            problem: None,
            others: false,
        })
    }

    fn put(&mut self, new: Dialog) -> bool {
        if let Some(before) = self.open.iter_mut().find(|o| o.subject == new.subject) {
            *before = new;
            return true;
        }
        if self.open.len() >= MAX_OPEN {
            return false;
        }
        self.open.push(new);
        true
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.open.iter().any(|o| o.id == id)
    }

    /// The dialog whose ceremony starts next.
    pub(crate) fn next(&self) -> Option<&Dialog> {
        self.open.iter().find(|o| o.waits_to_begin())
    }

    fn edit(&mut self, id: &str, f: impl FnOnce(&mut Dialog)) {
        if let Some(o) = self.open.iter_mut().find(|o| o.id == id) {
            f(o);
        }
    }

    /// The person starts the ceremony, or starts it again.
    pub(crate) fn begin(&mut self, id: &str) {
        self.edit(id, |o| {
            if matches!(o.phase, StepUpPhase::Ready | StepUpPhase::Failed) {
                (o.phase, o.problem) = (StepUpPhase::Queued, None);
            }
        });
    }

    pub(crate) fn started(&mut self, id: &str) {
        self.edit(id, |o| (o.phase, o.pin) = (StepUpPhase::Verifying, (false, None)));
    }

    pub(crate) fn status(&mut self, id: &str, s: Status) {
        self.edit(id, |o| {
            o.phase = match s {
                Status::Insert => StepUpPhase::Insert,
                Status::ChooseByTouch => StepUpPhase::ChooseByTouch,
                Status::Pin { wrong, left } => {
                    o.pin = (wrong, left);
                    StepUpPhase::Pin
                }
                Status::Touch => StepUpPhase::Touch,
                Status::Verifying => StepUpPhase::Verifying,
            };
        });
    }

    pub(crate) fn checking(&mut self, id: &str) {
        self.edit(id, |o| o.phase = StepUpPhase::Checking);
    }

    pub(crate) fn failed(&mut self, id: &str, e: &CeremonyError) {
        self.edit(id, |o| {
            o.phase = StepUpPhase::Failed;
            o.problem = Some(problem(e.code(), crate::problem::sentence(&e.to_string()), e.cure()));
        });
    }

    /// The link was lost, and every open challenge is void. Dialogs about RFQs of this desk stay:
    /// the gateway asks again for those that it still wants.
    pub(crate) fn link_lost(&mut self) {
        self.open.retain(|o| o.rfq().is_some());
        for o in &mut self.open {
            (o.phase, o.problem) = (StepUpPhase::LinkLost, None);
        }
        if self.keys.phase == RegisterPhase::UnderWay {
            self.keys.phase = RegisterPhase::Failed;
            self.keys.problem = Some(crate::problem::offline());
        }
        self.registering = None;
        self.access = no_access();
    }

    /// Closes the dialog of a challenge that the gateway has settled.
    pub(crate) fn outcome(&mut self, id: &str, status: StepUpStatus) -> Option<Dialog> {
        let at = self.open.iter().position(|o| o.id == id)?;
        let o = self.open.remove(at);
        if let (StepUpStatus::SecondWanted, Some(rfq)) = (status, o.rfq()) {
            self.second.insert(rfq);
        }
        Some(o)
    }

    pub(crate) fn close(&mut self, id: &str) -> Option<Dialog> {
        let at = self.open.iter().position(|o| o.id == id)?;
        Some(self.open.remove(at))
    }

    /// The dialogs about accepts of this desk. What waits for an approval otherwise ends with its
    /// RFQ.
    pub(crate) fn own_accepts(&self) -> Vec<String> {
        let accept = |o: &&Dialog| match &o.subject {
            Subject::Approve(a) => matches!(a.action, Action::Accept(_)) && !o.others,
            Subject::NewKey { .. } => false,
        };
        self.open.iter().filter(accept).map(|o| o.id.clone()).collect()
    }

    /// Closes the dialog of a new key, which is registered or was refused.
    pub(crate) fn registered(&mut self) {
        self.open.retain(|o| !matches!(o.subject, Subject::NewKey { .. }));
    }

    /// An answer about this RFQ arrived, so nothing about it waits.
    pub(crate) fn settled(&mut self, rfq: &RfqId) {
        self.open.retain(|o| ![o.rfq(), o.ahead()].contains(&Some(rfq.clone())));
        self.second.remove(rfq);
    }

    /// Removes and returns the dialogs past their deadline, except those that the gateway checks.
    pub(crate) fn tick(&mut self, at: UtcMillis) -> Vec<Dialog> {
        let over = |o: &Dialog| o.deadline < at && o.phase != StepUpPhase::Checking;
        let (gone, stay) = std::mem::take(&mut self.open).into_iter().partition(over);
        self.open = stay;
        gone
    }

    /// What an RFQ waits for, in words, if it waits for a touch.
    pub(crate) fn waits(&self, rfq: &RfqId) -> Option<&'static str> {
        let open = self.open.iter().find(|o| o.rfq().as_ref() == Some(rfq));
        match open {
            Some(o) if o.phase == StepUpPhase::LinkLost => {
                Some("Waiting for the connection, then for a touch of your security key.")
            }
            Some(_) => Some("Waiting for a touch of your security key."),
            None => {
                self.second.contains(rfq).then_some("Approved by you; waiting for a second person.")
            }
        }
    }

    /// The dialog to show: a running one before a queued one, this desk's own before others'.
    pub(crate) fn view(
        &self,
        catalogue: &Catalogue,
        names: &BTreeMap<DealerId, String>,
    ) -> Vec<StepUpView> {
        let rank = |o: &&Dialog| match o.phase {
            StepUpPhase::Queued => 1,
            StepUpPhase::LinkLost => 2,
            StepUpPhase::Ready => 3,
            _ => 0,
        };
        let Some(o) = self.open.iter().min_by_key(rank) else { return Vec::new() };
        let (terms, kind, key_name, asked_by) = match &o.subject {
            Subject::NewKey { name } => (None, StepUpKind::NewKey, Some(name.clone()), None),
            Subject::Approve(a) => {
                let (terms, kind, key) = shown(&a.action, catalogue, names);
                (terms, kind, key, o.others.then(|| a.desk.clone()))
            }
        };
        vec![StepUpView {
            id: o.id.clone(),
            kind,
            phase: o.phase,
            reason: o.reason.clone(),
            terms,
            key_name,
            asked_by,
            deadline_ms: o.deadline.0 as f64,
            pin_wrong: o.pin.0,
            pin_left: o.pin.1.map(u32::from),
            problem: o.problem.clone(),
            rfq_id: o.rfq().map(|r| r.to_string()),
            behind: u32::try_from(self.open.len() - 1).unwrap_or(u32::MAX),
        }]
    }
}

/// A package has no instrument of its own: its legs say what is approved, word for word as in the
/// text that is signed.
fn of_package(terms: StepUpTerms, legs: &[String], catalogue: &Catalogue) -> StepUpTerms {
    if legs.is_empty() {
        return terms;
    }
    let name = match present::legs::of_lines(legs) {
        Some(legs) => present::legs::instrument(&legs, &terms.currency, catalogue).symbol,
        None => format!("package of {} legs", legs.len()),
    };
    StepUpTerms { symbol: name.clone(), instrument: name, legs: legs.to_vec(), ..terms }
}

/// An instrument as numbers of the approved type write it.
fn told(catalogue: &Catalogue, id: &str, of: &Option<String>) -> Option<Instrument> {
    let listed = InstrumentId::new(id).ok().and_then(|id| catalogue.get(&id))?;
    let of = of.as_deref().map_or(Some(PriceType::Price), PriceType::read)?;
    Some(listed.told_in(of))
}

fn ask_of(word: &str) -> Ask {
    match word {
        "buy" => Ask::Buy,
        "sell" => Ask::Sell,
        _ => Ask::TwoWay,
    }
}

fn dated(terms: StepUpTerms, currency: &str, settlement: &str, of: &Option<String>) -> StepUpTerms {
    let of = of.as_deref().and_then(PriceType::read).unwrap_or_default();
    StepUpTerms {
        price_type: present::price_type(of),
        currency: currency.to_owned(),
        settlement_date: present::iso(settlement),
        ..terms
    }
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// A price as its instrument writes it, or as it was signed.
fn price(i: Option<Instrument>, text: &str) -> String {
    match (i, number(text)) {
        (Some(i), Some(p)) => present::price(Some(&i), p),
        _ => text.to_owned(),
    }
}

/// The dealer's name; its id, when the venue tells none.
fn named(names: &BTreeMap<DealerId, String>, id: &str) -> String {
    let known = DealerId::new(id).ok().and_then(|d| names.get(&d).cloned());
    known.unwrap_or_else(|| id.to_owned())
}

/// The action as the dialog shows it, formatted for the instrument.
fn shown(
    action: &Action,
    catalogue: &Catalogue,
    names: &BTreeMap<DealerId, String>,
) -> (Option<StepUpTerms>, StepUpKind, Option<String>) {
    let name = |d: &String| named(names, d);
    let quantity = |text: &str| number(text).map_or_else(|| text.to_owned(), group_digits);
    // What every action about an instrument has.
    let terms = |of: &str, i: Option<Instrument>, side: &str, size: &str| {
        let i = i.as_ref();
        StepUpTerms {
            ask: ask_of(side),
            quantity: quantity(size),
            min_quantity: None,
            currency: String::new(),
            symbol: i.map_or_else(|| of.to_owned(), |i| i.symbol.clone()),
            instrument: of.to_owned(),
            price: None,
            limit: None,
            price_unit: i.map_or_else(String::new, |i| i.price_unit.clone()),
            price_type: Default::default(),
            legs: Vec::new(),
            dealers: Vec::new(),
            settlement_date: String::new(),
        }
    };
    match action {
        Action::Session(_) => (None, StepUpKind::Session, None),
        Action::RegisterKey { name } => (None, StepUpKind::RegisterKey, Some(name.clone())),
        Action::Request(r) => {
            let i = told(catalogue, &r.instrument, &r.price_type);
            let unit = r.price_type.as_ref().and(i.as_ref()).map(|i| i.price_unit.clone());
            let all = terms(&r.instrument, i, &r.ask, &r.quantity);
            let all = dated(all, &r.currency, &r.settlement, &r.price_type);
            let shown = StepUpTerms {
                price_unit: unit.unwrap_or_default(),
                min_quantity: r.min_quantity.as_deref().map(quantity),
                dealers: r.dealers.iter().map(name).collect(),
                ..of_package(all, &r.legs, catalogue)
            };
            (Some(shown), StepUpKind::Request, None)
        }
        Action::Ahead(a) => {
            let i = || told(catalogue, &a.instrument, &a.price_type);
            let all = terms(&a.instrument, i(), &a.side, &a.quantity);
            let all = dated(all, &a.currency, &a.settlement, &a.price_type);
            let shown = StepUpTerms {
                limit: Some(price(i(), &a.limit.price)),
                dealers: a.dealers.iter().map(name).collect(),
                ..of_package(all, &a.legs, catalogue)
            };
            (Some(shown), StepUpKind::Ahead, None)
        }
        Action::Accept(a) => {
            let i = || told(catalogue, &a.instrument, &a.price_type);
            let all = terms(&a.instrument, i(), &a.side, &a.quantity);
            let all = dated(all, &a.currency, &a.settlement, &a.price_type);
            let shown = StepUpTerms {
                price: Some(price(i(), &a.price)),
                limit: a.limit.as_ref().map(|l| price(i(), &l.price)),
                dealers: vec![name(&a.dealer)],
                ..of_package(all, &a.legs, catalogue)
            };
            (Some(shown), StepUpKind::Accept, None)
        }
    }
}
