use super::*;
use crate::venue::DeskConfig;
use signet_rfq::{InstrumentId, UtcMillis};
use signet_stepup::{
    AcceptTerms, Action,
    asking::wanted,
    rules::{StepUpState, Wanted},
};

const INSTRUMENTS: &str = "[[instrument]]\nid = 'DE0001102580'\nsymbol = 'DBR 0 02/32'\n\
    name = 'Bund'\nasset_class = 'Government bond'\ncurrency = 'EUR'\nprice_decimals = 3\n\
    price_unit = '% of par'\ntick = '0.005'\nlot = '1000'\nmin_quantity = '100000'\n\
    max_quantity = '100000000'\nsettlement = 'T+2'\n";
const VENUE: &str = "[[venue]]\nname = 'Plain'\naddress = 'localhost:1'\ncomp_id = 'VENUE'\ntrust \
    = 'gateways-ca.pem'\n";
const DIRECT: &str = "[venue.direct]\ninstruments = 'instruments.toml'\ndealers = [{ id = \
    'NORTH', name = 'North' }]\n";
const STEP_UP: &str =
    "[venue.direct.step_up]\nrp_id = 'stepup.bank.example'\nattestation = 'models.toml'\n";

/// A folder as an administrator deploys it.
struct Deployed(tempfile::TempDir);

impl Deployed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = signet_devca::DevPki::generate("bank.example", time::OffsetDateTime::now_utc())
            .unwrap();
        let roots = pki.write_roots(dir.path()).unwrap();
        fs::rename(roots.gateways, dir.path().join("gateways-ca.pem")).unwrap();
        fs::copy(dir.path().join("gateways-ca.pem"), dir.path().join("maker.pem")).unwrap();
        fs::write(dir.path().join("instruments.toml"), INSTRUMENTS).unwrap();
        fs::write(
            dir.path().join("models.toml"),
            "[[authority]]\nname = 'Maker'\nca = 'maker.pem'\n[[authority.model]]\naaguid = \
                '2fc0579f-8113-47ea-b116-bb5a8db9202a'\nname = 'Key'\n",
        )
        .unwrap();
        Self(dir)
    }

    fn read(&self, text: &str) -> Result<DeskConfig, String> {
        let path = self.0.path().join("desk.toml");
        fs::write(&path, text).unwrap();
        DeskConfig::from_file(&path, self.0.path().join("data"), "test").map_err(|e| e.to_string())
    }

    fn direct(&self, rest: &str) -> Result<DirectSettings, String> {
        self.read(&format!("{VENUE}{rest}")).map(|c| c.venues[0].direct.clone().unwrap())
    }
}

#[test]
fn a_plain_venue_is_read() {
    let d = Deployed::new();
    let plain = d.direct(DIRECT).unwrap();
    assert!(plain.step_up.is_none() && plain.sender_comp_id.is_none());
    assert!(plain.instruments.get(&InstrumentId::new("DE0001102580").unwrap()).is_some());
    assert_eq!(
        plain
            .dealers
            .iter()
            .map(|d| (d.id.as_str(), d.name.as_str(), d.online))
            .collect::<Vec<_>>(),
        [("NORTH", "North", true)]
    );
    let blanks = d.direct(&DIRECT.replace("'North' }", "' North ' }")).unwrap();
    assert_eq!(blanks.dealers[0].name, "North");
    let named = DIRECT.replace("dealers", "sender_comp_id = 'BANK7'\ndealers");
    let full = d
        .direct(&format!(
            "{named}{STEP_UP}[venue.direct.step_up.when]\naccept_above = {{ default = '1m' }}\n"
        ))
        .unwrap();
    let s = full.step_up.unwrap();
    assert_eq!(full.sender_comp_id.unwrap().as_str(), "BANK7");
    assert_eq!(
        (s.rules.logon, s.answer_ms, s.relying_party.rp_id()),
        (LogonRule::Never, 60_000, "stepup.bank.example")
    );
    let accept = AcceptTerms { quantity: "1000001".into(), currency: "EUR".into(), ..nothing() };
    assert!(matches!(
        wanted(&s.rules, &Action::Accept(accept), &StepUpState::default(), UtcMillis(0)),
        Wanted::Touch(_)
    ));
}

fn nothing() -> AcceptTerms {
    let s = String::new;
    AcceptTerms {
        price_type: None,
        legs: vec![],
        rfq: s(),
        accept: s(),
        dealer: s(),
        quote: s(),
        instrument: s(),
        side: s(),
        price: s(),
        quantity: s(),
        currency: s(),
        settlement: s(),
        limit: None,
    }
}

#[test]
fn the_policys_digest_follows_its_text() {
    let d = Deployed::new();
    let policy = |when: &str| {
        d.direct(&format!("{DIRECT}{STEP_UP}[venue.direct.step_up.when]\n{when}"))
            .unwrap()
            .step_up
            .unwrap()
            .policy
    };
    assert_eq!(policy("lease_minutes = 5\n").len(), 64);
    assert_eq!(policy("lease_minutes = 5\n"), policy("lease_minutes = 5  # five\n"));
    assert_ne!(policy("lease_minutes = 5\n"), policy("lease_minutes = 6\n"));
}

#[test]
fn what_is_wrong_is_named_with_its_venue_and_key() {
    let d = Deployed::new();
    let when = |text: &str| format!("{DIRECT}{STEP_UP}[venue.direct.step_up.when]\n{text}");
    for (rest, words) in [
        (
            when("second_person = { approvers = ['BOB'] }"),
            "direct.step_up.when.second_person: needs a Signet gateway",
        ),
        (when("logon = 'risk'"), "direct.step_up.when.logon = \"risk\": needs a Signet gateway"),
        (when("known_networks = ['192.0.2.0/24']"), "unknown field"),
        (when("lease_minutes = 1441"), "lease_minutes"),
        (when("accept_above = { EUR = '1m' }"), "default"),
        (when("surprise = 1"), "surprise"),
        (format!("{DIRECT}{STEP_UP}answer_seconds = 9\n"), "direct.step_up.answer_seconds"),
        (
            format!("{DIRECT}{}", STEP_UP.replace("stepup.bank.example", "localhost")),
            "direct.step_up.rp_id",
        ),
        (
            format!("{DIRECT}{}", STEP_UP.replace("models.toml", "none.toml")),
            "direct.step_up.attestation",
        ),
        (
            format!("{DIRECT}{}", STEP_UP.replace("models.toml", "instruments.toml")),
            "direct.step_up.attestation",
        ),
        (DIRECT.replace("instruments.toml", "none.toml"), "direct.instruments"),
        (DIRECT.replace("instruments.toml", "models.toml"), "lists no instrument"),
        (DIRECT.replace("[{ id = 'NORTH', name = 'North' }]", "[]"), "direct.dealers"),
        (
            DIRECT.replace("'North' }", "'North' }, { id = 'NORTH', name = 'Again' }"),
            "NORTH is listed twice",
        ),
        (DIRECT.replace("'North' }", "'' }"), "direct.dealers: NORTH"),
        (DIRECT.replace("'North' }", "'Nor\u{200b}th' }"), "direct.dealers: NORTH"),
        (DIRECT.replace("'NORTH'", "'NORTH '"), "begins or ends with a blank"),
        (DIRECT.replace("'North' }", "'North', port = 1 }"), "port"),
        (format!("{DIRECT}surprise = 1\n"), "surprise"),
    ] {
        let why = d.direct(&rest).map(|_| ()).unwrap_err();
        assert!(why.starts_with("venue Plain: ") && why.contains(words), "{rest}\n{why}");
    }
}

#[test]
fn a_trust_domain_and_a_relying_party_beside_it_are_a_gateways() {
    let d = Deployed::new();
    let why = d.read(VENUE).map(|_| ()).unwrap_err();
    assert!(why.contains("trust_domain is missing"), "{why}");
    let why =
        d.direct(&format!("trust_domain = 'bank.example'\n{DIRECT}")).map(|_| ()).unwrap_err();
    assert!(why.contains("trust_domain: not with direct"), "{why}");
    let why =
        d.direct(&format!("rp_id = 'stepup.bank.example'\n{DIRECT}")).map(|_| ()).unwrap_err();
    assert!(why.contains("rp_id: with direct"), "{why}");
    assert!(d.read(&format!("{VENUE}trust_domain = 'bank.example'\n")).is_ok());
}

#[test]
fn the_example_is_one() {
    let d = Deployed::new();
    fs::copy(d.0.path().join("gateways-ca.pem"), d.0.path().join("venue-ca.pem")).unwrap();
    let lines = include_str!("../../../../src-tauri/desk.example.toml")
        .lines()
        .map(|l| l.strip_prefix("# ").unwrap_or(l));
    let from = lines
        .skip_while(|l| *l != "name = \"Plain Venue\"")
        .take_while(|l| !l.starts_with("[token]"));
    let text: String = from.filter(|l| *l != "#").map(|l| format!("{l}\n")).collect();
    let config = d.read(&format!("[[venue]]\n{text}")).unwrap();
    let direct = config.venues[0].direct.clone().unwrap();
    assert_eq!(
        (direct.sender_comp_id.unwrap().as_str(), direct.step_up.unwrap().rules.lease_minutes),
        ("BANK7", 15)
    );
}
