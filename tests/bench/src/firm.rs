//! A gateway's folder as a firm has it: registry (in SQLite, unless told otherwise), desks that
//! enrolled, the example's policies and risk.

use crate::process::{Process, free_address};
use signet_devca::{DevPki, Issued, Order};
use signet_gateway::{
    Config,
    admin::{self, CodeTerms},
    config::DEFAULT_TABLE,
};
use signet_identity::{Identity, Invitation, PeerIdentity, TrustRoots};
use signet_keystore::{KeyHolder as _, MemoryKeychain, est::EstClient};
use signet_registry::{
    CertificateRequest, Claim, IssuedCertificate, NewCode, NewUser, Registry, hex, hex_sha256,
};
use signet_rfq::UtcMillis;
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use time::OffsetDateTime;

pub const DOMAIN: &str = "bench.signet.example";
pub const GATEWAY: &str = "SIGNET";
pub const DEALER: &str = "NORTHBANK";

/// The firm's rules: nearly thirty, most of them limits that every decision evaluates.
pub const POLICIES: &str = include_str!("../../../gateway/entitlements.example.cedar");
/// Loopback is the firm's network, in Britain; two places more to look through.
pub const RISK: &str = "countries = ['GB', 'FR']\n[[network]]\nrange = '10.20.0.0/16'\ncountry = 'GB'\n\
    [[network]]\nrange = '192.0.2.0/24'\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n[travel]\n\
    [posture]\nmanaged_policies = ['2.999.1']\n";

/// A desk here says as much as a hundred traders: what is measured is trading, not refusing.
const LIMITS: &str = "desk_requests = { burst = 100000, per_minute = 100000 }\n\
    desk_cancels = { burst = 100000, per_minute = 100000 }\n\
    desk_kib = { burst = 1000000, per_minute = 1000000 }\n\
    signed_mib_per_peer_per_day = 100000\n";
/// In a file of its own beside the gateway's configuration.
const REGISTRY: &str = "url = \"sqlite:registry.db\"\n";

/// What differs from one firm of the bench to another.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Traders who enrol.
    pub desks: usize,
    /// CompIDs of others, who are registered with a certificate of the development CA.
    pub beside: Vec<String>,
    /// Dealers, and where the gateway dials them.
    pub dealers: Vec<(String, SocketAddr)>,
    /// More of the section `[gateway]`.
    pub in_gateway: String,
    /// The section `[registry]`.
    pub registry: String,
    /// The section `[limits]`.
    pub limits: String,
    /// Sections that others lack.
    pub more: String,
}

impl Setup {
    /// One dealer, and nobody beside those who enrol.
    pub fn new(desks: usize, dealer: SocketAddr) -> Self {
        Self {
            desks,
            beside: vec![],
            dealers: vec![(DEALER.into(), dealer)],
            in_gateway: String::new(),
            registry: REGISTRY.into(),
            limits: LIMITS.into(),
            more: String::new(),
        }
    }
}

/// Traders by number: user id and CompID.
pub fn trader(n: usize) -> (String, String) {
    (format!("t{n}"), format!("DESK{n}"))
}

/// All of these traders may trade the major pairs with the dealer.
pub fn facts(traders: impl IntoIterator<Item = String>) -> String {
    facts_of(traders, [DEALER.to_owned()])
}

/// The same with the dealers of one panel.
fn facts_of(
    traders: impl IntoIterator<Item = String>,
    dealers: impl IntoIterator<Item = String>,
) -> String {
    let all: Vec<String> = traders.into_iter().map(|t| format!("{t:?}")).collect();
    let panel: Vec<String> = dealers.into_iter().map(|d| format!("{d:?}")).collect();
    format!(
        "reporting_currency = 'EUR'\n[rates]\nGBP = '1.20'\nUSD = '0.95'\nCHF = '1.08'\nAUD = '0.61'\n[groups]\nbond-desk = []\n\
         fx-desk = [{}]\njuniors = []\n[panels]\nbond-dealers = []\nfx-dealers = [{}]\n[lists]\napproved-corporates = []\n\
         major-pairs = ['EUR/USD', 'GBP/USD']\nwind-down = []\n[admin_groups]\noperators = ['oscar']\nsecurity-officers = ['sylvia']\n",
        all.join(", "),
        panel.join(", ")
    )
}

pub struct Firm {
    pub config: Config,
    pub pki: DevPki,
    pub gateway: Process,
    pub address: SocketAddr,
    /// Those who enrolled.
    pub desks: Vec<Identity>,
    /// The others, by CompID.
    pub beside: Vec<(String, Issued)>,
}

impl Firm {
    /// With the gateway up and `desks` traders enrolled; `dealer` is where it dials.
    pub async fn start(dir: &Path, desks: usize, dealer: SocketAddr, pki: DevPki) -> Self {
        Self::start_with(dir, &Setup::new(desks, dealer), pki).await
    }

    /// The same, set up otherwise.
    pub async fn start_with(dir: &Path, setup: &Setup, pki: DevPki) -> Self {
        let (address, enrolment) = (free_address(), free_address());
        let config = configure(&pki, dir, [address, enrolment], setup);
        admin::ca_init(&config, None, 1).expect("an authority");
        // Those who enrol are of the gateway's own authority, the others of the development CA.
        let read = |name: &str| fs::read_to_string(dir.join(name)).expect("a certificate");
        let trusted = read("issuing.pem") + &read("desks-ca.pem");
        fs::write(dir.join("desks.pem"), trusted).expect("written");
        let beside = register(&config, &pki, &setup.beside).await;
        let mut gateway = Process::gateway(&dir.join("gateway.toml"));
        gateway.wait_for(address);
        gateway.wait_for(enrolment);
        let mut firm = Self { config, pki, gateway, address, desks: vec![], beside };
        for n in 0..setup.desks {
            let identity = firm.enrol(dir, n).await;
            firm.desks.push(identity);
        }
        firm
    }

    /// By the book: an order, an invitation, a code, a certificate.
    async fn enrol(&self, dir: &Path, n: usize) -> Identity {
        let (id, comp_id) = trader(n);
        let user = NewUser {
            name: id.clone(),
            id: id.clone(),
            comp_id,
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let invited = admin::add(&self.config, user, CodeTerms { hours: 1, managed: true }, dir)
            .await
            .expect("invited");
        let invitation = Invitation::from_toml(&fs::read(&invited.file).expect("a file"))
            .expect("an invitation");
        let key =
            MemoryKeychain::new().generate(&"bench".parse().expect("a label")).expect("a key");
        let est = EstClient::for_invitation(&invitation).expect("a client");
        let made =
            est.simpleenroll(key.clone(), &id, &invited.code, "laptop").await.expect("enrolled");
        Identity::new(made.chain, key).expect("an identity")
    }

    /// What desks believe a gateway by.
    pub fn roots(&self) -> TrustRoots {
        self.pki.gateway_roots().expect("roots")
    }
}

/// Writes users and their certificates down as the enrolment service would: by the thousand that
/// service takes minutes.
async fn register(config: &Config, pki: &DevPki, comp_ids: &[String]) -> Vec<(String, Issued)> {
    if comp_ids.is_empty() {
        return vec![];
    }
    let url = config.registry.as_ref().expect("a registry").url().expect("a URL");
    let registry = Registry::open(&url).await.expect("a registry");
    let now = UtcMillis(
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64,
    );
    let expires = now + 600_000;
    let user = |comp_id: &String| NewUser {
        id: comp_id.to_lowercase(),
        comp_id: comp_id.clone(),
        name: comp_id.clone(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let code = |comp_id: &String| {
        let digest = hex_sha256(comp_id.as_bytes());
        (user(comp_id), NewCode { digest, expires, managed: true })
    };
    let users: Vec<_> = comp_ids.iter().map(code).collect();
    registry.add_users(&users, "bench", now).await.expect("added");
    let mut all = Vec::with_capacity(comp_ids.len());
    for (user, code) in &users {
        let issued = pki.issue(&Order::desk(&user.comp_id)).expect("a certificate");
        let der = issued.chain()[0].to_vec();
        let peer = PeerIdentity::from_certificate(&der.as_slice().into()).expect("an identity");
        let ask = CertificateRequest {
            common_name: "laptop".into(),
            device: "laptop".into(),
            key: hex(peer.spki_sha256.as_bytes()),
        };
        let claim = registry.claim_by_code(&user.id, Some(&code.digest), &ask, now).await;
        let Claim::Issue(order) = claim.expect("a claim") else { panic!("issued before") };
        let not_after = UtcMillis(peer.not_after.unix_timestamp() * 1_000);
        let made = IssuedCertificate { serial: peer.serial, not_before: now, not_after, der };
        registry.complete(&order, &made, "bench", now).await.expect("written down");
        all.push((user.comp_id.clone(), issued));
    }
    registry.close().await;
    all
}

fn configure(
    pki: &DevPki,
    dir: &Path,
    [address, enrolment]: [SocketAddr; 2],
    setup: &Setup,
) -> Config {
    let Setup { desks, beside, dealers, in_gateway, registry, limits, more } = setup;
    pki.issue(&Order::gateway(GATEWAY))
        .expect("a certificate")
        .write_to(dir, "gateway")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("written");
    write("instruments.toml", signet_dealer::INSTRUMENTS_TOML);
    write("risk.toml", RISK);
    // The bench's desks send no report about a laptop, and are let in all the same.
    let table = DEFAULT_TABLE.replacen("points = 25", "points = 10", 1);
    write("risk-score.toml", &table);
    write("entitlements.cedar", POLICIES);
    let traders = (0..*desks).map(|n| trader(n).0);
    let others = beside.iter().map(|comp_id| comp_id.to_lowercase());
    let names = dealers.iter().map(|(name, _)| name.clone());
    write("entitlements.toml", &facts_of(traders.chain(others), names));
    let dealers: String = dealers
        .iter()
        .map(|(name, at)| {
            format!(
                "[[dealer]]\ncomp_id = \"{name}\"\nname = \"{name}\"\naddress = \"{at}\"\n\
                 server_name = \"localhost\"\nsign = true\n"
            )
        })
        .collect();
    let text = format!(
        "[gateway]\nname = \"Bench\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\ninstruments = \"instruments.toml\"\n\
         trust_domain = \"{DOMAIN}\"\n{in_gateway}[tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"{address}\"\ntrust = \"desks.pem\"\nmax_connections = 10000\n[dealers]\ntrust = \"dealers-ca.pem\"\n\
         [risk]\nsettings = \"risk.toml\"\ntable = \"risk-score.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n[desk_default]\n\
         {dealers}[registry]\n{registry}[enrolment]\nlisten = \"{enrolment}\"\npublic_host = \"localhost\"\n\
         public_port = {}\nmanaged_policy = \"2.999.1\"\nfix_port = {}\nanchors = \"gateways-ca.pem\"\n\
         ca_certificate = \"issuing.pem\"\nca_key = \"issuing-key.pem\"\n[limits]\n{limits}{more}",
        enrolment.port(),
        address.port()
    );
    write("gateway.toml", &text);
    Config::read(&dir.join("gateway.toml")).expect("a configuration")
}

pub fn pki() -> DevPki {
    DevPki::generate(DOMAIN, OffsetDateTime::now_utc()).expect("a CA")
}
