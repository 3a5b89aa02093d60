//! When a touch of a security key is required: at a gateway, and at a desk in direct mode. The
//! rules are pure: settings, the action and the proofs so far go in; a decision with its reasons
//! comes out.

use crate::approval::{Action, SessionReason};
use rust_decimal::Decimal;
use serde::Deserialize;
use signet_identity::CompId;
use signet_rfq::{UtcMillis, parse_quantity};
use std::collections::{BTreeMap, BTreeSet};

/// `[step_up.when]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhenSection {
    /// Whether a logon owes a touch.
    #[serde(default)]
    pub logon: LogonRule,
    /// RFQs above this need a touch; left out: none do. By currency, with `default` for the others.
    pub request_above: Option<Amounts>,
    /// Accepts above this need a touch.
    pub accept_above: Option<Amounts>,
    /// A lease covers accepts too. Otherwise each accept that needs a touch gets one of its own.
    #[serde(default)]
    pub accept_in_lease: bool,
    /// How long a touch is good for, minutes; 0 makes every touch count once.
    #[serde(default = "default_lease")]
    pub lease_minutes: u32,
    /// A lease ends after this long without an act of the trader; 0 for never.
    #[serde(default = "default_idle")]
    pub idle_minutes: u32,
    /// After the laptop woke from sleep the trader must be verified before anything else is sent.
    #[serde(default = "yes")]
    pub on_wake: bool,
    /// The same after its screen was unlocked.
    #[serde(default = "yes")]
    pub on_unlock: bool,
    /// After `idle_minutes` without an act, not only the lease ends: the next act owes a touch,
    /// whatever its size.
    #[serde(default)]
    pub on_idle: bool,
    /// Left out: no act needs a second person.
    pub second_person: Option<SecondPersonSection>,
}

/// `[step_up.when.second_person]`: four eyes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondPersonSection {
    /// RFQs above this need a second person; left out: none do.
    pub request_above: Option<Amounts>,
    /// Accepts above this need a second person; left out: none do.
    pub accept_above: Option<Amounts>,
    /// CompIDs of the desks whose people may approve.
    pub approvers: BTreeSet<CompId>,
}

/// `[step_up.when] logon`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogonRule {
    /// The rules ask for none. At a gateway the risk score of the access still may.
    Never,
    /// When the risk score of the access wants it.
    #[default]
    Risk,
    /// Every logon owes a touch.
    Always,
}

impl WhenSection {
    /// Whether the trader did nothing for too long.
    pub fn idle_since(&self, active: UtcMillis, now: UtcMillis) -> bool {
        let idle_ms = i64::from(self.idle_minutes) * 60_000;
        idle_ms > 0 && now.since(active) >= idle_ms
    }
}

impl Default for WhenSection {
    /// The rules of an empty section.
    fn default() -> Self {
        Self {
            logon: LogonRule::default(),
            request_above: None,
            accept_above: None,
            accept_in_lease: false,
            lease_minutes: default_lease(),
            idle_minutes: default_idle(),
            on_wake: yes(),
            on_unlock: yes(),
            on_idle: false,
            second_person: None,
        }
    }
}

fn default_lease() -> u32 {
    15
}
fn default_idle() -> u32 {
    10
}
fn yes() -> bool {
    true
}

/// Limits by currency, as a trader writes quantities: `{ default = "5m", JPY = "500m" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Amounts {
    default: Decimal,
    by_currency: BTreeMap<String, Decimal>,
}

impl TryFrom<BTreeMap<String, String>> for Amounts {
    type Error = String;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, String> {
        let read = |currency: &str, text: &str| match text {
            "0" => Ok(Decimal::ZERO),
            text => parse_quantity(text).map_err(|e| format!("{currency} = {text:?}: {e}")),
        };
        let mut by_currency = map
            .iter()
            .map(|(c, t)| Ok((c.clone(), read(c, t)?)))
            .collect::<Result<BTreeMap<_, _>, String>>()?;
        let default = by_currency
            .remove("default")
            .ok_or("`default` is missing: what holds for currencies not named")?;
        match by_currency
            .keys()
            .find(|c| c.len() != 3 || !c.bytes().all(|b| b.is_ascii_uppercase()))
        {
            Some(c) => Err(format!("{c:?} is not a currency code")),
            None => Ok(Self { default, by_currency }),
        }
    }
}

impl Amounts {
    /// An amount that cannot be read counts as above every limit.
    pub(crate) fn exceeded(&self, quantity: &str, currency: &str) -> bool {
        let limit = self.by_currency.get(currency).unwrap_or(&self.default);
        quantity.parse::<Decimal>().map_or(true, |q| q > *limit)
    }
}

/// A touch that is still good, in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When it ends at the latest.
    pub until: UtcMillis,
    /// When the trader last did something.
    pub active: UtcMillis,
}

/// A clock that went back further than this is not corrected but wrong, and nothing that hangs on
/// it is good.
const CLOCK_BACK_MAX_MS: i64 = 5_000;

impl Lease {
    /// Whether it still stands for a touch: not over, not idle for too long, and the clock was not
    /// set back.
    pub fn good(self, rules: &WhenSection, now: UtcMillis) -> bool {
        // A clock that was set back would prolong the lease at will.
        let went_back = now.since(self.active) < -CLOCK_BACK_MAX_MS;
        now < self.until && !went_back && !rules.idle_since(self.active, now)
    }
}

/// The proofs of a session so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepUpState {
    /// The lease of the last touch, valid or expired; `None` when there was none, or it was ended.
    pub lease: Option<Lease>,
    /// Why the trader must be verified before anything is sent on.
    pub owes: Option<SessionReason>,
    /// What is owed besides: it stays when what the risk alone asked for is waived.
    pub besides: Option<SessionReason>,
    /// The risk of this access wants a touch, or a lease, for whatever is sent on, whatever its
    /// size.
    pub watched: bool,
}

impl WhenSection {
    /// Whether the rules ask for verification for this reason.
    pub fn asks(&self, why: SessionReason) -> bool {
        match why {
            SessionReason::Wake => self.on_wake,
            SessionReason::Unlock => self.on_unlock,
            _ => true,
        }
    }
}

impl StepUpState {
    /// After a good touch: a lease, and nothing owed.
    pub fn touched(self, rules: &WhenSection, now: UtcMillis) -> Self {
        let until = now + i64::from(rules.lease_minutes) * 60_000;
        Self {
            lease: (rules.lease_minutes > 0).then_some(Lease { until, active: now }),
            owes: None,
            besides: None,
            ..self
        }
    }

    /// The trader must be verified again. A trader who asks for it keeps the lease.
    pub fn verify(self, why: SessionReason) -> Self {
        match why {
            SessionReason::OnDemand => self,
            _ => Self { lease: None, ..self }.owing(why),
        }
    }

    /// The same, owing this as well. What is owed first is what the trader is told.
    pub fn owing(mut self, why: SessionReason) -> Self {
        match self.owes {
            None => self.owes = Some(why),
            Some(first) if of_risk(first) && !of_risk(why) => {
                self.besides = self.besides.or(Some(why))
            }
            Some(first) if !of_risk(first) && of_risk(why) => {
                (self.owes, self.besides) = (Some(why), self.owes)
            }
            Some(_) => {}
        }
        self
    }

    /// What is owed whatever the risk says.
    pub fn owed_by_presence(&self) -> Option<SessionReason> {
        [self.owes, self.besides].into_iter().flatten().find(|why| !of_risk(*why))
    }

    /// The risk fell to where no touch is wanted: what it alone asked for is waived, a logon that
    /// the rules ask for in any case (`always`) is not. No lease comes of it.
    pub fn calmed(self, always: bool) -> Self {
        match self.owes {
            Some(why) if of_risk(why) && !(always && why == SessionReason::Logon) => {
                Self { watched: false, owes: self.besides, besides: None, ..self }
            }
            _ => Self { watched: false, ..self },
        }
    }

    /// The trader did something.
    pub fn active(&mut self, now: UtcMillis) {
        if let Some(l) = &mut self.lease {
            l.active = now;
        }
    }

    /// Time passes; `active` is when the trader last did something. Whether anything changed. Of
    /// one who did nothing for too long nothing is asked now, when nobody may be there: the next
    /// act is.
    pub fn passes(&mut self, rules: &WhenSection, active: UtcMillis, now: UtcMillis) -> bool {
        let idle =
            rules.on_idle && self.owed_by_presence().is_none() && rules.idle_since(active, now);
        let over = self.lease.is_some_and(|l| !l.good(rules, now));
        if idle {
            *self = self.owing(SessionReason::Idle);
        }
        if idle || over {
            self.lease = None;
        }
        idle || over
    }

    /// What keeps a trader with this number of active keys from trading.
    pub fn obstacle(&self, keys: u32) -> Option<String> {
        match self.owes {
            _ if keys == 0 => Some(
                "You have no security key registered; what needs a touch is refused.".to_owned(),
            ),
            Some(why) => {
                Some(format!("{} Nothing is sent on before you have touched your key.", words(why)))
            }
            None => None,
        }
    }
}

/// The decision, with reasons a trader reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// It may go on at once.
    Nothing,
    /// A touch is wanted; why, for the trader.
    Touch(String),
    /// The trader's touch, and one of a second person.
    TwoPeople(String),
}

/// Whether a lease of this session stands for the touch that an action wants.
pub fn covered(rules: &WhenSection, action: &Action, state: &StepUpState, now: UtcMillis) -> bool {
    let lease = state.owes.is_none() && state.lease.is_some_and(|l| l.good(rules, now));
    lease && (rules.accept_in_lease || !matches!(action, Action::Accept(_)))
}

/// Whether it is the risk of the access, and nothing the trader did or left, that asks.
fn of_risk(why: SessionReason) -> bool {
    matches!(why, SessionReason::Logon | SessionReason::Risk)
}

/// Why a session is asked, as the trader reads it.
pub fn words(why: SessionReason) -> &'static str {
    match why {
        SessionReason::Logon => "You connect from a place that is new for this session.",
        SessionReason::OnDemand => "You asked to be verified.",
        SessionReason::Wake => "This laptop was asleep.",
        SessionReason::Unlock => "The screen was locked.",
        SessionReason::Idle => "Nothing was done here for a while.",
        SessionReason::Risk => "The risk of this access wants a touch of your key.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        approval::{AcceptTerms, RequestTerms},
        asking::wanted,
    };

    const NOW: UtcMillis = UtcMillis(1_000_000);

    #[test]
    fn an_empty_section_says_what_the_documents_say() {
        for w in [rules(""), WhenSection::default()] {
            assert_eq!(
                (w.lease_minutes, w.idle_minutes, w.on_wake, w.on_unlock, w.on_idle),
                (15, 10, true, true, false)
            );
            assert_eq!((w.logon, w.accept_in_lease), (LogonRule::Risk, false));
        }
    }

    #[test]
    fn what_stands_in_the_way_is_said() {
        let owing = StepUpState::default().owing(SessionReason::Wake);
        for (state, keys, begins) in [
            (StepUpState::default(), 1, None),
            (StepUpState::default(), 0, Some("You have no security key registered")),
            (owing, 0, Some("You have no security key registered")),
            (owing, 1, Some(words(SessionReason::Wake))),
        ] {
            let said = state.obstacle(keys);
            assert_eq!(said.is_some(), begins.is_some(), "{said:?}");
            assert!(
                said.iter().zip(begins).all(|(s, b)| s.starts_with(b) && s.ends_with('.')),
                "{said:?}"
            );
        }
    }

    #[test]
    fn an_act_keeps_a_lease_alive() {
        let mut state = StepUpState::default().touched(&rules(""), NOW);
        state.active(NOW + 5);
        assert_eq!(state.lease.map(|l| l.active), Some(NOW + 5));
        let mut none = StepUpState::default();
        none.active(NOW);
        assert_eq!(none.lease, None, "an act alone is no touch");
    }

    /// What falls away with the risk is what the risk asked for; what is owed beside it stays owed.
    #[test]
    fn a_risk_that_falls_leaves_what_was_owed_beside_it() {
        let both = StepUpState::default().owing(SessionReason::Risk).owing(SessionReason::Wake);
        let after = StepUpState { watched: true, ..both }.calmed(false);
        assert_eq!(
            (after.owes, after.besides, after.watched),
            (Some(SessionReason::Wake), None, false)
        );
    }

    #[test]
    fn each_reason_has_a_sentence_of_its_own() {
        let all: BTreeSet<&str> = SessionReason::ALL.into_iter().map(words).collect();
        assert_eq!(all.len(), SessionReason::ALL.len());
        assert!(all.iter().all(|w| w.ends_with('.') && w.len() > 20), "{all:?}");
    }

    /// One touch settles whatever is owed, the reason beside the first one too.
    #[test]
    fn a_touch_leaves_nothing_owed() {
        let owing = StepUpState::default().owing(SessionReason::Logon).owing(SessionReason::Wake);
        assert!(owing.owes.is_some() && owing.besides.is_some(), "{owing:?}");
        let after = owing.touched(&rules(""), NOW);
        assert_eq!((after.owes, after.besides, after.lease.is_some()), (None, None, true));
    }

    #[test]
    fn waking_and_unlocking_ask_where_the_rules_say_so() {
        for (text, wake, unlock) in
            [("", true, true), ("on_wake = false", false, true), ("on_unlock = false", true, false)]
        {
            let w = rules(text);
            assert_eq!(
                (w.asks(SessionReason::Wake), w.asks(SessionReason::Unlock)),
                (wake, unlock),
                "{text}"
            );
            assert!(
                [SessionReason::OnDemand, SessionReason::Risk, SessionReason::Logon]
                    .into_iter()
                    .all(|r| w.asks(r)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_currency_is_three_capitals() {
        for (code, good) in [
            ("EUR", true),
            ("EU", false),
            ("EURO", false),
            ("eur", false),
            ("EU1", false),
            ("", false),
        ] {
            let map = [("default", "1m"), (code, "2m")].map(|(c, q)| (c.to_owned(), q.to_owned()));
            assert_eq!(Amounts::try_from(BTreeMap::from(map)).is_ok(), good, "{code:?}");
        }
    }

    fn rules(text: &str) -> WhenSection {
        toml::from_str(text).unwrap()
    }

    fn request(quantity: &str, currency: &str) -> Action {
        let s = String::new;
        let (quantity, currency) = (quantity.into(), currency.into());
        Action::Request(RequestTerms {
            min_quantity: None,
            price_type: None,
            legs: vec![],
            rfq: s(),
            instrument: s(),
            ask: s(),
            quantity,
            currency,
            settlement: s(),
            ttl_s: s(),
            dealers: vec![],
        })
    }

    fn accept(quantity: &str) -> Action {
        let s = String::new;
        Action::Accept(AcceptTerms {
            price_type: None,
            legs: vec![],
            rfq: s(),
            accept: s(),
            dealer: s(),
            quote: s(),
            instrument: s(),
            side: s(),
            price: s(),
            quantity: quantity.into(),
            currency: "EUR".into(),
            settlement: s(),
            limit: None,
        })
    }

    fn leased() -> StepUpState {
        StepUpState { lease: Some(Lease { until: NOW + 1, active: NOW }), ..StepUpState::default() }
    }

    #[derive(Debug, PartialEq)]
    enum Want {
        None,
        One,
        Two,
    }

    fn want(r: &WhenSection, a: &Action, s: &StepUpState) -> Want {
        match wanted(r, a, s, NOW) {
            Wanted::Nothing => Want::None,
            Wanted::Touch(_) => Want::One,
            Wanted::TwoPeople(_) => Want::Two,
        }
    }

    #[test]
    fn table_of_decisions() {
        let r = rules(
            "request_above = { default = '5m', JPY = '500m' }\naccept_above = { default = '1m' }\n\
             [second_person]\naccept_above = { default = '50m' }\napprovers = ['BOB']",
        );
        let none = StepUpState::default();
        let owing = StepUpState { owes: Some(SessionReason::Wake), ..none };
        let watched = StepUpState { watched: true, ..none };
        let both = StepUpState { owes: Some(SessionReason::Wake), ..leased() };
        for (action, state, expected) in [
            (request("5000000", "EUR"), none, Want::None),
            (request("5000000.01", "EUR"), none, Want::One),
            (request("5000001", "JPY"), none, Want::None),
            (request("500000001", "JPY"), none, Want::One),
            (request("6000000", "EUR"), leased(), Want::None),
            (request("many", "EUR"), none, Want::One),
            (request("1", "EUR"), owing, Want::One),
            (request("1", "EUR"), both, Want::One),
            (accept("1000000"), none, Want::None),
            (accept("1000001"), none, Want::One),
            (accept("1000001"), leased(), Want::One),
            (accept("50000000"), leased(), Want::One),
            (accept("50000001"), leased(), Want::Two),
            (accept("50000001"), owing, Want::Two),
            (Action::Session(SessionReason::Logon), leased(), Want::One),
            // By risk: whatever its size, until a lease covers it.
            (request("1", "EUR"), watched, Want::One),
            (request("1", "EUR"), StepUpState { watched: true, ..leased() }, Want::None),
            (accept("1"), watched, Want::One),
            (accept("1"), StepUpState { watched: true, ..leased() }, Want::One),
            (accept("50000001"), watched, Want::Two),
            (Action::RegisterKey { name: "k".into() }, leased(), Want::One),
        ] {
            assert_eq!(want(&r, &action, &state), expected, "{action:?} {state:?}");
        }
        let r = rules("accept_above = { default = '0' }\naccept_in_lease = true");
        assert_eq!(
            (want(&r, &accept("1"), &none), want(&r, &accept("1"), &leased())),
            (Want::One, Want::None)
        );
        assert_eq!(want(&rules(""), &accept("99999999999"), &none), Want::None);
    }

    #[test]
    fn a_lease_ends_by_time_and_by_doing_nothing() {
        let r = rules("idle_minutes = 1");
        let lease = |until, active| Lease { until: NOW + until, active: NOW + active };
        for (l, good) in [
            (lease(1, 0), true),
            (lease(0, 0), false),
            (lease(9, -59_999), true),
            (lease(9, -60_000), false),
            // The clock was set back: a little, and more.
            (lease(9_000, 5_000), true),
            (lease(9_000, 5_001), false),
        ] {
            assert_eq!(l.good(&r, NOW), good, "{l:?}");
        }
        assert!(lease(1, -999_999).good(&rules("idle_minutes = 0"), NOW));
    }

    #[test]
    fn a_touch_leases_and_waking_up_takes_it_away() {
        let r = rules("lease_minutes = 2");
        let touched = StepUpState::default().touched(&r, NOW);
        assert_eq!(
            touched,
            StepUpState {
                lease: Some(Lease { until: NOW + 120_000, active: NOW }),
                ..StepUpState::default()
            }
        );
        assert_eq!(touched.verify(SessionReason::OnDemand), touched);
        let woken = touched.verify(SessionReason::Wake);
        assert_eq!(
            woken,
            StepUpState { owes: Some(SessionReason::Wake), ..StepUpState::default() }
        );
        assert_eq!(
            woken.verify(SessionReason::Unlock).owes,
            Some(SessionReason::Wake),
            "the first reason stays"
        );
        assert_eq!(
            StepUpState::default().touched(&rules("lease_minutes = 0"), NOW),
            StepUpState::default()
        );
    }

    #[test]
    fn doing_nothing_ends_the_lease_and_owes_where_the_rules_say_so() {
        let later = NOW + 60_000;
        for (text, owes) in [
            ("idle_minutes = 1", None),
            ("idle_minutes = 1\non_idle = true", Some(SessionReason::Idle)),
        ] {
            let r = rules(text);
            let mut s = StepUpState::default().touched(&r, NOW);
            assert!(!s.passes(&r, NOW, NOW + 59_999) && s.lease.is_some(), "{text}");
            assert!(s.passes(&r, NOW, later), "{text}");
            assert_eq!(s, StepUpState { owes, ..StepUpState::default() }, "{text}");
            assert!(!s.passes(&r, NOW, later), "{text}: once");
        }
    }

    #[test]
    fn bad_settings_are_refused() {
        for bad in [
            "request_above = { EUR = '1m' }",
            "request_above = { default = 'lots' }",
            "request_above = { default = '1m', euro = '1m' }",
            "logon = 'sometimes'",
            "surprise = 1",
        ] {
            assert!(toml::from_str::<WhenSection>(bad).is_err(), "{bad}");
        }
    }

    /// Complete: what is owed first, what comes to be owed, and what a fall of the risk leaves of
    /// it.
    #[test]
    fn a_fall_of_the_risk_waives_what_the_risk_alone_asked_for() {
        use SessionReason::{Idle, Logon, OnDemand, Risk, Unlock, Wake};
        for first in [Logon, OnDemand, Wake, Unlock, Idle, Risk] {
            for then in [Logon, Wake, Unlock, Idle, Risk] {
                for always in [false, true] {
                    let s = StepUpState { watched: true, ..StepUpState::default() }
                        .owing(first)
                        .owing(then)
                        .calmed(always);
                    let presence = [first, then].into_iter().find(|w| !of_risk(*w));
                    let logon =
                        always && [first, then].into_iter().find(|w| of_risk(*w)) == Some(Logon);
                    assert_eq!(
                        s.owes,
                        if logon { Some(Logon) } else { presence },
                        "{first:?}, {then:?}, {always}"
                    );
                    assert_eq!(
                        (s.watched, s.lease, s.touched(&rules(""), NOW).owes),
                        (false, None, None)
                    );
                }
            }
        }
        let leased = leased();
        assert_eq!(leased.calmed(true), leased, "what was proved stays proved");
    }
}
