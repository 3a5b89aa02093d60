//! Certificates, keys and configuration: made once for all runs of a process.

use crate::{cast::*, rules};
use rustls_pki_types::CertificateDer;
use signet_devca::{DevPki, Issued, Order};
use signet_gateway::{Config, Loaded};
use signet_identity::{MessageKey, MessagePublicKey};
use signet_policy::entitle::{CedarEntitlements, Documents};
use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};
use time::OffsetDateTime;

const DOMAIN: &str = "sim.signet.example";
/// Everybody is at home, on a managed laptop, in the firm's network.
const RISK: &str = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n\
    [posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";

/// Somebody with a certificate and its key.
pub(crate) struct Party {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: MessageKey,
    pub public: MessagePublicKey,
}

impl Party {
    fn of(issued: &Issued) -> Self {
        let chain = issued.chain().to_vec();
        let certified = issued.certified_key().expect("a key");
        let key = MessageKey::of(&certified).expect("a key for signatures");
        let public = MessagePublicKey::of_certificate(&chain[0]).expect("a public key");
        Self { chain, key, public }
    }
}

/// Everybody.
pub(crate) struct Firm {
    pub loaded: Loaded,
    locked: Arc<CedarEntitlements>,
    pub desk: Party,
    pub colleague: Party,
    /// The certificates of both desks.
    pub registered: Vec<CertificateDer<'static>>,
    pub dealers: Vec<Party>,
    /// The gateway's, as its peers see it.
    pub gateway: Party,
    /// Of somebody who is nobody's desk.
    pub stranger: MessageKey,
}

/// The one firm of this process.
pub(crate) fn firm() -> &'static Firm {
    static FIRM: OnceLock<Firm> = OnceLock::new();
    FIRM.get_or_init(Firm::made)
}

impl Firm {
    fn made() -> Self {
        let pki = DevPki::generate(DOMAIN, OffsetDateTime::now_utc()).expect("an authority");
        let issue = |order: Order| pki.issue(&order).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let gateway = issue(Order::gateway(GATEWAY));
        gateway.write_to(folder.path(), "gateway").expect("files");
        pki.write_roots(folder.path()).expect("files");
        let config = configuration(folder.path());
        let loaded = Loaded::of(Config::read(&config).expect("a configuration")).expect("loaded");
        let policies = rules::policies(true);
        let documents = Documents { policies: &policies, facts: rules::FACTS };
        let world = loaded.config.world(&loaded.catalogue);
        let locked = CedarEntitlements::load(&documents, &world).expect("policies");
        let [desk, colleague] = [DESK, COLLEAGUE].map(|d| Party::of(&issue(Order::desk(d))));
        let registered = [&desk, &colleague].map(|party| party.chain[0].clone()).into();
        Self {
            loaded,
            locked: Arc::new(locked),
            desk,
            colleague,
            registered,
            dealers: DEALERS.iter().map(|d| Party::of(&issue(Order::dealer(d)))).collect(),
            gateway: Party::of(&gateway),
            stranger: Party::of(&issue(Order::desk("STRANGER"))).key,
        }
    }

    /// The policies, or those of a firm that denies every accept.
    pub(crate) fn policies(&self, locked: bool) -> Arc<CedarEntitlements> {
        if locked { self.locked.clone() } else { self.loaded.entitlements.clone() }
    }
}

/// Writes the files of a gateway; where its configuration is.
fn configuration(folder: &Path) -> std::path::PathBuf {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
    write("instruments.toml", &instruments());
    write("entitlements.cedar", &rules::policies(false));
    write("entitlements.toml", rules::FACTS);
    write("risk.toml", RISK);
    let mut text = format!(
        "[gateway]\nname = 'SIM'\ncomp_id = '{GATEWAY}'\nstate_dir = 'state'\n\
        instruments = 'instruments.toml'\ntrust_domain = '{DOMAIN}'\n\
        [tls]\ncertificate = 'gateway.pem'\nkey = 'gateway-key.pem'\n\
        [desks]\nlisten = '127.0.0.1:0'\ntrust = 'desks-ca.pem'\n\
        [dealers]\ntrust = 'dealers-ca.pem'\n\
        [entitlements]\npolicies = 'entitlements.cedar'\nfacts = 'entitlements.toml'\n\
        [risk]\nsettings = 'risk.toml'\n[response]\nfatigue_challenges = 0\n\
        [[desk]]\ncomp_id = '{DESK}'\n\
        [[desk]]\ncomp_id = '{COLLEAGUE}'\n"
    );
    for d in DEALERS {
        let (name, parts) = (d.to_lowercase(), TAKES_PART.contains(&d));
        let _ = write!(
            text,
            "[[dealer]]\ncomp_id = '{d}'\nname = '{name}'\naddress = 'localhost:1'\n\
            sign = true\nsigns = true\ncounter = true\ntakes_part = {parts}\n"
        );
    }
    write("gateway.toml", &text);
    folder.join("gateway.toml")
}
