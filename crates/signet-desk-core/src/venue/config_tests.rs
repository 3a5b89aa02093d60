use super::*;

/// What a `desk.toml` says about trading, or why it is refused.
fn trading(text: &str) -> Result<TradingSettings, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("desk.toml");
    fs::write(&path, text).unwrap();
    DeskConfig::from_file(&path, dir.path().into(), "test")
        .map(|c| c.trading)
        .map_err(|e| e.to_string())
}

#[test]
fn a_firm_protects_its_traders_as_it_wants_but_not_by_nothing() {
    let usual = TradingSettings::default();
    for (text, want) in [
        ("", Ok(usual)),
        ("[trading]", Ok(usual)),
        (
            "[trading]\nconfirm_after_ms = 1500\noff_market_ticks = 8",
            Ok(TradingSettings { confirm_after_ms: 1_500, off_market_ticks: 8, ..usual }),
        ),
        ("[trading]\noff_market_bp = 0", Ok(TradingSettings { off_market_bp: 0, ..usual })),
        (
            "[trading]\nconfirm_after_ms = 0",
            Err("trading: confirm_after_ms must be 250 to 5000".to_owned()),
        ),
        (
            "[trading]\noff_market_bp = 1001",
            Err("trading: off_market_bp must be 0 to 1000".to_owned()),
        ),
    ] {
        assert_eq!(trading(text), want, "{text}");
    }
    for unreadable in ["[trading]\noff_market_bp = -1", "[trading]\nconfirm_after = 700"] {
        assert!(trading(unreadable).is_err(), "{unreadable}");
    }
}

#[test]
fn the_history_has_room_for_quotes_as_the_firm_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("desk.toml");
    for (text, want) in [
        ("", Some(64)),
        ("[history]", Some(64)),
        ("[history]\nroom_gib = 8", Some(8)),
        ("[history]\nroom_gib = 0", Some(0)),
        ("[history]\nroom_gib = -1", None),
        ("[history]\nroom_gib = 0.5", None),
    ] {
        fs::write(&path, text).unwrap();
        let read = DeskConfig::from_file(&path, dir.path().into(), "test");
        assert_eq!(read.ok().map(|c| c.history.room_gib), want, "{text}");
    }
}

/// The page that finds portals, or why it is refused.
fn portal_page(text: &str) -> Result<Option<String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("desk.toml");
    fs::write(&path, text).unwrap();
    DeskConfig::from_file(&path, dir.path().into(), "test")
        .map(|c| c.portal_check.map(|check| check.page().to_owned()))
        .map_err(|e| e.to_string())
}

#[test]
fn a_firm_names_the_page_that_finds_portals_or_none() {
    let of_system = PortalCheck::of_system().map(|check| check.page().to_owned());
    let bad = "portal_check: it must be http://host[:port]/path, without a user and of at most \
               256 characters";
    let own = "http://check.bank.example/generate_204";
    for (text, want) in [
        (String::new(), Ok(of_system.clone())),
        ("portal_check = \"off\"".into(), Ok(None)),
        (format!("portal_check = \"{own}\""), Ok(Some(own.to_owned()))),
        ("portal_check = \"https://check.bank.example/\"".into(), Err(bad.to_owned())),
        ("portal_check = \"\"".into(), Err(bad.to_owned())),
    ] {
        assert_eq!(portal_page(&text), want, "{text}");
    }
    let bare = DeskConfig::without_file(PathBuf::new(), "test");
    assert_eq!(bare.portal_check.map(|check| check.page().to_owned()), of_system);
    assert!(DeskConfig::empty(PathBuf::new(), "test").portal_check.is_none());
}

/// A venue is found by its name: of two, the trader would choose one and get the other.
#[test]
fn venues_have_names_that_people_can_tell_apart() {
    let dir = tempfile::tempdir().unwrap();
    let now = time::OffsetDateTime::now_utc();
    let pki = signet_devca::DevPki::generate("bank.example", now).unwrap();
    let roots = pki.write_roots(dir.path()).unwrap();
    let path = dir.path().join("desk.toml");
    let read = |names: &[&str]| {
        let venue = |name: &&str| {
            format!(
                "[[venue]]\nname = '{name}'\naddress = 'localhost:1'\ncomp_id = 'GATEWAY'\n\
                 trust_domain = 'bank.example'\ntrust = {:?}\n",
                roots.gateways
            )
        };
        fs::write(&path, names.iter().map(venue).collect::<String>()).unwrap();
        DeskConfig::from_file(&path, dir.path().into(), "test").map_err(|e| e.to_string())
    };
    for names in [&["Bank"][..], &["Bank", "Bank 2", "Bänk"][..]] {
        assert_eq!(read(names).unwrap().venues.len(), names.len(), "{names:?}");
    }
    for (names, why) in [
        (&["Bank", "Other", "Bank"][..], "venue Bank: name: another venue has it too"),
        (&["Bank", "BANK"][..], "venue BANK: name: another venue has it too"),
        (&["Bank", "Bank "][..], "a blank"),
        (&[""][..], "is empty"),
        (&["Bank\u{200b}"][..], "does not show"),
    ] {
        let said = read(names).map(|_| ()).unwrap_err();
        assert!(said.contains(why), "{names:?}: {said}");
    }
}
