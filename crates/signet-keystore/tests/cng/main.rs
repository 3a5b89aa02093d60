//! The Platform Crypto Provider. wine has none behind the name, so there only the refusal runs; on
//! a Windows with a TPM the rest does.
#![cfg(windows)]

use signet_keystore::KeyHolder as _;
use signet_keystore::cng::CngHolder;

#[test]
fn a_key_in_the_tpm_or_a_named_reason() {
    let holder = CngHolder::default();
    let label = "signet-test".parse().unwrap();
    // Left by a run that was interrupted.
    let _ = holder.delete(&label);
    match holder.generate(&label) {
        Ok(key) => {
            let signature = key.sign_es256(b"x").unwrap();
            let public = aws_lc_rs::signature::UnparsedPublicKey::new(
                &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1,
                key.public_point(),
            );
            public.verify(b"x", &signature).unwrap();
            assert_eq!(holder.generate(&label).unwrap_err().code(), "holder.label_taken");
            assert_eq!(holder.open(&label).unwrap().public_point(), key.public_point());
            holder.delete(&label).unwrap();
            assert_eq!(holder.open(&label).unwrap_err().code(), "holder.no_such_key");
        }
        Err(error) => {
            println!("no TPM: {error} [{}]", error.code());
            // wine opens a provider of any name, and then makes no such key.
            assert!(["holder.unsupported", "token.no_p256"].contains(&error.code()), "{error}");
        }
    }
}
