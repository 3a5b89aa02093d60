//! A whole venue in one process: development CA, gateway, simulated dealers and a trader's key in
//! the keychain. **Demo and tests only**: a release build of Signet Desk cannot contain it.
//!
//! Certificates and keys are made at every start; session stores, the journal and the blotter
//! live in the folder given, so that a restart finds them.

#![warn(missing_docs, unreachable_pub)]

mod config;
mod onboard;
mod plan;

pub use plan::{FACTS, POLICIES, Plan, RISK};

use signet_dealer::{Credentials, Instruments, Simulator};
use signet_desk_core::{DeskConfig, TradingSettings, Venue};
use signet_devca::{DevPki, Order};
use signet_gateway::{
    Config, Gateway, Loaded, Options,
    admin::{self, CodeTerms, Invited},
};
use signet_identity::{CompId, MessageKey, ServerProfile};
use signet_keystore::{IdentityName, Keychain};
use signet_registry::NewUser;
use signet_vkey::TestAuthority;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

/// Certificates of the practice venue name this authority.
pub const TRUST_DOMAIN: &str = "practice.signet.example";
/// The venue's name, as desks show it.
pub const VENUE_NAME: &str = "Practice venue";
/// The gateway's CompID.
pub const GATEWAY: &str = "SIGNET";
/// The trader whose key is put into the keychain: a name that no real identity has.
pub const TRADER: &str = "PRACTICE1";
/// The host of the web console: reserved for examples.
pub const CONSOLE_HOST: &str = "console.practice.signet.example";
/// The relying party's host: reserved for examples.
pub const RP_ID: &str = "stepup.practice.signet.example";

/// Which part of the venue does not start, or does not do what it was told, and why.
#[derive(Debug, thiserror::Error)]
#[error("the practice venue cannot start: {what}: {why}")]
pub struct PracticeError {
    what: &'static str,
    why: String,
}

fn failed<E: ToString>(what: &'static str) -> impl FnOnce(E) -> PracticeError {
    move |e| PracticeError { what, why: e.to_string() }
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
    ///
    /// # Errors
    /// Names what does not start, and why.
    pub fn start(plan: &Plan, keychain: &dyn Keychain) -> Result<Self, PracticeError> {
        let pki = DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc())
            .map_err(failed("development CA"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("practice-dealers")
            .build()
            .map_err(failed("runtime"))?;
        let simulator = start_dealers(plan, &pki, &runtime)?;
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
        let mut config = config::gateway_config(plan, &pki, keys.path(), &simulator.addresses())?;
        if let Some(when) = &plan.step_up {
            // Authorities and keys are made at every start: those who held former ones are
            // strangers.
            for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
                let _ = fs::remove_file(plan.dir.join(file));
            }
            config.step_up = Some(config::step_up(when, &authority, keys.path())?);
        }
        if plan.enrolment && !keys.path().join("issuing-key.pem").exists() {
            admin::ca_init(&config, None, 1).map_err(failed("issuing CA"))?;
        }
        let gateway = start_gateway(config.clone())?;
        if let Some(e) = &mut config.enrolment {
            e.fix_port = Some(gateway.address().port());
        }
        let venue = venue(plan, &pki, gateway.address().port())?;
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

    /// A desk whose only venue is this one. Its trader may confirm as soon as terms are shown.
    pub fn desk_config(&self, version: &str) -> DeskConfig {
        DeskConfig {
            venues: vec![self.venue.clone()],
            practice: true,
            trading: TradingSettings { confirm_after_ms: 0, ..TradingSettings::default() },
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
    ///
    /// # Errors
    /// The gateway's command refuses.
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

    /// What a desk is configured with to reach this venue.
    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Whose security keys the gateway trusts.
    pub fn authority(&self) -> &TestAuthority {
        &self.authority
    }

    /// The development authority that issued every certificate here.
    pub fn pki(&self) -> &DevPki {
        &self.pki
    }

    /// Where desks connect; `None` while the gateway is stopped.
    pub fn address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(Gateway::address)
    }

    /// Where administrators connect, if the plan names some.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().and_then(Gateway::admin_address)
    }

    /// The address of the web console, if the plan has one.
    pub fn console_origin(&self) -> Option<&str> {
        let section = self.config.admin.as_ref().and_then(|a| a.console.as_ref());
        section.map(|c| c.origin.as_str())
    }

    /// The folder with `gateways-ca.pem` and, for each administrator, `admin-<id>.pem` and
    /// `admin-<id>-key.pem`.
    pub fn admin_files(&self) -> &Path {
        self._keys.path()
    }

    /// Tells a dealer what to do next.
    ///
    /// # Errors
    /// The dealers are stopped, or there is no such dealer.
    pub fn force(&self, dealer: &str, what: signet_dealer::Force) -> Result<(), PracticeError> {
        let simulator = self
            .simulator
            .as_ref()
            .ok_or_else(|| PracticeError { what: "dealers", why: "stopped".into() })?;
        self.runtime.block_on(simulator.force(dealer, what)).map_err(failed("dealer"))
    }

    /// Stops the gateway as an operator would, and starts it again on the same address.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart_gateway(&mut self) -> Result<(), PracticeError> {
        self.stop_gateway();
        self.gateway = Some(start_gateway(self.config.clone())?);
        Ok(())
    }

    /// Stops the gateway as an operator would; dealers go on.
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

/// Issues a certificate for each dealer of the plan and starts them all.
fn start_dealers(
    plan: &Plan,
    pki: &DevPki,
    runtime: &tokio::runtime::Runtime,
) -> Result<Simulator, PracticeError> {
    let mut credentials = Credentials::new(TRUST_DOMAIN);
    for d in &plan.dealers.dealers {
        let key = pki
            .issue(&Order::dealer(&d.id))
            .map_err(failed("dealer certificate"))?
            .certified_key()
            .map_err(failed("dealer key"))?;
        let message_key = MessageKey::of(&key).map_err(failed("dealer key"))?;
        let profile = ServerProfile::new(pki.gateway_roots().map_err(failed("gateway CA"))?, key);
        credentials = credentials
            .with_dealer(&d.id, &profile)
            .map_err(failed("dealer TLS"))?
            .with_message_key(&d.id, message_key);
    }
    let instruments =
        Instruments::parse(signet_dealer::INSTRUMENTS_TOML).map_err(failed("instruments.toml"))?;
    let state = plan.dir.join("dealers");
    fs::create_dir_all(&state).map_err(failed("state folder"))?;
    runtime
        .block_on(Simulator::start(&plan.dealers, instruments, &credentials, &state))
        .map_err(failed("dealers"))
}

/// What a desk knows of the gateway on this port.
fn venue(plan: &Plan, pki: &DevPki, port: u16) -> Result<Venue, PracticeError> {
    Ok(Venue {
        name: VENUE_NAME.into(),
        host: "localhost".into(),
        port,
        also: vec![],
        server_name: "localhost".into(),
        comp_id: comp_id(GATEWAY)?,
        trust_domain: TRUST_DOMAIN.into(),
        roots: pki.gateway_roots().map_err(failed("gateway CA"))?,
        pins: vec![],
        allow_tls12: false,
        quic: true,
        crl: vec![],
        crl_required: false,
        est: None,
        rp_id: plan.step_up.is_some().then(|| RP_ID.into()),
        direct: None,
    })
}

fn start_gateway(config: Config) -> Result<Gateway, PracticeError> {
    let loaded = Loaded::of(config).map_err(failed("gateway configuration"))?;
    Gateway::start(loaded, Options { practice: true }).map_err(failed("gateway"))
}

fn comp_id(s: &str) -> Result<CompId, PracticeError> {
    CompId::new(s).map_err(failed("CompID"))
}
