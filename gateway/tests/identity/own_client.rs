//! The desk's own EST client against this service: an invitation, a code, a certificate, the next
//! one.

use crate::support::{Desk, World, runtime};
use signet_identity::{DeviceKey, Identity, Invitation, Protection, SoftwareKey};
use signet_keystore::est::{EstClient, EstError};
use std::{fs, sync::Arc};

fn key() -> (Arc<dyn DeviceKey>, Vec<u8>) {
    let document = SoftwareKey::generate_pkcs8().unwrap();
    (
        Arc::new(SoftwareKey::from_pkcs8(&document, Protection::OsKeychain).unwrap()),
        document.to_vec(),
    )
}

fn invited(w: &World) -> EstClient {
    let mut invitation = Invitation::from_toml(w.text("alice.signet-invite").as_bytes()).unwrap();
    // The port in the file is the public one.
    invitation.est.port = w.est();
    EstClient::for_invitation(&invitation).unwrap()
}

#[test]
fn from_invitation_to_the_second_certificate() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    let est = invited(&w);
    runtime().block_on(async {
        let (first, document) = key();
        let wrong = est.simpleenroll(first.clone(), "alice", "ZZZZZ-ZZZZZ", "laptop").await;
        assert!(matches!(&wrong, Err(EstError::Refused { status: 401, .. })), "{wrong:?}");
        let enrolled = est.simpleenroll(first.clone(), "alice", &code, "laptop").await.unwrap();
        assert_eq!(enrolled.peer.comp_id.as_str(), w.comp_id("ALICE"));
        assert_eq!(enrolled.peer.enrolled.as_ref().unwrap().device, "laptop");
        let identity = Identity::new(enrolled.chain.clone(), first).unwrap();
        let (second, _) = key();
        let renewed = est.simplereenroll(&identity, second).await.unwrap();
        assert_ne!(renewed.peer.serial, enrolled.peer.serial);
        // And the first is good for trading.
        fs::write(w.path("laptop.der"), &enrolled.chain[0]).unwrap();
        fs::write(w.path("key.der"), document).unwrap();
        w.openssl(&["x509", "-inform", "DER", "-in", "laptop.der", "-out", "laptop.pem"]);
        w.openssl(&[
            "pkcs8",
            "-inform",
            "DER",
            "-in",
            "key.der",
            "-topk8",
            "-nocrypt",
            "-out",
            "laptop-key.pem",
        ]);
        Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        w.cli(&["revoke", "--user", "alice"]);
        let (third, _) = key();
        let refused = est.simplereenroll(&identity, third).await;
        assert!(matches!(&refused, Err(EstError::Refused { status: 403, .. })), "{refused:?}");
    });
}
