//! The life of identities and secrets, the same in every keychain.

use signet_devca::{DevPki, Order, store_desk_identity};
use signet_identity::Protection;
use signet_keystore::{
    HolderKind, IdentityName, IdentitySlot, KeyHolder as _, KeyPlace, Keychain, KeychainError,
    Loaded, OsKeychain, next_label,
};
use time::OffsetDateTime;

pub fn name(text: &str) -> IdentityName {
    text.parse().unwrap()
}

pub fn pki() -> DevPki {
    DevPki::generate("practice.signet.example", OffsetDateTime::now_utc()).unwrap()
}

pub fn life(keychain: &OsKeychain) {
    assert_eq!(keychain.identities().unwrap(), []);
    assert!(matches!(
        keychain.load_identity(&name("TRADER1")),
        Err(KeychainError::NoSuchIdentity { .. })
    ));
    let pki = pki();
    for trader in ["TRADER2", "TRADER1"] {
        let issued = pki.issue(&Order::desk(trader)).unwrap();
        store_desk_identity(keychain, &issued, &name(trader)).unwrap();
    }
    let listed = keychain.identities().unwrap();
    let names: Vec<&str> = listed.iter().map(|identity| identity.name.as_str()).collect();
    assert_eq!(names, ["TRADER1", "TRADER2"]);
    assert_eq!(listed[0].peer.as_ref().unwrap().comp_id.as_str(), "TRADER1");

    let loaded = keychain.load_identity(&name("TRADER1")).unwrap();
    assert_eq!(loaded.key().protection(), Protection::OsKeychain);
    assert_eq!(loaded.peer().unwrap().comp_id.as_str(), "TRADER1");

    // A renewal replaces key and certificate together.
    let renewed = pki.issue(&Order::desk("TRADER1")).unwrap();
    store_desk_identity(keychain, &renewed, &name("TRADER1")).unwrap();
    let reloaded = keychain.load_identity(&name("TRADER1")).unwrap();
    assert_ne!(reloaded.facts().spki_sha256, loaded.facts().spki_sha256);

    let secret = keychain.secret(&name("journal")).unwrap();
    assert_eq!(*keychain.secret(&name("journal")).unwrap(), *secret);
    assert_ne!(*keychain.secret(&name("blotter")).unwrap(), *secret);

    enrolment(keychain, &pki);

    keychain.delete_identity(&name("TRADER1")).unwrap();
    assert!(matches!(
        keychain.delete_identity(&name("TRADER1")),
        Err(KeychainError::NoSuchIdentity { .. })
    ));
    assert_eq!(keychain.identities().unwrap().len(), 1);

    // A key of another certificate is never stored.
    let (one, two) = (pki.issue(&Order::desk("A")).unwrap(), pki.issue(&Order::desk("B")).unwrap());
    let refused = keychain.store_identity(&name("A"), one.key_pkcs8(), two.chain()).unwrap_err();
    assert_eq!(refused.code(), "identity.other_key");

    // What is left, a secret and a key without a certificate among it, is taken away as a whole.
    keychain.generate(&"waiting".parse().unwrap()).unwrap();
    let before = keychain.secret(&name("journal")).unwrap();
    assert!(keychain.erase().unwrap() >= 4);
    assert_eq!((keychain.identities().unwrap(), keychain.erase().unwrap()), (Vec::new(), 0));
    let gone = keychain.open(&"waiting".parse().unwrap()).unwrap_err();
    assert_eq!(gone.code(), "holder.no_such_key");
    assert_ne!(*keychain.secret(&name("journal")).unwrap(), *before, "made again");
}

/// A key made in the keychain, enrolled, and renewed with another.
fn enrolment(keychain: &OsKeychain, pki: &DevPki) {
    let trader = name("ENROLLED");
    let mut current: Option<KeyPlace> = None;
    for which in [IdentitySlot::Current, IdentitySlot::Pending] {
        let place =
            KeyPlace { holder: HolderKind::Keychain, label: next_label(&trader, current.as_ref()) };
        let key = keychain.generate(&place.label).unwrap();
        assert_eq!(keychain.open(&place.label).unwrap().public_point(), key.public_point());
        assert_eq!(keychain.generate(&place.label).unwrap_err().code(), "holder.label_taken");
        let chain = pki.issue_for(&Order::desk("ENROLLED"), key.public_point()).unwrap();
        keychain.store_enrolled(&trader, which, &place, key.as_ref(), &chain).unwrap();
        current = Some(place);
    }
    let old = keychain.load_identity(&trader).unwrap();
    let Some(Loaded::Ready(new)) = keychain.load_enrolled(&trader, IdentitySlot::Pending).unwrap()
    else {
        panic!("no pending identity")
    };
    keychain.promote_pending(&trader).unwrap();
    let now = keychain.load_identity(&trader).unwrap();
    assert_eq!(now.facts().spki_sha256, new.facts().spki_sha256);
    assert_ne!(now.facts().spki_sha256, old.facts().spki_sha256);
    assert_eq!(keychain.key_places(&trader).unwrap(), [current.unwrap()]);
    keychain.delete_identity(&trader).unwrap();
    assert_eq!(
        keychain.open(&"ENROLLED-b".parse().unwrap()).unwrap_err().code(),
        "holder.no_such_key"
    );
}
