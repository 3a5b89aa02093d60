use super::*;
use proptest::prelude::*;
use signet_devca::{DevPki, Order};
use std::sync::OnceLock;

/// Any certificate will do.
fn anchor() -> CertificateDer<'static> {
    static ANCHOR: OnceLock<CertificateDer<'static>> = OnceLock::new();
    let make = || {
        DevPki::generate("bank.example", OffsetDateTime::now_utc())
            .unwrap()
            .issue(&Order::gateway("G"))
            .unwrap()
            .chain()[0]
            .clone()
    };
    ANCHOR.get_or_init(make).clone()
}

fn sample() -> Invitation {
    Invitation {
        venue: "Practice Bank".into(),
        user: "alice".into(),
        holder: HolderRule::Any,
        code_expires: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
        est: EstAddress {
            host: "est.bank.example".into(),
            port: 8443,
            server_name: "gateway.bank.example".into(),
        },
        fix: FixAddress {
            host: "192.0.2.7".into(),
            port: 9443,
            server_name: "gateway.bank.example".into(),
            comp_id: "SIGNET".parse().unwrap(),
            trust_domain: "bank.example".into(),
        },
        pins: vec![SpkiPin::from([1; 32]), SpkiPin::from([2; 32])],
        anchors: vec![anchor()],
        rp_id: Some("stepup.bank.example".into()),
    }
}

#[test]
fn file_and_link_come_back_whole() {
    let invitation = sample();
    let text = invitation.to_toml().unwrap();
    assert_eq!(Invitation::from_toml(text.as_bytes()).unwrap(), invitation);
    let link = invitation.to_link().unwrap();
    assert_eq!(Invitation::from_link(&link).unwrap(), invitation);
    assert_eq!(Invitation::from_link(&format!(" {link}/\n")).unwrap(), invitation);
    assert!(
        text.contains("code_expires = \"2027-01-15T08:00:00Z\"")
            && text.contains("[est]")
            && text.contains("[fix]"),
        "{text}"
    );
}

/// Whoever alters the mail changes what the trader compares, whatever it is that they alter.
#[test]
fn the_fingerprint_covers_everything_that_is_trusted() {
    let other_anchor = DevPki::generate("bank.example", OffsetDateTime::now_utc())
        .unwrap()
        .issue(&Order::gateway("G"))
        .unwrap()
        .chain()[0]
        .clone();
    type Change = Box<dyn Fn(&mut Invitation)>;
    let changes: Vec<(&str, Change)> = vec![
        ("venue", Box::new(|i| i.venue = "Practice Bank 2".into())),
        ("user", Box::new(|i| i.user = "alicia".into())),
        ("holder", Box::new(|i| i.holder = HolderRule::Keychain)),
        ("code_expires", Box::new(|i| i.code_expires += time::Duration::SECOND)),
        ("est.host", Box::new(|i| i.est.host = "est.elsewhere.example".into())),
        ("est.port", Box::new(|i| i.est.port = 8444)),
        ("est.server_name", Box::new(|i| i.est.server_name = "elsewhere.example".into())),
        ("fix.host", Box::new(|i| i.fix.host = "192.0.2.8".into())),
        ("fix.port", Box::new(|i| i.fix.port = 9444)),
        ("fix.server_name", Box::new(|i| i.fix.server_name = "elsewhere.example".into())),
        ("fix.comp_id", Box::new(|i| i.fix.comp_id = "SIGNET2".parse().unwrap())),
        ("fix.trust_domain", Box::new(|i| i.fix.trust_domain = "elsewhere.example".into())),
        ("a pin taken away", Box::new(|i| i.pins.truncate(1))),
        ("a pin added", Box::new(|i| i.pins.push(SpkiPin::from([3; 32])))),
        ("no pins", Box::new(|i| i.pins.clear())),
        ("pins in another order", Box::new(|i| i.pins.reverse())),
        (
            "an authority added",
            Box::new({
                let a = other_anchor.clone();
                move |i| i.anchors.push(a.clone())
            }),
        ),
        (
            "another authority in front",
            Box::new({
                let a = other_anchor.clone();
                move |i| i.anchors.insert(0, a.clone())
            }),
        ),
        ("another authority", Box::new(move |i| i.anchors = vec![other_anchor.clone()])),
        ("rp_id", Box::new(|i| i.rp_id = Some("stepup.elsewhere.example".into()))),
        ("no rp_id", Box::new(|i| i.rp_id = None)),
        (
            "a host that takes over another field's end",
            Box::new(|i| {
                (i.est.host, i.est.server_name) =
                    ("est.bank.example2".into(), "gateway.bank.exampl".into())
            }),
        ),
    ];
    let shown = sample().fingerprint();
    assert_eq!((shown.len(), sample().fingerprint()), (16 * 4 + 15, shown.clone()));
    let mut seen = std::collections::HashSet::from([shown]);
    for (what, change) in changes {
        let mut altered = sample();
        change(&mut altered);
        assert!(seen.insert(altered.fingerprint()), "{what} is not covered");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let good = sample().to_toml().unwrap();
    let field_of = |text: &str| match Invitation::from_toml(text.as_bytes()) {
        Err(InvitationError::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let code_of = |bytes: &[u8]| Invitation::from_toml(bytes).unwrap_err().code();
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    assert_eq!(field_of(&changed("\"alice\"", "\"Alice\"")), "user");
    assert_eq!(field_of(&changed("\"Practice Bank\"", "\" \"")), "venue");
    assert_eq!(field_of(&changed("\"Practice Bank\"", "\"Bank\u{202e}knaB\"")), "venue");
    for blank in ["\u{115f}", "\u{1160}", "\u{3164}", "\u{ffa0}"] {
        assert_eq!(field_of(&changed("Practice Bank", blank)), "venue", "{blank:?}");
    }
    assert_eq!(field_of(&changed("2027-01-15T08:00:00Z", "tomorrow")), "code_expires");
    assert_eq!(field_of(&changed("est.bank.example", "no host")), "est");
    assert_eq!(field_of(&changed("192.0.2.7", "http://192.0.2.7")), "fix");
    assert_eq!(field_of(&changed("8443", "0")), "est");
    assert_eq!(field_of(&changed("\"SIGNET\"", "\"A B\"")), "fix.comp_id");
    assert_eq!(
        field_of(&changed("trust_domain = \"bank.example\"", "trust_domain = \"Bank\"")),
        "fix.trust_domain"
    );
    for bad in [
        "",
        "localhost",
        "Stepup.bank.example",
        "192.0.2.1",
        "stepup.bank.example.",
        "https://stepup.bank.example",
    ] {
        assert_eq!(
            field_of(&changed("\"stepup.bank.example\"", &format!("{bad:?}"))),
            "rp_id",
            "{bad}"
        );
    }
    let none = changed("rp_id = \"stepup.bank.example\"\n", "");
    assert_eq!(Invitation::from_toml(none.as_bytes()).unwrap().rp_id, None);
    assert_eq!(field_of(&changed("sha256/AQEB", "sha1/AQEB")), "pins");
    assert_eq!(field_of(&changed("-----BEGIN CERTIFICATE-----", "")), "anchors");
    let key =
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----";
    assert_eq!(field_of(&changed("-----BEGIN CERTIFICATE-----", key)), "anchors");
    assert_eq!(
        Invitation::from_toml(changed("version = 1", "version = 2").as_bytes()),
        Err(InvitationError::Version(2))
    );
    assert_eq!(
        code_of(changed("version = 1", "version = 1\ncode = \"X\"").as_bytes()),
        "invitation.syntax"
    );
    assert_eq!(
        code_of(changed("holder = \"any\"", "holder = \"file\"").as_bytes()),
        "invitation.syntax"
    );
    assert_eq!(code_of(b"\xff\xfe"), "invitation.syntax");
    assert_eq!(code_of(&vec![b'#'; INVITATION_BYTES_MAX + 1]), "invitation.too_large");
    assert_eq!(Invitation::from_link("https://x"), Err(InvitationError::NotALink));
    assert_eq!(Invitation::from_link("signet://enrol/***"), Err(InvitationError::BadLink));
    let long = format!("{INVITATION_LINK_PREFIX}{}", "A".repeat(INVITATION_BYTES_MAX * 2));
    assert_eq!(Invitation::from_link(&long), Err(InvitationError::TooLarge));
}

#[test]
fn a_bad_invitation_is_not_handed_out() {
    let no_anchor = Invitation { anchors: vec![], ..sample() };
    assert!(matches!(no_anchor.to_toml(), Err(InvitationError::Field { field: "anchors", .. })));
    let bad_user = Invitation { user: "Alice Adams".into(), ..sample() };
    assert!(bad_user.to_link().is_err());
}

proptest! {
    #[test]
    fn any_good_invitation_comes_back_whole(
        venue in "[A-Za-zÄäé0-9 .,\"\\\\'#-]{1,40}[a-z]",
        user in "[a-z0-9][a-z0-9._-]{0,31}",
        holder in prop_oneof![Just(HolderRule::Keychain), Just(HolderRule::Token), Just(HolderRule::Any)],
        seconds in 0i64..4_000_000_000,
        port in 1u16..,
        comp_id in "[A-Za-z0-9._-]{1,64}",
        pins in proptest::collection::vec(any::<[u8; 32]>(), 0..=PINS_MAX),
    ) {
        let mut made = sample();
        (made.venue, made.user, made.holder) = (venue, user, holder);
        made.code_expires = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        (made.est.port, made.fix.comp_id) = (port, comp_id.parse().unwrap());
        made.pins = pins.into_iter().map(SpkiPin::from).collect();
        prop_assert_eq!(Invitation::from_link(&made.to_link().unwrap()).unwrap(), made);
    }

    #[test]
    fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), link in "signet://enrol/[A-Za-z0-9_=/-]{0,200}") {
        let _ = Invitation::from_toml(&bytes);
        let _ = Invitation::from_link(&link);
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..2000, byte in any::<u8>()) {
        let mut bytes = sample().to_toml().unwrap().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(read) = Invitation::from_toml(&bytes) {
            read.to_toml().unwrap();
        }
    }
}
