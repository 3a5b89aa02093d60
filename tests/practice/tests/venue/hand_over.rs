//! A colleague takes an RFQ over, the whole way: two desks made by hand, the gateway with a firm's
//! policies, and a dealer that remembers whatever reached it.
#![cfg(unix)]

use crate::support::{
    BUND, World,
    raw::{Raw, in_ms, now},
    watcher::{Heard, Place, WATCHER, field},
};
use signet_fix::tagvalue::format_utc;
use signet_gateway::{admin::signed_export, signed::read::Wanted};

/// ALICE and BOB are colleagues, CAROL is of another group, DAVE of theirs too but may ask nobody.
const FACTS: &str = "reporting_currency = 'EUR'\n[groups]\nbonds = ['ALICE', 'BOB', 'DAVE']\n\
    rates = ['CAROL', 'ERIN']\n[panels]\nours = ['WATCHER']\n";

const POLICIES: &str = r#"
@id("bonds") permit (principal in Group::"bonds", action in [Action::"see", Action::"request", Action::"accept"], resource in Panel::"ours")
unless { principal == Trader::"DAVE" };
@id("rates") permit (principal in Group::"rates", action in [Action::"see", Action::"request", Action::"accept"], resource in Panel::"ours");
@id("colleagues") permit (principal, action in [Action::"see-rfqs", Action::"take-over"], resource);
"#;

struct Venue {
    w: World,
    heard: Heard,
}

fn venue(policies: &str) -> Venue {
    let place = Place::new();
    let (address, policies) = (place.address(), policies.to_owned());
    let w = World::start_with(move |p| {
        p.desks.extend(["ALICE", "BOB", "CAROL", "DAVE"].map(String::from));
        p.other_dealers = vec![(WATCHER.into(), address)];
        (p.policies, p.facts) = (policies, FACTS.into());
    });
    let heard = place.serve(&w.runtime, w.practice.pki(), "100");
    Venue { w, heard }
}

impl Venue {
    async fn desk(&self, name: &str, seq: u64) -> Raw {
        self.desk_that_knows(name, seq, "20136=least-quantity|").await
    }

    async fn desk_that_knows(&self, name: &str, seq: u64, what: &str) -> Raw {
        let mut raw =
            Raw::desk(self.w.practice.address().unwrap(), self.w.practice.pki(), name).await;
        raw.seq = seq;
        raw.log_on_with(what).await;
        raw
    }
}

fn request(id: &str) -> String {
    let (sent, expires) = (now(), format_utc(in_ms(60_000)));
    format!(
        "35=R|131={id}|146=1|55={BUND}|48={BUND}|22=4|303=1|537=1|54=1|38=1000000|64=20991231|15=EUR|126={expires}|60={sent}|423=1|453=1|448={WATCHER}|447=D|452=35|"
    )
}

fn accept(rfq: &str, id: &str, quote: &str) -> String {
    let (sent, deadline) = (now(), format_utc(in_ms(2_000)));
    format!(
        "35=AJ|693={id}|131={rfq}|117={quote}|694=1|11={id}|453=1|448={WATCHER}|447=D|452=35|55={BUND}|48={BUND}|22=4|54=1|38=1000000|62={deadline}|60={sent}|44=100|"
    )
}

fn take(mine: &str, desk: &str, of: &str) -> String {
    format!("35=UH|131={mine}|20171={desk}|20172={of}|60={}|", now())
}

async fn list(raw: &mut Raw) -> Vec<String> {
    let from = raw.heard.len();
    raw.says(&format!("35=UG|60={}|", now())).await;
    raw.hears(&["35=UI|", "20170=3|"]).await;
    raw.heard[from..].iter().filter(|f| f.contains("|20170=2|")).cloned().collect()
}

/// ALICE is on with R1, which the watcher quotes.
async fn asked(v: &Venue) -> (Raw, String) {
    let mut alice = v.desk("ALICE", 1).await;
    while !alice.heard.iter().any(|f| f.contains("|20004=WATCHER|20005=WATCHER|20006=Y|")) {
        alice.hears(&["35=U1|"]).await;
    }
    alice.says(&request("R1")).await;
    let quote = alice.hears(&["35=S|", "131=R1|"]).await;
    (alice, field(&quote, "117").to_owned())
}

#[test]
fn a_colleague_sees_takes_over_and_accepts_and_the_first_desk_cannot_any_longer() {
    let v = venue(POLICIES);
    v.w.runtime.block_on(async {
        let (mut alice, quote) = asked(&v).await;
        let mut bob = v.desk("BOB", 1).await;
        let rows = list(&mut bob).await;
        let [row] = &rows[..] else { panic!("{rows:#?}") };
        for part in ["20171=ALICE|", "131=R1|", "38=1000000|", "448=WATCHER|", "20174=1|"] {
            assert!(row.contains(&format!("|{part}")), "{part} in {row}");
        }
        assert!(!row.contains("|132=") && !row.contains("|133="), "no price: {row}");
        assert!(list(&mut alice).await.is_empty(), "one's own is not a colleague's");
        bob.says(&take("B1", "ALICE", "R1")).await;
        let yours = bob.hears(&["35=UJ|", "131=B1|", "20176=1|", "20171=ALICE|"]).await;
        let asked = v.heard.requests();
        assert_eq!(field(&yours, "58"), field(&asked[0], "131"), "as its dealers know it");
        assert!(yours.contains("|93=88|"), "signed by the gateway: {yours}");
        bob.hears(&["35=U2|", "20020=2|", "131=B1|"]).await;
        bob.hears(&["35=S|", "131=B1|", &format!("117={quote}|")]).await;
        alice.hears(&["35=UJ|", "131=R1|", "20176=2|", "20171=BOB|", "20173=BOB|"]).await;
        // The one that had it.
        alice.says(&accept("R1", "R1:1", &quote)).await;
        let refused = alice.hears(&["35=8|", "11=R1:1|", "150=8|"]).await;
        assert!(field(&refused, "58").contains("BOB has taken this RFQ over"), "{refused}");
        // The one that has it signs the accept.
        bob.says(&accept("B1", "B1:1", &quote)).await;
        bob.hears(&["35=8|", "11=B1:1|", "39=2|"]).await;
        assert_eq!(v.heard.business(), ["R #1", "AJ #1:~1"]);
    });
    // Who asked, the hand-over and who accepted are in the evidence, each signed.
    let mut out = Vec::new();
    let config = v.w.practice.gateway_config();
    assert_eq!(signed_export(config, &Wanted::default(), &mut out).unwrap().bad, 0);
    let kept: Vec<String> = String::from_utf8(out)
        .unwrap()
        .lines()
        .filter_map(|l| {
            let l: serde_json::Value = serde_json::from_str(l).unwrap();
            let text = l["text"].as_str()?.replace('\u{2401}', "|");
            let kind = field(&text, "35").to_owned();
            let who = l["id"].as_str()?;
            ["R", "UH", "AJ"].contains(&kind.as_str()).then(|| format!("{who} {kind}"))
        })
        .collect();
    assert_eq!(kept, ["ALICE R", "BOB UH", "ALICE AJ", "BOB AJ"]);
}

#[test]
fn the_least_quantity_reaches_the_dealer_and_goes_with_the_request() {
    let v = venue(POLICIES);
    let least = "|15=EUR|232=1|233=MINQTY|234=400000|";
    v.w.runtime.block_on(async {
        let mut alice = v.desk("ALICE", 1).await;
        while !alice.heard.iter().any(|f| f.contains("|20004=WATCHER|20005=WATCHER|20006=Y|")) {
            alice.hears(&["35=U1|"]).await;
        }
        let with = |id: &str, least: &str| request(id).replace("|15=EUR|", least);
        let more = least.replace("400000", "1000001");
        alice.says(&with("R0", &more)).await;
        let refused = alice.hears(&["35=AG|", "131=R0|"]).await;
        assert!(field(&refused, "58").contains("is more than the quantity"), "{refused}");
        // What the gateway does not understand, it passes on to nobody.
        alice.says(&with("R9", &least.replace("MINQTY", "PIECES"))).await;
        alice.hears(&["35=3|", "371=233|"]).await;
        alice.says(&with("R1", least)).await;
        alice.hears(&["35=S|", "131=R1|"]).await;
        let mut bob = v.desk("BOB", 1).await;
        let rows = list(&mut bob).await;
        assert!(rows.len() == 1 && rows[0].contains(least), "{rows:#?}");
        bob.says(&take("B1", "ALICE", "R1")).await;
        let told = bob.hears(&["35=U2|", "20020=2|", "131=B1|"]).await;
        assert!(told.contains(least), "{told}");
    });
    let asked = v.heard.requests();
    assert!(asked.len() == 1 && asked[0].contains(least), "{asked:#?}");
}

/// A desk of the version before, whose dictionary has no 232 in U2 and UI, at this gateway.
#[test]
fn an_older_desk_is_sent_nothing_that_it_does_not_know() {
    let v = venue(POLICIES);
    v.w.runtime.block_on(async {
        let (mut alice, quote) = asked(&v).await;
        let least = "|15=EUR|232=1|233=MINQTY|234=400000|";
        alice.says(&request("R2").replace("|15=EUR|", least)).await;
        alice.hears(&["35=S|", "131=R2|"]).await;
        // A colleague's that it cannot show is none of the list, and is not taken over by its id.
        for (seq, what) in [(1, ""), (101, "20134=0.0.9|20135=linux/x86_64|20136=other|")] {
            let mut bob = v.desk_that_knows("BOB", seq, what).await;
            let rows = list(&mut bob).await;
            assert!(rows.len() == 1 && rows[0].contains("|131=R1|"), "{rows:#?}");
            bob.says(&take(&format!("B{seq}"), "ALICE", "R2")).await;
            let no = bob.hears(&["35=UJ|", &format!("131=B{seq}|"), "20176=3|"]).await;
            assert_eq!(field(&no, "20104"), "takeover.desk_too_old", "{no}");
            assert!(bob.heard.iter().all(|f| !f.contains("|232=")), "{:#?}", bob.heard);
        }
        // What has nothing newer goes on as ever.
        let mut bob = v.desk_that_knows("BOB", 201, "").await;
        bob.says(&take("B9", "ALICE", "R1")).await;
        bob.hears(&["35=UJ|", "131=B9|", "20176=1|"]).await;
        bob.hears(&["35=S|", "131=B9|", &format!("117={quote}|")]).await;
        // Its own request is on its screen, where it can be ended.
        let seq = alice.seq;
        drop(alice);
        let mut alice = v.desk_that_knows("ALICE", seq, "").await;
        let own = alice.hears(&["35=U2|", "20020=2|", "131=R2|"]).await;
        assert!(own.contains("|15=EUR|126="), "{own}");
        alice.hears(&["35=S|", "131=R2|"]).await;
        assert!(alice.heard.iter().all(|f| !f.contains("|232=")), "{:#?}", alice.heard);
    });
}

#[test]
fn nobody_of_another_group_sees_or_takes_and_guessing_tells_nothing() {
    let v = venue(POLICIES);
    v.w.runtime.block_on(async {
        let (mut alice, quote) = asked(&v).await;
        let mut carol = v.desk("CAROL", 1).await;
        assert!(list(&mut carol).await.is_empty());
        let mut answers = Vec::new();
        for (n, (desk, of)) in [
            ("ALICE", "R1"),
            ("ALICE", "R2"),
            ("ALICE", "ALICE.R1"),
            ("NOBODY", "R1"),
            ("BOB", "R1"),
            ("ERIN", "R1"),
        ]
        .into_iter()
        .enumerate()
        {
            carol.says(&take(&format!("C{n}"), desk, of)).await;
            let no = carol.hears(&["35=UJ|", &format!("131=C{n}|"), "20176=3|"]).await;
            answers.push((field(&no, "20104").to_owned(), field(&no, "58").to_owned()));
        }
        assert_eq!(answers[0].0, "takeover.not_found");
        assert!(answers.iter().all(|a| *a == answers[0]), "{answers:#?}");
        // In her name, or as the dealer knows it, she cannot trade in it either.
        for rfq in ["R1", "ALICE.R1", "C0"] {
            carol.says(&accept(rfq, &format!("{rfq}:1"), &quote)).await;
            carol.hears(&["35=8|", &format!("11={rfq}:1|"), "150=8|"]).await;
        }
        // A colleague who may not ask its dealer does not see the dealer, and does not take it.
        let mut dave = v.desk("DAVE", 1).await;
        let rows = list(&mut dave).await;
        assert!(rows[0].contains("dealer that you do not see"), "{rows:#?}");
        assert!(!rows[0].contains("|448="), "{rows:#?}");
        dave.says(&take("D1", "ALICE", "R1")).await;
        let no = dave.hears(&["35=UJ|", "131=D1|", "20176=3|"]).await;
        assert_eq!(field(&no, "20104"), "entitle.not_permitted", "{no}");
        // It is hers still.
        alice.says(&accept("R1", "R1:1", &quote)).await;
        alice.hears(&["35=8|", "11=R1:1|", "39=2|"]).await;
        assert_eq!(v.heard.business(), ["R #1", "AJ #1:~1"]);
    });
}

#[test]
fn without_a_policy_there_is_no_list_and_a_touch_can_be_demanded() {
    let none =
        POLICIES.lines().filter(|l| !l.contains("colleagues")).collect::<Vec<_>>().join("\n");
    let v = venue(&none);
    v.w.runtime.block_on(async {
        let (_alice, _) = asked(&v).await;
        let mut bob = v.desk("BOB", 1).await;
        assert!(list(&mut bob).await.is_empty());
        bob.says(&take("B1", "ALICE", "R1")).await;
        let no = bob.hears(&["35=UJ|", "20176=3|"]).await;
        assert_eq!(field(&no, "20104"), "takeover.not_found");
    });
    // One venue at a time.
    drop(v);
    let touch = format!(
        "{POLICIES}@id(\"touch\") forbid (principal, action == Action::\"take-over\", resource) \
            unless {{ context.touched }};"
    );
    let v = venue(&touch);
    v.w.runtime.block_on(async {
        let (_alice, _) = asked(&v).await;
        let mut bob = v.desk("BOB", 1).await;
        bob.says(&take("B1", "ALICE", "R1")).await;
        let no = bob.hears(&["35=UJ|", "20176=3|"]).await;
        // This gateway has no security keys to ask for.
        assert_eq!(field(&no, "20104"), "entitle.no_step_up", "{no}");
    });
}

#[test]
fn a_desk_that_was_off_and_a_gateway_that_was_killed_agree_on_who_has_it() {
    let mut v = venue(POLICIES);
    let (quote, alice_seq, bob_seq) = v.w.runtime.block_on(async {
        let (alice, quote) = asked(&v).await;
        // Her laptop is gone.
        let alice_seq = alice.seq;
        drop(alice);
        let mut bob = v.desk("BOB", 1).await;
        bob.says(&take("B1", "ALICE", "R1")).await;
        bob.hears(&["35=UJ|", "131=B1|", "20176=1|"]).await;
        (quote, alice_seq, bob.seq)
    });
    v.w.practice.restart_gateway().unwrap();
    v.w.runtime.block_on(async {
        let mut bob = v.desk("BOB", bob_seq).await;
        bob.hears(&["35=UJ|", "131=B1|", "20176=1|", "20171=ALICE|"]).await;
        bob.hears(&["35=U2|", "20020=2|", "131=B1|"]).await;
        bob.hears(&["35=U2|", "20020=3|"]).await;
        let mut alice = v.desk("ALICE", alice_seq).await;
        alice.hears(&["35=UJ|", "131=R1|", "20176=2|", "20171=BOB|"]).await;
        alice.hears(&["35=U2|", "20020=3|"]).await;
        assert!(!alice.heard.iter().any(|f| f.contains("|20020=2|")), "{:#?}", alice.heard);
        alice.says(&accept("R1", "R1:1", &quote)).await;
        let refused = alice.hears(&["35=8|", "11=R1:1|", "150=8|"]).await;
        assert!(field(&refused, "58").contains("BOB has taken this RFQ over"), "{refused}");
        // And the gateway tells no dealer of hers.
        assert_eq!(v.heard.business(), ["R #1"]);
        // He ends it: it is his.
        bob.says("35=U3|131=B1|").await;
        bob.hears(&["35=AI|", "131=B1|", "297=1|"]).await;
    });
}
