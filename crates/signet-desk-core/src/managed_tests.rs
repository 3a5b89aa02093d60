use super::*;
use crate::venue::Venues;
use signet_identity::{EstAddress, FixAddress, HolderRule, Invitation, SpkiPin};
use signet_managed::{Holder, VenueSettings};

struct World {
    dir: tempfile::TempDir,
    anchors: Vec<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = signet_devca::DevPki::generate("bank.example", OffsetDateTime::now_utc());
        let root = pki.unwrap().root(signet_identity::Role::Gateway).to_vec();
        Self { dir, anchors: vec![root] }
    }

    fn venue(&self, name: &str) -> VenueSettings {
        VenueSettings {
            name: name.into(),
            host: "gw.bank.example".into(),
            port: 9443,
            server_name: "gw.bank.example".into(),
            also: vec![("gw2.bank.example".into(), 9444)],
            comp_id: "SIGNET".into(),
            trust_domain: "bank.example".into(),
            anchors: self.anchors.clone(),
            pins: vec![signet_managed::Pin([7; 32])],
            allow_tls12: false,
            quic: false,
            crl: vec!["/etc/signet/gateways.crl".into()],
            crl_required: true,
            rp_id: Some("rp.bank.example".into()),
        }
    }

    fn managed(&self, change: impl Fn(&mut Policy)) -> Managed {
        let mut policy = Policy {
            firm: "Example Bank".into(),
            venues: vec![self.venue("Bank")],
            ..Policy::default()
        };
        change(&mut policy);
        Managed {
            policy,
            origin: signet_managed::Origin::System,
            place: "here".into(),
            digest: String::new(),
        }
    }

    fn config(&self) -> DeskConfig {
        DeskConfig::empty(self.dir.path().into(), "1.0.0")
    }
}

#[test]
fn a_venue_of_the_firm_becomes_a_venue_of_the_desk_and_back() {
    let world = World::new();
    let firm = world.venue("Bank");
    let venue = of_firm(&firm).unwrap();
    assert_eq!(settings(&venue), firm);
    assert_eq!(venue.pins, [SpkiPin::from([7; 32])]);
    for (wrong, field) in [
        (VenueSettings { comp_id: "a b".into(), ..firm.clone() }, "comp_id"),
        (VenueSettings { anchors: vec![vec![0x30, 0x82]], ..firm.clone() }, "anchors"),
        (VenueSettings { rp_id: Some("bank".into()), ..firm.clone() }, "rp_id"),
    ] {
        assert!(of_firm(&wrong).unwrap_err().starts_with(field), "{field}");
    }
}

#[test]
fn the_settings_in_force_are_those_the_desk_uses() {
    let world = World::new();
    let mut own = world.config();
    let elsewhere = VenueSettings { host: "evil.example".into(), ..world.venue("Bank") };
    own.venues = vec![of_firm(&elsewhere).unwrap(), of_firm(&world.venue("Other")).unwrap()];
    own.token =
        Some(Pkcs11Settings { module: "/home/evil.so".into(), token: Some("alice".into()) });
    own.proxy = ProxySetting::Direct;
    let managed = world.managed(|p| {
        p.module = Some("/usr/lib/firm.so".into());
        p.proxy = Some("http://proxy.bank.example:3128".into());
        p.hybrid_only = Some(true);
        p.history_required = Some(true);
    });
    let config = applied(own, &managed).unwrap();
    let [venue] = &config.venues[..] else { panic!("{:?}", config.venues) };
    assert_eq!(settings(venue), world.venue("Bank"));
    let token = config.token.unwrap();
    assert_eq!(token.module, Path::new("/usr/lib/firm.so"));
    assert_eq!(token.token.as_deref(), Some("alice"), "which card is the trader's");
    assert!(matches!(&config.proxy, ProxySetting::Url(u) if u.host() == "proxy.bank.example"));
    assert!(config.tls.hybrid_only && config.history.required && !config.tls.fips);
}

/// The policy's, the desk's own, and the page that the desk asks for.
#[test]
fn the_firms_page_that_finds_portals_is_asked_for_and_no_other() {
    const FIRM: Option<&str> = Some("http://check.bank.example/portal");
    const OWN: Option<&str> = Some("http://check.trader.example/");
    const OFF: Option<&str> = Some("off");
    let world = World::new();
    let mine = || OWN.map(|page| page.parse::<PortalCheck>().unwrap());
    for (firm, before, want) in [
        (None, mine(), OWN),
        (None, None, None),
        (OFF, mine(), None),
        (OFF, PortalCheck::of_system(), None),
        (FIRM, mine(), FIRM),
        (FIRM, PortalCheck::of_system(), FIRM),
        (FIRM, None, FIRM),
    ] {
        let managed = world.managed(|p| p.portal_check = firm.map(str::to_owned));
        let config = DeskConfig { portal_check: before, ..world.config() };
        let config = applied(config, &managed).unwrap();
        assert_eq!(config.portal_check.as_ref().map(PortalCheck::page), want, "{firm:?}");
    }
    let bare = DeskConfig::without_file(PathBuf::new(), "1.0.0");
    assert_eq!(own(&bare).portal_check, None, "what a desk does by itself nobody has set");
    let set = DeskConfig { portal_check: mine(), ..world.config() };
    assert_eq!(own(&set).portal_check.as_deref(), OWN);
}

#[test]
fn what_the_firm_leaves_to_the_trader_stays_as_it_is() {
    let world = World::new();
    let mut own = world.config();
    own.venues = vec![of_firm(&world.venue("Own")).unwrap()];
    own.proxy = "http://user:secret@proxy.example:1".parse().map(ProxySetting::Url).unwrap();
    own.tls.fips = true;
    let managed = world.managed(|p| {
        p.venues.clear();
        p.holders = Some(vec![Holder::Keychain]);
    });
    let config = applied(own.clone(), &managed).unwrap();
    assert_eq!(config.venues.len(), 1);
    assert_eq!(config.proxy, own.proxy);
    assert!(config.tls.fips && config.token.is_none());
}

fn invitation(world: &World, venue: &str, host: &str) -> Invitation {
    let now = OffsetDateTime::now_utc();
    Invitation {
        venue: venue.into(),
        user: "alice".into(),
        holder: HolderRule::Any,
        code_expires: now,
        est: EstAddress {
            host: "enrol.bank.example".into(),
            port: 9444,
            server_name: "enrol.bank.example".into(),
        },
        fix: FixAddress {
            host: host.into(),
            port: 9443,
            server_name: "gw.bank.example".into(),
            comp_id: "SIGNET".parse().unwrap(),
            trust_domain: "bank.example".into(),
        },
        pins: Vec::new(),
        anchors: world.anchors.iter().map(|der| der.clone().into()).collect(),
        rp_id: None,
    }
}

/// The venue of an invitation x what the policy says: the code of the refusal.
#[test]
fn an_invitation_leads_only_where_the_firm_allows() {
    let world = World::new();
    let good = || invitation(&world, "Bank", "gw.bank.example");
    let strange = World::new();
    let other_anchor = Invitation { anchors: invitation(&strange, "Bank", "x").anchors, ..good() };
    for (invited, may, want) in [
        (good(), false, None),
        (invitation(&world, "Bank", "evil.example"), false, Some("managed.venue_differs")),
        (invitation(&world, "Bank", "evil.example"), true, Some("managed.venue_differs")),
        (other_anchor, false, Some("managed.venue_differs")),
        (invitation(&world, "Other", "evil.example"), false, Some("managed.venue_not_allowed")),
        (invitation(&world, "Other", "evil.example"), true, None),
    ] {
        let managed = Arc::new(world.managed(|p| p.may.venues = may));
        let firms = [of_firm(&world.venue("Bank")).unwrap()];
        let folder = tempfile::tempdir().unwrap();
        let open = || Venues::open(&firms, folder.path(), Some(managed.clone()));
        let venue = crate::Venue::of_invitation(&invited).unwrap();
        let refused = open().admit(&venue).err().map(|p| p.code);
        assert_eq!(refused.as_deref(), want, "{} {may}", invited.venue);
        // One that was stored before the policy came is not used either.
        open().enrolled(&invited, venue).unwrap();
        let listed = open().all();
        assert_eq!(listed.len(), if want.is_none() && invited.venue == "Other" { 2 } else { 1 });
        assert_eq!(listed[0].host, "gw.bank.example");
        assert_eq!(listed[0].est.is_some(), want.is_none() && invited.venue == "Bank");
    }
}

#[test]
fn a_check_finds_what_only_the_desk_can_know() {
    let world = World::new();
    let policy = |change: fn(&mut Policy)| world.managed(change).policy;
    assert!(check(&policy(|_| {})).is_ok());
    type Change = fn(&mut Policy);
    let wrong: [(Change, &str); 3] = [
        (|p| p.venues[0].comp_id = "a b".into(), "venue \"Bank\""),
        (|p| p.proxy = Some("http://".into()), "connection.proxy"),
        (|p| p.portal_check = Some("http://a@b.example/".into()), "connection.portal_check"),
    ];
    for (change, field) in wrong {
        assert!(check(&policy(change)).unwrap_err().to_string().contains(field), "{field}");
    }
}
