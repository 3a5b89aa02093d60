//! A whole venue in one process: development CA, gateway, simulated dealers and a trader's key in
//! the keychain. **Demo and tests only**: a release build of Signet Desk cannot contain it.
//!
//! Certificates and keys are made anew at every start; session stores, the journal and the blotter
//! live in the folder given, so that a restart finds them.

mod onboard;

use signet_dealer::{Credentials, Instruments, Settings, Signs, Simulator};
use signet_desk_core::{DeskConfig, Venue};
use signet_devca::{DevPki, MANAGED, Order};
use signet_gateway::{
    Config, Gateway, Loaded, Options,
    admin::{self, CodeTerms, Invited},
    config::{
        AdminSection, DealerEntry, DealersSection, DeskDefaultSection, DeskEntry, DesksSection,
        EnrolmentSection, EntitlementsSection, GatewaySection, OpenRfqs, RegistrySection,
        RiskSection, StepUpSection, StoreSection, TlsSection,
    },
};
use signet_identity::{CompId, MessageKey, ServerProfile};
use signet_keystore::{IdentityName, Keychain};
use signet_registry::NewUser;
use signet_rfq::DealerId;
use signet_vkey::TestAuthority;
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

/// Certificates of the practice venue name this authority.
pub const TRUST_DOMAIN: &str = "practice.signet.example";
pub const VENUE_NAME: &str = "Practice venue";
pub const GATEWAY: &str = "SIGNET";
/// The trader whose key is put into the keychain: a name that no real identity has.
pub const TRADER: &str = "PRACTICE1";

#[derive(Debug, thiserror::Error)]
#[error("the practice venue cannot start: {what}: {why}")]
pub struct PracticeError {
    what: &'static str,
    why: String,
}

fn failed<E: ToString>(what: &'static str) -> impl FnOnce(E) -> PracticeError {
    move |e| PracticeError { what, why: e.to_string() }
}

/// Loopback is the firm's network, in Britain.
pub const RISK: &str = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n\
    [posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";

/// What to start.
pub struct Plan {
    /// Stores live here.
    pub dir: PathBuf,
    pub dealers: Settings,
    /// Desks the gateway knows; each gets an identity in the keychain.
    pub desks: Vec<String>,
    /// Port of the gateway on loopback; 0 for any.
    pub port: u16,
    /// Traders enrol with an invitation instead of finding an identity in the keychain.
    pub enrolment: bool,
    /// Security keys: `[step_up.when]` of the gateway. Wants `enrolment`.
    pub step_up: Option<String>,
    /// The gateway's risk settings; the usual: everybody at home, on a managed laptop, in the
    /// firm's network.
    pub risk: String,
    /// What becomes of open RFQs when a session is cut off because its risk rose.
    pub open_rfqs: OpenRfqs,
    /// Who enrols sits at a laptop that the firm manages.
    pub managed: bool,
    /// Balancers that speak the PROXY protocol.
    pub proxy_from: Vec<ipnetwork::IpNetwork>,
    /// Dealers that somebody else runs: CompID and where it listens.
    pub other_dealers: Vec<(String, SocketAddr)>,
    /// The gateway's policies and facts.
    pub policies: String,
    pub facts: String,
    /// The gateway believes them only what they sign, and signs for them.
    pub other_dealers_sign: bool,
    /// When the sequence numbers of those start again.
    pub other_dealers_reset: signet_gateway::config::ResetSchedule,
    /// An interface for administrators on loopback, with certificates for these ids beside
    /// [`Practice::admin_files`]; none: no such listener.
    pub admins: Vec<String>,
}

/// Everybody may trade everything.
pub const POLICIES: &str = include_str!("../entitlements.cedar");
pub const FACTS: &str = include_str!("../entitlements.toml");

impl Plan {
    /// Four dealers of different character, one trader.
    pub fn new(dir: &Path) -> Result<Self, PracticeError> {
        let dealers =
            Settings::parse(signet_dealer::DEALERS_TOML).map_err(failed("dealers.toml"))?;
        Ok(Self {
            dir: dir.into(),
            dealers,
            desks: vec![TRADER.into()],
            port: 0,
            enrolment: false,
            step_up: None,
            risk: RISK.into(),
            open_rfqs: OpenRfqs::default(),
            managed: true,
            proxy_from: vec![],
            other_dealers: vec![],
            other_dealers_sign: false,
            other_dealers_reset: Default::default(),
            admins: vec![],
            policies: POLICIES.into(),
            facts: FACTS.into(),
        })
    }

    /// Dealers that quote at once and only when told otherwise: for tests that must know what
    /// comes.
    pub fn calm(dir: &Path) -> Result<Self, PracticeError> {
        let mut plan = Self::new(dir)?;
        for d in &mut plan.dealers.dealers {
            calm(d);
        }
        Ok(plan)
    }
}

fn calm(d: &mut signet_dealer::DealerSettings) {
    d.quote_delay_ms = [0, 0];
    d.requote_every_ms = [0, 0];
    d.last_look_ms = [0, 0];
    d.valid_ms = 30_000;
    d.partial_size_probability = 0.0;
    d.pass_probability = 0.0;
    d.withdraw_probability = 0.0;
    d.silent_probability = 0.0;
    d.slow_probability = 0.0;
    d.reject_probability = 0.0;
    d.partial_fill_probability = 0.0;
    d.die_after_messages = 0;
    d.covers = signet_rfq::AssetClass::ALL.iter().map(|c| c.words().to_owned()).collect();
}

/// The venue while it runs. Dropping it stops everything.
pub struct Practice {
    gateway: Option<Gateway>,
    config: Config,
    simulator: Option<Simulator>,
    runtime: tokio::runtime::Runtime,
    pki: DevPki,
    venue: Venue,
    dir: PathBuf,
    managed: bool,
    authority: TestAuthority,
    _keys: tempfile::TempDir,
}

impl Practice {
    /// Starts dealers and gateway and stores the identities in `keychain`.
    pub fn start(plan: &Plan, keychain: &dyn Keychain) -> Result<Self, PracticeError> {
        let pki = DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc())
            .map_err(failed("development CA"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("practice-dealers")
            .build()
            .map_err(failed("runtime"))?;
        let mut credentials = Credentials::new(TRUST_DOMAIN);
        for d in &plan.dealers.dealers {
            let key = pki
                .issue(&Order::dealer(&d.id))
                .map_err(failed("dealer certificate"))?
                .certified_key()
                .map_err(failed("dealer key"))?;
            let message_key = MessageKey::of(&key).map_err(failed("dealer key"))?;
            let profile =
                ServerProfile::new(pki.gateway_roots().map_err(failed("gateway CA"))?, key);
            credentials = credentials
                .with_dealer(&d.id, &profile)
                .map_err(failed("dealer TLS"))?
                .with_message_key(&d.id, message_key);
        }
        let instruments = Instruments::parse(signet_dealer::INSTRUMENTS_TOML)
            .map_err(failed("instruments.toml"))?;
        let state = plan.dir.join("dealers");
        fs::create_dir_all(&state).map_err(failed("state folder"))?;
        let simulator = runtime
            .block_on(Simulator::start(&plan.dealers, instruments, &credentials, &state))
            .map_err(failed("dealers"))?;
        for name in plan.desks.iter().filter(|_| !plan.enrolment) {
            let issued = pki.issue(&Order::desk(name)).map_err(failed("desk certificate"))?;
            let entry: IdentityName = name.parse().map_err(failed("desk name"))?;
            signet_devca::store_desk_identity(keychain, &issued, &entry)
                .map_err(failed("keychain"))?;
        }
        let keys = tempfile::Builder::new()
            .prefix("signet-practice-")
            .tempdir()
            .map_err(failed("key folder"))?;
        let authority =
            TestAuthority::generate().map_err(failed("test authority of security keys"))?;
        let mut config = gateway_config(plan, &pki, keys.path(), &simulator.addresses())?;
        if plan.step_up.is_some() {
            // Authorities and keys are made anew at every start, so those who held former ones are
            // strangers.
            for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
                let _ = fs::remove_file(plan.dir.join(file));
            }
        }
        config.step_up = plan
            .step_up
            .as_deref()
            .map(|when| step_up(when, &authority, keys.path()))
            .transpose()?;
        if plan.enrolment && !keys.path().join("issuing-key.pem").exists() {
            signet_gateway::admin::ca_init(&config, None, 1).map_err(failed("issuing CA"))?;
        }
        let gateway = start_gateway(config.clone())?;
        if let Some(e) = &mut config.enrolment {
            e.fix_port = Some(gateway.address().port());
        }
        let venue = Venue {
            name: VENUE_NAME.into(),
            host: "localhost".into(),
            port: gateway.address().port(),
            server_name: "localhost".into(),
            comp_id: comp_id(GATEWAY)?,
            trust_domain: TRUST_DOMAIN.into(),
            roots: pki.gateway_roots().map_err(failed("gateway CA"))?,
            pins: vec![],
            allow_tls12: false,
            crl: vec![],
            crl_required: false,
            est: None,
            rp_id: plan.step_up.is_some().then(|| RP_ID.into()),
            direct: None,
        };
        Ok(Self {
            gateway: Some(gateway),
            config,
            simulator: Some(simulator),
            runtime,
            pki,
            venue,
            dir: plan.dir.clone(),
            managed: plan.managed,
            authority,
            _keys: keys,
        })
    }

    pub fn desk_config(&self, version: &str) -> DeskConfig {
        DeskConfig {
            venues: vec![self.venue.clone()],
            practice: true,
            ..DeskConfig::empty(self.dir.join("desk"), version)
        }
    }

    /// The risk settings in force, to be rewritten.
    pub fn risk_file(&self) -> &Path {
        &self.config.risk.settings
    }

    /// The configuration the gateway runs with, for the administrator's commands.
    pub fn gateway_config(&self) -> &Config {
        &self.config
    }

    /// Adds a user, or makes a new code for one who is there: what the trader is given.
    pub fn invite(
        &self,
        id: &str,
        comp_id: &str,
        protection: &str,
    ) -> Result<Invited, PracticeError> {
        let user = NewUser {
            id: id.into(),
            comp_id: comp_id.into(),
            name: id.into(),
            role: "standard".into(),
            protection: protection.into(),
        };
        let terms = CodeTerms { hours: 1, managed: self.managed };
        let made = self.runtime.block_on(async {
            match admin::add(&self.config, user, terms, self._keys.path()).await {
                // From an earlier run: a new code for the same person.
                Err(e) if e.code() == "registry.user_exists" => {
                    admin::code(&self.config, id, terms, self._keys.path()).await
                }
                other => other,
            }
        });
        made.map_err(failed("invitation"))
    }

    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Whose security keys the gateway trusts.
    pub fn authority(&self) -> &TestAuthority {
        &self.authority
    }

    pub fn pki(&self) -> &DevPki {
        &self.pki
    }

    pub fn address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(Gateway::address)
    }

    /// Where administrators connect, if the plan names some.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().and_then(Gateway::admin_address)
    }

    /// The folder with `gateways-ca.pem` and, for each administrator, `admin-<id>.pem` and
    /// `admin-<id>-key.pem`.
    pub fn admin_files(&self) -> &Path {
        self._keys.path()
    }

    /// Makes a dealer behave.
    pub fn force(&self, dealer: &str, what: signet_dealer::Force) -> Result<(), PracticeError> {
        let simulator = self
            .simulator
            .as_ref()
            .ok_or_else(|| PracticeError { what: "dealers", why: "stopped".into() })?;
        self.runtime.block_on(simulator.force(dealer, what)).map_err(failed("dealer"))
    }

    /// Stops the gateway as an operator would, and starts it again on the same address.
    pub fn restart_gateway(&mut self) -> Result<(), PracticeError> {
        self.stop_gateway();
        self.gateway = Some(start_gateway(self.config.clone())?);
        Ok(())
    }

    pub fn stop_gateway(&mut self) {
        if let Some(g) = self.gateway.take() {
            self.config.desks.listen = g.address();
            g.stop();
        }
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.stop_gateway();
        if let Some(s) = self.simulator.take() {
            self.runtime.block_on(s.stop());
        }
    }
}

fn start_gateway(config: Config) -> Result<Gateway, PracticeError> {
    let loaded = Loaded::of(config).map_err(failed("gateway configuration"))?;
    Gateway::start(loaded, Options { practice: true }).map_err(failed("gateway"))
}

/// The relying party's host: nobody's, for nothing real.
pub const RP_ID: &str = "stepup.practice.signet.example";

fn step_up(
    when: &str,
    authority: &TestAuthority,
    keys: &Path,
) -> Result<StepUpSection, PracticeError> {
    let attestation = keys.join("attestation.toml");
    fs::write(&attestation, authority.attestation_toml()).map_err(failed("attestation list"))?;
    let text = format!(
        "rp_id = {RP_ID:?}\nattestation = {:?}\n[when]\n{when}",
        attestation.display().to_string()
    );
    StepUpSection::parse(&text).map_err(failed("step-up rules"))
}

fn free_port() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn comp_id(s: &str) -> Result<CompId, PracticeError> {
    CompId::new(s).map_err(failed("CompID"))
}

fn gateway_config(
    plan: &Plan,
    pki: &DevPki,
    keys: &Path,
    dealers: &BTreeMap<String, SocketAddr>,
) -> Result<Config, PracticeError> {
    let files = pki.issue(&Order::gateway(GATEWAY)).map_err(failed("gateway certificate"))?;
    let files = files.write_to(keys, "gateway").map_err(failed("gateway key"))?;
    let roots = pki.write_roots(keys).map_err(failed("CA files"))?;
    let issuing = (keys.join("issuing.pem"), keys.join("issuing-key.pem"));
    let instruments = keys.join("instruments.toml");
    fs::write(&instruments, signet_dealer::INSTRUMENTS_TOML).map_err(failed("instruments"))?;
    let entitlements = EntitlementsSection {
        policies: keys.join("entitlements.cedar"),
        facts: keys.join("entitlements.toml"),
    };
    fs::write(&entitlements.policies, &plan.policies).map_err(failed("policies"))?;
    fs::write(&entitlements.facts, &plan.facts).map_err(failed("facts"))?;
    let dealer = |d: &signet_dealer::DealerSettings| -> Result<DealerEntry, PracticeError> {
        let address = dealers.get(&d.id).ok_or_else(|| PracticeError {
            what: "dealer",
            why: format!("{} has no address", d.id),
        })?;
        Ok(DealerEntry {
            comp_id: DealerId::new(d.id.as_str()).map_err(failed("dealer CompID"))?,
            name: d.name.clone(),
            address: address.to_string(),
            server_name: Some("localhost".into()),
            pins: vec![],
            allow_tls12: false,
            signs: d.signs != Signs::No,
            sign: d.wants_signed,
            reset: Default::default(),
        })
    };
    let other = |(id, address): &(String, SocketAddr)| -> Result<DealerEntry, PracticeError> {
        Ok(DealerEntry {
            comp_id: DealerId::new(id.as_str()).map_err(failed("dealer CompID"))?,
            name: id.clone(),
            address: address.to_string(),
            server_name: Some("localhost".into()),
            pins: vec![],
            allow_tls12: false,
            signs: plan.other_dealers_sign,
            sign: plan.other_dealers_sign,
            reset: plan.other_dealers_reset.clone(),
        })
    };
    // Certificates name the service's port, so it must be known before the service listens.
    let enrolment = plan.enrolment.then(free_port).transpose().map_err(failed("enrolment port"))?;
    let risk = keys.join("risk.toml");
    fs::write(&risk, &plan.risk).map_err(failed("risk settings"))?;
    for id in &plan.admins {
        let issued = pki.issue(&Order::admin(id)).map_err(failed("administrator's certificate"))?;
        issued.write_to(keys, &format!("admin-{id}")).map_err(failed("administrator's key"))?;
    }
    let admin = (!plan.admins.is_empty()).then(|| AdminSection {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust: roots.admins,
        crl: vec![],
        crl_required: None,
        hardware_policies: vec![],
    });
    let desk = |n: &String| Ok(DeskEntry { comp_id: comp_id(n)?, dealers: Default::default() });
    Ok(Config {
        gateway: GatewaySection {
            name: VENUE_NAME.into(),
            comp_id: comp_id(GATEWAY)?,
            state_dir: plan.dir.join("gateway"),
            instruments,
            trust_domain: TRUST_DOMAIN.into(),
        },
        tls: TlsSection {
            certificate: files.chain,
            key: files.key,
            hybrid_only: false,
            fips: false,
        },
        desks: DesksSection {
            listen: SocketAddr::from(([127, 0, 0, 1], plan.port)),
            trust: if plan.enrolment { issuing.0.clone() } else { roots.desks },
            allow_tls12: false,
            max_connections: 1_000,
            crl: vec![],
            crl_required: None,
            proxy_from: plan.proxy_from.clone(),
            heartbeat_max_s: 120,
        },
        dealers: DealersSection {
            trust: roots.dealers,
            heartbeat_s: 5,
            crl: vec![],
            crl_required: None,
        },
        entitlements,
        desk: plan.desks.iter().map(desk).collect::<Result<_, _>>()?,
        dealer: plan
            .dealers
            .dealers
            .iter()
            .map(dealer)
            .chain(plan.other_dealers.iter().map(other))
            .collect::<Result<_, _>>()?,
        store: StoreSection::default(),
        journal: Default::default(),
        limits: Default::default(),
        registry: plan.enrolment.then(|| {
            RegistrySection::new(&format!("sqlite:{}", plan.dir.join("registry.db").display()))
        }),
        enrolment: enrolment.map(|address| EnrolmentSection {
            managed_policy: Some(MANAGED.into()),
            ..EnrolmentSection::embedded(address, "localhost", &issuing, &roots.gateways)
        }),
        desk_default: plan.enrolment.then(DeskDefaultSection::default),
        step_up: None,
        risk: RiskSection { table: None, settings: risk, open_rfqs: plan.open_rfqs },
        admin,
    })
}
