use super::*;
use proptest::prelude::*;

pub(crate) const EXAMPLE: &str =
    include_str!("../../../packaging/desk/policy/managed.example.toml");

fn code(text: &str) -> &'static str {
    Policy::from_toml(text).expect_err(text).code()
}

#[test]
fn the_example_is_a_policy_of_the_bank_of_all_examples() {
    let policy = Policy::from_toml(EXAMPLE).unwrap();
    let answers: toml::Table =
        include_str!("../../../packaging/gateway/answers.example.toml").parse().unwrap();
    let firm = answers["firm"].as_str().unwrap();
    assert_eq!(policy.firm, firm);
    let [venue] = &policy.venues[..] else { panic!("{:?}", policy.venues) };
    assert_eq!(venue.name, format!("{firm} RFQ"), "as the gateway names itself in invitations");
    assert_eq!(Some(venue.host.as_str()), answers["hosts"][0].as_str());
    assert_eq!(Some(venue.trust_domain.as_str()), answers["trust_domain"].as_str());
    assert_eq!((venue.comp_id.as_str(), venue.port), ("SIGNET", 9443), "the defaults of init");
    assert_eq!(policy.may, May::default());
}

#[test]
fn nothing_but_the_firm_and_its_validity_is_needed() {
    let policy = Policy::from_toml(
        "format = 1\nfirm = \"F\"\nserial = 1\nvalid_from = \"2026-01-01T00:00:00Z\"\n\
         valid_until = \"2027-01-01T00:00:00+01:00\"\n",
    );
    let policy = policy.unwrap();
    let rest = Policy { valid_from: None, valid_until: None, ..policy };
    assert_eq!(rest, Policy { firm: "F".into(), serial: 1, ..Policy::default() });
}

/// What is replaced in the example, by what, and the code of the refusal.
#[test]
fn a_value_that_a_setting_cannot_have_is_named() {
    let wide = "x".repeat(300);
    let venues = EXAMPLE.split("[[venue]]").nth(1).unwrap().split("\n[keys]").next().unwrap();
    let again = format!("[[venue]]{venues}\n[keys]");
    let capitals = again.replace("Bank RFQ", "BANK RFQ");
    assert_ne!(capitals, again);
    let many: String = (0..20).map(|n| again.replace("Bank RFQ", &n.to_string())).collect();
    let many = many.replace("\n[keys]", "\n") + "[keys]";
    let pin = "pins = [";
    let pins = format!("pins = [{}", "\"sha256/AAAA\",".repeat(17));
    let damaged = "managed.damaged";
    let invalid = "managed.invalid";
    for (field, from, to, want) in [
        ("format", "format = 1", "format = 2", invalid),
        ("format", "format = 1", "", damaged),
        ("firm", "\"Example Bank\"", "\"\"", invalid),
        ("firm", "\"Example Bank\"", "\"Example\\u001b Bank\"", invalid),
        ("firm", "\"Example Bank\"", &format!("\"{}\"", "é".repeat(61)), invalid),
        ("serial", "serial = 1", "serial = 0", invalid),
        ("serial", "serial = 1", "serial = -1", damaged),
        ("serial", "serial = 1", "", invalid),
        ("valid_from", "valid_from = ", "#", invalid),
        ("valid_until", "2027-12-01", "2025-12-01", invalid),
        ("valid_until", "2027-12-01", "2027-13-01", invalid),
        ("host", "host = \"rfq.", "host = \"rfq .", invalid),
        ("host", "host = \"rfq.bank.example", "host = \"rfq.bank.example:9443", invalid),
        ("host", "host = \"rfq.bank.example", "host = \"[2001:db8::1]", invalid),
        ("host", "host = \"rfq.bank.example\"", &format!("host = \"{wide}\""), invalid),
        ("port", "port = 9443", "port = 0", invalid),
        ("port", "port = 9443", "port = 65536", damaged),
        ("anchors", "-----END CERTIFICATE-----", "-----END", invalid),
        ("anchors", "MIIB", "AAAA", invalid),
        ("anchors", "MIIB", "!", invalid),
        ("pins", pin, &pins, invalid),
        ("pins", pin, "pins = [\"sha256/AAAA\", ", invalid),
        ("name", "[keys]", &again, invalid),
        ("name", "[keys]", &capitals, invalid),
        ("venue", "[keys]", &many, invalid),
        ("holders", "\"pkcs11\"]", "\"paper\"]", invalid),
        ("holders", "[\"keychain\", \"pkcs11\"]", "[]", invalid),
        ("module", "module = \"/", "module = \"", invalid),
        ("least_version", "\"0.1.0\"", "\"0.1\"", invalid),
        ("channel", "\"stable\"", "\"daily\"", invalid),
        ("server", "https://", "http://", invalid),
        ("server", "https://desk.bank.example/signet", "releases", invalid),
        ("server", "https://desk.bank.example/signet", "\\\\\\\\", invalid),
        ("update_key", "update_key = \"RW", "update_key = \"AA", invalid),
        ("server_anchors", "server_anchors = [", "server_anchors = [\"AAAA\", ", invalid),
        ("proxy", "\"http://proxy", "\"socks5://proxy", invalid),
        ("portal_check", "\"http://check", "\"https://check", invalid),
        ("portal_check", "\"http://check.bank.example/portal\"", "\"Off\"", invalid),
        ("portal_check", "\"http://check.bank.example/portal\"", "\"\"", invalid),
        ("portal_check", "\"http://check.bank.example/portal\"", "false", damaged),
        ("may", "venues = false", "venues = \"no\"", damaged),
        ("may", "venues = false", "colours = true", damaged),
        ("keys", "[keys]", "[keys]\ncolour = 1", damaged),
        ("the file", "[keys]", "[keys", damaged),
    ] {
        assert!(EXAMPLE.contains(from), "{field}: {from}");
        let text = EXAMPLE.replacen(from, to, 1);
        assert_eq!(code(&text), want, "{field}: {to}");
    }
    assert_eq!(code(&format!("{EXAMPLE}{}", "#".repeat(300_000))), damaged);
}

#[test]
fn a_certificate_is_pem_or_the_base64_alone_and_only_one() {
    let pem = EXAMPLE.split("\"\"\"").nth(1).unwrap();
    let line: String = pem.lines().filter(|l| !l.contains("-----")).collect();
    let der = anchor("f", pem).unwrap();
    assert_eq!(anchor("f", &line).unwrap(), der);
    for wrong in [&format!("{pem}{pem}"), "", "AAAA", &"A".repeat(20_000)] {
        assert!(anchor("f", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn paths_are_absolute_on_every_system() {
    for good in ["/usr/lib/a.so", "C:\\x\\a.dll", "d:/a.dll"] {
        assert!(path("f", good).is_ok(), "{good}");
    }
    for wrong in ["a.so", "./a.so", "C:a.dll", "", "/\u{7}", "\\\\server\\a.dll"] {
        assert!(path("f", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn endpoints_have_a_host_and_a_port() {
    assert_eq!(endpoint("f", "[2001:db8::1]:9443").unwrap(), ("2001:db8::1".into(), 9443));
    for wrong in [
        "h",
        "h:",
        ":1",
        "h:0",
        "h:65536",
        "a b:1",
        "::1",
        "[::1",
        "2001:db8::1:9443",
        "[2001:db8::1:9443",
        "[[2001:db8::1]:9443",
        "[h]:9443",
    ] {
        assert!(endpoint("f", wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,300}", at in 0usize..4000, cut in 0usize..4000) {
        let _ = Policy::from_toml(&text);
        let cut: String = EXAMPLE.chars().take(cut).collect();
        let _ = Policy::from_toml(&cut);
        let mut changed: Vec<char> = EXAMPLE.chars().collect();
        let at = at % changed.len();
        changed[at] = text.chars().next().unwrap_or('\0');
        let _ = Policy::from_toml(&changed.into_iter().collect::<String>());
    }
}
