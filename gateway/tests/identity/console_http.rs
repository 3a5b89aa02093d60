//! What a browser, a page of somebody else or a program can do wrong over HTTP, and the headers of
//! every answer.

use crate::{
    console_support::{Browser, HOST, good, refused, started},
    support::Http,
};
use serde_json::json;

#[track_caller]
fn has_headers(answer: &Http, page: bool) {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
        connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
        require-trusted-types-for 'script'";
    for (name, want) in [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("strict-transport-security", "max-age=31536000"),
        ("cache-control", if page { "no-cache" } else { "no-store" }),
    ] {
        assert_eq!(answer.header(name), Some(want), "{name}: {}", answer.headers);
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(answer.header("content-type").is_some(), "{}", answer.headers);
}

#[test]
fn every_answer_has_the_headers() {
    let w = started();
    let ada = Browser::registered(&w, "ada");
    for (path, kind) in [
        ("", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let answer = ada.raw(&format!("/console/{path}"), &["-H", HOST]);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        has_headers(&answer, true);
    }
    for name in ["me", "overview", "sessions", "rfqs", "alerts", "locks", "dealers", "policies"] {
        let answer = ada.get(name);
        assert_eq!(answer.status, 200, "{name}");
        has_headers(&answer, false);
    }
    // And every refusal, whatever is asked, and whoever asks.
    let stranger = Browser::new(&w, "ada");
    for (answer, status) in [
        (ada.raw("/", &["-H", HOST]), 404),
        (ada.raw("/favicon.ico", &["-H", HOST]), 404),
        (ada.raw("/console/nothing.js", &["-H", HOST]), 404),
        (ada.raw("/console/../../etc/passwd", &["-H", HOST]), 404),
        (ada.raw("/console/", &["-H", HOST, "-X", "DELETE"]), 405),
        (ada.raw("/console/", &[]), 421),
        (stranger.get("me"), 401),
        (stranger.post("logout", &json!({})), 401),
        (stranger.post("login/start", &json!([])), 400),
        (stranger.post("login/start", &json!({ "name": "ada" })), 200),
        (ada.get("nothing"), 404),
        (ada.get("me?x=1"), 400),
    ] {
        assert_eq!(answer.status, status, "{}\n{}", answer.headers, answer.body);
        has_headers(&answer, false);
    }
    let out = ada.post("logout", &json!({}));
    has_headers(&out, false);
}

#[test]
fn nothing_is_done_on_behalf_of_another_page() {
    let w = started();
    let ada = Browser::registered(&w, "ada");
    let cookie = format!("Cookie: __Host-signet-console={}", ada.cookie);
    let csrf = format!("X-Signet-Csrf: {}", ada.csrf);
    let origin = "Origin: https://console.bank.example";
    let path = "/console/api/logout";
    let json = ["--json", "{}"];
    for (name, args, status, code) in [
        ("no token", vec![HOST, &cookie, origin], 403, "console.csrf"),
        ("an empty one", vec![HOST, &cookie, origin, "X-Signet-Csrf;"], 403, "console.csrf"),
        ("a wrong one", vec![HOST, &cookie, origin, "X-Signet-Csrf: A"], 403, "console.csrf"),
        ("no origin", vec![HOST, &cookie, &csrf], 403, "console.cross_site"),
        (
            "another one",
            vec![HOST, &cookie, &csrf, "Origin: https://evil.example"],
            403,
            "console.cross_site",
        ),
        ("null", vec![HOST, &cookie, &csrf, "Origin: null"], 403, "console.cross_site"),
        (
            "the browser says so",
            vec![HOST, &cookie, &csrf, origin, "Sec-Fetch-Site: cross-site"],
            403,
            "console.cross_site",
        ),
        (
            "another name of this machine",
            vec!["Host: localhost", &cookie, &csrf, origin],
            421,
            "console.host",
        ),
        ("no cookie", vec![HOST, &csrf, origin], 401, "console.session_over"),
        (
            "a made up one",
            vec![HOST, "Cookie: __Host-signet-console=AAAA", &csrf, origin],
            401,
            "console.session_over",
        ),
        ("two", vec![HOST, &cookie, &cookie, &csrf, origin], 401, "console.session_over"),
        (
            "a form",
            vec![HOST, &cookie, &csrf, origin, "Content-Type: text/plain"],
            415,
            "console.content_type",
        ),
    ] {
        let mut all: Vec<&str> = args.iter().flat_map(|h| ["-H", h]).collect();
        let body = if name == "a form" { ["--data", "{}"] } else { json };
        all.extend(body);
        let answer = ada.raw(path, &all);
        assert_eq!(answer.header("set-cookie"), None, "{name}");
        refused(&answer, status, code);
    }
    // Questions, too, are answered to pages of the console only.
    for site in ["cross-site", "same-site"] {
        let site = format!("Sec-Fetch-Site: {site}");
        let answer = ada.raw("/console/api/me", &["-H", HOST, "-H", &cookie, "-H", &site]);
        refused(&answer, 403, "console.cross_site");
    }
    good(&ada.get("me"));
    // With somebody else's certificate the cookie is worth nothing.
    let mut bob = Browser::new(&w, "bob");
    (bob.cookie, bob.csrf) = (ada.cookie.clone(), ada.csrf.clone());
    refused(&bob.get("me"), 403, "console.certificate");
    w.eventually("written down", || {
        let events = w.events();
        ["console.csrf", "console.cross_site", "console.host", "console.certificate"]
            .iter()
            .all(|c| events.contains(c))
    });
}

#[test]
fn hostile_bodies_are_refused_by_name_and_change_nothing() {
    let w = started();
    let ada = Browser::registered(&w, "ada");
    let deep = format!("{{\"credential\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let client_data = |text: &str| {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        json!({ "credential": { "id": "", "response": { "clientDataJSON": data } } }).to_string()
    };
    for (name, body, status, code) in [
        ("login/start", "", 400, "console.malformed"),
        ("login/start", "null", 400, "console.malformed"),
        ("login/start", "[\"ada\"]", 400, "console.malformed"),
        ("login/start", "{\"name\":\"\"}", 400, "console.malformed"),
        ("login/start", "{\"name\":\"a\\u0000\"}", 400, "console.malformed"),
        ("login/start", "{\"name\":\"ada\",\"admin\":true}", 400, "console.malformed"),
        ("login/finish", &deep, 400, "console.malformed"),
        ("sessions/end", "{\"desk\":\"../x\\n\",\"reason\":\"r\"}", 400, "console.malformed"),
        ("sessions/end", "{\"desk\":\"A\",\"reason\":\"a\\u2028b\"}", 400, "console.malformed"),
        ("dealers/resume", "{\"dealer\":\"../../x\"}", 404, "dealer.unknown"),
        (
            "locks/lift",
            "{\"kind\":\"all\",\"subject\":\"\",\"reason\":\"r\"}",
            400,
            "console.malformed",
        ),
        ("policies/approve/start", "{\"digest\":\"' OR 1=1\"}", 404, "policy.not_prepared"),
        (
            "policies/approve/finish",
            "{\"digest\":\"a\",\"credential\":{}}",
            409,
            "console.not_open",
        ),
    ] {
        let answer = ada.post_with(name, body, &[]);
        refused(&answer, status, code);
    }
    let name = json!({ "name": "x".repeat(70_000) }).to_string();
    let large = ada.post_with("login/start", &name, &[]);
    assert!(large.status == 413 || large.status == 0, "{}", large.status);
    let reason = json!({ "desk": "A", "reason": "x".repeat(1_100_000) }).to_string();
    let large = ada.post_with("sessions/end", &reason, &[]);
    assert!(large.status == 413 || large.status == 0, "{}", large.status);
    // Without a session a large body is not even read.
    let stranger = Browser::new(&w, "ada");
    let answer = stranger.post_with("sessions/end", &reason, &[]);
    assert!(answer.status == 401 || answer.status == 0, "{}", answer.status);
    // What cannot be an answer of a key counts as a failure of whoever sends it.
    for text in ["", "{", "{\"challenge\":7}", "{\"challenge\":\"x\"}"] {
        let answer = ada.post_with("login/finish", &client_data(text), &[]);
        assert!(matches!(answer.status, 401 | 429), "{} {}", answer.status, answer.body);
    }
    good(&ada.get("me"));
}
