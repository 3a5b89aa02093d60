//! The score of an access, the whole way: real desks over real TLS, through a balancer of ours that
//! says where they come from, to a gateway whose policy changes under them.

// The registry in it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

use crate::support::{
    Screen, World,
    balancer::Balancer,
    person::{Person, quotes},
};
use signet_desk_core::view::*;
use signet_gateway::{
    admin::{self, Account},
    config::OpenRfqs,
};
use signet_registry::AccountState;
use signet_test_mmdb::{Form, country_file};
use std::{
    fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const OFFICE: &str = "10.1.2.3";
const HOME: &str = "198.51.100.7";
const AWAY: &str = "203.0.113.9";
const FAR: &str = "100.64.0.9";

/// The office is in Britain; the file knows Britain, the US and Singapore; nobody is expected in
/// the latter two.
const SETTINGS: &str = "countries = ['GB']\n[[network]]\nrange = '10.0.0.0/8'\ncountry = 'GB'\n\
    [[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n[geo]\nfile = 'country.mmdb'\nmax_age_days = 30\n\
    [posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";
const PLACES: [(&str, &str); 5] = [
    ("198.51.100.0/24", "GB"),
    ("203.0.113.0/24", "US"),
    ("100.64.0.0/16", "SG"),
    ("2001:db8:1::/48", "GB"),
    ("2001:db8:2::/48", "US"),
];
const NO_TOUCH: &str = "logon = 'risk'\nlease_minutes = 15";

fn days_ago(days: u64) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - days * 86_400
}

struct Ground {
    w: World,
    balancer: Balancer,
}

impl Ground {
    fn new() -> Self {
        Self::with(OpenRfqs::Withdraw, true)
    }

    fn with(open_rfqs: OpenRfqs, step_up: bool) -> Self {
        let w = World::start_with(|plan| {
            plan.enrolment = true;
            plan.step_up = step_up.then(|| NO_TOUCH.into());
            plan.desks.clear();
            plan.risk = SETTINGS.into();
            plan.open_rfqs = open_rfqs;
            plan.proxy_from = vec!["127.0.0.2/32".parse().unwrap()];
        });
        let balancer = Balancer::start(w.practice.address().unwrap(), OFFICE);
        let g = Self { w, balancer };
        g.countries(0);
        g
    }

    /// A country file built so many days ago.
    fn countries(&self, days: u64) {
        let file = self.w.practice.risk_file().with_file_name("country.mmdb");
        // As an administrator replaces files: never half of one.
        let new = file.with_extension("new");
        fs::write(&new, country_file(&PLACES, days_ago(days), Form::Nested)).unwrap();
        fs::rename(new, file).unwrap();
    }

    fn settings(&self, from: &str, to: &str) {
        assert!(SETTINGS.contains(from), "{from}");
        self.write(&SETTINGS.replace(from, to));
    }

    /// Puts new settings in the place of the old ones, and waits until the gateway has looked at
    /// them.
    fn write(&self, text: &str) {
        let before = self.policies();
        let file = self.w.practice.risk_file();
        let new = file.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, file).unwrap();
        self.w.eventually("the policy to be looked at", || self.policies() > before);
    }

    fn policies(&self) -> usize {
        self.events()
            .lines()
            .filter(|l| l.contains("policy.loaded") || l.contains("policy.refused"))
            .count()
    }

    fn events(&self) -> String {
        self.w.runtime.block_on(admin::events(self.w.practice.gateway_config(), 500)).unwrap()
    }

    /// Alice at her desk, in the office, enrolled and with a key; her connection comes through the
    /// balancer.
    fn alice(&self) -> Person {
        self.balancer.says(OFFICE);
        Person::over(&self.w, "alice", "ALICE1", Some(self.balancer.port()))
    }

    /// An event of this code about the desk is in the registry, with these words.
    fn event(&self, code: &str, words: &str) {
        let began = Instant::now();
        loop {
            let all = self.events();
            if all.lines().any(|l| l.contains(code) && l.contains(words)) {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "no event {code} {words:?} in\n{all}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The laptop is carried to another network: the old connection dies, a new one comes from there.
fn moves(g: &Ground, to: &str) {
    g.balancer.says(to);
    g.balancer.cut();
}

fn risk(p: &Person) -> Option<(RiskVerdict, u32)> {
    p.s.access.as_ref()?.risk.as_ref().map(|r| (r.verdict, r.score))
}

fn scored(p: &mut Person, verdict: RiskVerdict, score: u32) {
    p.until(&format!("{verdict:?} {score}"), |s| {
        s.link() == Some(LinkState::Online)
            && s.access
                .as_ref()
                .and_then(|a| a.risk.as_ref())
                .is_some_and(|r| (r.verdict, r.score) == (verdict, score))
    });
}

fn refused(p: &mut Person, code: &str) -> Problem {
    p.until(code, |s| {
        s.session.as_ref().is_some_and(|l| {
            l.state == LinkState::Refused && l.problem.as_ref().is_some_and(|p| p.code == code)
        })
    });
    p.s.session.clone().unwrap().problem.unwrap()
}

#[test]
fn the_office_is_allowed_and_the_trader_sees_why() {
    let g = Ground::new();
    let mut alice = g.alice();
    scored(&mut alice, RiskVerdict::Allow, 5);
    let risk = alice.s.access.clone().unwrap().risk.unwrap();
    assert_eq!(risk.text, "Risk 5 (MFA, software token +5): allowed.");
    assert_eq!(risk.factors.iter().map(|f| f.points).collect::<Vec<_>>(), [0, 5, 0, 0, 0]);
    assert_eq!(risk.policy.len(), 64);
    quotes(&g.w, "101.5", 1_000_000, 30_000);
    let rfq = alice.accept("1m");
    alice.outcome(&rfq, AcceptState::Filled);
}

#[test]
fn from_home_a_touch_is_owed_and_the_logon_touch_counts_as_a_hardware_token() {
    let g = Ground::new();
    let mut alice = g.alice();
    moves(&g, HOME);
    scored(&mut alice, RiskVerdict::StepUp, 20);
    alice.phase(StepUpPhase::Pin);
    // Nothing goes to a dealer before it.
    let rfq = alice.ask("1m");
    std::thread::sleep(Duration::from_millis(300));
    alice.s.pull(&alice.desk);
    assert!(!alice.s.lines.iter().any(|l| l.rfq_id == rfq && l.quote_id.is_some()));
    quotes(&g.w, "101.5", 1_000_000, 30_000);
    alice.approve();
    // 15: the network; the key was touched for this logon.
    scored(&mut alice, RiskVerdict::Allow, 15);
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    alice.accept_quote(&rfq);
    alice.outcome(&rfq, AcceptState::Filled);
}

#[test]
fn a_country_where_nobody_is_expected_is_refused_with_code_words_and_cure() {
    let g = Ground::new();
    let mut alice = g.alice();
    moves(&g, AWAY);
    let p = refused(&mut alice, "risk.denied");
    assert!(
        p.message.contains(
            "Risk 60 (MFA, software token +5, unknown or dynamic IP +15, \
        anomalous country +40): refused."
        ),
        "{p:?}"
    );
    assert!(p.message.contains("Policy "), "{p:?}");
    assert_eq!(
        p.cure,
        "If you are travelling, ask your administrator to expect you in this country."
    );
    g.event("risk.denied", "anomalous country +40");
    // The administrator does; the gateway need not be restarted.
    g.settings(
        "[posture]",
        "[person.alice]\ncountries = ['US']\n[travel]\ndecision = 'allow'\n[posture]",
    );
    alice.desk.connect_now(&alice.identity, signet_practice::VENUE_NAME).unwrap();
    scored(&mut alice, RiskVerdict::StepUp, 20);
}

#[test]
fn an_address_of_version_6_is_judged_like_any_other() {
    let g = Ground::new();
    let mut alice = g.alice();
    moves(&g, "2001:db8:1::9");
    scored(&mut alice, RiskVerdict::StepUp, 20);
    moves(&g, "::ffff:10.1.2.3");
    scored(&mut alice, RiskVerdict::Allow, 5);
    moves(&g, "2001:db8:2::9");
    refused(&mut alice, "risk.denied");
    // Each of the decisions is on record, with its policy.
    g.event("risk.assessed", "Risk 20 (MFA, software token +5, unknown or dynamic IP +15)");
    g.event("risk.denied", "Policy ");
}

#[test]
fn nobody_is_in_two_places_at_once() {
    let g = Ground::new();
    g.settings("countries = ['GB']", "countries = ['GB', 'SG']");
    let mut alice = g.alice();
    moves(&g, FAR);
    // The score alone would be 20 as well; the words say what is odd.
    scored(&mut alice, RiskVerdict::StepUp, 20);
    let text = alice.s.access.clone().unwrap().risk.unwrap().text;
    assert!(text.contains("Last seen in GB") && text.contains("km away"), "{text}");
    alice.approve();
    scored(&mut alice, RiskVerdict::Allow, 15);
    // She was there: to come back at once is just as odd.
    moves(&g, HOME);
    alice.until("back", |s| {
        s.access
            .as_ref()
            .and_then(|a| a.risk.as_ref())
            .is_some_and(|r| r.text.contains("Last seen in SG"))
    });
}

#[test]
fn a_session_whose_score_is_too_high_is_cut_and_its_rfqs_are_withdrawn() {
    let g = Ground::new();
    let mut alice = g.alice();
    scored(&mut alice, RiskVerdict::Allow, 5);
    quotes(&g.w, "101.5", 1_000_000, 30_000);
    let rfq = alice.ask("1m");
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    // The office is not the firm's any more.
    g.settings(
        "[[network]]\nrange = '10.0.0.0/8'\ncountry = 'GB'\n",
        "[[network]]\nrange = '10.9.0.0/16'\ncountry = 'GB'\n",
    );
    // 10.1.2.3 is in no file: the country is not known, which is worse than a touch can mend.
    let gone = refused(&mut alice, "risk.denied");
    assert!(gone.message.contains("geographic location not known +40"), "{gone:?}");
    alice.until("the RFQ to be ended", |s| {
        s.rfqs.iter().any(|r| r.id == rfq && r.state == RfqState::Cancelled)
    });
}

#[test]
fn one_that_rises_a_little_asks_for_a_touch_and_loses_nothing() {
    let g = Ground::new();
    let mut alice = g.alice();
    quotes(&g.w, "101.5", 1_000_000, 30_000);
    let rfq = alice.ask("1m");
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    // Nobody vouches for managed laptops any more: +25.
    g.settings("['2.999.1']", "[]");
    scored(&mut alice, RiskVerdict::StepUp, 30);
    let open = alice.phase(StepUpPhase::Pin);
    assert!(format!("{open:?}").contains("risk"), "{open:?}");
    g.event("risk.changed", "unmanaged +25");
    alice.approve();
    alice.closed();
    // It was not for the logon, so the score is what it was; the lease lets requests through.
    assert_eq!(risk(&alice), Some((RiskVerdict::StepUp, 30)));
    assert!(alice.s.rfqs.iter().any(|r| r.id == rfq && r.state == RfqState::Open));
    alice.accept_quote(&rfq);
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    // A broken file changes nothing, and is said.
    g.write("countries = []");
    g.event("policy.refused", "countries");
    g.write(SETTINGS);
    scored(&mut alice, RiskVerdict::Allow, 5);
}

#[test]
fn kept_rfqs_are_found_again() {
    let g = Ground::with(OpenRfqs::Keep, true);
    let mut alice = g.alice();
    quotes(&g.w, "101.5", 1_000_000, 30_000);
    let rfq = alice.ask("1m");
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    g.settings("countries = ['GB']", "countries = ['FR']");
    refused(&mut alice, "risk.denied");
    g.write(SETTINGS);
    alice.desk.connect_now(&alice.identity, signet_practice::VENUE_NAME).unwrap();
    scored(&mut alice, RiskVerdict::Allow, 5);
    alice.until("the quote again", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
}

fn set(g: &Ground, state: AccountState) {
    let (config, alice) = (g.w.practice.gateway_config(), Account::User("alice".into()));
    g.w.runtime.block_on(admin::set_state(config, &alice, state)).unwrap();
}

/// The setting is about risk: whoever is locked has nothing open, whether the session is on, or the
/// gateway finds it so when it starts. One that an administrator only ends keeps its RFQs, above.
#[test]
fn what_a_locked_trader_has_open_is_withdrawn_at_once() {
    locked_with_an_open_rfq(true);
}

#[test]
fn what_a_locked_trader_has_open_is_withdrawn_at_the_next_start() {
    locked_with_an_open_rfq(false);
}

/// The gateway is `on` while an administrator locks the trader, or not.
fn locked_with_an_open_rfq(on: bool) {
    let mut g = Ground::with(OpenRfqs::Keep, true);
    let mut alice = g.alice();
    quotes(&g.w, "101.5", 1_000_000, 60_000);
    scored(&mut alice, RiskVerdict::Allow, 5);
    let rfq = alice.ask_for("1m", 120);
    alice.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
    // When the desk was last back, as a number that compares.
    let back = |s: &Screen| s.session.as_ref()?.back.as_ref().map(|b| b.at_ms.to_bits());
    let before = back(&alice.s);
    if on {
        set(&g, AccountState::Locked);
    } else {
        g.w.practice.stop_gateway();
        set(&g, AccountState::Locked);
        g.w.practice.restart_gateway().unwrap();
    }
    refused(&mut alice, "admission.user_locked");
    // It is looked at twice a second.
    std::thread::sleep(Duration::from_secs(2));
    set(&g, AccountState::Active);
    // The gateway hears of it within a moment.
    let began = Instant::now();
    while alice.s.link() != Some(LinkState::Online) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", alice.s.session);
        std::thread::sleep(Duration::from_millis(600));
        alice.desk.connect_now(&alice.identity, signet_practice::VENUE_NAME).unwrap();
        alice.until("an answer", |s| {
            matches!(s.link(), Some(LinkState::Online | LinkState::Refused))
        });
    }
    // The gateway has told everything that is still open.
    alice.until("what became of it", |s| back(s) != before && back(s).is_some());
    let told = alice.s.session.as_ref().and_then(|s| s.back.clone());
    assert_eq!(told.as_ref().map(|b| b.went_on), Some(0), "{told:?}");
}

#[test]
fn a_country_file_that_grows_old_or_goes_closes_the_door() {
    let g = Ground::new();
    let mut alice = g.alice();
    moves(&g, HOME);
    alice.approve();
    scored(&mut alice, RiskVerdict::Allow, 15);
    g.countries(31);
    let p = refused(&mut alice, "risk.denied");
    assert!(p.message.contains("geographic location not known +40"), "{p:?}");
    g.event("risk.geo_fault", "31 days old");
    // Whoever is in the office, which says where it is, is not touched by it.
    g.balancer.says(OFFICE);
    fs::remove_file(g.w.practice.risk_file().with_file_name("country.mmdb")).unwrap();
    alice.desk.connect_now(&alice.identity, signet_practice::VENUE_NAME).unwrap();
    scored(&mut alice, RiskVerdict::Allow, 5);
}

#[test]
fn another_role_is_another_score_at_once() {
    let g = Ground::new();
    let mut alice = g.alice();
    scored(&mut alice, RiskVerdict::Allow, 5);
    g.w.runtime
        .block_on(admin::set_role(g.w.practice.gateway_config(), "alice", "privileged"))
        .unwrap();
    scored(&mut alice, RiskVerdict::Allow, 15);
}

#[test]
fn without_security_keys_a_score_that_wants_a_touch_is_a_refusal() {
    let g = Ground::with(OpenRfqs::Withdraw, false);
    let mut bob = Person::without_key(&g.w, "bob", "BOB1", g.balancer.port());
    scored(&mut bob, RiskVerdict::Allow, 5);
    moves(&g, HOME);
    let p = refused(&mut bob, "risk.no_step_up");
    assert!(p.message.contains("a touch of your security key is wanted"), "{p:?}");
}

/// Not the firm's laptop, but a key that cannot leave its token: what it says of itself is worth as
/// much as the settings ask of it.
#[test]
fn a_signed_report_of_a_laptop_with_a_token_counts_and_its_own_word_against_it_too() {
    let w = World::start_with(move |plan| {
        plan.enrolment = true;
        plan.desks.clear();
        plan.managed = false;
        plan.risk = SETTINGS.into();
    });
    let desk = crate::support::token::alice(&w);
    desk.connect_now("ALICE1", signet_practice::VENUE_NAME).unwrap();
    let mut s = Screen::default();
    let mut until = |what: &str, done: &dyn Fn(&Screen) -> bool| {
        w.eventually(what, || {
            s.pull(&desk);
            done(&s)
        });
    };
    // No certificate of a managed device; the Logon carried the report.
    until("allowed", &|s| {
        s.access
            .as_ref()
            .and_then(|a| a.risk.as_ref())
            .is_some_and(|r| (r.verdict, r.score) == (RiskVerdict::Allow, 5))
    });
    // This machine has no TPM, and says so itself.
    fs::write(w.practice.risk_file(), SETTINGS.replace("require = []", "require = ['tpm']"))
        .unwrap();
    until("refused", &|s| {
        s.session.as_ref().is_some_and(|l| {
            l.problem
                .as_ref()
                .is_some_and(|p| p.code == "risk.no_step_up" && p.message.contains("unmanaged +25"))
        })
    });
    w.runtime.block_on(desk.shut_down());
}

#[test]
fn only_the_balancer_may_say_where_somebody_is() {
    let g = Ground::new();
    let at = g.w.practice.address().unwrap();
    // From an address that is no balancer's, a header is no TLS; a balancer's connection without
    // one is refused.
    for (from, header, want) in [
        ("127.0.0.1", None, true),
        ("127.0.0.1", Some(OFFICE), false),
        ("127.0.0.2", None, false),
        ("127.0.0.2", Some(OFFICE), true),
    ] {
        let shaken = g.w.runtime.block_on(crate::support::balancer::shakes(
            g.w.practice.pki(),
            from,
            at,
            header,
        ));
        assert_eq!(shaken, want, "{from} {header:?}");
    }
}
