use super::*;

fn source(text: &str) -> Result<KeySource, KeyUriError> {
    KeySource::try_from(text.to_owned())
}

fn token(token: Option<&str>, label: &str) -> KeySource {
    let label = label.parse().unwrap();
    KeySource::Token(TokenKey { token: token.map(str::to_owned), label })
}

#[test]
fn table_of_key_addresses() {
    for (text, want) in [
        ("key.pem", Ok(KeySource::File("key.pem".into()))),
        ("./pkcs11:x", Ok(KeySource::File("./pkcs11:x".into()))),
        ("pkcs11:object=gateway", Ok(token(None, "gateway"))),
        ("pkcs11:token=signet;object=gateway", Ok(token(Some("signet"), "gateway"))),
        ("pkcs11:object=gateway;serial=77af;type=private;", Ok(token(Some("77af"), "gateway"))),
        ("pkcs11:token=My%20HSM;object=gateway", Ok(token(Some("My HSM"), "gateway"))),
        ("pkcs11:", Err(KeyUriError::NoObject)),
        ("pkcs11:token=signet", Err(KeyUriError::NoObject)),
        ("pkcs11:object=", Err(KeyUriError::Label(LabelError))),
        ("pkcs11:object=a%20b", Err(KeyUriError::Label(LabelError))),
        ("pkcs11:object=a;object=b", Err(KeyUriError::Twice("the object"))),
        ("pkcs11:token=a;serial=b;object=c", Err(KeyUriError::Twice("the token"))),
        ("pkcs11:object=a?pin-value=1234", Err(KeyUriError::Query)),
        ("pkcs11:object=a;type=public", Err(KeyUriError::Attribute("type".into()))),
        ("pkcs11:object=a;id=%01", Err(KeyUriError::Attribute("id".into()))),
        ("pkcs11:object=%ff", Err(KeyUriError::Attribute("object".into()))),
        ("pkcs11:object=a;pin-value=1234", Err(KeyUriError::Attribute("pin-value".into()))),
        ("pkcs11:gateway", Err(KeyUriError::Attribute("gateway".into()))),
    ] {
        assert_eq!(source(text), want, "{text}");
    }
}

#[test]
fn only_a_path_is_relative_to_the_configuration() {
    let mut file = source("keys/gateway.pem").unwrap();
    file.rebase(Path::new("/etc/signet"));
    assert_eq!(file, KeySource::File("/etc/signet/keys/gateway.pem".into()));
    let mut held = source("pkcs11:object=gateway").unwrap();
    held.rebase(Path::new("/etc/signet"));
    assert_eq!(held, token(None, "gateway"));
    assert!(held.stamp().is_some());
}

/// Complete: a program that starts again and again never uses up a token's tries.
#[test]
fn table_of_pins_given() {
    use PinTries::{Full, Last, Low, None};
    for (insists, tries, want) in [
        (Insists::No, Full, true),
        (Insists::No, Low, false),
        (Insists::No, Last, false),
        (Insists::No, None, false),
        (Insists::Yes, Full, true),
        (Insists::Yes, Low, true),
        (Insists::Yes, Last, false),
        (Insists::Yes, None, false),
    ] {
        assert_eq!(gives(insists, false, tries), want, "{insists:?} {tries:?}");
        assert!(!gives(insists, true, tries), "{insists:?} {tries:?}");
    }
}

/// Also where the token tells nothing of it.
#[test]
fn a_pin_that_was_refused_is_not_given_again() {
    let prompt = PinFile::new(None, Insists::No);
    let ask = |wrong| {
        let (token, tries, on_reader) = ("signet".into(), PinTries::Full, true);
        prompt.ask(&PinRequest { token, tries, wrong, chars_min: 4, chars_max: 8, on_reader })
    };
    assert!(ask(false).is_some());
    assert!(ask(true).is_none());
    assert!(ask(false).is_none());
}

#[cfg(unix)]
#[test]
fn table_of_pin_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pin");
    assert_eq!(read_pin(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    let long = "1".repeat(257);
    for (text, mode, want) in [
        ("1234", 0o600, Ok(())),
        ("1234\n", 0o400, Ok(())),
        ("1234\r\n", 0o600, Ok(())),
        ("", 0o600, Err(io::ErrorKind::InvalidData)),
        ("1234\n# of the HSM\n", 0o600, Err(io::ErrorKind::InvalidData)),
        ("\n", 0o600, Err(io::ErrorKind::InvalidData)),
        (&long, 0o600, Err(io::ErrorKind::InvalidData)),
        ("1234", 0o640, Err(io::ErrorKind::PermissionDenied)),
        ("1234", 0o604, Err(io::ErrorKind::PermissionDenied)),
    ] {
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(read_pin(&path).map(drop).map_err(|e| e.kind()), want, "{text:?} {mode:o}");
    }
}
