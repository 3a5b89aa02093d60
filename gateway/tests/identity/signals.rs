//! Signals of an identity provider that is openssl and curl: what they do to sessions, and what is
//! refused.

use crate::{
    key_support::{Keys, NOW},
    support::{Desk, Http, World, code_in, runtime},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use signet_registry::{
    CodePurpose, NewCode, Registry, RegistryUrl, code::OneTimeCode, first_key::Grant,
};
use signet_rfq::UtcMillis;
use std::{
    fs,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

pub const ISSUER: &str = "https://idp.bank.example";
pub const AUDIENCE: &str = "https://rfq.bank.example/signals";
pub const BEARER: &str = "0123456789abcdef0123456789abcdef";
pub const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";

const COMPLIANCE: &str = "device-compliance-change";
/// As of a disk that is full, for one table.
const FULL: &str = "CREATE TRIGGER full BEFORE INSERT ON lockouts BEGIN \
    SELECT RAISE(FAIL, 'disk is full'); END";

static TOKENS: AtomicU32 = AtomicU32::new(1);

fn section(more: &str) -> String {
    format!(
        "[signals]\nlisten = \"127.0.0.1:0\"\nissuer = \"{ISSUER}\"\naudience = \
            \"{AUDIENCE}\"\nkeys = \"idp.json\"\nbearer_file = \"bearer\"\nemail_domain = \
            \"bank.example\"\n{more}"
    )
}

/// A key of openssl in `<stem>.key`, and its JWK.
pub fn jwk(w: &World, stem: &str) -> Value {
    let key = format!("{stem}.key");
    w.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key]);
    let modulus = w.openssl(&["rsa", "-in", &key, "-noout", "-modulus"]);
    let digits = modulus.trim().strip_prefix("Modulus=").unwrap().as_bytes().chunks(2);
    let byte = |d: &[u8]| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap();
    let n: Vec<u8> = digits.map(byte).collect();
    json!({"kty": "RSA", "kid": stem, "alg": "RS256", "n": B64.encode(n), "e": "AQAB"})
}

fn world(more: &str) -> World {
    world_with(more, |_| ())
}

fn world_with(more: &str, prepare: impl FnOnce(&World)) -> World {
    let mut w = World::with("sqlite:registry.db", &section(more));
    prepare(&w);
    let keys = json!({"keys": [jwk(&w, "idp")]});
    fs::write(w.path("idp.json"), keys.to_string()).unwrap();
    fs::write(w.path("bearer"), format!("{BEARER}\n")).unwrap();
    // What is said of a laptop counts for something here.
    let table = signet_gateway::config::DEFAULT_TABLE.replace("points = 25", "points = 1");
    fs::write(w.path("risk-score.toml"), table).unwrap();
    w.start();
    w
}

pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Tokens about one state in the order in which the provider made them: each a second later.
pub fn issued_at(event: &str) -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    if event != COMPLIANCE {
        return now_s();
    }
    let next = |last| Some(now_s().max(last + 1));
    next(LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap()).unwrap()
}

pub fn claims(event: &str, members: Value) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": issued_at(event),
        "jti": format!("t{}", TOKENS.fetch_add(1, Ordering::Relaxed)),
        "sub_id": {"format": "email", "email": "alice@bank.example"},
        "events": {format!("{CAEP}{event}"): members},
    })
}

/// Signed by openssl with `<stem>.key`.
pub fn token(w: &World, stem: &str, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    fs::write(w.path("signed"), &signed).unwrap();
    let key = format!("{stem}.key");
    w.openssl(&["dgst", "-sha256", "-sign", &key, "-out", "signature", "signed"]);
    format!("{signed}.{}", B64.encode(fs::read(w.path("signature")).unwrap()))
}

pub fn header(kid: &str) -> Value {
    json!({"alg": "RS256", "typ": "secevent+jwt", "kid": kid})
}

fn push_with(w: &World, token: &str, bearer: &str, kind: &str) -> Http {
    let port = w.gateway.as_ref().unwrap().signals_address().unwrap().port();
    let (bearer, kind) =
        (format!("Authorization: Bearer {bearer}"), format!("Content-Type: {kind}"));
    w.curl_at(port, "/signals", &["-H", &bearer, "-H", &kind, "--data-binary", token])
}

fn push(w: &World, token: &str) -> Http {
    push_with(w, token, BEARER, "application/secevent+jwt")
}

#[track_caller]
fn taken(w: &World, claims: &Value) {
    let answer = push(w, &token(w, "idp", &header("idp"), claims));
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{}", answer.headers);
}

#[track_caller]
pub fn refused(answer: &Http, status: u16, err: &str, code: &str) {
    let body: Value = serde_json::from_str(&answer.body).expect(&answer.body);
    assert_eq!((answer.status, body["err"].as_str()), (status, Some(err)), "{}", answer.body);
    assert!(body["description"].as_str().unwrap().contains(&format!("({code})")), "{body}");
}

/// How many sessions the trading thread says are on, now.
fn sessions(w: &World) -> u64 {
    let status: Value = serde_json::from_str(&w.cli(&["status", "--json"])).unwrap();
    status["sessions"].as_u64().expect("the trading thread answers")
}

#[test]
fn a_revoked_session_ends_and_the_person_may_come_back() {
    let w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    w.enrolled("bob", "BOB", "bobs");
    runtime().block_on(async {
        let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let mut bob = Desk::logged_on(&w, "bobs", "BOB", 1).await;
        w.eventually("both are on", || sessions(&w) == 2);
        taken(&w, &claims("session-revoked", json!({"reason_admin": {"en": "left the firm"}})));
        // Not soon, but before the answer to the provider: 202 says that it was acted on.
        assert_eq!(sessions(&w), 1);
        let last = alice.until_cut().await;
        let out = last.iter().find(|f| f.contains("|35=5|")).expect("a Logout");
        assert!(out.contains("=signal.session_revoked|") && out.contains("Log on again"), "{out}");
        bob.says("35=1|112=STILL|").await;
        while !bob.next().await.expect("bob is on").contains("|112=STILL|") {}
        Desk::logged_on(&w, "laptop", "ALICE", 3).await;
    });
    let events = w.events();
    let line = events.lines().find(|l| l.contains("signal.received")).expect("an event");
    for word in ["alice", "service https://idp.bank.example", "left the firm", "1 sessions"] {
        assert!(line.contains(word), "{word}: {line}");
    }
}

#[test]
fn a_revoked_session_keeps_the_person_out_when_that_is_set_until_it_is_lifted() {
    let mut w = world("hold_logons = true\n");
    w.enrolled("alice", "ALICE", "laptop");
    taken(&w, &claims("session-revoked", json!({})));
    w.eventually("in the registry", || w.cli(&["lockout", "list"]).contains("signal"));
    w.stop();
    w.start();
    let refusal = |w: &World| {
        runtime().block_on(async { Desk::connect(w, "laptop", "ALICE").await.log_on(1).await })
    };
    let why = refusal(&w);
    assert!(why.contains("=signal.session_revoked|") && why.contains("lockout lift"), "{why}");
    w.cli(&["lockout", "lift", "alice"]);
    w.eventually("in again", || refusal(&w).contains("|35=A|"));
}

#[test]
fn a_changed_credential_owes_a_touch_now_and_at_the_next_logon() {
    let w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let change = json!({"credential_type": "password", "change_type": "update"});
        taken(&w, &claims("credential-change", change));
        // There is no step-up here, so what owes a touch may not be on.
        let last = alice.until_cut().await;
        assert!(last.iter().any(|f| f.contains("=risk.no_step_up|")), "{last:?}");
        let again = Desk::connect(&w, "laptop", "ALICE").await.log_on(3).await;
        assert!(again.contains("=risk.no_step_up|") && again.contains("credentials"), "{again}");
    });
}

#[test]
fn a_laptop_that_is_not_compliant_is_scored_as_one_at_once() {
    let w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let mut told =
            claims("device-compliance-change", json!({"current_status": "not-compliant"}));
        told["sub_id"] = json!({
            "format": "complex",
            "user": {"format": "email", "email": "alice@bank.example"},
            "device": {"format": "opaque", "id": "laptop"},
        });
        taken(&w, &told);
        loop {
            let frame = alice.next().await.expect("the session is on");
            if frame.contains("|35=UB|") && frame.contains("not compliant") {
                break;
            }
        }
        told["events"] =
            json!({format!("{CAEP}device-compliance-change"): {"current_status": "compliant"}});
        told["jti"] = json!("compliant again");
        told["iat"] = json!(issued_at(COMPLIANCE));
        taken(&w, &told);
        loop {
            let frame = alice.next().await.expect("the session is on");
            if frame.contains("|35=UB|") && !frame.contains("not compliant") {
                break;
            }
        }
    });
}

/// A gateway's view of the registry is up to a look old: whoever enrolled since is somebody, and a
/// second device of theirs is one of theirs.
#[test]
fn what_is_said_of_a_laptop_that_enrolled_a_moment_ago_counts() {
    let w = world("");
    let said = |user: &str| {
        let mut said =
            claims("device-compliance-change", json!({"current_status": "not-compliant"}));
        said["sub_id"] = json!({"format": "email", "email": format!("{user}@bank.example")});
        token(&w, "idp", &header("idp"), &said)
    };
    let mut first = Vec::new();
    for n in 0..5 {
        let (user, comp_id) = (format!("user{n}"), format!("USER{n}"));
        let (told, told_again) = (said(&user), said(&user));
        w.enrolled(&user, &comp_id, &user);
        assert_eq!(push(&w, &told).status, 202);
        first.push((comp_id, user.clone()));
        let second = format!("second-{n}");
        let code = code_in(&w.cli(&["user", "code", &user, "--out", "."]));
        w.request(&second, "desktop");
        w.keep(&w.enrol(&user, &code, &second), &second);
        assert_eq!(push(&w, &told_again).status, 202);
        first.push((first.last().unwrap().0.clone(), second));
    }
    for (comp_id, stem) in first {
        let words = runtime().block_on(async {
            let mut desk = Desk::connect(&w, &stem, &comp_id).await;
            let on = desk.log_on(1).await;
            format!("{on}{}", desk.next().await.unwrap_or_default())
        });
        assert!(words.contains("not compliant"), "{stem}: {words}");
    }
}

/// What was said before a restart still counts; a file that somebody changed is not believed.
#[test]
fn a_restart_forgets_nothing_that_was_said_of_a_laptop() {
    let mut w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    // From here on the gateway knows her laptop.
    runtime().block_on(async { drop(Desk::logged_on(&w, "laptop", "ALICE", 1).await) });
    let told = claims("device-compliance-change", json!({"current_status": "not-compliant"}));
    taken(&w, &told);
    let change = json!({"credential_type": "password", "change_type": "update"});
    taken(&w, &claims("credential-change", change));
    w.stop();
    let refusal = |w: &World| {
        runtime().block_on(async { Desk::connect(w, "laptop", "ALICE").await.log_on(9).await })
    };
    w.start();
    let why = refusal(&w);
    assert!(why.contains("=risk.no_step_up|") && why.contains("credentials"), "{why}");
    assert!(why.contains("not compliant"), "{why}");
    w.stop();
    let file = w.path("state/signals.told");
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&file, bad).unwrap();
    let why = w.start_fails();
    assert!(why.contains("signals.told") && why.contains("not compliant"), "{why}");
    fs::write(&file, good).unwrap();
    w.start();
    // What is compliant again is forgotten.
    taken(&w, &claims("device-compliance-change", json!({"current_status": "compliant"})));
    assert!(!refusal(&w).contains("not compliant"));
}

/// About one device of alice, or another one, so long ago.
fn compliance(status: &str, device: Option<Value>, iat: u64) -> Value {
    let mut said = claims("session-revoked", json!({}));
    said["iat"] = json!(iat);
    said["events"] = json!({ format!("{CAEP}{COMPLIANCE}"): { "current_status": status } });
    if let Some(device) = device {
        let user = json!({"format": "email", "email": "alice@bank.example"});
        said["sub_id"] = json!({"format": "complex", "user": user, "device": device});
    }
    said
}

/// What a desk reads at a Logon, and next.
fn first_words(w: &World) -> String {
    runtime().block_on(async {
        let mut alice = Desk::connect(w, "laptop", "ALICE").await;
        let on = alice.log_on(1).await;
        format!("{on}{}", alice.next().await.unwrap_or_default())
    })
}

fn opaque(id: &str) -> Option<Value> {
    Some(json!({"format": "opaque", "id": id}))
}

#[test]
fn good_news_of_another_device_does_not_clear_a_laptop() {
    let w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    let now = now_s();
    assert!(!first_words(&w).contains("not compliant"));
    taken(&w, &compliance("not-compliant", opaque("laptop"), now - 9));
    let of_address = Some(json!({"format": "email", "email": "phone@bank.example"}));
    for (n, other) in [opaque("phone"), opaque("not a device"), of_address].into_iter().enumerate()
    {
        taken(&w, &compliance("compliant", other, now - 8 + n as u64));
        assert!(first_words(&w).contains("not compliant"), "{n}");
    }
    let received = w.events().lines().filter(|l| l.contains("does not have the device")).count();
    assert_eq!(received, 3, "{}", w.events());
    taken(&w, &compliance("compliant", opaque("laptop"), now));
    assert!(!first_words(&w).contains("not compliant"));
    // Bad news of one that the registry does not have may be about any.
    taken(&w, &compliance("not-compliant", opaque("phone"), now + 1));
    assert!(first_words(&w).contains("not compliant"));
    taken(&w, &compliance("compliant", None, now + 2));
    assert!(!first_words(&w).contains("not compliant"));
}

#[test]
fn an_older_word_that_arrives_later_counts_for_nothing_also_after_a_restart() {
    let mut w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    let now = now_s();
    assert!(!first_words(&w).contains("not compliant"));
    taken(&w, &compliance("not-compliant", None, now - 10));
    taken(&w, &compliance("compliant", None, now - 20));
    // Of the same second the cautious one counts.
    taken(&w, &compliance("compliant", None, now - 10));
    // What the event says of its time counts, and not when the token was issued.
    let mut late = compliance("compliant", None, now);
    late["events"][format!("{CAEP}{COMPLIANCE}")]["event_timestamp"] = json!(now - 20);
    taken(&w, &late);
    assert!(first_words(&w).contains("not compliant"));
    w.stop();
    w.start();
    // The ids of tokens are forgotten, so this is a replay.
    taken(&w, &late);
    taken(&w, &compliance("compliant", None, now - 20));
    assert!(first_words(&w).contains("not compliant"));
    taken(&w, &compliance("compliant", None, now - 5));
    assert!(!first_words(&w).contains("not compliant"));
    assert!(w.events().contains("something newer was said before"), "{}", w.events());
}

#[test]
fn whoever_is_held_stays_out_while_the_registry_takes_nothing_down_and_over_a_restart() {
    let mut w = world("hold_logons = true\n");
    w.enrolled("alice", "ALICE", "laptop");
    w.user("carol", "CAROL");
    let answer = |w: &World| {
        runtime().block_on(async { Desk::connect(w, "laptop", "ALICE").await.log_on(1).await })
    };
    let is_held = |w: &World| {
        let why = answer(w);
        assert!(why.contains("=signal.session_revoked|") && why.contains("lockout lift"), "{why}");
    };
    assert!(answer(&w).contains("|35=A|"));
    w.sqlite(FULL);
    taken(&w, &claims("session-revoked", json!({"reason_admin": "left the firm"})));
    // Somebody without a certificate, who could enrol while the registry has not heard of it.
    let mut carol = claims("session-revoked", json!({}));
    carol["sub_id"] = json!({"format": "email", "email": "carol@bank.example"});
    taken(&w, &carol);
    is_held(&w);
    w.stop();
    w.start();
    is_held(&w);
    assert!(!w.cli(&["lockout", "list"]).contains("signal"), "the registry took it");
    w.sqlite("DROP TRIGGER full");
    w.eventually("both in the registry", || {
        let list = w.cli(&["lockout", "list"]);
        list.contains("left the firm") && list.contains("carol")
    });
    is_held(&w);
    w.cli(&["lockout", "lift", "alice"]);
    w.eventually("in again", || answer(&w).contains("|35=A|"));
    w.stop();
    w.start();
    assert!(answer(&w).contains("|35=A|"), "a restart does not repeat what was lifted");
}

#[test]
fn what_cannot_be_written_down_is_a_503_and_keeps_the_person_out_all_the_same() {
    let w = world("hold_logons = true\n");
    w.enrolled("alice", "ALICE", "laptop");
    w.user("carol", "CAROL");
    runtime().block_on(async { drop(Desk::logged_on(&w, "laptop", "ALICE", 1).await) });
    let file = w.path("state/signals.told");
    signet_journal::disk::refuses(&file, true);
    for who in ["carol", "alice"] {
        let mut told = claims("session-revoked", json!({}));
        told["sub_id"] = json!({"format": "email", "email": format!("{who}@bank.example")});
        let token = token(&w, "idp", &header("idp"), &told);
        refused(&push(&w, &token), 503, "invalid_request", "signal.not_kept");
        // The same token, and not "taken before".
        refused(&push(&w, &token), 503, "invalid_request", "signal.not_kept");
    }
    signet_journal::disk::refuses(&file, false);
    let why =
        runtime().block_on(async { Desk::connect(&w, "laptop", "ALICE").await.log_on(3).await });
    assert!(why.contains("=signal.session_revoked|"), "{why}");
}

#[test]
fn what_a_provider_said_that_is_gone_is_taken_back_by_an_administrator() {
    let mut w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    assert!(!first_words(&w).contains("not compliant"));
    taken(&w, &compliance("not-compliant", None, now_s()));
    w.eventually("in the registry", || w.cli(&["signals", "list"]).contains("not_compliant"));
    w.stop();
    // Another provider in its place.
    let text = w.text("gateway.toml");
    let other = "https://new-idp.bank.example";
    fs::write(&w.config, text.replace(ISSUER, other)).unwrap();
    w.start();
    assert!(first_words(&w).contains("not compliant"), "it counts until somebody takes it back");
    let list = w.cli(&["signals", "list"]);
    let line = list.lines().find(|l| l.contains(ISSUER)).expect(&list);
    assert!(line.starts_with("alice ") && line.contains(" laptop "), "{list}");
    assert!(w.cli(&["signals", "forget", "--provider", other]).starts_with("0 words"));
    assert!(w.cli(&["signals", "forget", "--provider", ISSUER]).starts_with("1 words"));
    w.eventually("compliant again", || !first_words(&w).contains("not compliant"));
    assert!(w.cli(&["signals", "list"]).ends_with("0 words hold\n"));
    let events = w.events();
    let line = events.lines().find(|l| l.contains("signal.forgotten")).expect(&events);
    assert!(line.contains(ISSUER), "{line}");
}

#[test]
fn what_is_not_a_genuine_token_of_the_provider_is_refused() {
    let w = world("");
    w.enrolled("alice", "ALICE", "laptop");
    let other = jwk(&w, "thief");
    let good = claims("session-revoked", json!({}));
    let genuine = token(&w, "idp", &header("idp"), &good);
    let kind = "application/secevent+jwt";
    refused(&push_with(&w, &genuine, "wrong", kind), 401, "authentication_failed", "signal.bearer");
    let json_type = push_with(&w, &genuine, BEARER, "application/json");
    refused(&json_type, 400, "invalid_request", "signal.content_type");
    let stolen = token(&w, "thief", &header("idp"), &good);
    refused(&push(&w, &stolen), 400, "invalid_key", "set.signature");
    let unknown = token(&w, "thief", &header("thief"), &good);
    refused(&push(&w, &unknown), 400, "invalid_key", "set.unknown_key");
    let none = json!({"alg": "none", "typ": "secevent+jwt", "kid": "idp"});
    let unsigned = format!("{}.{}.", B64.encode(none.to_string()), B64.encode(good.to_string()));
    refused(&push(&w, &unsigned), 400, "invalid_key", "set.algorithm");
    let mut elsewhere = good.clone();
    elsewhere["aud"] = json!("https://other.example");
    let elsewhere = token(&w, "idp", &header("idp"), &elsewhere);
    refused(&push(&w, &elsewhere), 400, "invalid_audience", "set.audience");
    let mut old = good.clone();
    old["iat"] = json!(now_s() - 3_600);
    refused(
        &push(&w, &token(&w, "idp", &header("idp"), &old)),
        400,
        "invalid_request",
        "set.too_old",
    );
    refused(&push(&w, &"x".repeat(20_000)), 400, "invalid_request", "signal.too_large");
    // The genuine one, once.
    assert_eq!(push(&w, &genuine).status, 202);
    // Once more: it is taken, and nothing is done.
    assert_eq!(push(&w, &genuine).status, 202);
    // About somebody who does not trade here.
    let mut carol = claims("session-revoked", json!({}));
    carol["sub_id"] = json!({"format": "email", "email": "carol@bank.example"});
    taken(&w, &carol);
    let events = w.events();
    for code in ["signal.bearer", "set.signature", "set.unknown_key"] {
        assert!(events.lines().any(|l| l.contains("signal.refused") && l.contains(code)), "{code}");
    }
    assert!(!events.contains("carol"), "{events}");
    let received = events.lines().filter(|l| l.contains("signal.received")).count();
    assert_eq!(received, 1, "a repeat was acted on: {events}");
    // The provider changes its key.
    fs::write(w.path("idp.json"), json!({"keys": [other]}).to_string()).unwrap();
    w.eventually("the new key is in force", || {
        let next = token(&w, "thief", &header("thief"), &claims("session-revoked", json!({})));
        push(&w, &next).status == 202
    });
    let old_key = token(&w, "idp", &header("idp"), &claims("session-revoked", json!({})));
    refused(&push(&w, &old_key), 400, "invalid_key", "set.unknown_key");
    // A file that cannot be used changes nothing.
    fs::write(w.path("idp.json"), "{}").unwrap();
    w.eventually("said", || w.events().contains("policy.refused"));
    let next = token(&w, "thief", &header("thief"), &claims("session-revoked", json!({})));
    assert_eq!(push(&w, &next).status, 202);
}

/// The challenge (U4) that comes next.
async fn challenge(desk: &mut Desk) -> String {
    loop {
        let frame = desk.next().await.expect("the session is on");
        if frame.contains("|35=U4|") {
            let id = frame.split("|20100=").nth(1).and_then(|f| f.split('|').next());
            return id.expect("an id").to_owned();
        }
    }
}

async fn with_key(w: &World, keys: &Keys, digest: String) {
    let url = RegistryUrl::parse("sqlite:registry.db", w.dir.path(), None).unwrap();
    let registry = Registry::open(&url).await.unwrap();
    let code = NewCode { digest, expires: UtcMillis(NOW.0 + 1), managed: false };
    registry.add_key_code("alice", &code, "test", NOW).await.unwrap();
    registry.add_key(&keys.row, "test", NOW).await.unwrap();
    registry.close().await;
}

/// Alice has a laptop, and three challenges that come to nothing lock her out. Her key, and the
/// digest of the code for it.
fn easily_tired() -> (World, Keys, String) {
    let digest = OneTimeCode::new([1; 16]).digest_for(CodePurpose::Key);
    let keys = Keys::new("alice", Grant::Code(digest.clone()));
    let more = "[step_up]\nrp_id = 'stepup.bank.example'\nattestation = 'keys.toml'\n[response]\n\
        fatigue_challenges = 3\n";
    let w = world_with(more, |w| {
        let model = "00112233-4455-6677-8899-aabbccddeeff";
        fs::write(w.path("keys.toml"), keys.maker.list(&[(model, "Test key")])).unwrap();
    });
    w.enrolled("alice", "ALICE", "laptop");
    (w, keys, digest)
}

#[test]
fn a_changed_credential_asks_for_a_touch_and_whoever_declines_it_again_and_again_is_locked_out() {
    let (w, keys, digest) = easily_tired();
    runtime().block_on(async {
        with_key(&w, &keys, digest).await;
        let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let change = json!({"credential_type": "fido2-roaming", "change_type": "revoke"});
        taken(&w, &claims("credential-change", change));
        for n in 0..3 {
            let id = challenge(&mut alice).await;
            let no = format!("35=U5|20100={id}|20101={}|58=not me|", 1 + n % 2);
            alice.signs(&w, "laptop", &no).await;
            alice.signs(&w, "laptop", "35=U8|20103=on-demand|").await;
        }
        let last = alice.until_cut().await;
        assert!(last.iter().any(|f| f.contains("20104=lockout.fatigue|")), "{last:?}");
        let again = Desk::connect(&w, "laptop", "ALICE").await.log_on(30).await;
        assert!(again.contains("20104=lockout.fatigue|"), "{again}");
    });
    w.eventually("in the registry", || w.cli(&["lockout", "list"]).contains("fatigue"));
    w.cli(&["lockout", "lift", "alice"]);
    // The touch is still owed, over a connection of its own.
    w.eventually("in again, and asked", || {
        runtime().block_on(async {
            let mut alice = Desk::connect(&w, "laptop", "ALICE").await;
            let on = alice.log_on(40).await.contains("|35=A|");
            if on {
                challenge(&mut alice).await;
            }
            on
        })
    });
}

/// The words about a challenge (U6) that come next.
async fn outcome(desk: &mut Desk, id: &str) {
    loop {
        let frame = desk.next().await.expect("the session is on");
        if frame.contains("|35=U6|") && frame.contains(&format!("|20100={id}|")) {
            return;
        }
    }
}

#[test]
fn a_wrong_answer_that_is_sent_twice_counts_once_and_is_not_hidden() {
    let (w, keys, digest) = easily_tired();
    runtime().block_on(async {
        with_key(&w, &keys, digest).await;
        let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        for n in 1..=3 {
            alice.signs(&w, "laptop", "35=U8|20103=on-demand|").await;
            // That one comes says that the two copies before it did not count as two.
            let id = challenge(&mut alice).await;
            let wrong = format!("35=U5|20100={id}|20101=0|95=2|96={{}}|");
            alice.signs(&w, "laptop", &wrong).await;
            alice.signs(&w, "laptop", &wrong).await;
            if n < 3 {
                // Of each copy one.
                outcome(&mut alice, &id).await;
                outcome(&mut alice, &id).await;
            }
        }
        let last = alice.until_cut().await;
        assert!(last.iter().any(|f| f.contains("20104=lockout.fatigue|")), "{last:?}");
    });
}

/// Nobody escapes the count by hanging up before the answer is checked.
#[test]
fn a_wrong_answer_counts_also_when_its_desk_hangs_up_at_once() {
    let (w, keys, digest) = easily_tired();
    runtime().block_on(async {
        with_key(&w, &keys, digest).await;
        for n in 0..3 {
            // A Logon, two signed messages and a Logout each time.
            let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1 + 4 * n).await;
            alice.signs(&w, "laptop", "35=U8|20103=on-demand|").await;
            let id = challenge(&mut alice).await;
            let wrong = format!("35=U5|20100={id}|20101=0|95=2|96={{}}|");
            alice.signs_and_leaves(&w, "laptop", &wrong).await;
            alice.until_cut().await;
        }
    });
    w.eventually("locked out", || w.cli(&["lockout", "list"]).contains("fatigue"));
}
