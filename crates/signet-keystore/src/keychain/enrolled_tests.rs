use super::*;
use std::collections::BTreeMap;

use crate::holder::{KeyHolder as _, NAME_CHARS_MAX};
use crate::keychain::{Keychain as _, MemoryKeychain, next_label};
use rcgen::{
    CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
};
use signet_identity::DeviceKey;

/// Entries whose writes stop after some time, as at a power cut.
struct Failing {
    map: BTreeMap<String, Zeroizing<Vec<u8>>>,
    writes_left: usize,
}

impl Failing {
    fn write(&mut self) -> Result<(), KeychainError> {
        let left = self.writes_left.checked_sub(1).ok_or(KeychainError::Locked)?;
        self.writes_left = left;
        Ok(())
    }
}

impl Entries for Failing {
    fn get(&mut self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        Ok(self.map.get(entry).cloned())
    }

    fn put(&mut self, entry: &str, text: &[u8]) -> Result<(), KeychainError> {
        self.write()?;
        self.map.insert(entry.to_owned(), Zeroizing::new(text.to_vec()));
        Ok(())
    }

    fn remove(&mut self, entry: &str) -> Result<bool, KeychainError> {
        if !self.map.contains_key(entry) {
            return Ok(false);
        }
        self.write()?;
        Ok(self.map.remove(entry).is_some())
    }

    fn names(&mut self) -> Result<Vec<String>, KeychainError> {
        Ok(self.map.keys().cloned().collect())
    }
}

struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn chain_for(key: &dyn DeviceKey) -> Vec<CertificateDer<'static>> {
    let params = CertificateParams::new(vec!["x".to_owned()]).unwrap();
    let issuer = Issuer::new(CertificateParams::default(), KeyPair::generate().unwrap());
    vec![params.signed_by(&Point(key.public_point().to_vec()), &issuer).unwrap().der().clone()]
}

fn name() -> IdentityName {
    "ALICE1".parse().unwrap()
}

fn place(holder: HolderKind, label: &str) -> KeyPlace {
    KeyPlace { holder, label: label.parse().unwrap() }
}

fn spki(loaded: &Loaded) -> Vec<u8> {
    match loaded {
        Loaded::Ready(identity) => identity.facts().spki.clone(),
        Loaded::Elsewhere { chain, .. } => {
            CertificateFacts::from_certificate(&chain[0]).unwrap().spki
        }
    }
}

#[test]
fn labels_take_turns() {
    let a = next_label(&name(), None);
    assert_eq!(a.as_str(), "ALICE1-a");
    let at = |label: KeyLabel| KeyPlace { holder: HolderKind::Pkcs11, label };
    let b = next_label(&name(), Some(&at(a)));
    assert_eq!(b.as_str(), "ALICE1-b");
    assert_eq!(next_label(&name(), Some(&at(b))).as_str(), "ALICE1-a");
    let longest: IdentityName = "X".repeat(NAME_CHARS_MAX).parse().unwrap();
    assert!(next_label(&longest, None).as_str().ends_with("-a"));
}

/// Whoever makes the next key deletes what is under its label. The entries of keys have no order,
/// so one round would pass by chance.
#[test]
fn the_next_key_is_never_made_in_place_of_the_current_one() {
    for _ in 0..16 {
        let keychain = MemoryKeychain::new();
        let (a, b) =
            (place(HolderKind::Keychain, "ALICE1-a"), place(HolderKind::Keychain, "ALICE1-b"));
        for (slot, place) in [(IdentitySlot::Current, &a), (IdentitySlot::Pending, &b)] {
            let key = keychain.generate(&place.label).unwrap();
            keychain
                .store_enrolled(&name(), slot, place, key.as_ref(), &chain_for(key.as_ref()))
                .unwrap();
        }
        let next = || next_label(&name(), keychain.key_places(&name()).unwrap().first());
        assert_eq!(next(), b.label, "a pending identity is there");
        // As if the power had been cut before its certificates were written.
        keychain.with_entries(|entries| entries.remove("pending/ALICE1")).unwrap();
        assert_eq!(keychain.key_places(&name()).unwrap(), [a, b.clone()]);
        assert_eq!(next(), b.label, "an interruption left a key");
    }
}

#[test]
fn a_renewal_in_the_keychain_from_end_to_end() {
    let keychain = MemoryKeychain::new();
    let (a, b) = (place(HolderKind::Keychain, "ALICE1-a"), place(HolderKind::Keychain, "ALICE1-b"));
    let old = keychain.generate(&a.label).unwrap();
    keychain
        .store_enrolled(&name(), IdentitySlot::Current, &a, old.as_ref(), &chain_for(old.as_ref()))
        .unwrap();
    assert!(keychain.load_enrolled(&name(), IdentitySlot::Pending).unwrap().is_none());
    assert_eq!(keychain.load_identity(&name()).unwrap().facts().spki, old.spki().as_ref());

    let new = keychain.generate(&b.label).unwrap();
    let chain = chain_for(new.as_ref());
    let wrong = keychain
        .store_enrolled(&name(), IdentitySlot::Pending, &b, old.as_ref(), &chain)
        .unwrap_err();
    assert_eq!(wrong.code(), "identity.other_key");
    let wrong = keychain
        .store_enrolled(&name(), IdentitySlot::Pending, &a, new.as_ref(), &chain)
        .unwrap_err();
    assert_eq!(wrong.code(), "identity.other_key", "a place that holds another key");
    keychain.store_enrolled(&name(), IdentitySlot::Pending, &b, new.as_ref(), &chain).unwrap();
    assert_eq!(
        keychain.load_identity(&name()).unwrap().facts().spki,
        old.spki().as_ref(),
        "the old one stays in use"
    );
    assert_eq!(keychain.identities().unwrap().len(), 1, "a pending identity is not listed");
    assert_eq!(
        spki(&keychain.load_enrolled(&name(), IdentitySlot::Pending).unwrap().unwrap()),
        new.spki().as_ref()
    );

    assert!(keychain.promote_pending(&name()).unwrap().is_empty());
    assert_eq!(keychain.load_identity(&name()).unwrap().facts().spki, new.spki().as_ref());
    assert_eq!(
        keychain.open(&a.label).unwrap_err().code(),
        "holder.no_such_key",
        "the old key is gone"
    );
    assert_eq!(keychain.raw_names().len(), 3, "{:?}", keychain.raw_names());
    keychain.delete_identity(&name()).unwrap();
    assert!(keychain.raw_names().is_empty(), "{:?}", keychain.raw_names());
}

#[test]
fn a_discarded_renewal_leaves_the_old_identity() {
    let keychain = MemoryKeychain::new();
    let (a, b) = (place(HolderKind::Keychain, "ALICE1-a"), place(HolderKind::Keychain, "ALICE1-b"));
    for (which, place) in [(IdentitySlot::Current, &a), (IdentitySlot::Pending, &b)] {
        let key = keychain.generate(&place.label).unwrap();
        keychain
            .store_enrolled(&name(), which, place, key.as_ref(), &chain_for(key.as_ref()))
            .unwrap();
    }
    keychain.discard_pending(&name()).unwrap();
    keychain.load_identity(&name()).unwrap();
    assert_eq!(keychain.raw_names().len(), 3);
    assert_eq!(keychain.key_places(&name()).unwrap(), [a]);
}

#[test]
fn an_imported_identity_is_replaced_by_an_enrolled_one() {
    let keychain = MemoryKeychain::new();
    let pkcs8 = SoftwareKey::generate_pkcs8().unwrap();
    let imported = SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain).unwrap();
    keychain.store_identity(&name(), &pkcs8, &chain_for(&imported)).unwrap();
    let a = place(HolderKind::Keychain, "ALICE1-a");
    let key = keychain.generate(&a.label).unwrap();
    keychain
        .store_enrolled(&name(), IdentitySlot::Pending, &a, key.as_ref(), &chain_for(key.as_ref()))
        .unwrap();
    assert_eq!(keychain.load_identity(&name()).unwrap().facts().spki, imported.spki().as_ref());
    keychain.promote_pending(&name()).unwrap();
    assert_eq!(keychain.raw_names().len(), 3, "{:?}", keychain.raw_names());
}

#[test]
fn an_enrolled_identity_is_replaced_by_an_imported_one() {
    let keychain = MemoryKeychain::new();
    let a = place(HolderKind::Keychain, "ALICE1-a");
    let key = keychain.generate(&a.label).unwrap();
    keychain
        .store_enrolled(&name(), IdentitySlot::Current, &a, key.as_ref(), &chain_for(key.as_ref()))
        .unwrap();
    let pkcs8 = SoftwareKey::generate_pkcs8().unwrap();
    let imported = SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain).unwrap();
    keychain.store_identity(&name(), &pkcs8, &chain_for(&imported)).unwrap();
    assert_eq!(keychain.raw_names().len(), 2, "{:?}", keychain.raw_names());
    keychain.load_identity(&name()).unwrap();
}

#[test]
fn a_key_in_a_token_is_named_and_given_back_for_deletion() {
    let (keychain, token) = (MemoryKeychain::new(), MemoryKeychain::new());
    let (a, b) = (place(HolderKind::Pkcs11, "ALICE1-a"), place(HolderKind::Pkcs11, "ALICE1-b"));
    let (old, new) = (token.generate(&a.label).unwrap(), token.generate(&b.label).unwrap());
    keychain
        .store_enrolled(&name(), IdentitySlot::Current, &a, old.as_ref(), &chain_for(old.as_ref()))
        .unwrap();
    assert_eq!(keychain.load_identity(&name()).unwrap_err().code(), "keychain.key_elsewhere");
    let loaded = keychain.load_enrolled(&name(), IdentitySlot::Current).unwrap().unwrap();
    assert!(matches!(&loaded, Loaded::Elsewhere { place, .. } if *place == a));
    let holders: Vec<Arc<dyn crate::KeyHolder>> = vec![Arc::new(MemoryKeychain::new())];
    assert_eq!(crate::open_loaded(loaded, &holders).unwrap_err().code(), "holder.unsupported");
    keychain
        .store_enrolled(&name(), IdentitySlot::Pending, &b, new.as_ref(), &chain_for(new.as_ref()))
        .unwrap();
    assert_eq!(keychain.promote_pending(&name()).unwrap(), [a]);
}

/// The power is cut after each possible number of writes, in each step of a renewal.
#[test]
fn a_crash_anywhere_leaves_a_usable_identity_and_nothing_is_lost_or_left_over() {
    let (a, b) = ("ALICE1-a".parse::<KeyLabel>().unwrap(), "ALICE1-b".parse::<KeyLabel>().unwrap());
    let mut before = Failing { map: BTreeMap::new(), writes_left: usize::MAX };
    let old = held::generate(&mut before, &a).unwrap();
    store(
        &mut before,
        &name(),
        IdentitySlot::Current,
        &place(HolderKind::Keychain, "ALICE1-a"),
        &old.spki(),
        &chain_for(&old),
    )
    .unwrap();

    for writes in 0..12 {
        let mut entries = Failing { map: before.map.clone(), writes_left: writes };
        let renew = |entries: &mut Failing| -> Result<(), HolderError> {
            match held::delete(entries, &b) {
                Ok(()) | Err(HolderError::NoSuchKey { .. }) => {}
                Err(error) => return Err(error),
            }
            let new = held::generate(entries, &b)?;
            store(
                entries,
                &name(),
                IdentitySlot::Pending,
                &place(HolderKind::Keychain, "ALICE1-b"),
                &new.spki(),
                &chain_for(&new),
            )?;
            promote(entries, &name())?;
            Ok(())
        };
        let finished = renew(&mut entries).is_ok();
        let current =
            load(&mut entries, &name(), IdentitySlot::Current).unwrap().expect("an identity");
        assert!(matches!(&current, Loaded::Ready(_)), "after {writes} writes: {current:?}");
        let is_old = spki(&current) == old.spki().as_ref();

        // After the restart: what was pending is promoted, or the renewal is done again.
        entries.writes_left = usize::MAX;
        if is_old && load(&mut entries, &name(), IdentitySlot::Pending).unwrap().is_none() {
            renew(&mut entries).unwrap();
        } else {
            promote(&mut entries, &name()).unwrap();
        }
        let after = load(&mut entries, &name(), IdentitySlot::Current).unwrap().unwrap();
        assert_ne!(spki(&after), old.spki().as_ref(), "after {writes} writes");
        let names: Vec<_> = entries.map.keys().collect();
        assert_eq!(names.len(), 3, "after {writes} writes, finished {finished}: {names:?}");
    }
}

/// A keychain that is locked again, or an old entry that is damaged: whoever hears that nothing is
/// stored deletes the new key.
#[test]
fn an_identity_that_is_stored_is_said_to_be_although_the_old_key_stays() {
    let mut before = Failing { map: BTreeMap::new(), writes_left: usize::MAX };
    let keys = ["ALICE1-a", "ALICE1-b"].map(|label| {
        let key = held::generate(&mut before, &label.parse().unwrap()).unwrap();
        (place(HolderKind::Keychain, label), key)
    });
    let put = |entries: &mut Failing, n: usize| {
        let (place, key) = &keys[n];
        store(entries, &name(), IdentitySlot::Current, place, &key.spki(), &chain_for(key))
    };
    put(&mut before, 0).unwrap();
    before.map.insert("key/ALICE1/0011223344556677".into(), Zeroizing::new(b"@nowhere".to_vec()));
    // The two writes of the identity, and those that tidy up.
    for (writes, left) in [(2, 6), (usize::MAX, 4)] {
        let mut entries = Failing { map: before.map.clone(), writes_left: writes };
        assert!(put(&mut entries, 1).unwrap().is_empty(), "after {writes} writes");
        let current = load(&mut entries, &name(), IdentitySlot::Current).unwrap().unwrap();
        assert_eq!(spki(&current), keys[1].1.spki().as_ref(), "after {writes} writes");
        // Chain, key and where it is, of one identity or of two, and what is damaged.
        assert_eq!(entries.map.len(), left, "{:?}", entries.map.keys());
    }
    let mut entries = Failing { map: before.map.clone(), writes_left: 1 };
    put(&mut entries, 1).unwrap_err();
    let current = load(&mut entries, &name(), IdentitySlot::Current).unwrap().unwrap();
    assert_eq!(spki(&current), keys[0].1.spki().as_ref(), "the old one");
}

#[test]
fn a_damaged_entry_of_another_key_hinders_neither_renewal_nor_deletion() {
    let keychain = MemoryKeychain::new();
    let a = place(HolderKind::Keychain, "ALICE1-a");
    let key = keychain.generate(&a.label).unwrap();
    let chain = chain_for(key.as_ref());
    keychain.store_enrolled(&name(), IdentitySlot::Current, &a, key.as_ref(), &chain).unwrap();
    keychain.put_raw("key/ALICE1/0011223344556677", b"@nowhere");
    assert_eq!(keychain.key_places(&name()).unwrap(), [a]);
    keychain.delete_identity(&name()).unwrap();
    assert!(keychain.raw_names().is_empty(), "{:?}", keychain.raw_names());
}
