//! Revocation lists of outside authorities: loaded without a restart, for live sessions too;
//! missing and stale ones close the door when they are required.

use crate::support::{Desk, PATIENCE, World, runtime};
use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A gateway without a registry, whose desks come from an outside authority run with openssl.
fn outside(required: bool) -> World {
    let mut w = World::new();
    let text = w.text("gateway.toml");
    let text = text.split("[registry]").next().unwrap().replace("[desk_default]\n", "");
    let lists =
        format!("trust = \"outside.pem\"\ncrl = [\"outside.crl\"]\ncrl_required = {required}\n");
    let desk = format!("[[desk]]\ncomp_id = \"{}\"\n", w.comp_id("ALICE"));
    let text = text.replace("trust = \"issuing.pem\"\n", &lists);
    fs::write(&w.config, format!("{text}\n{desk}")).unwrap();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let ca = [
        "req",
        "-x509",
        "-keyout",
        "outside-key.pem",
        "-out",
        "outside.pem",
        "-subj",
        "/CN=Outside",
        "-days",
        "9",
    ];
    w.openssl(&[&ca[..], &key[..], &["-addext", "keyUsage=critical,keyCertSign,cRLSign"]].concat());
    fs::write(w.path("index.txt"), "").unwrap();
    let config = "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=number.txt\ndefault_md=sha256\ndefault_crl_days=1\ncertificate=outside.pem\nprivate_key=outside-key.pem\n";
    fs::write(w.path("ca.cnf"), config).unwrap();
    fs::write(w.path("number.txt"), "01\n").unwrap();
    w.request("laptop", "laptop");
    let san = format!(
        "subjectAltName=URI:spiffe://bank.example/desk/{}\nextendedKeyUsage=clientAuth\n",
        w.comp_id("ALICE")
    );
    fs::write(w.path("leaf.cnf"), san).unwrap();
    let sign = [
        "x509",
        "-req",
        "-inform",
        "DER",
        "-in",
        "req.der",
        "-CA",
        "outside.pem",
        "-CAkey",
        "outside-key.pem",
        "-CAcreateserial",
    ];
    w.openssl(&[&sign[..], &["-days", "5", "-extfile", "leaf.cnf", "-out", "laptop.pem"]].concat());
    w.gateway = None;
    w
}

fn publish(w: &World, form: &str, more: &[&str]) {
    w.openssl(&[&["ca", "-gencrl", "-config", "ca.cnf", "-out", "new.pem"][..], more].concat());
    w.openssl(&["crl", "-in", "new.pem", "-outform", form, "-out", "new.crl"]);
    fs::rename(w.path("new.crl"), w.path("outside.crl")).unwrap();
}

fn comes_in(w: &World) -> bool {
    // Ever higher: a gap is asked about after the Logon is answered, a number seen before is an
    // error.
    static SEQ: AtomicU64 = AtomicU64::new(10);
    runtime().block_on(is_let_in(w, SEQ.fetch_add(10, Ordering::Relaxed)))
}

async fn is_let_in(w: &World, seq: u64) -> bool {
    let mut d = Desk::connect(w, "laptop", "ALICE").await;
    // In TLS 1.3 a refused client learns it from the first read.
    d.tries(seq).await.is_some_and(|a| a.contains("|35=A|"))
}

#[test]
fn a_new_list_is_loaded_and_ends_a_live_session() {
    let mut w = outside(false);
    publish(&w, "PEM", &[]);
    w.start();
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        w.openssl(&["ca", "-revoke", "laptop.pem", "-config", "ca.cnf"]);
        publish(&w, "DER", &[]);
        let last = desk.until_cut().await;
        assert!(last.iter().any(|f| f.contains("|35=5|")), "{last:?}");
    });
    assert!(!comes_in(&w));
}

/// The endpoint for QUIC takes new lists as well: for sessions that are on, and for handshakes.
#[test]
fn a_new_list_ends_a_session_over_quic_and_keeps_it_out() {
    let mut w = outside(false);
    publish(&w, "PEM", &[]);
    w.start();
    runtime().block_on(async {
        let (mut desk, _rebinder) = Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.1").await;
        assert!(desk.log_on(1).await.contains("|35=A|"));
        w.openssl(&["ca", "-revoke", "laptop.pem", "-config", "ca.cnf"]);
        publish(&w, "DER", &[]);
        let last = desk.until_cut().await;
        assert!(last.iter().any(|f| f.contains("|35=5|")), "{last:?}");
        // The handshake may be complete for the client before the gateway has looked at its chain.
        if let Ok((mut desk, _rebinder)) = Desk::try_quic(&w, "laptop", "ALICE", "127.0.0.1").await
        {
            assert_eq!(desk.tries(20).await, None);
        }
    });
}

/// Its handshake was good by the lists before that one, and when the new one came there was no session
/// yet that could have been ended.
#[test]
fn a_new_list_counts_for_a_connection_that_has_not_logged_on_yet() {
    for quic in [false, true] {
        let mut w = outside(false);
        publish(&w, "PEM", &[]);
        w.start();
        runtime().block_on(async {
            let (mut desk, _rebinder) = match quic {
                true => {
                    let (desk, rebinder) =
                        Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.1").await;
                    (desk, Some(rebinder))
                }
                false => (Desk::connect(&w, "laptop", "ALICE").await, None),
            };
            w.openssl(&["ca", "-revoke", "laptop.pem", "-config", "ca.cnf"]);
            publish(&w, "DER", &[]);
            let (mut seq, began) = (20, Instant::now());
            while is_let_in(&w, seq).await {
                assert!(began.elapsed() < PATIENCE, "the list is not in force");
                seq += 10;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            // A number that was not used yet: one that was would be refused for that.
            let answer = desk.tries(seq + 10).await;
            let is_on = answer.as_ref().is_some_and(|a| a.contains("|35=A|"));
            assert!(!is_on, "over QUIC: {quic}, {answer:?}");
        });
    }
}

#[test]
fn a_required_list_that_is_missing_or_stale_closes_the_door() {
    let mut w = outside(true);
    w.start();
    assert!(!comes_in(&w), "missing");
    publish(&w, "PEM", &[]);
    w.eventually("open with a list", || comes_in(&w));
    publish(&w, "PEM", &["-crlsec", "1"]);
    w.eventually("closed with a stale one", || !comes_in(&w));
    // Rubbish leaves the last list, stale as it is.
    fs::write(w.path("outside.crl"), "rubbish").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!comes_in(&w));
    publish(&w, "DER", &[]);
    w.eventually("open again", || comes_in(&w));
}

#[test]
fn a_list_of_version_1_is_no_list() {
    let mut w = outside(true);
    fs::write(w.path("ca.cnf"), w.text("ca.cnf").replace("crlnumber=number.txt\n", "")).unwrap();
    publish(&w, "PEM", &[]);
    w.start();
    assert!(!comes_in(&w));
    let out = Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
        .arg("check-config")
        .arg("--config")
        .arg(&w.config)
        .output()
        .unwrap();
    assert!(!out.status.success() && String::from_utf8_lossy(&out.stderr).contains("version 1"));
}

#[test]
fn without_being_required_a_missing_list_is_only_loud() {
    let mut w = outside(false);
    w.start();
    assert!(comes_in(&w));
    w.eventually("an alert", || w.cli(&["alerts"]).contains("crl.unusable"));
    let out = Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
        .arg("check-config")
        .arg("--config")
        .arg(&w.config)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success()
            && text.contains("outside.crl")
            && text.contains("admitted although nobody can tell"),
        "{text}"
    );
}
