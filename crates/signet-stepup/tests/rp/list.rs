//! The reviewed list of models.

use crate::support::{MODEL, OTHER_MODEL};
use signet_softkey::Maker;
use signet_stepup::rp::{AttestationList, ListError};
use std::{fs, path::Path};

fn read(text: &str) -> Result<AttestationList, ListError> {
    AttestationList::from_toml(text, Path::new("/nowhere"))
}

#[test]
fn a_list_in_one_file_or_two_is_the_same_list() {
    let maker = Maker::new("Root");
    let inline = read(&maker.list(&[(MODEL, "One"), (OTHER_MODEL, "Two")])).unwrap();
    let aaguid = u128::from_str_radix(&MODEL.replace('-', ""), 16).unwrap().to_be_bytes();
    assert_eq!((inline.models(), inline.model(&aaguid)), (2, Some("One")));
    assert_eq!(inline.model(&[9; 16]), None);

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("root.pem"), format!("Subject: Root\n{}", maker.pem())).unwrap();
    let model = |id: &str, name: &str| {
        format!("[[authority.model]]\nname = \"{name}\"\naaguid = \"{}\"\n", id.to_uppercase())
    };
    let text = format!(
        "# reviewed\n[[authority]]\nca = \"root.pem\"\nname = \"Maker\"\n{}{}",
        model(OTHER_MODEL, "Two"),
        model(MODEL, "One")
    );
    let two = AttestationList::from_toml(&text, dir.path()).unwrap();
    assert_eq!(two.digest(), inline.digest());
    assert_ne!(read(&maker.list(&[(MODEL, "One")])).unwrap().digest(), inline.digest());
    assert_ne!(
        read(&Maker::new("Root").list(&[(MODEL, "One"), (OTHER_MODEL, "Two")])).unwrap().digest(),
        inline.digest()
    );
}

#[test]
fn table_of_lists_that_are_refused() {
    let good = Maker::new("Root").list(&[(MODEL, "One")]);
    let twice = format!("{good}[[authority.model]]\naaguid = \"{MODEL}\"\nname = \"Again\"\n");
    let second = format!("[[authority]]\nname = \"No model\"\npem = \"x\"\n{good}");
    let many = (0..1_001).map(|n| {
        format!(
            "[[authority.model]]\naaguid = \"{n:08x}-0000-0000-0000-000000000001\"\nname = \"M\"\n"
        )
    });
    for (name, text, want) in [
        ("empty", String::new(), "approves no model"),
        ("no TOML", "[[authority".into(), "TOML"),
        (
            "a word nobody knows",
            good.replace("name = \"One\"", "name = \"One\"\nlevel = 2"),
            "unknown field",
        ),
        ("no model", second, "No model: approves no model"),
        ("no name", good.replace("\"One\"", "\" \""), "is not a name"),
        ("no dashes", good.replace(MODEL, &MODEL.replace('-', "")), "is not an AAGUID"),
        ("no AAGUID", good.replace(MODEL, "YubiKey"), "is not an AAGUID"),
        ("zeros", good.replace(MODEL, "00000000-0000-0000-0000-000000000000"), "names no model"),
        ("twice", twice, "is listed twice"),
        ("file and text", good.replace("pem =", "ca = \"x.pem\"\npem ="), "exactly one of"),
        (
            "neither",
            format!(
                "[[authority]]\nname = \"A\"\n[[authority.model]]\naaguid = \"{MODEL}\"\nname = \
                    \"One\"\n"
            ),
            "exactly one of",
        ),
        (
            "no such file",
            good.replace("pem = \"\"\"", "ca = \"x.pem\"\nx = \"\"\""),
            "unknown field",
        ),
        ("no certificate", good.replace("MII", "!!!"), "no certificate that can be read"),
        (
            "broken certificate",
            good.replace("-----END", "AAAA-----END"),
            "no certificate that can be read",
        ),
        (
            "two certificates",
            good.replace(
                "-----END CERTIFICATE-----",
                "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----",
            ),
            "holds 2 certificates",
        ),
        ("too many models", good.clone() + &many.collect::<String>(), "more than"),
        ("too large", good.clone() + &"#".repeat(1024 * 1024), "larger than"),
    ] {
        let why = read(&text).expect_err(name).to_string();
        assert!(why.contains(want), "{name}: {why}");
    }
    let file = format!(
        "[[authority]]\nname = \"A\"\nca = \"x.pem\"\n[[authority.model]]\naaguid = \
            \"{MODEL}\"\nname = \"One\"\n"
    );
    let missing = std::path::Path::new("/nowhere").join("x.pem");
    assert!(read(&file).unwrap_err().to_string().contains(&missing.display().to_string()));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.pem"), "x".repeat(64 * 1024 + 1)).unwrap();
    assert!(
        AttestationList::from_toml(&file, dir.path())
            .unwrap_err()
            .to_string()
            .contains("larger than")
    );
}
