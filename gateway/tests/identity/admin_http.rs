//! What a peer can do wrong over HTTP, and crowds.

use crate::{
    admin::{ask_as, get, good, port, post, refused, started},
    support::World,
};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn requests_that_are_none_are_refused_by_name() {
    let w = started();
    w.user("alice", "ALICE");
    fs::write(w.path("large.json"), format!("{{\"reason\":\"{}\"}}", "x".repeat(5_000))).unwrap();
    refused(&post(&w, "/v1/users/alice/lock", "@large.json"), 413, "admin.too_large");
    fs::write(w.path("huge.json"), "x".repeat(1 << 20)).unwrap();
    // It may be told before everything was sent, or find the connection closed.
    let huge = post(&w, "/v1/users/alice/lock", "@huge.json");
    assert!(huge.status == 413 || huge.status == 0, "{} {}", huge.status, huge.headers);
    for (path, args, status, code) in [
        ("/", &[][..], 404, "admin.not_found"),
        ("/v1/nothing", &[], 404, "admin.not_found"),
        ("/v1/users/../users", &[], 404, "admin.not_found"),
        ("/v1/users/..%2fusers", &[], 400, "admin.malformed"),
        ("/v1/users/../../../etc/passwd", &[], 404, "admin.not_found"),
        ("/v1/users/..", &[], 400, "admin.malformed"),
        ("/v1/users/alice%00", &[], 400, "admin.malformed"),
        ("/v1/users/alice%27%20OR%201", &[], 400, "admin.malformed"),
        ("/v1/users?x=1", &[], 400, "admin.malformed"),
        ("/v1/events?limit=0", &[], 400, "admin.malformed"),
        ("/v1/users", &["-X", "DELETE"], 405, "admin.method"),
        ("/v1/users", &["-X", "BREW"], 405, "admin.method"),
        ("/v1/users/alice/lock", &[], 405, "admin.method"),
        ("/v1/users/alice/lock", &["-d", "{}"], 415, "admin.content_type"),
        ("/v1/users/alice/lock", &["-X", "POST"], 415, "admin.content_type"),
        ("/v1/users/alice/lock", &["--json", "{"], 400, "admin.malformed"),
        ("/v1/users/alice/lock", &["--json", "{\"a\":1}"], 400, "admin.malformed"),
        ("/v1/users/alice/role", &["--json", "{\"role\":7}"], 400, "admin.malformed"),
        // What a page in a browser would send on somebody's behalf.
        (
            "/v1/users/alice/lock",
            &["--json", "{}", "-H", "Origin: https://evil.example"],
            403,
            "admin.browser",
        ),
        ("/v1/users", &["-H", "Sec-Fetch-Site: cross-site"], 403, "admin.browser"),
    ] {
        refused(&ask_as(&w, "sylvia", path, args), status, code);
    }
    let long = format!("X-Long: {}", "x".repeat(40_000));
    let status = ask_as(&w, "sylvia", "/v1/users", &["-H", &long]).status;
    assert!(status == 431 || status == 0, "{status}");
    assert_eq!(good(&get(&w, "/v1/users/alice"))["state"], "active");
    w.eventually("written down", || {
        let events = w.events();
        let codes = ["too_large", "not_found", "malformed", "method", "content_type", "browser"];
        codes.iter().all(|c| {
            events.lines().any(|l| {
                l.contains(&format!("admin.{c} ")) && l.contains("admin sylvia from 127.0.0.1")
            })
        })
    });
}

/// `openssl s_client` as sylvia, to say something slowly.
fn slowly(w: &World, text: &str) -> String {
    let mut s = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-connect",
            &format!("localhost:{}", port(w)),
            "-CAfile",
            "gateways-ca.pem",
        ])
        .args(["-cert", "sylvia.pem", "-key", "sylvia-key.pem"])
        .current_dir(w.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    s.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    let mut said = String::new();
    // Ends when the gateway closes.
    s.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    drop(s.stdin.take());
    s.kill().unwrap();
    s.wait().unwrap();
    said
}

#[test]
fn whoever_is_slow_is_not_waited_for() {
    let w = started();
    let began = Instant::now();
    assert!(
        !slowly(&w, "GET /v1/users HTTP/1.1\r\nHost: x\r\n").contains("200 OK"),
        "headers without an end"
    );
    let head = "POST /v1/users/alice/lock HTTP/1.1\r\nHost: x\r\nContent-Type: \
        application/json\r\nContent-Length: 2\r\n\r\n{";
    let said = slowly(&w, head);
    assert!(said.contains("408 ") && said.contains("admin.too_slow"), "{said}");
    // Five and ten seconds, not the sixty that a connection may last; the rest is for the machine.
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    good(&get(&w, "/v1/users"));
}

#[test]
fn two_hundred_silent_connections_are_survived() {
    let w = started();
    let crowd: Vec<_> =
        (0..200).map(|_| TcpStream::connect(("127.0.0.1", port(&w))).unwrap()).collect();
    // A newcomer takes the place of the oldest that says nothing, so there is room at once.
    assert_eq!(get(&w, "/v1/users").status, 200);
    drop(crowd);
    w.eventually("written down", || w.events().contains("https.evicted"));
    // Plain text is not TLS, and is answered with no HTTP.
    let mut plain = TcpStream::connect(("127.0.0.1", port(&w))).unwrap();
    plain.write_all(b"GET /v1/users HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = vec![];
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|w| w == b"HTTP"));
}

#[test]
fn two_hundred_requests_at_once_are_answered_or_told_to_wait() {
    let w = started();
    let url = format!("https://localhost:{}/v1/policy", port(&w));
    let out = Command::new("curl")
        .args([
            "--silent",
            "--parallel",
            "--parallel-immediate",
            "--parallel-max",
            "200",
            "--max-time",
            "30",
            "--http1.1",
        ])
        .args([
            "--cacert",
            "gateways-ca.pem",
            "--cert",
            "sylvia.pem",
            "--key",
            "sylvia-key.pem",
            "--write-out",
            "%{http_code}\n",
        ])
        .args((0..200).flat_map(|_| ["--output".to_owned(), "/dev/null".to_owned(), url.clone()]))
        .current_dir(w.dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let count = |code: &str| text.lines().filter(|l| *l == code).count();
    assert!(count("200") > 0, "{text}");
    assert_eq!(count("200") + count("503") + count("000"), 200, "{text}");
    good(&get(&w, "/v1/users"));
}
