use super::*;
use proptest::prelude::*;

const FILE: &[u8] = include_bytes!("../../tests/fixtures/signed.txt");
const SIGNATURE: &str = include_str!("../../tests/fixtures/signed.txt.sig");
const LEGACY: &str = include_str!("../../tests/fixtures/legacy.sig");
const KEY: &str = include_str!("../../tests/fixtures/minisign.pub");

#[test]
fn a_signature_of_the_program_minisign_counts() {
    let key = PublicKey::read(KEY).unwrap();
    assert_eq!(key.id(), "FEBD7DECE175DD62");
    assert_eq!(key.verify(FILE, SIGNATURE).unwrap(), "of minisign 0.11");
    assert_eq!(PublicKey::read(&key.to_text()).unwrap(), key);
    assert_eq!(PublicKey::read(KEY.lines().nth(1).unwrap()).unwrap(), key);
    assert_eq!(key.verify(FILE, LEGACY), Err(SignatureError::Form), "the file itself is signed");
}

#[test]
fn what_this_signs_it_verifies_and_only_with_its_key() {
    let (secret, pkcs8) = Secret::generate().unwrap();
    let signature = secret.sign(b"policy", "serial 1").unwrap();
    let key = secret.public();
    assert_eq!(key.verify(b"policy", &signature).unwrap(), "serial 1");
    assert_eq!(key.verify(b"policz", &signature), Err(SignatureError::NotOfThis));
    let again = Secret::from_pkcs8(pkcs8.as_ref()).unwrap();
    assert_eq!(again.public(), key);
    let (other, _) = Secret::generate().unwrap();
    assert_eq!(other.public().verify(b"policy", &signature), Err(SignatureError::OtherKey));
    // Another key under this one's id.
    let posing = PublicKey { id: key.id, key: other.public().key };
    assert_eq!(posing.verify(b"policy", &signature), Err(SignatureError::NotOfThis));
    assert_eq!(secret.sign(b"policy", "two\nlines"), Err(SignatureError::Form));
    assert_eq!(secret.sign(b"policy", &"x".repeat(1025)), Err(SignatureError::Form));
    assert!(Secret::from_pkcs8(b"none").is_err());
}

#[test]
fn the_trusted_comment_is_signed_and_printable() {
    let key = PublicKey::read(KEY).unwrap();
    let other = SIGNATURE.replace("minisign 0.11", "minisign 0.12");
    assert_eq!(key.verify(FILE, &other), Err(SignatureError::NotOfThis));
    let escaped = SIGNATURE.replace("minisign 0.11", "minisign \u{1b}[31m");
    assert_eq!(key.verify(FILE, &escaped), Err(SignatureError::Form));
    let more = format!("{SIGNATURE}more\n");
    assert_eq!(key.verify(FILE, &more), Err(SignatureError::Form));
}

#[test]
fn other_texts_are_neither_keys_nor_signatures() {
    let two = format!("{KEY}{KEY}");
    for text in ["", "\n", "none", "RWRi3XXh7H29", SIGNATURE, &two] {
        assert_eq!(PublicKey::read(text), Err(SignatureError::Key), "{text:?}");
    }
    let key = PublicKey::read(KEY).unwrap();
    for lines in 0..4 {
        let text: Vec<&str> = SIGNATURE.lines().take(lines).collect();
        assert_eq!(key.verify(FILE, &text.join("\n")), Err(SignatureError::Form), "{lines}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_change_of_one_character_counts(at in 0usize..300, to in any::<u8>()) {
        let key = PublicKey::read(KEY).unwrap();
        let signed = SIGNATURE.find('\n').unwrap() + 1;
        let mut bytes = SIGNATURE.trim_end().as_bytes().to_vec();
        let at = signed + at % (bytes.len() - signed);
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(text) = String::from_utf8(bytes) {
            // A line may end in two ways; nothing else may differ.
            if text.replace("\r\n", "\n") != SIGNATURE.trim_end() {
                prop_assert!(key.verify(FILE, &text).is_err());
            }
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,400}", lines in prop::collection::vec("\\PC{0,60}", 0..6)) {
        let _ = PublicKey::read(&text);
        let key = PublicKey::read(KEY).unwrap();
        prop_assert!(key.verify(FILE, &text).is_err());
        prop_assert!(key.verify(FILE, &lines.join("\n")).is_err());
    }
}
