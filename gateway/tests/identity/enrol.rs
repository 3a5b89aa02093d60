//! RFC 7030 with curl and openssl: the good road.

use crate::support::{World, code_in, runtime};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::{HolderRule, Invitation};
use std::{fs, os::unix::fs::PermissionsExt as _};

#[test]
fn a_new_trader_gets_a_certificate_with_curl_and_openssl() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    w.request("laptop", "Alice's Laptop");
    let answer = w.enrol("alice", &code, "laptop");
    assert_eq!(
        answer.header("content-type"),
        Some("application/pkcs7-mime; smime-type=certs-only")
    );
    assert_eq!(answer.header("content-transfer-encoding"), Some("base64"));
    w.keep(&answer, "laptop");
    assert_eq!(
        w.openssl(&["verify", "-CAfile", "issuing.pem", "-purpose", "sslclient", "laptop.pem"])
            .trim(),
        "laptop.pem: OK"
    );
    let text = w.openssl(&["x509", "-in", "laptop.pem", "-noout", "-text"]);
    let comp_id = w.comp_id("ALICE");
    for part in [
        &format!("URI:spiffe://bank.example/desk/{comp_id}/alice/alice-s-laptop/keychain"),
        &format!("Subject: CN = {comp_id}"),
        "CA:FALSE",
        "Digital Signature",
        "TLS Web Client Authentication",
        "ASN1 OID: prime256v1",
        "URI:https://localhost:9444/crl/desks.crl",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("TLS Web Server"));
    // Seven days, no more.
    w.openssl(&["x509", "-in", "laptop.pem", "-noout", "-checkend", "604500"]);
    let mut ends = std::process::Command::new("openssl");
    ends.args(["x509", "-in"]).arg(w.path("laptop.pem")).args(["-noout", "-checkend", "604900"]);
    assert!(!ends.status().unwrap().success());
    // Written without dashes and in small letters the code is the same; but it was used.
    w.request("other", "other");
    w.enrol("alice", &code.to_lowercase().replace('-', ""), "other")
        .refused(401, "enrol.code_used");
    let shown = w.cli(&["user", "show", "alice"]);
    assert!(
        shown.contains("device alice/alice-s-laptop: active")
            && shown.contains(&w.serial("laptop")),
        "{shown}"
    );
    let events = w.events();
    for kind in ["user.added", "code.made", "certificate.issued", "enrol.code_used", "none altered"]
    {
        assert!(events.contains(kind), "{kind}: {events}");
    }
    assert!(!events.contains(&code), "the code is nowhere");
    assert!(
        !String::from_utf8_lossy(&fs::read(w.path("registry.db")).unwrap())
            .contains(&code.replace('-', ""))
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_crowd_that_says_nothing_keeps_nobody_from_enrolling() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], w.est()));
    let rt = runtime();
    let crowd = rt.block_on(async {
        let mut all = vec![];
        for _ in 0..90 {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.66.0.1:0".parse().unwrap()).unwrap();
            all.push(socket.connect(address).await.unwrap());
        }
        all
    });
    let answer = w.enrol("alice", &code, "laptop");
    w.keep(&answer, "laptop");
    drop(crowd);
}

#[test]
fn cacerts_csrattrs_and_the_revocation_list_are_for_everybody() {
    let w = World::started();
    let answer = w.curl("/.well-known/est/cacerts", &[]);
    w.keep(&answer, "cacerts");
    let print = |f: &str| w.openssl(&["x509", "-in", f, "-noout", "-fingerprint", "-sha256"]);
    assert_eq!(print("cacerts.pem"), print("issuing.pem"));
    let attributes = w.curl("/.well-known/est/csrattrs", &[]);
    assert_eq!(
        (attributes.status, attributes.header("content-type")),
        (200, Some("application/csrattrs"))
    );
    fs::write(w.path("attrs.der"), BASE64.decode(attributes.body.trim()).unwrap()).unwrap();
    let text = w.openssl(&["asn1parse", "-inform", "DER", "-in", "attrs.der"]);
    for part in ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"] {
        assert!(text.contains(part), "{text}");
    }
    w.eventually("a revocation list", || {
        w.curl("/crl/desks.crl", &["--output", "desks.crl"]).status == 200
    });
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
    assert!(
        text.contains("No Revoked Certificates") && text.contains("X509v3 CRL Number"),
        "{text}"
    );
}

#[test]
fn a_device_renews_with_a_new_key_and_its_certificate() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    // RFC 7030 §4.2.2 has the subject of the certificate in the request; our desk sends the
    // device's name.
    for (stem, name) in [("second", "laptop".to_owned()), ("third", w.comp_id("ALICE"))] {
        w.request(stem, &name);
        w.keep(&w.reenrol("laptop", stem), stem);
        let text = w.openssl(&["x509", "-in", &format!("{stem}.pem"), "-noout", "-text"]);
        assert!(text.contains("/alice/laptop/keychain"), "{text}");
    }
    // An answer that got lost is given again, to the same request.
    w.keep(&w.reenrol("laptop", "third"), "again");
    assert_eq!(w.serial("again"), w.serial("third"));
    // Nobody renews with the key that is certified already.
    let der = [
        "req",
        "-new",
        "-key",
        "laptop-key.pem",
        "-subj",
        "/CN=laptop",
        "-outform",
        "DER",
        "-out",
        "same.der",
    ];
    w.openssl(&der);
    fs::write(w.path("same.b64"), BASE64.encode(fs::read(w.path("same.der")).unwrap())).unwrap();
    w.reenrol("laptop", "same").refused(400, "enrol.key_reused");
    // Another device's name is not taken along.
    w.request("else", "desktop");
    w.reenrol("laptop", "else").refused(400, "enrol.device_differs");
}

#[test]
fn a_device_does_not_hoard_certificates() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    for n in 0..4 {
        let stem = format!("n{n}");
        w.request(&stem, "laptop");
        w.keep(&w.reenrol("laptop", &stem), &stem);
    }
    w.request("more", "laptop");
    w.reenrol("laptop", "more").refused(429, "enrol.too_many_unused");
}

#[test]
fn a_lost_first_answer_is_given_again_for_the_same_key_only() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    w.keep(&w.enrol("alice", &code, "laptop"), "laptop");
    w.keep(&w.enrol("alice", &code, "laptop"), "again");
    assert_eq!(w.serial("laptop"), w.serial("again"));
    w.request("other", "laptop");
    w.enrol("alice", &code, "other").refused(401, "enrol.code_used");
}

#[test]
fn an_invitation_says_where_and_keeps_no_secret() {
    let w = World::new();
    let out = w.cli(&[
        "user",
        "add",
        "--id",
        "alice",
        "--comp-id",
        "ALICE1",
        "--name",
        "Alice Adams",
        "--protection",
        "token",
        "--out",
        ".",
    ]);
    let text = w.text("alice.signet-invite");
    let invitation = Invitation::from_toml(text.as_bytes()).unwrap();
    assert_eq!(
        (invitation.user.as_str(), invitation.holder, invitation.est.port, invitation.fix.port),
        ("alice", HolderRule::Token, 9444, 9443)
    );
    assert_eq!(invitation.fix.comp_id.as_str(), w.gw);
    let link = out.lines().find_map(|l| l.strip_prefix("Link: ")).unwrap();
    assert_eq!(Invitation::from_link(link).unwrap(), invitation);
    assert!(out.contains(&invitation.fingerprint()));
    assert!(!text.contains(&code_in(&out)));
}

#[test]
fn many_are_imported_or_none() {
    let mut w = World::new();
    fs::create_dir(w.path("out")).unwrap();
    fs::write(w.path("bad.csv"), "id,comp_id,name\nalice,A1,Alice\nbob,A1,Bob\n").unwrap();
    assert!(
        w.cli_fails(&["user", "import", "--csv", "bad.csv", "--out", "out"]).contains("line 3")
    );
    assert_eq!(fs::read_dir(w.path("out")).unwrap().count(), 0);
    fs::write(
        w.path("good.csv"),
        "id,comp_id,name,protection\nalice,A1,\"Adams, Alice\",token\nbob,B1,Bob,\n",
    )
    .unwrap();
    w.cli(&["user", "import", "--csv", "good.csv", "--out", "out"]);
    let codes = fs::read_to_string(w.path("out/codes.csv")).unwrap();
    assert_eq!(fs::metadata(w.path("out/codes.csv")).unwrap().permissions().mode() & 0o777, 0o600);
    w.start();
    w.request("bob", "desk");
    let code =
        codes.lines().find_map(|l| l.strip_prefix("bob,")).unwrap().split(',').next().unwrap();
    w.keep(&w.enrol("bob", code, "bob"), "bob");
    // The same list again: nobody is added twice, and no file of the first time is lost.
    let again = w.cli_fails(&["user", "import", "--csv", "good.csv", "--out", "out"]);
    for fault in ["line 2: alice is registered", "line 3: bob is registered", "admin.csv"] {
        assert!(again.contains(fault), "{again}");
    }
    assert_eq!(fs::read_to_string(w.path("out/codes.csv")).unwrap(), codes);
}

/// All faults are told at once, and before anything is changed.
#[test]
fn every_line_of_an_import_is_checked_before_anybody_is_added() {
    let w = World::new();
    fs::create_dir(w.path("out")).unwrap();
    w.user("carol", "CAROL");
    let carol = w.comp_id("CAROL");
    let text = format!(
        "id,comp_id,name,protection\nalice,A1,Alice,\nBob,B1,Bob,\ndave,a1,Dave,\n\
            erin,{carol},Erin,\ncarol,C2,Carol,\nfrank,F1,Frank,paper\ngina,G1\nhal,{},Hal,\n",
        w.gw
    );
    fs::write(w.path("bad.csv"), text).unwrap();
    let refused = w.cli_fails(&["user", "import", "--csv", "bad.csv", "--out", "out"]);
    let lines: Vec<&str> = refused.lines().filter(|l| l.starts_with("  line ")).collect();
    assert_eq!(lines.len(), 7, "{refused}");
    assert!(refused.contains("nobody was added"), "{refused}");
    assert_eq!(fs::read_dir(w.path("out")).unwrap().count(), 0);
    assert_eq!(w.cli(&["user", "list"]).lines().count(), 2, "head and carol");
}

/// A list that grew is given again; what a killed run left is written again, and nothing that was
/// handed out is touched.
#[test]
fn an_import_goes_on_where_it_was_interrupted() {
    let w = World::new();
    fs::create_dir(w.path("out")).unwrap();
    let list = |people: std::ops::RangeInclusive<u32>| {
        let lines = people.map(|n| format!("user{n},U{n},Person {n}\n"));
        format!("id,comp_id,name\n{}", lines.collect::<String>())
    };
    let import = ["user", "import", "--csv", "list.csv", "--out", "out", "--skip-existing"];
    fs::write(w.path("list.csv"), list(1..=3)).unwrap();
    let out = w.cli(&import);
    assert!(out.contains("3 users added") && out.contains("codes.csv"), "{out}");
    let first = w.text("out/user1.signet-invite");
    let codes = w.text("out/codes.csv");
    // Of a run that was killed before it reached the registry.
    fs::write(w.path("out/user4.signet-invite"), "half").unwrap();
    fs::write(w.path("list.csv"), list(1..=5)).unwrap();
    let out = w.cli(&import);
    assert!(out.contains("3 users were registered already"), "{out}");
    assert!(out.contains("2 users added") && out.contains("codes-2.csv"), "{out}");
    assert_eq!((w.text("out/user1.signet-invite"), w.text("out/codes.csv")), (first, codes));
    assert!(w.text("out/user4.signet-invite").contains("user4"));
    assert_eq!(w.text("out/codes-2.csv").lines().count(), 3);
    assert!(w.cli(&import).contains("nobody was added"));
    let not_enrolled = w.cli(&["fleet", "--flag", "not-enrolled"]);
    assert_eq!(not_enrolled.lines().count(), 6, "{not_enrolled}");
    // A name that means somebody else by now is refused.
    fs::write(w.path("list.csv"), "id,comp_id,name\nuser1,OTHER,Somebody\n").unwrap();
    assert!(w.cli_fails(&import).contains("with CompID U1"));
}

/// Those that come later wait, and find everybody registered: they take no file of the first.
#[test]
fn imports_of_one_list_at_once_lose_no_invitation() {
    let w = World::new();
    w.user("alice", "ALICE");
    fs::create_dir(w.path("out")).unwrap();
    let lines: String = (1..=200).map(|n| format!("user{n},U{n},Person {n}\n")).collect();
    fs::write(w.path("list.csv"), format!("id,comp_id,name\n{lines}")).unwrap();
    let import = ["user", "import", "--csv", "list.csv", "--out", "out", "--skip-existing"];
    let all: Vec<_> = (0..3).map(|_| w.command(&import).spawn().unwrap()).collect();
    for mut one in all {
        assert!(one.wait().unwrap().success());
    }
    for n in 1..=200 {
        assert!(w.text(&format!("out/user{n}.signet-invite")).contains(&format!("user{n}")));
    }
    assert_eq!(w.text("out/codes.csv").lines().count(), 201);
    assert!(!w.path("out/codes-2.csv").exists());
}

#[test]
fn secrets_are_files_for_their_owner_only() {
    let w = World::new();
    w.user("alice", "ALICE");
    let mode = |n: &str| fs::metadata(w.path(n)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("issuing-key.pem"), mode("registry.db")), (0o600, 0o600));
    assert!(w.cli_fails(&["ca", "init"]).contains("issuing-key.pem"), "never overwritten");
}
