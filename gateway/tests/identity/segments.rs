//! The listeners and their trust, apart from each other: whose certificate gets anywhere where.

use crate::{
    admin::{ADMIN, port, show},
    support::World,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_devca::Order;
use signet_gateway::{Config, Loaded};
use std::{fs, process::Command};

const ROLES: [&str; 4] = ["desk", "dealer", "gateway", "admin"];

/// A certificate of the authority of `authority` that says it is of `role`.
fn certificate(w: &World, authority: &str, role: &str) -> String {
    let stem = format!("{authority}-says-{role}");
    let uri = format!("spiffe://bank.example/{role}/somebody");
    let order = match authority {
        "dealer" => Order::dealer("somebody").for_clients(),
        "gateway" => Order::gateway("somebody"),
        "admin" => Order::admin("somebody"),
        // Desks' authority is the gateway's own.
        _ => {
            w.request(&stem, "laptop");
            fs::write(
                w.path("leaf.cnf"),
                format!("subjectAltName=URI:{uri}\nextendedKeyUsage=clientAuth\n"),
            )
            .unwrap();
            let sign = [
                "x509",
                "-req",
                "-inform",
                "DER",
                "-in",
                "req.der",
                "-CA",
                "issuing.pem",
                "-CAkey",
                "issuing-key.pem",
            ];
            let more = [
                "-CAcreateserial",
                "-days",
                "1",
                "-extfile",
                "leaf.cnf",
                "-out",
                &format!("{stem}.pem"),
            ];
            w.openssl(&[&sign[..], &more[..]].concat());
            return stem;
        }
    };
    show(w, &stem, &order.with_uri(&uri));
    stem
}

/// What an HTTPS listener answers: 0 when there was no handshake.
fn over_https(w: &World, port: u16, stem: &str, path: &str, more: &[&str]) -> u16 {
    let (cert, key) = (format!("{stem}.pem"), format!("{stem}-key.pem"));
    w.curl_at(port, path, &[&["--cert", &cert, "--key", &key][..], more].concat()).status
}

/// What the FIX listener says to a Logon, by openssl: whether the handshake came about, and what
/// was said.
fn over_fix(w: &World, stem: &str) -> (bool, String) {
    let at = format!("localhost:{}", w.gateway.as_ref().unwrap().address().port());
    let logon = signet_fix::tagvalue::seal(
        "FIX.4.4",
        b"35=A\x0134=1\x0149=somebody\x0152=20260101-00:00:00.000\x0156=GW\x01",
    );
    fs::write(w.path("logon"), logon).unwrap();
    let out = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "(cat logon; sleep 1) | timeout 10 openssl s_client -quiet -connect {at} -CAfile \
                gateways-ca.pem -cert {stem}.pem -key {stem}-key.pem"
        ))
        .current_dir(w.dir.path())
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&out.stdout).into_owned(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
    );
    (!errors.contains("alert"), said)
}

/// Every authority, whatever its certificate says it is, at every listener.
#[test]
fn a_certificate_is_worth_something_at_one_listener_only() {
    let mut w = World::with("sqlite:registry.db", ADMIN);
    w.start();
    w.request("next", "laptop");
    let renew = ["-H", "Content-Type: application/pkcs10", "--data-binary", "@next.b64"];
    for authority in ROLES {
        for role in ROLES {
            let stem = certificate(&w, authority, role);
            let admin = over_https(&w, port(&w), &stem, "/v1/policy", &[]);
            let want = match (authority, role) {
                ("admin", "admin") => 200,
                ("admin", _) => 403,
                _ => 0,
            };
            assert_eq!(admin, want, "{stem} at the administrators' listener");

            let renewal = over_https(&w, w.est(), &stem, "/.well-known/est/simplereenroll", &renew);
            // A desk that nobody enrolled is not in the registry; the others are not even desks.
            // All say 403.
            assert_eq!(renewal, if authority == "desk" { 403 } else { 0 }, "{stem} at enrolment");

            let (through, said) = over_fix(&w, &stem);
            assert_eq!(through, authority == "desk", "{stem} at the desks' listener: {said}");
            // Only a desk is spoken to, and this one is told that its Logon is none.
            assert_eq!(
                said.contains("35=5"),
                (authority, role) == ("desk", "desk"),
                "{stem}: {said}"
            );
        }
    }
}

/// The renewal that the table above never gets: a desk's, by the book.
#[test]
fn only_an_enrolled_desk_renews() {
    let mut w = World::with("sqlite:registry.db", ADMIN);
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.request("next", "laptop");
    let renewed = w.reenrol("laptop", "next");
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    assert!(BASE64.decode(renewed.body.split_whitespace().collect::<String>()).is_ok());
}

fn why_not(w: &World) -> String {
    Loaded::of(Config::read(&w.config).unwrap()).map(drop).unwrap_err().to_string()
}

#[test]
fn an_authority_that_two_roles_share_is_refused_at_load() {
    let w = World::with("sqlite:registry.db", ADMIN);
    assert!(Loaded::of(Config::read(&w.config).unwrap()).is_ok());
    let whole = |name: &str| w.text(name);
    let (desks, dealers, admins) =
        (whole("issuing.pem"), whole("dealers-ca.pem"), whole("admins-ca.pem"));
    for (file, with, key, other) in [
        ("admins-ca.pem", &desks, "admin.trust", "desks.trust"),
        ("admins-ca.pem", &dealers, "admin.trust", "dealers.trust"),
        ("dealers-ca.pem", &desks, "dealers.trust", "desks.trust"),
        ("issuing.pem", &admins, "admin.trust", "desks.trust"),
    ] {
        let before = whole(file);
        // Behind one that is its own: the whole file is looked at.
        fs::write(w.path(file), format!("{before}{with}")).unwrap();
        let why = why_not(&w);
        assert!(why.starts_with(&format!("{key}: ")) && why.contains(other), "{file}: {why}");
        fs::write(w.path(file), before).unwrap();
    }
    // The same key under another name is the same authority.
    let again = [
        "req",
        "-x509",
        "-new",
        "-key",
        "issuing-key.pem",
        "-subj",
        "/CN=Something else",
        "-days",
        "9",
        "-out",
        "again.pem",
    ];
    w.openssl(&again);
    fs::write(w.path("admins-ca.pem"), format!("{admins}{}", whole("again.pem"))).unwrap();
    assert!(why_not(&w).starts_with("admin.trust: "), "{}", why_not(&w));
}

#[test]
fn listeners_that_share_an_address_are_refused_at_load() {
    let w = World::with("sqlite:registry.db", ADMIN);
    let usual = w.text("gateway.toml");
    // The first is the desks', the second enrolment's, the third the administrators'.
    let with = |ports: [&str; 3]| {
        let mut parts = usual.split("listen = \"127.0.0.1:0\"");
        let mut text = parts.next().unwrap().to_owned();
        for (p, rest) in ports.iter().zip(parts) {
            text.push_str(&format!("listen = \"{p}\"{rest}"));
        }
        fs::write(&w.config, text).unwrap();
        Loaded::of(Config::read(&w.config).unwrap()).map(drop).map_err(|e| e.to_string())
    };
    assert_eq!(with(["127.0.0.1:1001", "127.0.0.1:1002", "127.0.0.1:1003"]), Ok(()));
    for (ports, key, other) in [
        (
            ["127.0.0.1:1001", "127.0.0.1:1001", "127.0.0.1:1003"],
            "enrolment.listen",
            "desks.listen",
        ),
        (["127.0.0.1:1001", "127.0.0.1:1002", "127.0.0.1:1001"], "admin.listen", "desks.listen"),
        (["127.0.0.1:1001", "127.0.0.1:1002", "0.0.0.0:1002"], "admin.listen", "enrolment.listen"),
    ] {
        let why = with(ports).unwrap_err();
        assert!(why.starts_with(&format!("{key}: ")) && why.contains(other), "{why}");
    }
}
