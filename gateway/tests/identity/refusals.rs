//! What the enrolment service refuses, and that every refusal is written down.

use crate::support::World;
use std::{
    fs,
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

const ENROL: &str = "/.well-known/est/simpleenroll";
const PKCS10: &str = "Content-Type: application/pkcs10";

#[test]
fn wrong_used_replaced_and_expired_codes() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    // RFC 7030 clients ask first and send credentials when told to.
    let asked = w.curl(ENROL, &["-H", PKCS10, "--data-binary", "@laptop.b64"]);
    asked.refused(401, "enrol.no_credentials");
    assert!(asked.header("www-authenticate").unwrap().starts_with("Basic realm="));
    w.enrol("alice", "00000-00000", "laptop").refused(401, "enrol.code_wrong");
    let newer = w.cli(&["user", "code", "alice", "--out", "."]);
    w.enrol("alice", &code, "laptop").refused(401, "enrol.code_replaced");
    let newer = crate::support::code_in(&newer);
    // Time is not waited for: the row is moved into the past.
    w.sqlite("UPDATE codes SET expires_ms = 1 WHERE state = 'open'");
    w.enrol("alice", &newer, "laptop").refused(401, "enrol.code_expired");
    let events = w.events();
    for kind in ["enrol.code_wrong", "enrol.code_replaced", "enrol.code_expired"] {
        assert!(events.contains(kind), "{events}");
    }
}

#[test]
fn an_unknown_user_and_a_wrong_code_look_the_same() {
    let w = World::started();
    w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    let wrong = "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZ";
    let timed = |user: &str| {
        let began = Instant::now();
        let a = w.enrol(user, wrong, "laptop");
        (
            began.elapsed(),
            a.status,
            a.code().to_owned(),
            a.body,
            a.headers.lines().filter(|l| !l.starts_with("date")).count(),
        )
    };
    let (known, unknown) = (timed("alice"), timed("nobody"));
    assert_eq!(
        (known.1, &known.2, &known.3, known.4),
        (unknown.1, &unknown.2, &unknown.3, unknown.4)
    );
    // Both wait for the same moment; what is left is the machine.
    assert!(known.0 >= Duration::from_millis(250) && unknown.0 >= Duration::from_millis(250));
    assert!(
        known.0.abs_diff(unknown.0) < Duration::from_millis(150),
        "{:?} {:?}",
        known.0,
        unknown.0
    );
}

#[test]
fn five_failures_and_then_nobody_is_answered() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    for _ in 0..5 {
        w.enrol("alice", "00000", "laptop").refused(401, "enrol.code_wrong");
    }
    let limited = w.enrol("alice", &code, "laptop");
    limited.refused(429, "enrol.rate_limited");
    let wait: u32 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((800..=900).contains(&wait), "{wait}");
    let events = w.events();
    let limits: Vec<&str> = events.lines().filter(|l| l.contains("enrol.rate_limited")).collect();
    assert_eq!(limits.len(), 1, "once, and not for each attempt after it: {events}");
    assert!(limits[0].contains("No further attempt is answered for 15 minutes"), "{events}");
}

/// Anybody can fail in somebody's name. Whoever has the certificate renews all the same, before it
/// ends.
#[cfg(target_os = "linux")]
#[test]
fn strangers_who_fail_in_a_name_do_not_stop_the_renewals_of_that_person() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    w.request("next", "laptop");
    for name in ["alice", "renewal alice"] {
        for n in 0..5 {
            let (from, user) = (format!("127.66.{}.1", n + 1), format!("{name}:00000"));
            let args = ["--ipv4", "--interface", &from, "--user", &user];
            let more = ["-H", PKCS10, "--data-binary", "@next.b64"];
            w.curl(ENROL, &[&args[..], &more].concat()).refused(401, "enrol.code_wrong");
        }
    }
    let code = crate::support::code_in(&w.cli(&["user", "code", "alice", "--out", "."]));
    w.enrol("alice", &code, "next").refused(429, "enrol.rate_limited");
    w.keep(&w.reenrol("laptop", "next"), "next");
}

#[test]
fn what_a_request_may_not_ask() {
    let w = World::started();
    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    w.user("bob", "BOB");
    let bobs = w.comp_id("BOB");
    let own = w.comp_id("ALICE0");
    let others_name = format!("/CN={bobs}");
    let others_uri =
        format!("subjectAltName=URI:spiffe://bank.example/desk/{bobs}/bob/laptop/keychain");
    let own_uri =
        format!("subjectAltName=URI:spiffe://bank.example/desk/{own}/alice0/laptop/keychain");
    let table: &[(&[&str], u16, &str)] = &[
        (&["-newkey", "rsa:2048", "-subj", "/CN=laptop"], 400, "enrol.key_kind"),
        (
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-subj", "/CN=laptop"],
            400,
            "enrol.key_kind",
        ),
        (&["-newkey", "ed25519", "-subj", "/CN=laptop"], 400, "enrol.key_kind"),
        (
            &[p256[0], p256[1], p256[2], p256[3], "-sha512", "-subj", "/CN=laptop"],
            400,
            "enrol.signature_kind",
        ),
        (&[p256[0], p256[1], p256[2], p256[3], "-subj", "/CN=bob"], 403, "enrol.name_of_another"),
        (&[p256[0], p256[1], p256[2], p256[3], "-subj", "/CN=BOB"], 403, "enrol.name_of_another"),
        (
            &[p256[0], p256[1], p256[2], p256[3], "-subj", &others_name],
            403,
            "enrol.name_of_another",
        ),
        (
            &[p256[0], p256[1], p256[2], p256[3], "-subj", "/CN=laptop", "-addext", &others_uri],
            400,
            "enrol.other_names",
        ),
        (
            &[
                p256[0],
                p256[1],
                p256[2],
                p256[3],
                "-subj",
                "/CN=laptop",
                "-addext",
                "subjectAltName=DNS:localhost",
            ],
            400,
            "enrol.other_names",
        ),
        (
            &[
                p256[0],
                p256[1],
                p256[2],
                p256[3],
                "-subj",
                "/CN=laptop",
                "-addext",
                "basicConstraints=CA:TRUE",
            ],
            400,
            "enrol.asks_for_authority",
        ),
        (&[p256[0], p256[1], p256[2], p256[3], "-subj", "/O=no name"], 400, "enrol.no_device_name"),
    ];
    for (i, (args, status, want)) in table.iter().enumerate() {
        // A user each: the limit is for users too. The address is everybody's.
        w.request_with("bad", args);
        let user = format!("alice{i}");
        let code = w.user(&user, &format!("ALICE{i}"));
        w.enrol(&user, &code, "bad").refused(*status, want);
        // The code was right, so it is not used up; and success forgives the address its failure.
        let uri = own_uri.replace("alice0", &user).replace("ALICE0", &format!("ALICE{i}"));
        w.request_with(
            "good",
            &[p256[0], p256[1], p256[2], p256[3], "-subj", "/CN=laptop", "-addext", &uri],
        );
        w.keep(&w.enrol(&user, &code, "good"), "good");
    }
    let events = w.events();
    for (_, _, want) in table {
        assert!(events.contains(want), "{want}");
    }
}

#[test]
fn huge_malformed_and_misaddressed_requests() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    fs::write(w.path("huge.b64"), "A".repeat(1 << 20)).unwrap();
    fs::write(w.path("large.b64"), "A".repeat(23_000)).unwrap();
    fs::write(w.path("junk.b64"), "bm90IGEgcmVxdWVzdA==").unwrap();
    let user = format!("alice:{code}");
    w.enrol("alice", &code, "huge").refused(413, "enrol.too_large");
    w.enrol("alice", &code, "large").refused(413, "enrol.too_large");
    w.enrol("alice", &code, "junk").refused(400, "enrol.malformed");
    // Whoever has no code learns nothing about the body.
    w.enrol("alice", "wrong", "junk").refused(401, "enrol.code_wrong");
    w.curl("/.well-known/est/simpleenroll", &["--user", &user]).refused(405, "enrol.method");
    w.curl("/.well-known/est/fullcmc", &[]).refused(404, "enrol.not_found");
    w.curl("/", &[]).refused(404, "enrol.not_found");
    w.curl("/.well-known/est/cacerts", &["-X", "DELETE"]).refused(405, "enrol.method");
    // Asked for with the wrong body type.
    w.curl(ENROL, &["--user", &user, "-H", "Content-Type: text/plain", "--data", "x"])
        .refused(415, "enrol.content_type");
    let long = format!("X-Long: {}", "x".repeat(40_000));
    let refused = w.curl("/.well-known/est/cacerts", &["-H", &long]).status;
    assert!(refused == 431 || refused == 0, "{refused}");
    // Not TLS at all.
    let mut plain = std::net::TcpStream::connect(("127.0.0.1", w.est())).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = vec![];
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|w| w == b"HTTP"));
    // And still there for others.
    assert_eq!(w.curl("/.well-known/est/cacerts", &[]).status, 200);
}

#[test]
fn tls_1_2_is_refused_and_nothing_is_resumed() {
    let w = World::started();
    assert_eq!(w.curl("/.well-known/est/cacerts", &["--tls-max", "1.2"]).status, 0);
    let at = format!("localhost:{}", w.est());
    let out = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &at,
            "-CAfile",
            "gateways-ca.pem",
            "-sess_out",
            "session.pem",
            "-brief",
        ])
        .stdin(std::process::Stdio::null())
        .current_dir(w.dir.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("TLSv1.3"), "{out:?}");
    assert!(!w.path("session.pem").exists(), "no ticket was given");
}

#[test]
fn the_locked_and_the_revoked_get_nothing() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    let code = crate::support::code_in(&w.cli(&["user", "code", "alice", "--out", "."]));
    w.request("next", "laptop");
    w.cli(&["lock", "device", "laptop"]);
    w.enrol("alice", &code, "next").refused(403, "enrol.device_locked");
    w.reenrol("laptop", "next").refused(403, "enrol.device_locked");
    w.cli(&["unlock", "device", "alice/laptop"]);
    w.cli(&["lock", "user", "alice"]);
    w.enrol("alice", &code, "next").refused(403, "enrol.user_locked");
    w.reenrol("laptop", "next").refused(403, "enrol.user_locked");
    // Whether the account is locked is for those who have the code.
    w.enrol("alice", "wrong", "next").refused(401, "enrol.code_wrong");
    assert!(w.cli_fails(&["user", "code", "alice", "--out", "."]).contains("registry.user_locked"));
}

#[test]
fn a_key_is_certified_once_whoever_asks() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    let code = w.user("bob", "BOB");
    w.enrol("bob", &code, "laptop").refused(400, "enrol.key_reused");
    let own = crate::support::code_in(&w.cli(&["user", "code", "alice", "--out", "."]));
    w.enrol("alice", &own, "laptop").refused(400, "enrol.key_reused");
}

#[test]
fn no_log_holds_a_code_or_a_password() {
    let w = World::new();
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    let log = fs::File::create(w.path("log")).unwrap();
    let mut gateway = std::process::Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
        .args(["run", "--config"])
        .arg(&w.config)
        .env("SIGNET_LOG", "trace")
        .stderr(log)
        .spawn()
        .unwrap();
    let up = |l: &'_ str| l.contains("enrolment service is up");
    w.eventually("up", || w.text("log").lines().any(up));
    let line = w.text("log").lines().find(|l| up(l)).unwrap().to_owned();
    let port: u16 = line
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .chars()
        .rev()
        .collect::<String>()
        .parse()
        .unwrap();
    let wrong = "ZZZZZ-WRONG-ZZZZZ";
    assert_eq!(w.enrol_at(port, "alice", wrong, "laptop").code(), "enrol.code_wrong");
    let good = w.enrol_at(port, "alice", &code, "laptop");
    w.keep(&good, "laptop");
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    let log = w.text("log");
    assert!(log.contains("certificate issued"));
    let basic = |code: &str| {
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("alice:{code}"))
    };
    for secret in [code.clone(), code.replace('-', ""), wrong.into(), basic(&code), basic(wrong)] {
        assert!(!log.contains(&secret), "the log holds {secret}");
    }
}

#[test]
fn renewal_needs_a_certificate_that_is_good() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    w.request("next", "laptop");
    let none =
        w.curl("/.well-known/est/simplereenroll", &["-H", PKCS10, "--data-binary", "@next.b64"]);
    none.refused(403, "enrol.no_certificate");
    // A certificate of another authority does not even get through the handshake.
    w.pki
        .issue(&signet_devca::Order::desk(&w.comp_id("ALICE")))
        .unwrap()
        .write_to(w.dir.path(), "foreign")
        .unwrap();
    assert_eq!(w.reenrol("foreign", "next").status, 0);
    w.cli(&[
        "revoke",
        "--serial",
        &w.serial("laptop").to_uppercase(),
        "--reason",
        "key-compromise",
    ]);
    w.reenrol("laptop", "next").refused(403, "enrol.certificate_revoked");
    // The list says so too, within moments.
    w.eventually("on the list", || {
        w.curl("/crl/desks.crl", &["--output", "desks.crl"]);
        let text = w.openssl(&[
            "crl",
            "-inform",
            "DER",
            "-in",
            "desks.crl",
            "-CAfile",
            "issuing.pem",
            "-noout",
            "-text",
        ]);
        text.to_lowercase().contains(&w.serial("laptop")) && text.contains("Key Compromise")
    });
}
