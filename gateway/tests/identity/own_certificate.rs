//! The gateway's own certificate is replaced while it runs.

use crate::support::{Desk, World, runtime};
use signet_devca::{DevPki, Order};
use signet_identity::CertificateFacts;
use std::fs;
use time::OffsetDateTime;

/// Serial number of the certificate that a new connection is shown.
fn shown(w: &World) -> String {
    runtime().block_on(async {
        let desk = Desk::connect(w, "laptop", "ALICE").await;
        CertificateFacts::from_certificate(&desk.server_certificate()).unwrap().serial
    })
}

fn replace(w: &World, pki: &DevPki, order: &Order) -> String {
    let issued = pki.issue(order).unwrap();
    issued.write_to(&w.path(""), "gateway-new").unwrap();
    // The key first: the certificate decides when the pair is looked at.
    fs::rename(w.path("gateway-new-key.pem"), w.path("gateway-key.pem")).unwrap();
    fs::rename(w.path("gateway-new.pem"), w.path("gateway.pem")).unwrap();
    CertificateFacts::from_certificate(&issued.chain()[0]).unwrap().serial
}

#[test]
fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    let first = shown(&w);
    runtime().block_on(async {
        let mut on = Desk::connect(&w, "laptop", "ALICE").await;
        assert!(on.log_on(1).await.contains("|35=A|"));
        let second = replace(&w, &w.pki, &Order::gateway(&w.gw));
        assert_ne!(first, second);
        w.eventually("the new certificate to be used", || w.events().contains(&second));
        on.says("35=1|112=STILL|").await;
        let still = loop {
            let said = on.next().await.expect("who is on stays on");
            if said.contains("112=STILL") {
                break said;
            }
        };
        assert!(still.contains("|35=0|"), "{still}");
    });
    let second = shown(&w);
    assert_ne!(first, second);
    // The enrolment service shows the same one.
    assert_eq!(w.curl("/.well-known/est/cacerts", &[]).status, 200);

    let refusals = || w.events().lines().filter(|l| l.contains("certificate.refused")).count();
    let stranger = DevPki::generate("elsewhere.example", OffsetDateTime::now_utc()).unwrap();
    replace(&w, &w.pki, &Order::gateway("ANOTHER"));
    w.eventually("another CompID to be refused", || refusals() == 1);
    replace(&w, &stranger, &Order::gateway(&w.gw));
    w.eventually("another trust domain to be refused", || refusals() == 2);
    fs::write(w.path("gateway.pem"), "rubbish").unwrap();
    w.eventually("rubbish to be refused", || refusals() == 3);
    assert_eq!(shown(&w), second, "the last good one stays");
    let third = replace(&w, &w.pki, &Order::gateway(&w.gw));
    w.eventually("the next good one to be used", || w.events().contains(&third));
    assert_eq!(shown(&w), third);

    // What cures a pair need not show in length and time: a mode, a disk that answers again.
    let issued = w.pki.issue(&Order::gateway(&w.gw)).unwrap();
    issued.write_to(&w.path(""), "gateway-new").unwrap();
    let told = refusals();
    fs::rename(w.path("gateway-new-key.pem"), w.path("gateway-key.pem")).unwrap();
    let length = fs::metadata(w.path("gateway-new.pem")).unwrap().len();
    let rubbish = "#".repeat(usize::try_from(length).unwrap());
    fs::write(w.path("gateway.pem"), rubbish).unwrap();
    w.eventually("rubbish to be refused", || refusals() > told);
    let new = fs::File::options().write(true).open(w.path("gateway-new.pem")).unwrap();
    let time = fs::metadata(w.path("gateway.pem")).unwrap().modified().unwrap();
    new.set_modified(time).unwrap();
    fs::rename(w.path("gateway-new.pem"), w.path("gateway.pem")).unwrap();
    let fourth = CertificateFacts::from_certificate(&issued.chain()[0]).unwrap().serial;
    w.eventually("the cured pair to be used", || w.events().contains(&fourth));
    assert!(refusals() <= told + 2, "each refusal is told once");
}
