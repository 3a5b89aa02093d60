//! A gateway's folder as a firm has it: registry in SQLite, desks that enrolled, the example's
//! policies and risk.

use crate::process::{Process, free_address};
use signet_devca::{DevPki, Order};
use signet_gateway::{
    Config,
    admin::{self, CodeTerms},
    config::DEFAULT_TABLE,
};
use signet_identity::{Identity, Invitation, TrustRoots};
use signet_keystore::{KeyHolder as _, MemoryKeychain, est::EstClient};
use signet_registry::NewUser;
use std::{fs, net::SocketAddr, path::Path};
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
const LIMITS: &str = "[limits]\ndesk_requests = { burst = 100000, per_minute = 100000 }\n\
    desk_cancels = { burst = 100000, per_minute = 100000 }\n\
    desk_kib = { burst = 1000000, per_minute = 1000000 }\n\
    signed_mib_per_peer_per_day = 100000\n";

/// Traders by number: user id and CompID.
pub fn trader(n: usize) -> (String, String) {
    (format!("t{n}"), format!("DESK{n}"))
}

/// All of these traders may trade the major pairs with the dealers of one panel.
pub fn facts(traders: impl IntoIterator<Item = String>) -> String {
    let all: Vec<String> = traders.into_iter().map(|t| format!("{t:?}")).collect();
    format!(
        "reporting_currency = 'EUR'\n[rates]\nGBP = '1.20'\nUSD = '0.95'\nCHF = '1.08'\nAUD = '0.61'\n[groups]\nbond-desk = []\n\
         fx-desk = [{}]\njuniors = []\n[panels]\nbond-dealers = []\nfx-dealers = ['{DEALER}']\n[lists]\napproved-corporates = []\n\
         major-pairs = ['EUR/USD', 'GBP/USD']\nwind-down = []\n[admin_groups]\noperators = ['oscar']\nsecurity-officers = ['sylvia']\n",
        all.join(", ")
    )
}

pub struct Firm {
    pub config: Config,
    pub pki: DevPki,
    pub gateway: Process,
    pub address: SocketAddr,
    pub desks: Vec<Identity>,
}

impl Firm {
    /// With the gateway up and `desks` traders enrolled; `dealer` is where it dials.
    pub async fn start(dir: &Path, desks: usize, dealer: SocketAddr, pki: DevPki) -> Self {
        Self::start_with(dir, desks, dealer, pki, "").await
    }

    /// The same with more in the gateway's configuration.
    pub async fn start_with(
        dir: &Path,
        desks: usize,
        dealer: SocketAddr,
        pki: DevPki,
        more: &str,
    ) -> Self {
        let (address, enrolment) = (free_address(), free_address());
        let config = configure(&pki, dir, desks, [address, enrolment, dealer], more);
        admin::ca_init(&config, None, 1).expect("an authority");
        let mut gateway = Process::gateway(&dir.join("gateway.toml"));
        gateway.wait_for(address);
        gateway.wait_for(enrolment);
        let mut firm = Self { config, pki, gateway, address, desks: vec![] };
        for n in 0..desks {
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

fn configure(
    pki: &DevPki,
    dir: &Path,
    desks: usize,
    [address, enrolment, dealer]: [SocketAddr; 3],
    more: &str,
) -> Config {
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
    write("entitlements.toml", &facts((0..desks).map(|n| trader(n).0)));
    let text = format!(
        "[gateway]\nname = \"Bench\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\ninstruments = \"instruments.toml\"\n\
         trust_domain = \"{DOMAIN}\"\n[tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"{address}\"\ntrust = \"issuing.pem\"\n[dealers]\ntrust = \"dealers-ca.pem\"\n[risk]\nsettings = \"risk.toml\"\ntable = \"risk-score.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n[desk_default]\n\
         [[dealer]]\ncomp_id = \"{DEALER}\"\nname = \"North Bank\"\naddress = \"{dealer}\"\nserver_name = \"localhost\"\nsign = true\n\
         [registry]\nurl = \"sqlite:registry.db\"\n[enrolment]\nlisten = \"{enrolment}\"\npublic_host = \"localhost\"\n\
         public_port = {}\nmanaged_policy = \"2.999.1\"\nfix_port = {}\nanchors = \"gateways-ca.pem\"\n\
         ca_certificate = \"issuing.pem\"\nca_key = \"issuing-key.pem\"\n{LIMITS}{more}",
        enrolment.port(),
        address.port()
    );
    write("gateway.toml", &text);
    Config::read(&dir.join("gateway.toml")).expect("a configuration")
}

pub fn pki() -> DevPki {
    DevPki::generate(DOMAIN, OffsetDateTime::now_utc()).expect("a CA")
}
