//! Entitlements, the whole way: a desk, the gateway with a firm's policies, and a dealer that
//! remembers whatever reached it.

// The registry in some of it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

use crate::support::{
    BUND, World,
    person::{NORTH, Person},
    raw::{Raw, in_ms, now},
    watcher::{Heard, Place, WATCHER, field},
};
use rust_decimal::Decimal;
use signet_dealer::Force;
use signet_desk_core::view::{AcceptState, RfqState};
use signet_fix::tagvalue::format_utc;
use signet_gateway::admin;
use signet_policy::entitle::Documents;
use std::{fs, time::Duration};

const FACTS: &str = "reporting_currency = 'EUR'\n[rates]\nGBP = '1.2'\nUSD = '0.95'\n[groups]\ndesk = ['ALICE', 'alice', 'CAROL']\n\
    juniors = ['CAROL']\n[panels]\nours = ['WATCHER', 'NORTHBANK']\n";

const POLICIES: &str = r#"
@id("desk") permit (principal in Group::"desk", action in [Action::"see", Action::"request", Action::"accept"], resource in Panel::"ours");
@id("per-rfq") @words("Up to 5,000,000 at a time.") @cure("Ask for less.")
forbid (principal, action in Action::"trade", resource) when { context.notional > 5000000 };
@id("buy-only") @words("This desk buys.")
forbid (principal, action in Action::"trade", resource) when { context.side != Side::"buy" };
@id("day-limit") @words("Up to 9,000,000 a day.")
forbid (principal, action in Action::"trade", resource) when { context.dayNotional > 9000000 };
@id("open-limit") @words("Up to 8,000,000 open at once.")
forbid (principal, action == Action::"request", resource) when { context.outstanding > 8000000 };
@id("touch-large") @words("Above 4,000,000 a touch is wanted.")
forbid (principal, action == Action::"accept", resource) when { context.notional > 4000000 } unless { context.touched };
@id("off-market") @words("Another dealer is clearly better.")
forbid (principal, action == Action::"accept", resource) when { context has offMarketBps && context.offMarketBps > 50 };
@id("juniors-new-dealer") @words("Juniors do not begin with new dealers.")
forbid (principal in Group::"juniors", action == Action::"accept", resource) when { context.newDealer };
"#;

struct Venue {
    w: World,
    heard: Heard,
}

/// Without a registry: desks are who their certificates say.
fn venue(policies: &str) -> Venue {
    venue_with(policies, FACTS.into())
}

fn venue_with(policies: &str, facts: String) -> Venue {
    let place = Place::new();
    let address = place.address();
    let policies = policies.to_owned();
    let w = World::start_with(move |p| {
        p.desks.extend(["ALICE", "BOB", "CAROL"].map(String::from));
        p.other_dealers = vec![(WATCHER.into(), address)];
        (p.policies, p.facts) = (policies, facts);
    });
    let heard = place.serve(&w.runtime, w.practice.pki(), "100");
    Venue { w, heard }
}

impl Venue {
    async fn desk(&self, name: &str) -> Raw {
        self.desk_from(name, 1).await
    }

    /// Logged on, and the watcher is on too.
    async fn desk_from(&self, name: &str, seq: u64) -> Raw {
        let mut raw =
            Raw::desk(self.w.practice.address().unwrap(), self.w.practice.pki(), name).await;
        raw.seq = seq;
        raw.log_on().await;
        raw
    }

    fn policies(&self, text: &str) {
        // In place at once, as the manual says.
        let path = &self.w.practice.gateway_config().entitlements.policies;
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }
}

/// A request for WATCHER and perhaps another dealer.
fn request(
    id: &str,
    instrument: (&str, &str),
    side: u8,
    quantity: &str,
    dealers: &[&str],
) -> String {
    let (sent, expires) = (now(), format_utc(in_ms(60_000)));
    let parties: String = dealers.iter().map(|d| format!("448={d}|447=D|452=35|")).collect();
    let (instrument, currency) = instrument;
    let isin =
        if instrument.contains('/') { String::new() } else { format!("48={instrument}|22=4|") };
    let n = dealers.len();
    format!(
        "35=R|131={id}|146=1|55={instrument}|{isin}303=1|537=1|54={side}|38={quantity}|64=20991231|15={currency}|126={expires}|60={sent}|423=1|453={n}|{parties}"
    )
}

fn bund(id: &str, quantity: &str) -> String {
    request(id, (BUND, "EUR"), 1, quantity, &[WATCHER])
}

fn accept(id: &str, quote: &str, quantity: &str, price: &str) -> String {
    let (sent, deadline) = (now(), format_utc(in_ms(2_000)));
    format!(
        "35=AJ|693={id}|117={quote}|694=1|11={id}|453=1|448={WATCHER}|447=D|452=35|55={BUND}|48={BUND}|22=4|54=1|38={quantity}|62={deadline}|60={sent}|44={price}|"
    )
}

/// The watcher has to be on before anything is asked of it.
async fn until_watched(raw: &mut Raw) {
    until_on(raw, "|20004=WATCHER|20005=WATCHER|20006=Y|").await;
}

async fn until_on(raw: &mut Raw, dealer: &str) {
    while !raw.heard.iter().any(|f| f.contains(dealer)) {
        raw.hears(&["35=U1|"]).await;
    }
}

#[test]
fn what_no_policy_allows_reaches_no_dealer_and_says_why() {
    let v = venue(POLICIES);
    v.w.runtime.block_on(async {
        let mut alice = v.desk("ALICE").await;
        until_watched(&mut alice).await;
        for (id, body, code, words) in [
            (
                "X1",
                bund("X1", "5001000"),
                "entitle.forbidden, policy per-rfq",
                "Up to 5,000,000 at a time. Ask for less.",
            ),
            (
                "X2",
                request("X2", (BUND, "EUR"), 2, "1000000", &[WATCHER]),
                "entitle.forbidden, policy buy-only",
                "This desk buys.",
            ),
            (
                "X3",
                request("X3", (BUND, "EUR"), 1, "1000000", &["HARBOUR"]),
                "entitle.not_permitted",
                "(HARBOUR)",
            ),
            // One dealer who is not allowed refuses the whole request, and is named.
            (
                "X4",
                request("X4", (BUND, "EUR"), 1, "1000000", &[WATCHER, "HARBOUR"]),
                "entitle.not_permitted",
                "not sent to any dealer (HARBOUR)",
            ),
            (
                "X5",
                request("X5", ("AUD/USD", "AUD"), 1, "1000000", &[WATCHER]),
                "entitle.no_rate",
                "AUD",
            ),
        ] {
            alice.says(&body).await;
            let refusal = alice.hears(&["35=AG|", &format!("131={id}|")]).await;
            assert_eq!(field(&refusal, "658"), "6", "{refusal}");
            assert!(
                field(&refusal, "58").contains(code) && field(&refusal, "58").contains(words),
                "{refusal}"
            );
        }
        // Somebody in no group.
        let mut bob = v.desk("BOB").await;
        bob.says(&bund("B1", "100000")).await;
        let refusal = bob.hears(&["35=AG|", "131=B1|"]).await;
        assert!(
            field(&refusal, "58").contains("No policy of the firm permits it.")
                && field(&refusal, "58").contains("[entitle.not_permitted]")
        );
        // What is open counts: 5m are, 3.1m more are not to be.
        alice.says(&bund("R1", "5000000")).await;
        let quote = alice.hears(&["35=S|", "131=R1|"]).await;
        alice.says(&bund("X6", "3100000")).await;
        let refusal = alice.hears(&["35=AG|", "131=X6|"]).await;
        assert!(field(&refusal, "58").contains("policy open-limit"), "{refusal}");
        // A touch that this gateway cannot ask for.
        alice.says(&accept("A1", field(&quote, "117"), "5000000", "100")).await;
        let refusal = alice.hears(&["35=8|", "11=A1|", "150=8|", "39=8|"]).await;
        for part in ["Above 4,000,000 a touch is wanted.", "entitle.no_step_up, policy touch-large"]
        {
            assert!(field(&refusal, "58").contains(part), "{refusal}");
        }
        // A refused accept never was: the RFQ is open still, and the id unknown.
        let asks = format!("35=H|11=A1|55={BUND}|54=1|60={}|", format_utc(in_ms(0)));
        alice.says(&asks).await;
        assert!(alice.hears(&["35=8|", "11=A1|", "150=I|"]).await.contains("|39=8|"));
        assert_eq!(v.heard.business(), ["R #1"]);
    });
}

#[test]
fn a_price_that_the_others_beat_is_refused_by_policy_and_one_absurd_quote_forbids_nothing() {
    let v = venue_with(POLICIES, FACTS.replace("'NORTHBANK']", "'NORTHBANK', 'MERIDIAN']"));
    let exactly = |offer: &str| Force::QuoteExactly {
        bid: None,
        offer: Some(offer.parse::<Decimal>().unwrap()),
        size: 5_000_000.into(),
        valid_ms: 30_000,
    };
    let mut alice = v.w.runtime.block_on(async {
        let mut alice = v.desk("ALICE").await;
        until_watched(&mut alice).await;
        until_on(&mut alice, "|20004=NORTHBANK|20005=Northbank|20006=Y|").await;
        until_on(&mut alice, "|20004=MERIDIAN|20005=Meridian Markets|20006=Y|").await;
        alice
    });
    for (rfq, north, meridian, refused) in
        [("R1", "99", "99.1", true), ("R2", "100", "0.01", false)]
    {
        v.w.force(NORTH, exactly(north));
        v.w.force("MERIDIAN", exactly(meridian));
        v.w.runtime.block_on(async {
            alice
                .says(&request(rfq, (BUND, "EUR"), 1, "1000000", &[WATCHER, NORTH, "MERIDIAN"]))
                .await;
            let mut quotes = Vec::new();
            while quotes.len() < 3 {
                quotes.push(alice.hears(&["35=S|", &format!("131={rfq}|")]).await);
            }
            let watcher = quotes.iter().find(|q| q.contains(WATCHER)).unwrap();
            let id = format!("A-{rfq}");
            alice.says(&accept(&id, field(watcher, "117"), "1000000", "100")).await;
            let answer = alice.hears(&["35=8|", &format!("11={id}|")]).await;
            assert_eq!(field(&answer, "39") == "8", refused, "{answer}");
            assert_eq!(answer.contains("policy off-market"), refused, "{answer}");
        });
    }
}

#[test]
fn the_day_is_used_up_by_fills_and_a_restart_gives_nothing_back() {
    let mut v = venue(POLICIES);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let over = |refusal: &str| {
        assert!(field(refusal, "58").contains("entitle.forbidden, policy day-limit"), "{refusal}")
    };
    let seq = runtime.block_on(async {
        let mut alice = v.desk("ALICE").await;
        until_watched(&mut alice).await;
        for n in 1..=3 {
            alice.says(&bund(&format!("R{n}"), "3000000")).await;
            let quote = alice.hears(&["35=S|", &format!("131=R{n}|")]).await;
            alice.says(&accept(&format!("A{n}"), field(&quote, "117"), "3000000", "100")).await;
            alice.hears(&["35=8|", &format!("11=A{n}|"), "150=F|"]).await;
        }
        alice.says(&bund("R4", "100000")).await;
        over(&alice.hears(&["35=AG|", "131=R4|"]).await);
        alice.seq
    });
    let business = v.heard.business();
    assert_eq!(business.len(), 6, "{business:?}");
    v.w.practice.restart_gateway().unwrap();
    runtime.block_on(async {
        let mut alice = v.desk_from("ALICE", seq).await;
        alice.says(&bund("R5", "100000")).await;
        over(&alice.hears(&["35=AG|", "131=R5|"]).await);
        // Another trader's day is their own; for a junior the dealer is new, and a refusal does not
        // change that.
        let mut carol = v.desk("CAROL").await;
        until_watched(&mut carol).await;
        for n in 1..=2 {
            carol.says(&bund(&format!("R{n}"), "100000")).await;
            let quote = carol.hears(&["35=S|", &format!("131=R{n}|")]).await;
            carol.says(&accept(&format!("A{n}"), field(&quote, "117"), "100000", "100")).await;
            let refusal = carol.hears(&["35=8|", &format!("11=A{n}|"), "39=8|"]).await;
            assert!(field(&refusal, "58").contains("policy juniors-new-dealer"), "{refusal}");
        }
    });
    // CAROL's requests, and nothing else.
    assert_eq!(v.heard.business()[business.len()..], ["R #4", "R #5"]);
}

/// Dealers a venue state names.
fn shown(state: &str) -> Vec<&str> {
    ["WATCHER", "NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"]
        .into_iter()
        .filter(|d| state.contains(&format!("={d}|")))
        .collect()
}

#[test]
fn policies_change_while_it_runs_and_broken_ones_change_nothing() {
    let v = venue(POLICIES);
    v.w.runtime.block_on(async {
        let mut alice = v.desk("ALICE").await;
        let state = alice.hears(&["35=U1|"]).await;
        assert_eq!(shown(&state), ["WATCHER", "NORTHBANK"], "{state}");
        until_watched(&mut alice).await;
        // Wider: HARBOUR is seen as soon as it is in force.
        let wider = POLICIES.replace("resource in Panel::\"ours\"", "resource");
        v.policies(&wider);
        let all = loop {
            let state = alice.hears(&["35=U1|"]).await;
            if shown(&state).len() == 5 {
                break state;
            }
        };
        assert!(all.contains("HARBOUR"));
        // Broken: the last good ones stay. Then good and narrow: that it takes hold shows that the
        // broken one was seen.
        v.policies(&wider.replace("Group::\"desk\"", "Group::\"dseks\""));
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        alice.says(&request("R1", (BUND, "EUR"), 1, "100000", &["HARBOUR"])).await;
        alice.hears(&["35=AI|", "131=R1|", "297=0|"]).await;
        v.policies(&POLICIES.replace("context.notional > 5000000", "context.notional > 50000"));
        while shown(&alice.hears(&["35=U1|"]).await).len() == 5 {}
        alice.says(&bund("X1", "100000")).await;
        let refusal = alice.hears(&["35=AG|", "131=X1|"]).await;
        assert!(field(&refusal, "58").contains("policy per-rfq"), "{refusal}");
        assert_eq!(v.heard.business(), Vec::<String>::new());
    });
}

// ----- with a registry and security keys -----

const LIMITS: &str = r#"
@id("all") permit (principal in Group::"desk", action in [Action::"see", Action::"request", Action::"accept"], resource);
@id("touch-large") @words("Above 1,000,000 the risk officer wants a touch.")
forbid (principal, action == Action::"accept", resource) when { context.notional > 1000000 } unless { context.touched };
@id("four-eyes") @words("Above 4,000,000 the risk officer wants two people.")
forbid (principal, action == Action::"accept", resource) when { context.notional > 4000000 } unless { context.secondPerson };
@id("hard") @words("Nobody trades more than 8,000,000.")
forbid (principal, action in Action::"trade", resource) when { context.notional > 8000000 };
"#;

fn keyed(when: &str) -> World {
    let when = when.to_owned();
    World::start_with(move |p| {
        p.enrolment = true;
        p.step_up = Some(when);
        p.desks.clear();
        (p.policies, p.facts) =
            (LIMITS.into(), "reporting_currency = 'EUR'\n[groups]\ndesk = ['alice', 'bob']".into());
    })
}

fn quotes(w: &World, size: i64) {
    let offer: Decimal = "99.125".parse().unwrap();
    w.force(
        NORTH,
        Force::QuoteExactly { bid: None, offer: Some(offer), size: size.into(), valid_ms: 30_000 },
    );
}

#[test]
fn a_policy_asks_for_the_touch_and_for_the_second_person() {
    let w = keyed(
        "logon = 'never'\n[when.second_person]\nrequest_above = { default = '1bn' }\naccept_above \
            = { default = '1bn' }\napprovers = ['BOB1']",
    );
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let mut bob = Person::new(&w, "bob", "BOB1");
    quotes(&w, 500_000);
    let small = alice.accept("500k");
    alice.outcome(&small, AcceptState::Filled);
    quotes(&w, 2_000_000);
    let rfq = alice.accept("2m");
    let open = alice.phase(signet_desk_core::view::StepUpPhase::Pin);
    assert!(
        format!("{open:?}").contains("Above 1,000,000 the risk officer wants a touch."),
        "{open:?}"
    );
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    alice.closed();
    quotes(&w, 5_000_000);
    let rfq = alice.accept("5m");
    alice.approve();
    let asked = bob.phase(signet_desk_core::view::StepUpPhase::Ready);
    assert!(
        format!("{asked:?}").contains("Above 4,000,000 the risk officer wants two people."),
        "{asked:?}"
    );
    bob.desk.begin_step_up(&asked.id).unwrap();
    bob.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    // A first trade with a dealer is remembered for longer than the journal does.
    w.eventually("the first trade is written down", || {
        let events = w.runtime.block_on(admin::events(w.practice.gateway_config(), 200)).unwrap();
        events.lines().any(|l| l.contains("trade.first") && l.contains("ALICE1"))
    });
    // What nobody may approve costs nobody a touch.
    let too_much = alice.ask("9m");
    alice.until("refused", |s| {
        s.rfqs.iter().any(|r| r.id == too_much && r.state == RfqState::Refused)
    });
    let problem = alice.s.rfq(&too_much).problem.clone().unwrap();
    assert!(problem.message.contains("Nobody trades more than 8,000,000."), "{problem:?}");
    assert!(!problem.cure.contains("Choose dealers"), "the cure is of this refusal: {problem:?}");
    // It is on record: who, which policy, which documents.
    let digest = Documents {
        policies: LIMITS,
        facts: &fs::read_to_string(&w.practice.gateway_config().entitlements.facts).unwrap(),
    }
    .digest();
    let mut events = String::new();
    w.eventually("the event is written", || {
        events = w.runtime.block_on(admin::events(w.practice.gateway_config(), 200)).unwrap();
        events.contains("entitle.denied")
    });
    let line = events.lines().find(|l| l.contains("entitle.denied")).unwrap();
    for part in ["alice", "hard", "entitle.forbidden", NORTH, digest.as_str()] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn limits_that_shrink_while_a_touch_is_awaited_hold() {
    let w = keyed("logon = 'never'");
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let path = w.practice.gateway_config().entitlements.policies.clone();
    // Broken ones are refused as a whole, and said to be; the last good ones decide.
    fs::write(&path, LIMITS.replace("Group::\"desk\"", "Group::\"dseks\"")).unwrap();
    let events = || w.runtime.block_on(admin::events(w.practice.gateway_config(), 200)).unwrap();
    w.eventually("the broken policies are refused", || events().contains("entitle.refused"));
    assert!(
        events().lines().any(|l| l.contains("entitle.refused") && l.contains("dseks")),
        "{}",
        events()
    );
    quotes(&w, 500_000);
    let small = alice.accept("500k");
    alice.outcome(&small, AcceptState::Filled);
    quotes(&w, 2_000_000);
    let rfq = alice.accept("2m");
    alice.phase(signet_desk_core::view::StepUpPhase::Pin);
    fs::write(
        &path,
        LIMITS
            .replace("context.notional > 8000000", "context.notional > 1500000")
            .replace("8,000,000", "1,500,000"),
    )
    .unwrap();
    w.eventually("the new policies are in force", || events().contains("entitle.changed"));
    alice.approve();
    let declined = alice.outcome(&rfq, AcceptState::Declined);
    assert!(
        declined.text.contains("Nobody trades more than 1,500,000.")
            && declined.text.contains("policy hard"),
        "{}",
        declined.text
    );
    // Without anybody who could be a second person, four eyes are a refusal of their own.
    fs::write(&path, LIMITS).unwrap();
    w.eventually("the old policies are in force again", || {
        events().matches("entitle.changed").count() == 2
    });
    quotes(&w, 5_000_000);
    let rfq = alice.accept("5m");
    let declined = alice.outcome(&rfq, AcceptState::Declined);
    assert!(
        declined.text.contains("entitle.no_second_person") && declined.text.contains("four-eyes"),
        "{}",
        declined.text
    );
}
