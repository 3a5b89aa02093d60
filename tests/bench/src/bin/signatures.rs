//! What signing and judging a message costs (tags 93/89), beside aws-lc's bare ECDSA over the same
//! bytes in the same run.
//!
//! With the key in memory and in a SoftHSM token where one is installed. `signatures token MODULE`
//! is the child that has the token's configuration in its environment. Whole means: a frame as the
//! engine writes it in, a signed frame out, or back.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use signet_bench::percentiles;
use signet_desk_core::signing::{signing, verification};
use signet_devca::{DevPki, Order};
use signet_fix::{
    signature::{every, parts, sign},
    tagvalue::seal,
};
use signet_identity::{DeviceKey, Identity};
use signet_keystore::{KeyHolder, KeyLabel, MemoryKeychain};
use std::{sync::Arc, time::Instant};
use time::OffsetDateTime;

const MESSAGES: usize = 5_000;
/// A token is slower by far.
const TOKEN_MESSAGES: usize = 500;
const REQUEST: &str = "35=R|34=7|49=ALICE|52=20261121-02:22:00.125|56=SIGNET|131=R1|146=1|55=EUR/USD|303=1|537=1|54=1|38=5000000|64=20261124|15=EUR|126=20261121-02:23:00.125|60=20261121-02:22:00.120|453=1|448=NORTHBANK|447=D|452=35|";

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("token") {
        let holder = signet_bench::token::holder(args.next().expect("a module").into());
        measure("SoftHSM2 token", &holder, TOKEN_MESSAGES);
        return;
    }
    let bare = bare();
    println!("   bare ECDSA P-256, µs: sign p50 {:.2}, verify p50 {:.2}", bare.0, bare.1);
    let (signed, judged) = measure("key in memory", &MemoryKeychain::new(), MESSAGES);
    println!(
        "   ratio of p50 to bare, key in memory: sign {:.2}, verify {:.2}",
        signed / bare.0,
        judged / bare.1
    );
    signet_bench::token::child();
}

fn frame() -> Vec<u8> {
    seal("FIX.4.4", REQUEST.replace('|', "\u{1}").as_bytes())
}

fn median(us: &mut [f64]) -> f64 {
    us.sort_by(f64::total_cmp);
    us[us.len() / 2]
}

/// Medians of signing and verifying as many bytes with nothing round it.
fn bare() -> (f64, f64) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (random, public) = (
        SystemRandom::new(),
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref()),
    );
    let frame = frame();
    let (mut signs, mut verifies) = (vec![], vec![]);
    for _ in 0..MESSAGES {
        let began = Instant::now();
        let signature = key.sign(&random, &frame).expect("a signature");
        signs.push(micros(began));
        let began = Instant::now();
        public.verify(&frame, signature.as_ref()).expect("a good one");
        verifies.push(micros(began));
    }
    (median(&mut signs), median(&mut verifies))
}

/// Prints and returns medians of signing and judging whole messages.
fn measure(what: &str, holder: &dyn KeyHolder, count: usize) -> (f64, f64) {
    let key: Arc<dyn DeviceKey> =
        holder.generate(&"signatures".parse::<KeyLabel>().expect("a label")).expect("a key");
    let pki = DevPki::generate("bench.signet.example", OffsetDateTime::now_utc()).expect("a CA");
    let chain = pki.issue_for(&Order::desk("BENCH1"), key.public_point()).expect("a certificate");
    let identity = Identity::new(chain, key).expect("an identity");
    let signing = signing(identity.message_key(), every);
    let verification = verification(identity.message_public_key().expect("a P-256 key"), every);
    let frame = frame();
    let (mut signs, mut verifies) = (vec![], vec![]);
    for _ in 0..count {
        let began = Instant::now();
        let signed = sign(&frame, &*signing.signer).expect("a signature");
        signs.push(micros(began));
        let began = Instant::now();
        let p = parts(&signed).expect("a signed message");
        assert!(verification.verifier.is_good(p.covered, &p.signature));
        verifies.push(micros(began));
    }
    println!("   sign a message, {what}, µs:   {}", percentiles(&mut signs));
    println!("   verify a message, {what}, µs: {}", percentiles(&mut verifies));
    (median(&mut signs), median(&mut verifies))
}

fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}
