//! Login to the console with a security key: by the book, and everything else.

use crate::{
    console_support::{
        Browser, CONSOLE, HOST, MODEL, good, invite, json_of, refused, started, started_with,
    },
    support::{Desk, World, runtime},
};
use serde_json::{Value, json};
use signet_softkey::{Maker, Quirk, challenge_of};

#[test]
fn a_key_is_registered_with_a_code_and_logs_in() {
    let w = started();
    let code = invite(&w, "ada");
    let mut ada = Browser::new(&w, "ada");
    refused(&ada.register("00000-00000-00000-00000-00000-00"), 403, "console.code_refused");
    let answer = ada.register(&code);
    let me = good(&answer);
    assert_eq!((me["name"].as_str(), me["idle_s"].as_u64()), (Some("ada"), Some(900)));
    assert_eq!(me["may"], json!({ "read": true, "lock": true, "sessions": true, "policy": true }));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-signet-console="), "{cookie}");
    for part in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|p| p == part), "{part} {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(good(&ada.get("me"))["csrf"], me["csrf"]);
    refused(&ada.register(&code), 403, "console.code_refused");

    // Logged out, the cookie is worth nothing.
    let out = ada.post("logout", &json!({}));
    assert_eq!(out.status, 200, "{}", out.body);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    refused(&ada.get("me"), 401, "console.session_over");
    refused(&ada.post("logout", &json!({})), 401, "console.session_over");

    good(&ada.log_in("ada"));
    good(&ada.get("me"));
    assert!(w.cli(&["console", "keys"]).contains("\"blue key\" (any model): active"));
    w.eventually("events", || {
        let events = w.events();
        ["console.invited", "console.key_added", "console.logon", "console.ended"]
            .iter()
            .all(|c| events.contains(c))
            && events.lines().any(|l| {
                l.contains("console.logon") && l.contains("admin ada from 127.0.0.1 with key ")
            })
    });
}

#[test]
fn every_question_is_answered() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    let ada = Browser::registered(&w, "ada");
    runtime().block_on(async {
        let _desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let all = good(&ada.get("sessions"));
        let s = &all["sessions"][0];
        assert_eq!((s["user"].as_str(), s["transport"].as_str()), (Some("alice"), Some("fixs")));
        assert_eq!((s["country"].as_str(), s["level"].as_str()), (Some("GB"), Some("low")));
        assert_eq!(s["certificate"]["serial"], w.serial("laptop"));
        assert!(s["certificate"]["until"].as_str().is_some_and(|u| u.starts_with("20")), "{s}");
        assert!(s["factors"].as_array().is_some_and(|f| !f.is_empty()), "{s}");
        assert_eq!((&s["open_rfqs"], &all["more"]), (&json!(0), &json!(false)));
    });
    let status = good(&ada.get("overview"));
    assert_eq!((&status["name"], &status["trading"]), (&json!("Example Bank RFQ"), &json!(true)));
    for (name, member) in [
        ("rfqs", "rfqs"),
        ("alerts?after=0", "alerts"),
        ("locks", "locks"),
        ("dealers", "dealers"),
        ("policies", "in_force"),
        ("policies/history", "versions"),
        ("evidence?user=ada", "found"),
        ("evidence?rfq=R1", "found"),
        ("evidence?code=console.*&from=2020-01-01T00:00:00Z", "found"),
    ] {
        let v = good(&ada.get(name));
        assert!(v[member].is_array(), "{name} {v}");
    }
    let dealers = good(&ada.get("dealers"));
    let bank = &dealers["dealers"][0];
    assert_eq!(
        (&bank["on"], &bank["cut"], &bank["asked"]),
        (&json!(false), &json!(false), &json!(0))
    );
    let policies = good(&ada.get("policies"));
    let risk = policies["in_force"].as_array().unwrap().iter().find(|p| p["policy"] == "risk");
    let risk = risk.unwrap();
    assert!(risk["documents"]["settings"].as_str().unwrap().contains("countries"));
    let version = format!("policies/version?digest={}", risk["digest"].as_str().unwrap());
    assert_eq!(good(&ada.get(&version))["documents"], risk["documents"]);
    refused(&ada.get("policies/version?digest=00"), 404, "policy.unknown");
    refused(&ada.get("policies/version"), 400, "console.malformed");
    refused(&ada.get("evidence?cursor=x"), 400, "console.malformed");
    refused(&ada.get("evidence?from=yesterday"), 400, "console.malformed");
    refused(&ada.get("evidence/bundle?rfq=NONE.1"), 404, "bundle.unknown_rfq");
    w.eventually("found", || {
        let found = good(&ada.get("evidence?code=console.logon"));
        found["found"].as_array().is_some_and(|f| f.iter().any(|e| e["user"] == "ada"))
    });
}

#[test]
fn sessions_are_ended_and_locks_lifted_by_the_administrator_with_the_key() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    let ada = Browser::registered(&w, "ada");
    let (desk, body) = (w.comp_id("ALICE"), json!({ "desk": "NOBODY", "reason": "drill" }));
    refused(&ada.post("sessions/end", &body), 404, "admin.not_on");
    refused(
        &ada.post("sessions/end", &json!({ "desk": desk, "reason": "" })),
        400,
        "console.malformed",
    );
    runtime().block_on(async {
        let mut session = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        good(&ada.post("sessions/end", &json!({ "desk": desk, "reason": "fire drill" })));
        let last = session.until_cut().await;
        assert!(last.iter().any(|f| f.contains("ended your session: fire drill")), "{last:?}");
    });
    let lift = |kind: &str, subject: &str| {
        ada.post("locks/lift", &json!({ "kind": kind, "subject": subject, "reason": "checked" }))
    };
    refused(&lift("person", "alice"), 409, "registry.not_locked_out");
    refused(&lift("person", "192.0.2.1"), 400, "console.malformed");
    refused(&lift("dealer", "NOBODY"), 404, "dealer.unknown");
    refused(&lift("dealer", &format!("BANK{}", w.n)), 409, "dealer.not_cut");
    good(&lift("network", "192.0.2.1"));
    w.eventually("written down", || {
        let events = w.events();
        let by_ada = |code: &str, words: &str| {
            events.lines().any(|l| {
                l.contains(code)
                    && l.contains("admin ada from 127.0.0.1 with key")
                    && l.contains(words)
            })
        };
        by_ada("session.ended", "fire drill") && by_ada("lockout.lifted", "192.0.2.1")
    });
}

/// What the administrator's browser, key or certificate can be, so that there is no login.
#[test]
fn everything_else_is_refused_with_one_answer() {
    let w = started();
    let mut ada = Browser::registered(&w, "ada");
    let mut bob = Browser::registered(&w, "bob");
    // Somebody else's name, or nobody's: a challenge of the same form, the same one each time.
    let start =
        |b: &Browser<'_>, name: &str| good(&b.post("login/start", &json!({ "name": name })));
    let shape = |v: &Value| {
        let key = &v["publicKey"];
        let ids = key["allowCredentials"].as_array().unwrap();
        let members: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
        (members, ids.len(), key["userVerification"].clone(), key["rpId"].clone())
    };
    let ids = |v: &Value| v["publicKey"]["allowCredentials"].clone();
    let (own, other, nobody) = (start(&ada, "ada"), start(&ada, "bob"), start(&ada, "nobody"));
    assert_eq!((shape(&own), shape(&own)), (shape(&other), shape(&nobody)));
    // However many keys somebody has, as many as one may have are named.
    assert_eq!(shape(&own).1, 4);
    assert_eq!(ids(&nobody), ids(&start(&ada, "nobody")));
    assert_ne!(ids(&nobody), ids(&start(&ada, "nobody2")));
    assert!(bob.signed(&other.to_string()).is_none(), "with ada's certificate bob's is not named");
    let finish = |b: &Browser<'_>, credential: Value| {
        b.post("login/finish", &json!({ "credential": credential }))
    };
    let with_challenge = |b: &mut Browser<'_>, v: &Value| {
        let data = b.client_data("webauthn.get", &challenge_of(&v.to_string()));
        serde_json::from_str(&b.key.sign_unasked("console.bank.example", &data)).unwrap()
    };
    let answer = with_challenge(&mut ada, &nobody);
    refused(&finish(&ada, answer), 401, "console.login_refused");
    // Bob's key for ada's challenge.
    let options = start(&ada, "ada");
    let answer = with_challenge(&mut bob, &options);
    refused(&finish(&ada, answer), 401, "console.login_refused");
    // Ada's answer through bob's browser: the certificate is another one.
    let options = start(&ada, "ada");
    let answer = ada.signed(&options.to_string()).unwrap();
    refused(&finish(&bob, answer.clone()), 401, "console.login_refused");
    // Taken out all the same, so it is not there for ada either.
    refused(&finish(&ada, answer), 401, "console.login_refused");
    w.eventually("the reasons are written down", || {
        let events = w.events();
        [
            "no administrator of this name",
            "stepup.unknown_key",
            "another administrator's",
            "no challenge that is open",
        ]
        .iter()
        .all(|why| events.lines().any(|l| l.contains("console.refused") && l.contains(why)))
    });
}

#[test]
fn table_of_answers_of_a_key() {
    let w = started();
    let mut ada = Browser::registered(&w, "ada");
    for (name, why, change) in [
        (
            "another origin",
            "stepup.origin_differs",
            (|b: &mut Browser<'_>| b.origin = "https://evil.example") as fn(&mut Browser<'_>),
        ),
        ("another party", "stepup.rp_id_differs", |b| b.key.quirk = Some(Quirk::OtherRpId)),
        ("no PIN", "stepup.not_verified", |b| b.key.quirk = Some(Quirk::NoUserVerification)),
        ("no touch", "stepup.not_present", |b| b.key.quirk = Some(Quirk::NoUserPresence)),
        ("can be copied", "stepup.", |b| b.key.quirk = Some(Quirk::BackupEligible)),
    ] {
        let options = ada.post("login/start", &json!({ "name": "ada" }));
        change(&mut ada);
        let credential = ada.signed(&options.body).unwrap();
        (ada.origin, ada.key.quirk) = (crate::console_support::ORIGIN, None);
        let answer = ada.post("login/finish", &json!({ "credential": credential }));
        refused(&answer, 401, "console.login_refused");
        w.eventually(name, || {
            w.events().lines().any(|l| l.contains("console.refused") && l.contains(why))
        });
        // A login that is good forgives the failures before it.
        good(&ada.log_in("ada"));
    }
    // The same answer a second time.
    let options = ada.post("login/start", &json!({ "name": "ada" }));
    let body = json!({ "credential": ada.signed(&options.body).unwrap() });
    good(&ada.post("login/finish", &body));
    refused(&ada.post("login/finish", &body), 401, "console.login_refused");
    // Of a registration, to a login.
    let code = invite(&w, "ada");
    let options = ada.post("register/start", &json!({ "code": code }));
    let data = ada.client_data("webauthn.create", &challenge_of(&options.body));
    let credential: Value = serde_json::from_str(&ada.key.register(&options.body, &data)).unwrap();
    let body = json!({ "credential": credential });
    refused(&ada.post("login/finish", &body), 401, "console.login_refused");
}

#[test]
fn a_counter_that_goes_back_locks_the_key_and_ends_its_sessions() {
    let w = started();
    let mut ada = Browser::registered(&w, "ada");
    good(&ada.log_in("ada"));
    good(&ada.get("me"));
    let options = ada.post("login/start", &json!({ "name": "ada" }));
    ada.key.quirk = Some(Quirk::CounterBack);
    let credential = ada.signed(&options.body).unwrap();
    let answer = ada.post("login/finish", &json!({ "credential": credential }));
    refused(&answer, 401, "console.login_refused");
    refused(&ada.get("me"), 401, "console.session_over");
    assert!(w.cli(&["console", "keys", "ada"]).contains("locked (its counter went back)"));
    assert!(w.events().contains("console.counter_went_back"));
    // Locked, it is not named in a challenge any longer.
    ada.key.quirk = None;
    let options = ada.post("login/start", &json!({ "name": "ada" }));
    assert!(ada.signed(&options.body).is_none());
    w.cli(&["console", "unlock", "ada"]);
    // The counter of the copy is behind the one that was seen.
    ada.key.quirk = None;
    let options = ada.post("login/start", &json!({ "name": "ada" }));
    for _ in 0..3 {
        ada.signed(&options.body);
    }
    good(&ada.log_in("ada"));
}

#[test]
fn a_locked_administrator_is_out_at_once_and_stays_out() {
    let w = started();
    w.user("ada", "ADA");
    let mut ada = Browser::registered(&w, "ada");
    for (lock, unlock) in [
        (["lock", "user", "ada"], ["unlock", "user", "ada"]),
        (["console", "lock", "ada"], ["console", "unlock", "ada"]),
    ] {
        good(&ada.log_in("ada"));
        good(&ada.get("sessions"));
        let options = ada.post("login/start", &json!({ "name": "ada" }));
        w.cli(&lock);
        refused(&ada.get("sessions"), 401, "console.locked");
        refused(&ada.get("sessions"), 401, "console.session_over");
        let credential = ada.signed(&options.body).unwrap();
        let answer = ada.post("login/finish", &json!({ "credential": credential }));
        refused(&answer, 401, "console.login_refused");
        w.cli(&unlock);
    }
    good(&ada.log_in("ada"));
    w.cli(&["console", "revoke", "ada", "--reason", "lost"]);
    refused(&ada.post("sessions/end", &json!({})), 401, "console.locked");
    let options = ada.post("login/start", &json!({ "name": "ada" }));
    assert!(ada.signed(&options.body).is_none());
    assert!(w.cli_fails(&["console", "unlock", "ada"]).contains("console.no_key"), "for good");
    assert!(w.events().contains("console.key_removed"));
}

#[test]
fn failures_make_the_next_one_wait() {
    let w = started();
    let mut ada = Browser::registered(&w, "ada");
    let mut waits = 0;
    for _ in 0..6 {
        let options = ada.post("login/start", &json!({ "name": "ada" }));
        if options.status == 429 {
            refused(&options, 429, "console.wait");
            assert!(options.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
            waits += 1;
            continue;
        }
        ada.origin = "https://evil.example";
        let credential = ada.signed(&options.body).unwrap();
        ada.origin = crate::console_support::ORIGIN;
        refused(
            &ada.post("login/finish", &json!({ "credential": credential })),
            401,
            "console.login_refused",
        );
    }
    assert_eq!(waits, 1);
    // Whoever is logged in is not in the way of that.
    good(&ada.get("me"));
    // From the same address, no other name and no code either.
    let bob = Browser::new(&w, "bob");
    refused(&bob.post("login/start", &json!({ "name": "bob" })), 429, "console.wait");
    refused(&bob.post("register/start", &json!({ "code": "x" })), 429, "console.wait");
    // Nor an answer to a challenge from before, or to none.
    refused(&bob.post("login/finish", &json!({ "credential": {} })), 429, "console.wait");
    let made = json!({ "credential": {}, "label": "x" });
    refused(&bob.post("register/finish", &made), 429, "console.wait");
}

#[test]
fn without_a_client_certificate_the_key_alone_is_asked_for() {
    let w = started_with("", "client_certificate = \"none\"\n");
    let mut ada = Browser::new(&w, "");
    let code = invite(&w, "ada");
    good(&ada.register(&code));
    good(&ada.log_in("ada"));
    // With one, there is no console without it.
    let w = started();
    let bare = Browser::new(&w, "");
    assert_eq!(bare.raw("/console/", &["-H", HOST]).status, 0, "TLS refuses");
    // A trader's is none of an administrator.
    w.enrolled("alice", "ALICE", "laptop");
    assert_eq!(Browser::new(&w, "laptop").raw("/console/", &["-H", HOST]).status, 0);
}

#[test]
fn with_a_list_only_models_of_the_list_are_registered() {
    let (maker, other) = (Maker::new("Maker"), Maker::new("Other"));
    let mut w = World::with(
        "sqlite:registry.db",
        &format!("{}{CONSOLE}attestation = \"models.toml\"\n", crate::admin::ADMIN),
    );
    std::fs::write(w.path("models.toml"), maker.list(&[(MODEL, "Blue key")])).unwrap();
    crate::admin::show(&w, "ada", &signet_devca::Order::admin("ada"));
    w.start();
    let mut wrong = Browser::with_key(&w, "ada", other.key(MODEL));
    let code = invite(&w, "ada");
    refused(&wrong.register(&code), 403, "console.key_refused");
    let bare = maker.key(MODEL).with(Quirk::NoAttestation);
    refused(&Browser::with_key(&w, "ada", bare).register(&code), 403, "console.key_refused");
    let mut ada = Browser::with_key(&w, "ada", maker.key(MODEL));
    good(&ada.register(&code));
    good(&ada.log_in("ada"));
    assert!(w.cli(&["console", "keys"]).contains("(Blue key): active"));
}

#[test]
fn a_key_without_attestation_is_enough_without_a_list() {
    let w = started();
    let key = Maker::new("Maker").key(MODEL).with(Quirk::NoAttestation);
    let mut ada = Browser::with_key(&w, "ada", key);
    let code = invite(&w, "ada");
    good(&ada.register(&code));
    ada.key.quirk = None;
    good(&ada.log_in("ada"));
    let copied = Maker::new("Maker").key(MODEL).with(Quirk::BackupEligible);
    let code = invite(&w, "bob");
    refused(&Browser::with_key(&w, "bob", copied).register(&code), 403, "console.key_refused");
}

#[test]
fn what_policies_do_not_allow_is_not_done() {
    let w = started();
    let ada = Browser::registered(&w, "ada");
    let policies = "@id(\"read\") permit (principal, action == Action::\"admin-read\", resource);";
    std::fs::write(w.path("new.cedar"), policies).unwrap();
    std::fs::rename(w.path("new.cedar"), w.path("entitlements.cedar")).unwrap();
    w.eventually("in force", || json_of(&ada.get("me"))["may"]["lock"] == json!(false));
    let me = good(&ada.get("me"));
    assert_eq!(
        me["may"],
        json!({ "read": true, "lock": false, "sessions": false, "policy": false })
    );
    good(&ada.get("sessions"));
    let reason = "checked";
    for (name, body) in [
        ("sessions/end", json!({ "desk": "X", "reason": reason })),
        ("locks/lift", json!({ "kind": "network", "subject": "192.0.2.1", "reason": reason })),
        ("locks/lift", json!({ "kind": "dealer", "subject": "X", "reason": reason })),
        ("dealers/resume", json!({ "dealer": "X" })),
        (
            "policies/prepare/start",
            json!({ "policy": "risk", "base": "x", "documents": { "settings": "x" } }),
        ),
        ("policies/prepare/finish", json!({})),
        ("policies/approve/start", json!({ "digest": "x" })),
        ("policies/reject", json!({ "digest": "x" })),
    ] {
        refused(&ada.post(name, &body), 403, "entitle.denied");
    }
}

#[test]
fn the_login_is_the_touch_that_the_risk_policy_wants() {
    let w = started();
    let mut ada = Browser::registered(&w, "ada");
    let table = signet_gateway::config::DEFAULT_TABLE.replace("points = 25", "points = 5");
    std::fs::write(w.path("risk-score.toml"), &table).unwrap();
    let interface = || crate::admin::ask_as(&w, "ada", "/v1/users", &[]);
    w.eventually("a touch is wanted", || interface().status == 403);
    crate::admin::refused(&interface(), 403, "risk.no_step_up");
    good(&ada.get("me"));
    good(&ada.log_in("ada"));
    // It was not given at another address.
    let cookie = format!("Cookie: __Host-signet-console={}", ada.cookie);
    let elsewhere = ["-H", HOST, "-H", &cookie, "--interface", "127.0.0.2"];
    refused(&ada.raw("/console/api/me", &elsewhere), 401, "console.session_over");
    refused(&ada.get("me"), 401, "console.session_over");
    good(&ada.log_in("ada"));
    // What is denied, no touch allows.
    let table = table.replace("points = 5", "points = 25");
    std::fs::write(w.path("risk-score.toml"), table).unwrap();
    w.eventually("denied", || ada.get("me").status == 403);
    refused(&ada.get("me"), 403, "risk.denied");
    refused(&ada.log_in("ada"), 403, "risk.denied");
    let code = invite(&w, "ada");
    let mut other = Browser::new(&w, "ada");
    refused(&other.register(&code), 403, "risk.denied");
    assert!(w.cli(&["console", "keys"]).ends_with("1 keys\n"), "nothing was written down");
}
