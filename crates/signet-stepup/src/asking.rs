//! What asks for a touch, in names that programs read: the setting, the policies, and the kind of
//! the reason. What a person reads of it is [`Ground::words`].

use crate::{
    approval::{Action, SessionReason},
    rules::{Amounts, LogonRule, StepUpState, Wanted, WhenSection, covered, words},
};
use signet_rfq::UtcMillis;

/// Stands for the risk settings where they ask: `[step_up.when]` has no key for it.
pub const RISK: &str = "risk";

/// Why the rules ask for a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The session owes one.
    Session(SessionReason),
    /// An RFQ is above the limit.
    Request,
    /// An accept is above the limit.
    Accept,
    /// An RFQ is above the limit beyond which two people approve.
    RequestOfTwo,
    /// An accept is above the limit beyond which two people approve.
    AcceptOfTwo,
    /// An accept is approved before its quote is chosen.
    Ahead,
    /// A further security key is registered.
    Key,
}

/// Why an action owes a touch first, or two people's; `None`: it owes none.
pub fn ground(
    rules: &WhenSection,
    action: &Action,
    state: &StepUpState,
    now: UtcMillis,
) -> Option<Ground> {
    let second = rules.second_person.as_ref();
    let (touch, two) = match action {
        Action::Session(why) => return Some(Ground::Session(*why)),
        Action::RegisterKey { .. } => return Some(Ground::Key),
        Action::Ahead(a) => {
            let limit = second.and_then(|s| s.accept_above.as_ref());
            let two = above(limit, &a.quantity, &a.currency);
            return Some(if two { Ground::AcceptOfTwo } else { Ground::Ahead });
        }
        Action::Request(r) => {
            let beyond = |limit: Option<&Amounts>| above(limit, &r.quantity, &r.currency);
            let two = beyond(second.and_then(|s| s.request_above.as_ref()));
            let touch = beyond(rules.request_above.as_ref());
            (touch.then_some(Ground::Request), two.then_some(Ground::RequestOfTwo))
        }
        Action::Accept(a) => {
            let beyond = |limit: Option<&Amounts>| above(limit, &a.quantity, &a.currency);
            let two = beyond(second.and_then(|s| s.accept_above.as_ref()));
            let touch = beyond(rules.accept_above.as_ref());
            (touch.then_some(Ground::Accept), two.then_some(Ground::AcceptOfTwo))
        }
    };
    if two.is_some() {
        return two;
    }
    match state.owes {
        Some(why) => Some(Ground::Session(why)),
        None if covered(rules, action, state, now) => None,
        None => touch.or(state.watched.then_some(Ground::Session(SessionReason::Risk))),
    }
}

/// Whether an action owes a touch first, or two people's; the reasons are for the trader to read.
pub fn wanted(rules: &WhenSection, action: &Action, state: &StepUpState, now: UtcMillis) -> Wanted {
    match ground(rules, action, state, now) {
        None => Wanted::Nothing,
        Some(g) if g.of_two() => Wanted::TwoPeople(g.words().into()),
        Some(g) => Wanted::Touch(g.words().into()),
    }
}

fn above(limit: Option<&Amounts>, quantity: &str, currency: &str) -> bool {
    limit.is_some_and(|l| l.exceeded(quantity, currency))
}

impl Ground {
    /// Whether the trader's own touch is not enough.
    pub const fn of_two(self) -> bool {
        matches!(self, Self::RequestOfTwo | Self::AcceptOfTwo)
    }

    /// As the trader reads it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Session(why) => words(why),
            Self::Request => "RFQs of this size need a touch of your key.",
            Self::Accept => "Accepts of this size need a touch of your key.",
            Self::RequestOfTwo => "RFQs of this size need two people.",
            Self::AcceptOfTwo => "Accepts of this size need two people.",
            Self::Ahead => "You approve an accept before you choose its quote.",
            Self::Key => "A further security key is registered with one you have.",
        }
    }

    /// The kind of the reason, as events write it; never changes between releases.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Session(why) => why.as_str(),
            Self::Request | Self::Accept | Self::RequestOfTwo | Self::AcceptOfTwo => "amount",
            Self::Ahead => "ahead",
            Self::Key => "key",
        }
    }

    /// The key of the settings that asks, as events write it, or [`RISK`]; `None`: whatever the
    /// settings say, it is asked.
    pub fn rule(self, rules: &WhenSection) -> Option<&'static str> {
        Some(match self {
            Self::Session(SessionReason::Logon) if rules.logon == LogonRule::Always => {
                "step_up.when.logon"
            }
            Self::Session(SessionReason::Logon | SessionReason::Risk) => RISK,
            Self::Session(SessionReason::Wake) => "step_up.when.on_wake",
            Self::Session(SessionReason::Unlock) => "step_up.when.on_unlock",
            Self::Session(SessionReason::Idle) => "step_up.when.on_idle",
            Self::Request => "step_up.when.request_above",
            Self::Accept => "step_up.when.accept_above",
            Self::RequestOfTwo => "step_up.when.second_person.request_above",
            Self::AcceptOfTwo => "step_up.when.second_person.accept_above",
            Self::Session(SessionReason::OnDemand) | Self::Ahead | Self::Key => return None,
        })
    }
}

/// What asked for a touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskedBy {
    /// [`Ground::kind`], or `policy` when policies alone asked; `None`: it is not known.
    pub kind: Option<&'static str>,
    /// [`Ground::rule`].
    pub rule: Option<&'static str>,
    /// Ids of the policies that asked.
    pub policies: Vec<String>,
}

impl AskedBy {
    /// `ground`: why the rules asked, if they did.
    pub fn new(ground: Option<Ground>, rules: &WhenSection, policies: Vec<String>) -> Self {
        let policy = (!policies.is_empty()).then_some("policy");
        Self {
            kind: ground.map(Ground::kind).or(policy),
            rule: ground.and_then(|g| g.rule(rules)),
            policies,
        }
    }

    /// The setting and the policies.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rule.into_iter().chain(self.policies.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEN: &str = "request_above = { default = '1m' }\naccept_above = { default = '1m' }\n\
        [second_person]\naccept_above = { default = '4m' }\napprovers = ['BOB']";

    fn rules(text: &str) -> WhenSection {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn table_of_what_events_say_of_a_ground() {
        use SessionReason::{Idle, Logon, OnDemand, Risk, Unlock, Wake};
        let (always, risk) = (rules("logon = 'always'"), rules("logon = 'risk'"));
        for (ground, rules, kind, rule) in [
            (Ground::Session(Logon), &always, "logon", Some("step_up.when.logon")),
            (Ground::Session(Logon), &risk, "logon", Some(RISK)),
            (Ground::Session(Risk), &always, "risk", Some(RISK)),
            (Ground::Session(Wake), &risk, "wake", Some("step_up.when.on_wake")),
            (Ground::Session(Unlock), &risk, "unlock", Some("step_up.when.on_unlock")),
            (Ground::Session(Idle), &risk, "idle", Some("step_up.when.on_idle")),
            (Ground::Session(OnDemand), &risk, "on-demand", None),
            (Ground::Request, &risk, "amount", Some("step_up.when.request_above")),
            (Ground::Accept, &risk, "amount", Some("step_up.when.accept_above")),
            (
                Ground::RequestOfTwo,
                &risk,
                "amount",
                Some("step_up.when.second_person.request_above"),
            ),
            (Ground::AcceptOfTwo, &risk, "amount", Some("step_up.when.second_person.accept_above")),
            (Ground::Ahead, &risk, "ahead", None),
            (Ground::Key, &risk, "key", None),
        ] {
            assert_eq!((ground.kind(), ground.rule(rules)), (kind, rule), "{ground:?}");
        }
    }

    #[test]
    fn the_settings_have_the_keys_that_events_name() {
        let grounds = [
            Ground::Session(SessionReason::Logon),
            Ground::Session(SessionReason::Wake),
            Ground::Session(SessionReason::Unlock),
            Ground::Session(SessionReason::Idle),
            Ground::Request,
            Ground::Accept,
            Ground::RequestOfTwo,
            Ground::AcceptOfTwo,
        ];
        let always = rules("logon = 'always'");
        for name in grounds.into_iter().filter_map(|g| g.rule(&always)) {
            let key = name.strip_prefix("step_up.when.").expect(name);
            let value = match key.rsplit('.').next() {
                Some("logon") => "'always'",
                Some("request_above" | "accept_above") => "{ default = '1m' }",
                _ => "true",
            };
            let approvers = "second_person.approvers = ['BOB']\n";
            let section = if key.starts_with("second_person") { approvers } else { "" };
            let text = format!("{section}{key} = {value}");
            assert!(toml::from_str::<WhenSection>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_asks_is_the_setting_and_the_policies() {
        let when = rules(WHEN);
        let ids = || vec!["big-tickets".to_owned(), "new-dealer".to_owned()];
        for (ground, policies, kind, names) in [
            (Some(Ground::Accept), vec![], Some("amount"), vec!["step_up.when.accept_above"]),
            (
                Some(Ground::Accept),
                ids(),
                Some("amount"),
                vec!["step_up.when.accept_above", "big-tickets", "new-dealer"],
            ),
            (None, ids(), Some("policy"), vec!["big-tickets", "new-dealer"]),
            (Some(Ground::Key), vec![], Some("key"), vec![]),
            (None, vec![], None, vec![]),
        ] {
            let by = AskedBy::new(ground, &when, policies);
            assert_eq!((by.kind, by.rules().collect::<Vec<_>>()), (kind, names), "{ground:?}");
        }
    }
}
