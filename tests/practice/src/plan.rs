//! What a practice venue is started with.

use crate::{PracticeError, TRADER, failed};
use signet_dealer::{DEALERS_TOML, DealerSettings, Settings};
use signet_gateway::config::{CheckpointSection, OpenRfqs, ResetSchedule, SiemSection};
use signet_rfq::AssetClass;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Loopback is the firm's network, in Britain.
pub const RISK: &str = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n\
    [posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";

/// Everybody may trade everything.
pub const POLICIES: &str = include_str!("../entitlements.cedar");
/// Amounts, groups and panels that these policies need.
pub const FACTS: &str = include_str!("../entitlements.toml");

/// What to start.
pub struct Plan {
    /// Stores live here.
    pub dir: PathBuf,
    /// The simulated dealers, and what each of them is like.
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
    /// The gateway's policies (Cedar).
    pub policies: String,
    /// The gateway's facts (TOML).
    pub facts: String,
    /// The gateway takes from these other dealers only what they sign, and signs what it sends
    /// them.
    pub other_dealers_sign: bool,
    /// When the sequence numbers of these other dealers start again.
    pub other_dealers_reset: ResetSchedule,
    /// How often the gateway's evidence is sealed, and who is told.
    pub checkpoint: CheckpointSection,
    /// An interface for administrators on loopback, with certificates for these ids beside
    /// [`crate::Practice::admin_files`]; none: no such listener.
    pub admins: Vec<String>,
    /// A web console for them, at [`crate::Practice::console_origin`], where changes of policy take
    /// two people with keys.
    pub console: bool,
    /// Whether the console's browsers must show a certificate as well.
    pub console_certificates: bool,
    /// Threads that verify and make message signatures beside the gateway's trading thread.
    pub signature_threads: usize,
    /// Threads that have the sockets of desks over TCP and of dealers.
    pub connection_threads: usize,
    /// Instruments that the gateway knows beside those of the dealers (TOML).
    pub more_instruments: String,
    /// Where events go.
    pub siem: Option<SiemSection>,
    /// The gateway waits for the disk: `store.sync`.
    pub sync: bool,
}

impl Plan {
    /// Four dealers of different character, one trader.
    ///
    /// # Errors
    /// The list of dealers that comes with the simulator cannot be read.
    pub fn new(dir: &Path) -> Result<Self, PracticeError> {
        let dealers = Settings::parse(DEALERS_TOML).map_err(failed("dealers.toml"))?;
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
            checkpoint: CheckpointSection::default(),
            admins: vec![],
            console: false,
            console_certificates: false,
            signature_threads: 0,
            connection_threads: 0,
            more_instruments: String::new(),
            siem: None,
            sync: false,
            policies: POLICIES.into(),
            facts: FACTS.into(),
        })
    }

    /// Dealers that quote at once and only when told otherwise: for tests that must know what
    /// comes.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn calm(dir: &Path) -> Result<Self, PracticeError> {
        let mut plan = Self::new(dir)?;
        for d in &mut plan.dealers.dealers {
            calm(d);
        }
        Ok(plan)
    }
}

fn calm(d: &mut DealerSettings) {
    d.quote_delay_ms = [0, 0];
    d.requote_every_ms = [0, 0];
    d.last_look_ms = [0, 0];
    d.counter_delay_ms = [0, 0];
    d.valid_ms = 30_000;
    d.partial_size_probability = 0.0;
    d.pass_probability = 0.0;
    d.withdraw_probability = 0.0;
    d.silent_probability = 0.0;
    d.slow_probability = 0.0;
    d.reject_probability = 0.0;
    d.partial_fill_probability = 0.0;
    d.die_after_messages = 0;
    d.covers = AssetClass::ALL.iter().map(|c| c.words().to_owned()).collect();
}
