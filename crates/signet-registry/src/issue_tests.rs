use super::*;
use crate::{NewCode, NewUser, RegistryUrl};

const NOW: UtcMillis = UtcMillis(1_000_000);
const DAY: i64 = 86_400_000;

/// A registry with alice, who has a code with the digest `d`.
async fn registry(dir: &tempfile::TempDir) -> Registry {
    let r = Registry::open(&RegistryUrl::Sqlite(dir.path().join("r.db"))).await.unwrap();
    let user = NewUser {
        id: "alice".into(),
        comp_id: "ALICE1".into(),
        name: "Alice".into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let code = NewCode { digest: "d".into(), expires: UtcMillis(NOW.0 + DAY), managed: false };
    r.add_users(&[(user, code)], "test", NOW).await.unwrap();
    r
}

fn ask(key: &str) -> CertificateRequest {
    CertificateRequest { common_name: "laptop".into(), device: "laptop".into(), key: key.into() }
}

fn issued(serial: &str) -> IssuedCertificate {
    let der = serial.as_bytes().to_vec();
    IssuedCertificate {
        serial: serial.into(),
        not_before: NOW,
        not_after: UtcMillis(NOW.0 + 7 * DAY),
        der,
    }
}

async fn by_code(r: &Registry, key: &str) -> Result<IssueOrder, ClaimRefusal> {
    ordered(r.claim_by_code("alice", Some("d"), &ask(key), NOW).await)
}

async fn renewal(r: &Registry, of: &str, key: &str) -> Result<IssueOrder, ClaimRefusal> {
    ordered(r.claim_renewal(of, &format!("key of {of}"), &ask(key), NOW).await)
}

fn ordered(claim: Result<Claim, ClaimError>) -> Result<IssueOrder, ClaimRefusal> {
    match claim {
        Ok(Claim::Issue(order)) => Ok(order),
        Ok(Claim::Again(der)) => panic!("issued before: {der:?}"),
        Err(ClaimError::Refused(why)) => Err(why),
        Err(ClaimError::Registry(e)) => panic!("{e}"),
    }
}

async fn complete(r: &Registry, order: &IssueOrder, serial: &str) -> Result<(), ClaimRefusal> {
    r.complete(order, &issued(serial), "test", NOW).await.map_err(|e| match e {
        ClaimError::Refused(why) => why,
        ClaimError::Registry(e) => panic!("{e}"),
    })
}

/// Alice's laptop has the certificate `c0`, by its code.
async fn enrolled(dir: &tempfile::TempDir) -> Registry {
    let r = registry(dir).await;
    let order = by_code(&r, "key of c0").await.unwrap();
    complete(&r, &order, "c0").await.unwrap();
    r
}

#[tokio::test]
async fn one_request_that_comes_twice_at_once_makes_one_certificate_for_both() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    let (first, second) = (by_code(&r, "k").await.unwrap(), by_code(&r, "k").await.unwrap());
    assert_eq!(r.completed_meanwhile(&second).await.unwrap(), None, "not yet");
    assert_eq!(by_code(&r, "other").await, Err(ClaimRefusal::CodeInUse));
    complete(&r, &first, "01").await.unwrap();
    assert_eq!(complete(&r, &second, "02").await, Err(ClaimRefusal::KeyReused));
    assert_eq!(r.completed_meanwhile(&second).await.unwrap(), Some(b"01".to_vec()));
    // Renewals likewise; the key of a certificate that is in use is not for another one.
    let [a, b] = ["n", "n"].map(|key| {
        let r = r.clone();
        async move { ordered(r.claim_renewal("01", "k", &ask(key), NOW).await).unwrap() }
    });
    let (a, b) = (a.await, b.await);
    complete(&r, &a, "11").await.unwrap();
    assert_eq!(complete(&r, &b, "12").await, Err(ClaimRefusal::KeyReused));
    assert_eq!(r.completed_meanwhile(&b).await.unwrap(), Some(b"11".to_vec()));
    r.first_used("11", NOW).await.unwrap();
    assert_eq!(r.completed_meanwhile(&b).await.unwrap(), None);
    r.close().await;
}

#[tokio::test]
async fn a_twin_that_failed_does_not_take_the_code_from_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    let (first, second) = (by_code(&r, "k").await.unwrap(), by_code(&r, "k").await.unwrap());
    r.release(&second).await.unwrap();
    complete(&r, &first, "01").await.unwrap();
    // The answer may have been lost: the same one again, to the same key.
    let again = r.claim_by_code("alice", Some("d"), &ask("k"), NOW).await.unwrap();
    assert_eq!(again, Claim::Again(b"01".to_vec()));
    assert_eq!(by_code(&r, "other").await, Err(ClaimRefusal::CodeUsed));
    r.close().await;
}

#[tokio::test]
async fn a_code_that_somebody_else_claimed_since_is_not_completed() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    let first = by_code(&r, "k").await.unwrap();
    r.release(&first).await.unwrap();
    let other = by_code(&r, "other").await.unwrap();
    assert_eq!(complete(&r, &first, "01").await, Err(ClaimRefusal::CodeUsed));
    complete(&r, &other, "02").await.unwrap();
    assert_eq!(r.completed_meanwhile(&first).await.unwrap(), None);
    r.close().await;
}

#[tokio::test]
async fn claims_made_at_once_do_not_hoard_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let r = enrolled(&dir).await;
    let mut orders = Vec::new();
    for n in 0..2 * UNUSED_MAX {
        orders.push(renewal(&r, "c0", &format!("key of c{}", n + 1)).await.unwrap());
    }
    let mut done = Vec::new();
    for (n, order) in orders.iter().enumerate() {
        done.push(complete(&r, order, &format!("c{}", n + 1)).await);
    }
    let good = done.iter().filter(|d| d.is_ok()).count();
    assert_eq!(good, UNUSED_MAX - 1, "with the first one: {done:?}");
    assert_eq!(done.last(), Some(&Err(ClaimRefusal::TooManyUnused)));
    r.close().await;
}

/// What entitles to a renewal is looked at when it is asked for, and when it is completed.
#[tokio::test]
async fn a_certificate_that_was_replaced_meanwhile_is_not_renewed() {
    let dir = tempfile::tempdir().unwrap();
    let r = enrolled(&dir).await;
    let late = renewal(&r, "c0", "key of late").await.unwrap();
    let order = renewal(&r, "c0", "key of c1").await.unwrap();
    r.complete(&order, &issued("c1"), "test", NOW + 1).await.unwrap();
    r.first_used("c1", NOW + 2).await.unwrap();
    assert_eq!(complete(&r, &late, "late").await, Err(ClaimRefusal::CertificateSuperseded));
    assert_eq!(
        renewal(&r, "c0", "key of c9").await,
        Err(ClaimRefusal::CertificateSuperseded),
        "as whoever asks now is told"
    );
    r.revoke(&CertificateSelector::Serial("c1".into()), "test", "test", NOW + 3).await.unwrap();
    assert_eq!(renewal(&r, "c1", "key of c2").await, Err(ClaimRefusal::CertificateRevoked));
    r.close().await;
}

/// Whose clock stepped back between two issues: the older certificate ends all the same, and the
/// newer one does not when the older is used first.
#[tokio::test]
async fn the_order_of_certificates_is_not_that_of_a_clock_that_stepped_back() {
    let dir = tempfile::tempdir().unwrap();
    let r = enrolled(&dir).await;
    let state = async |serial: &str| {
        let all = r.user("alice").await.unwrap().certificates;
        all.into_iter().find(|c| c.serial == serial).unwrap().state
    };
    let order = renewal(&r, "c0", "key of c1").await.unwrap();
    r.complete(&order, &issued("c1"), "test", NOW + -500).await.unwrap();
    let order = renewal(&r, "c0", "key of c2").await.unwrap();
    r.complete(&order, &issued("c2"), "test", NOW + -500).await.unwrap();
    r.first_used("c1", NOW + -400).await.unwrap();
    assert_eq!(state("c0").await, CertificateState::Superseded);
    assert_eq!(state("c2").await, CertificateState::Good);
    r.first_used("c2", NOW + -300).await.unwrap();
    assert_eq!(state("c1").await, CertificateState::Superseded);
    assert_eq!(state("c2").await, CertificateState::Good);
    r.close().await;
}

/// The clock ran ahead when the code was made, and had been set when the keys were reset.
#[tokio::test]
async fn a_code_from_before_a_reset_registers_no_first_key_whatever_the_clock_said() {
    let before = UtcMillis(NOW.0 - 500_000);
    for used_first in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let r = registry(&dir).await;
        let order = by_code(&r, "k").await.unwrap();
        if used_first {
            complete(&r, &order, "c0").await.unwrap();
        }
        r.reset_keys("alice", "lost", "test", before).await.unwrap();
        if !used_first {
            complete(&r, &order, "c0").await.unwrap();
        }
        let enrolled =
            async |of: &str| r.first_key_standing("alice", of, None, NOW).await.unwrap().enrolled;
        assert_eq!(enrolled("c0").await, None, "{used_first}");
        // One that was made since is.
        let new = NewCode { digest: "e".into(), expires: NOW + DAY, managed: false };
        r.add_code("alice", &new, "test", before + 1).await.unwrap();
        let order = ordered(r.claim_by_code("alice", Some("e"), &ask("l"), NOW).await).unwrap();
        complete(&r, &order, "c1").await.unwrap();
        assert_eq!(enrolled("c1").await, Some(NOW), "{used_first}");
        r.close().await;
    }
}
