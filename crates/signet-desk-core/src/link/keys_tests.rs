use super::*;
use signet_devca::{DevPki, Order};

fn identity(pki: &DevPki) -> Identity {
    let issued = pki.issue(&Order::desk("ALICE1")).expect("a certificate");
    let key = signet_identity::SoftwareKey::from_pkcs8(
        issued.key_pkcs8(),
        signet_identity::Protection::OsKeychain,
    )
    .expect("a key");
    Identity::new(issued.chain().to_vec(), std::sync::Arc::new(key)).expect("an identity")
}

fn two() -> (Keys, Identity, OffsetDateTime) {
    let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).expect("a PKI");
    let keys = Keys::new("ALICE1".parse().expect("a name"), identity(&pki), None);
    (keys, identity(&pki), OffsetDateTime::now_utc())
}

fn print(i: &Identity) -> String {
    i.facts().spki_sha256.to_string()
}

#[test]
fn renewal_is_due_late_in_life_or_when_asked_and_never_twice_at_once() {
    let (keys, new, now) = two();
    let end = keys.current().facts().not_after;
    assert_eq!(keys.due(now), None);
    assert_eq!(keys.due(end - Duration::days(2)), Some(Renewal::Due));
    assert_eq!(keys.due(end - Duration::hours(5)), Some(Renewal::Urgent));
    assert_eq!(keys.due(end), None, "too late: enrol again");
    keys.wanted.set(true);
    assert_eq!(keys.due(now), Some(Renewal::Due));
    keys.renewing.set(true);
    assert_eq!(keys.due(now), None);
    keys.renewing.set(false);
    keys.renewed(now, Ok(new));
    assert_eq!(keys.due(end - Duration::hours(5)), None, "the new one is there already");
}

#[test]
fn the_old_key_is_kept_until_the_gateway_accepts_the_new_one() {
    let (keys, new, now) = two();
    let old = print(&keys.current());
    keys.renewed(now, Ok(new.clone()));
    assert!(keys.wants_switch(now));
    let (slot, taken) = keys.take(now);
    assert_eq!((slot, print(&taken)), (IdentitySlot::Pending, print(&new)));
    assert_eq!(print(&keys.current()), old);
    assert!(!keys.wants_switch(now) && keys.wants_switch(now + TRY_AGAIN), "not again at once");
    assert_eq!(keys.happened(SwitchEvent::Accepted(IdentitySlot::Pending)), SwitchAction::Promote);
    assert_eq!((print(&keys.current()), keys.take(now).0), (print(&new), IdentitySlot::Current));
    assert!(!keys.wants_switch(now + TRY_AGAIN));
}

#[test]
fn a_new_certificate_that_the_gateway_refuses_does_not_cost_the_old_one() {
    let (keys, new, now) = two();
    let old = print(&keys.current());
    keys.renewed(now, Ok(new));
    let mut discarded = false;
    for _ in 0..6 {
        let (slot, _) = keys.take(now);
        let event = if slot == IdentitySlot::Pending {
            SwitchEvent::Refused(slot)
        } else {
            SwitchEvent::Accepted(slot)
        };
        discarded |= keys.happened(event) == SwitchAction::Discard;
    }
    assert!(discarded);
    assert_eq!((print(&keys.current()), keys.take(now).0), (old, IdentitySlot::Current));
}

/// Each new certificate interrupts an idle link a few times.
#[test]
fn after_a_new_certificate_that_is_refused_another_is_asked_for_later_and_later() {
    let (keys, new, _) = two();
    let mut at = keys.current().facts().not_after - Duration::days(2);
    for minutes in [1, 2, 4] {
        assert_eq!(keys.due(at), Some(Renewal::Due));
        keys.renewed(at, Ok(new.clone()));
        for _ in 0..3 {
            keys.happened(SwitchEvent::Refused(IdentitySlot::Pending));
        }
        let next = at + Duration::minutes(minutes);
        assert_eq!(keys.due(next - Duration::SECOND), None, "{minutes}");
        at = next;
    }
    assert_eq!(keys.due(at), Some(Renewal::Due));
}
