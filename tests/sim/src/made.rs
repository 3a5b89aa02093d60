//! Signatures that were made in this run. One over the same bytes, under the same certificate, is
//! not computed a second time to see that it is good: that is what takes most of a run, and is
//! `signet-identity`'s to test. Whatever is not known word for word is verified, and so is one in
//! so many of those that are.
//!
//! Those of the desk, whose accepts are verified in the evidence, are made with its key. Those of
//! the gateway and of dealers are in one of so many runs; in the others a digest of what is signed
//! and of the certificate stands in for them, which no other bytes and no other key lead to.

use aws_lc_rs::digest::{Context, SHA256};
use rustls_pki_types::CertificateDer;
use signet_fix::signature::{SIGNATURE_LEN, Signing, Verification};
use signet_gateway::simulated::Around;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

/// One in so many known signatures is verified.
const VERIFIED: u32 = 32;
/// In one of so many runs every signature is made with its key.
const REAL: u64 = 16;

type Print = [u8; 32];

thread_local! {
    /// Each with whether its key made it.
    static MADE: RefCell<HashMap<Print, bool>> = RefCell::default();
    static KNOWN: Cell<u32> = const { Cell::new(0) };
    static ALL_REAL: Cell<bool> = const { Cell::new(true) };
}

/// Around the gateway's signers and verifiers.
pub(crate) const AROUND: Around = Around { signing, verification };

/// The run of a seed begins: nothing was signed.
pub(crate) fn forget(seed: u64) {
    MADE.with_borrow_mut(HashMap::clear);
    ALL_REAL.set(seed.is_multiple_of(REAL));
}

/// Every signature of this run is made with its key.
pub(crate) fn all_are_real() {
    ALL_REAL.set(true);
}

/// The key of a certificate has made a signature.
pub(crate) fn remember(of: &CertificateDer<'_>, covered: &[u8], made: &[u8; SIGNATURE_LEN]) {
    MADE.with_borrow_mut(|all| all.insert(print(of, covered, made), true));
}

/// What stands in for a signature.
fn stand_in(of: &CertificateDer<'_>, covered: &[u8]) -> [u8; SIGNATURE_LEN] {
    let mut made = [0; SIGNATURE_LEN];
    let digest = print(of, covered, &made);
    made.chunks_mut(digest.len()).for_each(|half| half.copy_from_slice(&digest));
    MADE.with_borrow_mut(|all| all.insert(print(of, covered, &made), false));
    made
}

/// The same signer, whose signatures are remembered.
pub(crate) fn signing(of: &CertificateDer<'static>, s: Signing) -> Signing {
    let (of, signer) = (of.clone(), s.signer);
    let signer = Rc::new(move |covered: &[u8]| match ALL_REAL.get() {
        true => signer.sign(covered).inspect(|made| remember(&of, covered, made)),
        false => Ok(stand_in(&of, covered)),
    });
    Signing { signer, which: s.which }
}

/// The same verifier, which knows what was made.
pub(crate) fn verification(of: &CertificateDer<'static>, v: Verification) -> Verification {
    let (of, verifier) = (of.clone(), v.verifier);
    let verifier = Rc::new(move |covered: &[u8], signature: &[u8; SIGNATURE_LEN]| {
        let made = MADE.with_borrow(|all| all.get(&print(&of, covered, signature)).copied());
        match made {
            None => return verifier.is_good(covered, signature),
            Some(false) => return true,
            Some(true) => {}
        }
        let known = KNOWN.get().wrapping_add(1);
        KNOWN.set(known);
        !known.is_multiple_of(VERIFIED) || verifier.is_good(covered, signature)
    });
    Verification { verifier, required: v.required }
}

fn print(of: &CertificateDer<'_>, covered: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Print {
    let mut all = Context::new(&SHA256);
    [of.as_ref(), signature, covered].iter().for_each(|part| all.update(part));
    let mut print = [0; 32];
    print.copy_from_slice(all.finish().as_ref());
    print
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firm::firm;
    use signet_fix::signature::every;
    use signet_gateway::signed;

    /// Not the bytes, not the certificate and not the signature may be another one.
    #[test]
    fn only_what_was_made_word_for_word_is_known() {
        forget(0);
        let (desk, other) = (&firm().desk, &firm().dealers[0]);
        let signer = signing(&desk.chain[0], signed::signing(&desk.key, every)).signer;
        let of = |leaf, key: &signet_identity::MessagePublicKey| {
            verification(leaf, signed::verification(key.clone(), every)).verifier
        };
        let good = signer.sign(b"covered").unwrap();
        let again = signer.sign(b"covered").unwrap();
        let strange = firm().stranger.sign(b"covered").unwrap();
        let own = of(&desk.chain[0], &desk.public);
        let foreign = of(&other.chain[0], &other.public);
        for _ in 0..2 * VERIFIED {
            assert!(own.is_good(b"covered", &good) && own.is_good(b"covered", &again));
            assert!(!own.is_good(b"Covered", &good) && !own.is_good(b"covered", &strange));
            assert!(!foreign.is_good(b"covered", &good));
        }
        // The next run knows nothing, and the signature is good all the same.
        forget(0);
        assert!(own.is_good(b"covered", &good));
    }

    /// What stands in for a signature is good for its bytes and its certificate, in its run, and is
    /// not one of the key.
    #[test]
    fn a_stand_in_is_good_for_nothing_else() {
        forget(1);
        let (desk, other) = (&firm().desk, &firm().dealers[0]);
        let signer = signing(&desk.chain[0], signed::signing(&desk.key, every)).signer;
        let of = |leaf, key: &signet_identity::MessagePublicKey| {
            verification(leaf, signed::verification(key.clone(), every)).verifier
        };
        let own = of(&desk.chain[0], &desk.public);
        let foreign = of(&other.chain[0], &other.public);
        let made = signer.sign(b"covered").unwrap();
        for _ in 0..2 * VERIFIED {
            assert!(own.is_good(b"covered", &made));
            assert!(!own.is_good(b"Covered", &made) && !foreign.is_good(b"covered", &made));
        }
        forget(1);
        assert!(!own.is_good(b"covered", &made), "the next run knows nothing");
        all_are_real();
        let real = signer.sign(b"covered").unwrap();
        forget(1);
        assert!(own.is_good(b"covered", &real));
    }

    /// A signature that is remembered and not good is found.
    #[test]
    fn some_of_what_is_known_is_verified() {
        forget(0);
        let desk = &firm().desk;
        let bad = [1; SIGNATURE_LEN];
        remember(&desk.chain[0], b"covered", &bad);
        let v = verification(&desk.chain[0], signed::verification(desk.public.clone(), every));
        let found = (0..VERIFIED).filter(|_| !v.verifier.is_good(b"covered", &bad)).count();
        assert_eq!(found, 1);
    }
}
