//! The operator's view: metrics, health, and the commands that ask the running gateway.

use crate::{
    dealer::{Dealer, Seen, configure},
    support::{Desk, World, runtime},
};
use serde_json::Value;
use signet_devca::Order;
use std::{fs, io::Write as _, net::TcpStream, process::Command};

const METRICS: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

fn started() -> World {
    let mut w = World::with("sqlite:registry.db", METRICS);
    w.start();
    w
}

/// Status and body of a path of the metrics' listener.
fn read(w: &World, scheme: &str, path: &str, args: &[&str]) -> (u16, String) {
    let port = w.gateway.as_ref().unwrap().metrics_address().unwrap().port();
    let out = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--noproxy", "*", "--write-out", "\n%{http_code}"])
        .args(args)
        .arg(format!("{scheme}://localhost:{port}{path}"))
        .current_dir(w.dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn metrics(w: &World) -> String {
    let (status, text) = read(w, "http", "/metrics", &[]);
    assert_eq!(status, 200, "{text}");
    text
}

/// The value of a series; 0 when there is none.
fn value(w: &World, series: &str) -> f64 {
    let text = metrics(w);
    let line = text.lines().find_map(|l| l.strip_prefix(series).and_then(|v| v.strip_prefix(' ')));
    line.map_or(0.0, |v| v.parse().unwrap())
}

/// The status of a path of the health, and the names of what is not good.
fn health(w: &World, path: &str) -> (u16, Vec<String>) {
    let (status, body) = read(w, "http", path, &[]);
    let v: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
    let checks = v["checks"].as_array().unwrap();
    let bad = checks.iter().filter(|c| c["good"] == false);
    let bad: Vec<String> = bad.map(|c| c["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(v["good"] == true, bad.is_empty(), "{body}");
    (status, bad)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn what_desks_do_is_counted() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    let logons = "signet_events_total{code=\"logon.accepted\",severity=\"Informational\"}";
    assert_eq!((value(&w, logons), value(&w, "signet_sessions{transport=\"tcp\"}")), (0.0, 0.0));
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        w.eventually("one session", || value(&w, "signet_sessions{transport=\"tcp\"}") == 1.0);
        assert_eq!(value(&w, logons), 1.0);
        assert_eq!(value(&w, "signet_risk_decisions_total{decision=\"allow\"}"), 1.0);
        assert!(value(&w, "signet_messages_sent_total{peer=\"desk\",type=\"UB\"}") >= 1.0);
        // Not signed: refused by name, and nothing that the desk wrote is in a label.
        desk.says("35=x|320=secret-id|559=4|").await;
        let refused = || {
            let text = metrics(&w);
            assert!(!text.contains("secret"), "{text}");
            let line = |l: &&str| {
                l.starts_with(
                    "signet_message_errors_total{peer=\"desk\",type=\"x\",code=\"signature.",
                )
            };
            text.lines().any(|l| line(&l))
        };
        w.eventually("refused by code", refused);
    });
    w.eventually("no session", || value(&w, "signet_sessions{transport=\"tcp\"}") == 0.0);
}

#[test]
fn who_is_no_desk_is_counted_by_code() {
    let w = started();
    let refused =
        |code: &str| value(&w, &format!("signet_connections_refused_total{{code=\"{code}\"}}"));
    let mut tcp = TcpStream::connect(w.gateway.as_ref().unwrap().address()).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    w.eventually("not TLS", || refused("tls.not_tls") == 1.0);
    w.pki.issue(&Order::dealer("NORTH")).unwrap().write_to(w.dir.path(), "north").unwrap();
    let at = w.gateway.as_ref().unwrap().address().to_string();
    let args = ["s_client", "-connect", &at, "-cert", "north.pem", "-key", "north-key.pem"];
    let out = Command::new("openssl").args(args).current_dir(w.dir.path()).output().unwrap();
    drop(out);
    w.eventually("a stranger's certificate", || {
        metrics(&w).lines().any(|l| {
            l.starts_with("signet_connections_refused_total{code=\"client.") && !l.ends_with(" 0")
        })
    });
}

#[test]
fn readiness_names_what_is_missing() {
    let mut w = World::with("sqlite:registry.db", METRICS);
    let certificate = w.pki.issue(&Order::dealer(&format!("BANK{}", w.n))).unwrap();
    w.start();
    assert_eq!(health(&w, "/healthz"), (200, vec![]));
    assert_eq!(health(&w, "/readyz"), (503, vec!["dealers".to_owned()]));
    w.stop();
    let dealer = Dealer::start(&w, &certificate);
    configure(&w, dealer.port, None);
    w.start();
    assert_eq!(dealer.next(), Seen::LoggedOn);
    w.eventually("ready", || health(&w, "/readyz") == (200, vec![]));
    let up = format!("signet_dealer_up{{dealer=\"BANK{}\"}}", w.n);
    assert_eq!(value(&w, &up), 1.0);
    // A second of the trading thread and a probe of the disk, whoever asks how often.
    for _ in 0..50 {
        assert_eq!(health(&w, "/healthz").0, 200);
    }
    drop(dealer);
    w.eventually("not ready", || health(&w, "/readyz").1 == ["dealers"]);
    assert_eq!(value(&w, &up), 0.0);
}

#[test]
fn the_listener_answers_three_paths_and_no_browser() {
    let w = started();
    for (path, args, status) in [
        ("/", &[][..], 404),
        ("/metrics/..", &["--path-as-is"], 404),
        ("/metrics", &["-X", "POST"], 405),
        ("/metrics", &["-H", "Origin: https://evil.example"], 403),
        ("/metrics", &["-H", "Sec-Fetch-Site: cross-site"], 403),
        ("/metrics", &["--head"], 200),
    ] {
        assert_eq!(read(&w, "http", path, args).0, status, "{path} {args:?}");
    }
    let crowd: Vec<_> = (0..200)
        .map(|_| {
            let at = w.gateway.as_ref().unwrap().metrics_address().unwrap();
            TcpStream::connect(at).unwrap()
        })
        .collect();
    assert_eq!(read(&w, "http", "/healthz", &[]).0, 200, "silent connections give way");
    drop(crowd);
}

#[test]
fn beyond_this_machine_the_metrics_want_a_certificate() {
    let mut w = World::with("sqlite:registry.db", METRICS);
    let reachable = w
        .text("gateway.toml")
        .replace("[metrics]\nlisten = \"127.0.0.1:0\"", "[metrics]\nlisten = \"0.0.0.0:0\"");
    fs::write(&w.config, &reachable).unwrap();
    let said = w.cli_fails(&["check-config"]);
    assert!(said.contains("metrics.listen") && said.contains("metrics.trust"), "{said}");
    let authority =
        ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let files =
        ["-keyout", "ca-key.pem", "-out", "monitors.pem", "-days", "2", "-subj", "/CN=Monitors"];
    w.openssl(&[&authority[..], &files].concat());
    let request = ["req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let files = ["-keyout", "prometheus-key.pem", "-out", "p.csr", "-subj", "/CN=prometheus"];
    w.openssl(&[&request[..], &files].concat());
    fs::write(w.path("ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    w.openssl(&[
        "x509",
        "-req",
        "-in",
        "p.csr",
        "-CA",
        "monitors.pem",
        "-CAkey",
        "ca-key.pem",
        "-days",
        "1",
        "-extfile",
        "ext",
        "-out",
        "prometheus.pem",
    ]);
    let trusted = reachable.replace("0.0.0.0:0\"", "0.0.0.0:0\"\ntrust = \"monitors.pem\"");
    fs::write(&w.config, trusted).unwrap();
    w.start();
    let ca = ["--cacert", "gateways-ca.pem"];
    let with = |stem: &str| {
        let (cert, key) = (format!("{stem}.pem"), format!("{stem}-key.pem"));
        read(&w, "https", "/metrics", &[&ca[..], &["--cert", &cert, "--key", &key]].concat())
    };
    let (status, text) = with("prometheus");
    assert!(status == 200 && text.contains("signet_build_info"), "{status} {text}");
    // A desk, the gateway itself, nobody, and plain HTTP.
    w.enrolled("alice", "ALICE", "laptop");
    assert_eq!((with("laptop").0, with("gateway").0), (0, 0));
    assert_eq!(read(&w, "https", "/metrics", &ca).0, 0);
    assert_eq!(read(&w, "http", "/metrics", &[]).0, 0);
    // Nor is the authority of somebody else good for it.
    let text =
        w.text("gateway.toml").replace("trust = \"monitors.pem\"", "trust = \"issuing.pem\"");
    fs::write(&w.config, text).unwrap();
    assert!(w.cli_fails(&["check-config"]).contains("metrics.trust"));
}

#[test]
fn the_operator_sees_the_gateway_and_ends_sessions() {
    let mut w = World::new();
    let said = w.cli_fails(&["status"]);
    assert!(said.contains("operator.not_running") && said.contains("--config"), "{said}");
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.enrolled("bob", "BOB", "other");
    runtime().block_on(async {
        let mut alice = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let (mut bob, _) = Desk::over_quic(&w, "other", "BOB", "127.0.0.1").await;
        assert!(bob.log_on(1).await.contains("|35=A|"));
        w.eventually("both are on", || json(&w.cli(&["status", "--json"]))["sessions"] == 2);
        seen(&w);
        let said = w.cli_fails(&["kill", "carol"]);
        assert!(said.contains("admin.not_on") && said.contains("carol"), "{said}");
        assert!(w.cli_fails(&["kill", "alice", "--reason", "a\nb"]).contains("operator.reason"));
        assert!(
            !w.cli_fails(&["kill"]).is_empty() && !w.cli_fails(&["kill", "x", "--all"]).is_empty()
        );
        // By the user's name, and by CompID.
        let said = w.cli(&["kill", "alice", "--reason", "fire drill"]);
        assert!(said.contains(&format!("ended {}", w.comp_id("ALICE"))), "{said}");
        let heard = alice.until_cut().await.join("\n");
        assert!(heard.contains("|35=5|") && heard.contains("fire drill"), "{heard}");
        w.eventually("bob alone", || json(&w.cli(&["status", "--json"]))["sessions"] == 1);
        let said = w.cli(&["kill", "--all"]);
        assert!(said.contains(&w.comp_id("BOB")), "{said}");
        assert!(bob.until_cut().await.join("\n").contains("|35=5|"));
    });
    assert!(w.cli(&["kill", "--all"]).contains("no desk is on"));
    let own = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
    w.eventually("written down, by the real account", || {
        let events = w.events();
        let by = |l: &&str| l.contains("session.ended") && l.contains(&format!("({})", own.trim()));
        events.lines().filter(by).count() == 2 && events.contains("fire drill")
    });
    w.stop();
    assert!(!w.path("state/control.sock").exists());
    assert!(w.cli_fails(&["kill", "--all"]).contains("operator.not_running"));
}

/// Whoever follows the alerts sees those after a restart, too.
#[test]
fn alerts_are_followed_over_a_restart() {
    let mut w = World::started();
    let spoil = |w: &World, text: &str| {
        fs::write(w.path("new.toml"), text).unwrap();
        fs::rename(w.path("new.toml"), w.path("risk.toml")).unwrap();
    };
    let good = w.text("risk.toml");
    spoil(&w, "countries = 7");
    w.eventually("an alert", || w.cli(&["alerts"]).contains("policy.refused"));
    let out = fs::File::create(w.path("followed")).unwrap();
    let mut following = Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
        .args(["alerts", "--follow", "--config"])
        .arg(&w.config)
        .stdout(out)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let seen =
        |w: &World| w.text("followed").lines().filter(|l| l.contains("policy.refused")).count();
    w.eventually("the first", || seen(&w) == 1);
    w.stop();
    spoil(&w, &good);
    w.start();
    spoil(&w, "countries = 8");
    w.eventually("the one after the restart", || seen(&w) == 2);
    following.kill().unwrap();
    following.wait().unwrap();
}

/// What the commands show while alice is on over TCP and bob over QUIC.
fn seen(w: &World) {
    let text = w.cli(&["status"]);
    for words in ["up since", "answers", "sessions      2", "confirmed", "policy", "OFF since"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let status = json(&w.cli(&["status", "--json"]));
    assert_eq!(status["trading"], true);
    assert!(status["journal"]["bytes"].is_u64() && status["certificates"][0]["until"].is_string());
    let sessions = json(&w.cli(&["sessions", "--json"]));
    let all = sessions["sessions"].as_array().unwrap();
    let of = |user: &str| all.iter().find(|s| s["user"] == user).unwrap();
    assert_eq!(
        (&of("alice")["transport"], &of("bob")["transport"]),
        (&"tcp".into(), &"quic".into())
    );
    assert_eq!((&of("alice")["country"], &of("alice")["verdict"]), (&"GB".into(), &"allow".into()));
    assert_eq!(of("alice")["device"], "laptop");
    assert!(!of("alice")["factors"].as_array().unwrap().is_empty());
    let text = w.cli(&["sessions"]);
    assert!(text.contains("quic") && text.contains(" GB "), "{text}");
    let top = w.cli(&["top", "--count", "1"]);
    assert!(top.contains("2 desks on") && top.contains(&w.comp_id("ALICE")), "{top}");
    // Of a faulty policy everybody who looks on is told.
    fs::write(w.path("new.toml"), "countries = 7").unwrap();
    fs::rename(w.path("new.toml"), w.path("risk.toml")).unwrap();
    w.eventually("an alert", || w.cli(&["alerts"]).contains("policy.refused"));
    let alerts = w.cli(&["alerts", "--json", "--limit", "1"]);
    assert_eq!(alerts.lines().count(), 1, "{alerts}");
    assert!(w.cli(&["status"]).contains("policy.refused"));
}
