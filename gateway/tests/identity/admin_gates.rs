//! Whom the administrators' interface lets do what: certificates, risk, entitlements, each as of
//! the request.

use crate::{
    admin::{ADMIN, ask_as, get, good, port, post, refused, show, started, started_with},
    support::{PATIENCE, World, runtime},
};
use signet_devca::Order;
use signet_identity::{ClientProfile, Role, ServerIdentity, TrustRoots};
use std::{fs, time::Duration as StdDuration};
use time::{Duration, OffsetDateTime, Weekday};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

/// One connection for several requests.
struct Kept(TlsStream<TcpStream>);

impl Kept {
    async fn connect(w: &World, stem: &str) -> Self {
        let identity = ServerIdentity::from_pem_files(
            &w.path(&format!("{stem}.pem")),
            &w.path(&format!("{stem}-key.pem")),
        )
        .unwrap();
        let roots = TrustRoots::new([w.pki.root(Role::Gateway).clone()]).unwrap();
        let tls = ClientProfile::new(roots, identity.certified_key()).config().unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", port(w))).await.unwrap();
        Self(
            TlsConnector::from(tls)
                .connect(ServerName::try_from("localhost").unwrap(), tcp)
                .await
                .unwrap(),
        )
    }

    /// Status line, headers and body; empty when the connection has ended.
    async fn get(&mut self, path: &str) -> String {
        let _ = self
            .0
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
            .await;
        let (mut text, mut buffer) = (String::new(), [0u8; 4096]);
        loop {
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|l| l.strip_prefix("content-length: "))
                    .and_then(|l| l.parse().ok())
                    .unwrap_or(0);
                if body.len() >= length {
                    return text;
                }
            }
            match timeout(PATIENCE, self.0.read(&mut buffer)).await.expect("an answer") {
                Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..n])),
                _ => return text,
            }
        }
    }
}

/// No handshake, so no words: curl has seen an alert. The gateway has written down why.
#[track_caller]
fn turned_away(w: &World, stem: &str, code: &str) {
    assert_eq!(ask_as(w, stem, "/v1/policy", &[]).status, 0, "{stem}");
    w.eventually(&format!("{stem}: {code} written down"), || {
        w.events().lines().any(|l| l.contains(code) && l.contains("admin.listen"))
    });
}

#[test]
fn whoever_is_not_an_administrator_of_this_firm_is_turned_away() {
    let w = started();
    let desk = w.comp_id("ALICE");
    show(&w, "desk", &Order::desk(&desk));
    show(&w, "dealer", &Order::dealer("BANK9").for_clients());
    show(&w, "gateway2", &Order::gateway("GW9"));
    for stem in ["desk", "dealer", "gateway2"] {
        turned_away(&w, stem, "client.unknown_ca");
    }
    // The world's desks are another authority's.
    w.enrolled("alice", "ALICE", "laptop");
    turned_away(&w, "laptop", "client.unknown_ca");
    show(&w, "old", &Order::admin("sylvia").expired());
    turned_away(&w, "old", "client.certificate_expired");
    show(&w, "young", &Order::admin("sylvia").not_yet_valid());
    assert_eq!(ask_as(&w, "young", "/v1/policy", &[]).status, 0);
    assert_eq!(w.curl_at(port(&w), "/v1/policy", &[]).status, 0);
    w.eventually("written down", || {
        w.events().lines().any(|l| l.contains("client.no_certificate"))
    });
    assert_eq!(ask_as(&w, "sylvia", "/v1/policy", &["--tls-max", "1.2"]).status, 0);
    good(&get(&w, "/v1/policy"));
}

/// The right authority, and all the same not an administrator.
#[test]
fn role_and_trust_domain_are_asked_for_whoever_signed() {
    let w = started();
    for (stem, uri, want) in [
        ("desk", "spiffe://bank.example/desk/ALICE", "issued to a desk, not to a admin"),
        ("dealer", "spiffe://bank.example/dealer/BANK", "issued to a dealer, not to a admin"),
        ("gateway2", "spiffe://bank.example/gateway/GW", "issued to a gateway, not to a admin"),
        ("other", "spiffe://other.example/admin/sylvia", "trust domain other.example"),
        ("nobody", "spiffe://bank.example/admin/Sylvia", "user is not"),
        ("nothing", "https://bank.example/admin/sylvia", "is not spiffe://"),
    ] {
        show(&w, stem, &Order::admin("sylvia").with_uri(uri));
        let v = refused(&ask_as(&w, stem, "/v1/policy", &[]), 403, "admin.certificate");
        assert!(v["message"].as_str().unwrap().contains(want), "{stem}: {v}");
    }
    w.eventually("written down", || w.events().matches("admin.certificate ").count() == 6);
}

#[test]
fn a_certificate_that_ends_during_a_connection_is_refused_at_the_next_request() {
    let w = started();
    // The authority's clock is the world's.
    let lasts = OffsetDateTime::now_utc() + Duration::seconds(10);
    show(&w, "short", &Order::admin("sylvia").lasting(lasts - w.made));
    runtime().block_on(async {
        let mut kept = Kept::connect(&w, "short").await;
        let first = kept.get("/v1/policy").await;
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        // Asked again and again: a connection on which nothing is said is closed.
        let mut last = first;
        while last.starts_with("HTTP/1.1 200") && OffsetDateTime::now_utc() < lasts + PATIENCE {
            tokio::time::sleep(StdDuration::from_millis(300)).await;
            last = kept.get("/v1/policy").await;
        }
        assert!(
            last.starts_with("HTTP/1.1 403") && last.contains("admin.certificate_not_good"),
            "{last}"
        );
        assert!(OffsetDateTime::now_utc() >= lasts - Duration::seconds(1), "not before its time");
        assert_eq!(kept.get("/v1/policy").await, "", "and the connection is closed");
    });
    w.eventually("written down", || w.events().contains("admin.certificate_not_good"));
}

#[test]
fn a_revoked_certificate_is_refused_on_the_connection_it_opened() {
    let section = format!("{ADMIN}crl = [\"admins.crl\"]\ncrl_required = true\n");
    let w = started_with(&section);
    let publish = |revoked: &[&str]| {
        let ders: Vec<_> = revoked
            .iter()
            .map(|s| {
                w.openssl(&["x509", "-in", &format!("{s}.pem"), "-outform", "DER", "-out", "r.der"])
            })
            .map(|_| fs::read(w.path("r.der")).unwrap().into())
            .collect();
        let list = w
            .pki
            .crl(
                Role::Admin,
                &ders.iter().collect::<Vec<_>>(),
                OffsetDateTime::now_utc() + Duration::days(1),
            )
            .unwrap();
        fs::write(w.path("new.crl"), &*list).unwrap();
        fs::rename(w.path("new.crl"), w.path("admins.crl")).unwrap();
    };
    assert_eq!(get(&w, "/v1/policy").status, 0, "required and missing");
    publish(&[]);
    w.eventually("open with a list", || get(&w, "/v1/policy").status == 200);
    runtime().block_on(async {
        let mut kept = Kept::connect(&w, "sylvia").await;
        assert!(kept.get("/v1/policy").await.starts_with("HTTP/1.1 200"));
        publish(&["sylvia"]);
        let mut last = String::new();
        for _ in 0..600 {
            last = kept.get("/v1/policy").await;
            if !last.starts_with("HTTP/1.1 200") {
                break;
            }
            tokio::time::sleep(StdDuration::from_millis(50)).await;
        }
        assert!(
            last.starts_with("HTTP/1.1 403")
                && last.contains("admin.certificate_not_good")
                && last.contains("revoked"),
            "{last}"
        );
    });
    assert_eq!(get(&w, "/v1/policy").status, 0);
    show(&w, "oscar", &Order::admin("oscar"));
    good(&ask_as(&w, "oscar", "/v1/policy", &[]));
}

/// Every request is judged, also one on a connection that was good a moment ago.
#[test]
fn an_access_that_the_risk_policy_refuses_does_nothing() {
    let w = started();
    w.user("alice", "ALICE");
    let usual = w.text("risk.toml");
    runtime().block_on(async {
        let mut kept = Kept::connect(&w, "sylvia").await;
        assert!(kept.get("/v1/users").await.starts_with("HTTP/1.1 200"));
        fs::write(w.path("risk.toml"), usual.replace("127.0.0.0/8", "192.0.2.0/24")).unwrap();
        let mut last = String::new();
        for _ in 0..600 {
            last = kept.get("/v1/users").await;
            if last.starts_with("HTTP/1.1 403") {
                break;
            }
            tokio::time::sleep(StdDuration::from_millis(50)).await;
        }
        assert!(last.contains("\"risk.denied\""), "{last}");
    });
    let v = refused(&post(&w, "/v1/users/alice/lock", "{}"), 403, "risk.denied");
    // Privileged 10, software token 5, unknown network 15, country not known 40.
    assert_eq!(v["score"], 70);
    assert!(
        v["message"].as_str().unwrap().contains("privileged user +10")
            && v["policy"].as_str().unwrap().len() == 64,
        "{v}"
    );
    assert!(v["cure"].as_str().unwrap().contains("country"), "{v}");
    // Not even what there is can be found out.
    refused(&get(&w, "/v1/nothing"), 403, "risk.denied");
    w.eventually("written down", || {
        w.events().lines().any(|l| {
            l.contains("risk.denied")
                && l.contains("admin sylvia from 127.0.0.1")
                && l.contains("/v1/users/alice/lock")
        })
    });
    fs::write(w.path("risk.toml"), &usual).unwrap();
    w.eventually("allowed again", || get(&w, "/v1/users/alice").status == 200);
    assert_eq!(good(&get(&w, "/v1/users/alice"))["state"], "active", "nothing was done");

    // Trading hours are for trading: somebody must be able to lock a user at night.
    let day = match OffsetDateTime::now_utc().weekday() {
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday => "sat",
        Weekday::Thursday | Weekday::Friday | Weekday::Saturday | Weekday::Sunday => "tue",
    };
    let hours =
        format!("[hours]\nfrom = '09:00'\nto = '17:00'\ndays = ['{day}']\ndecision = 'deny'\n");
    let loads = || w.events().lines().filter(|l| l.contains("policy.loaded")).count();
    let before = loads();
    fs::write(w.path("risk.toml"), format!("{usual}{hours}")).unwrap();
    w.eventually("hours are in force", || loads() > before);
    good(&post(&w, "/v1/users/alice/lock", "{}"));
    good(&post(&w, "/v1/users/alice/unlock", "{}"));

    // A machine that nobody manages counts a little: a touch would be wanted, which nobody can give
    // here.
    let table = signet_gateway::config::DEFAULT_TABLE.replace("points = 25", "points = 5");
    fs::write(w.path("risk-score.toml"), table).unwrap();
    w.eventually("a touch is wanted", || get(&w, "/v1/users").status == 403);
    let v = refused(&post(&w, "/v1/users/alice/lock", "{}"), 403, "risk.no_step_up");
    assert!(v["message"].as_str().unwrap().contains("unmanaged +5"), "{v}");
    w.eventually("written down", || w.events().contains("risk.no_step_up"));

    // A file that is broken, or gone, changes nothing: the last good one stays.
    fs::write(w.path("risk.toml"), "countries = 7").unwrap();
    w.eventually("said", || w.events().contains("policy.refused"));
    refused(&get(&w, "/v1/users"), 403, "risk.no_step_up");
    fs::remove_file(w.path("risk.toml")).unwrap();
    std::thread::sleep(StdDuration::from_millis(1_500));
    refused(&get(&w, "/v1/users"), 403, "risk.no_step_up");
}

const POLICIES: &str = r#"
@id("operators-read") permit (principal in AdminGroup::"operators", action == Action::"admin-read", resource);
@id("officers") permit (principal in AdminGroup::"officers", action in Action::"admin", resource);
@id("hardware") @words("Changes need a key in hardware.") @cure("Use your token.")
forbid (principal, action in Action::"admin", resource) unless { action == Action::"admin-read" || context.hardwareKey };
@id("two-people") @words("Policies change with two people.")
forbid (principal, action == Action::"admin-policy", resource) unless { context.secondPerson };
"#;

#[test]
fn what_no_policy_permits_is_denied_and_the_policies_are_named() {
    let w = started();
    w.user("alice", "ALICE");
    show(&w, "oscar", &Order::admin("oscar"));
    show(&w, "token", &Order::admin("sylvia").with_policy("2.999.7"));
    show(&w, "stranger", &Order::admin("mallory").with_policy("2.999.7"));
    fs::write(
        w.path("entitlements.toml"),
        "reporting_currency = 'EUR'\n[admin_groups]\noperators \
        = ['oscar']\nofficers = ['sylvia']\n",
    )
    .unwrap();
    fs::write(w.path("entitlements.cedar"), POLICIES).unwrap();
    w.eventually("in force", || ask_as(&w, "stranger", "/v1/users", &[]).status == 403);

    let v = refused(&ask_as(&w, "stranger", "/v1/users", &[]), 403, "entitle.denied");
    assert_eq!((v["because"].as_str(), v.get("ids")), (Some("entitle.not_permitted"), None), "{v}");
    good(&ask_as(&w, "oscar", "/v1/users", &[]));
    let lock = ["--json", "{}"];
    let v = refused(&ask_as(&w, "oscar", "/v1/users/alice/lock", &lock), 403, "entitle.denied");
    assert_eq!(
        (v["because"].as_str(), v["ids"][0].as_str()),
        (Some("entitle.forbidden"), Some("hardware")),
        "{v}"
    );
    let digest = v["policy"].as_str().unwrap().to_owned();
    assert_eq!(good(&get(&w, "/v1/policy"))["entitlements"]["digest"], digest);
    // The same person with a key in a laptop, and with one in hardware.
    let v = refused(&post(&w, "/v1/users/alice/lock", "{}"), 403, "entitle.denied");
    assert_eq!(
        (v["message"].as_str(), v["cure"].as_str()),
        (Some("Changes need a key in hardware."), Some("Use your token."))
    );
    assert_eq!(good(&get(&w, "/v1/users/alice"))["state"], "active", "nothing was done");
    good(&ask_as(&w, "token", "/v1/users/alice/lock", &lock));
    assert_eq!(good(&get(&w, "/v1/users/alice"))["state"], "locked");
    // What two people would have to do, nobody can do here.
    let v = refused(&ask_as(&w, "token", "/v1/policy/reload", &lock), 403, "entitle.no_step_up");
    assert!(
        v["message"]
            .as_str()
            .unwrap()
            .contains("with two people. This interface cannot ask for it"),
        "{v}"
    );
    w.eventually("written down", || {
        let events = w.events();
        let by = |who: &str, code: &str, what: &str| {
            events.lines().any(|l| l.contains(who) && l.contains(code) && l.contains(what))
        };
        by("admin mallory from", "entitle.denied", "no policy")
            && by("admin oscar from", "entitle.denied", &format!("By hardware; policies {digest}"))
            && by("admin sylvia from", "entitle.no_step_up", "/v1/policy/reload")
    });

    // Broken, then gone: the last good ones stay.
    fs::write(w.path("entitlements.cedar"), "permit (principal, action, resource)").unwrap();
    w.eventually("said", || w.events().contains("entitle.refused"));
    refused(&ask_as(&w, "stranger", "/v1/users", &[]), 403, "entitle.denied");
    fs::remove_file(w.path("entitlements.cedar")).unwrap();
    std::thread::sleep(StdDuration::from_millis(2_500));
    refused(&ask_as(&w, "stranger", "/v1/users", &[]), 403, "entitle.denied");
    good(&ask_as(&w, "oscar", "/v1/users", &[]));
}
