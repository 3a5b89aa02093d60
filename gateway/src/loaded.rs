//! The configuration with everything it points to: read, checked and turned into what the gateway
//! uses.

use crate::{
    clock,
    config::{
        Config, ConfigError, DealerEntry, LoadedConsole, RegistrySection, RiskPolicy, StepUp,
        Texts, read_instruments, value,
    },
    enrol::issuing::Enrolment,
    geo::Geo,
    signals,
};
use signet_identity::{
    ClientProfile, MessageKey, ServerIdentity, ServerProfile, SpkiPin, TlsVersions, TrustRoots,
};
use signet_policy::{entitle::CedarEntitlements, place::Country};
use signet_registry::RegistryUrl;
use signet_rfq::Catalogue;
use std::{collections::BTreeSet, path::Path, sync::Arc};
use time::OffsetDateTime;

/// A configuration that has been read, checked and turned into what the gateway uses.
pub struct Loaded {
    pub config: Config,
    pub identity: ServerIdentity,
    /// The key of `identity`, for signing messages.
    pub message_key: MessageKey,
    pub desk_roots: TrustRoots,
    pub dealer_roots: TrustRoots,
    /// `None` without `[admin]`.
    pub admin_roots: Option<TrustRoots>,
    /// `None` without `metrics.trust`.
    pub metrics_roots: Option<TrustRoots>,
    /// With `[signals]`: what its files hold.
    pub signals: Option<Vec<signals::Files>>,
    /// With `signals.trust`.
    pub signals_roots: Option<TrustRoots>,
    pub catalogue: Catalogue,
    /// Of the second parties at `checkpoint.publish`.
    pub checkpoint_roots: Option<TrustRoots>,
    /// Parallel to `config.dealer`.
    pub dealer_pins: Vec<Vec<SpkiPin>>,
    pub registry: Option<RegistryUrl>,
    pub enrolment: Option<Enrolment>,
    pub step_up: Option<StepUp>,
    /// With `[admin.console]`; taken when the console starts.
    pub console: Option<LoadedConsole>,
    pub risk: RiskPolicy,
    pub entitlements: Arc<CedarEntitlements>,
    /// What `entitlements` was read from.
    pub entitlement_texts: Texts,
}

impl Loaded {
    /// Everything that can be wrong is found here, before anything is opened for the outside.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let identity = config.load_identity()?;
        let message_key =
            identity.message_key().map_err(|e| value("tls.key", format!("{e}. {}", e.cure())))?;
        let roots = |key: &'static str, path: &Path| {
            TrustRoots::from_pem_file(path)
                .map_err(|e| ConfigError::Trust { key, why: e.to_string() })
        };
        let desk_roots = roots("desks.trust", &config.desks.trust)?;
        let dealer_roots = roots("dealers.trust", &config.dealers.trust)?;
        let admin_roots =
            config.admin.as_ref().map(|a| roots("admin.trust", &a.trust)).transpose()?;
        let checkpoint_roots =
            config.checkpoint.trust.as_ref().map(|t| roots("checkpoint.trust", t)).transpose()?;
        let metrics_roots = config
            .metrics
            .as_ref()
            .and_then(|m| m.trust.as_ref())
            .map(|trust| roots("metrics.trust", trust))
            .transpose()?;
        let signals = config.signals.receive.as_ref().map(signals::Files::read_all).transpose()?;
        let signals_trust = config.signals.receive.as_ref().and_then(|s| s.trust.as_ref());
        let signals_roots = signals_trust.map(|t| roots("signals.trust", t)).transpose()?;
        config.check_authorities()?;
        config.check_siem_files()?;
        config.check_transmit_files()?;
        config.check_signals_files()?;
        config.check_checkpoint_files()?;
        check_fips(&config, &desk_roots, &identity)?;
        let catalogue = read_instruments(&config.gateway.instruments)?;
        let mut dealer_pins = Vec::new();
        for d in &config.dealer {
            dealer_pins.push(d.tls.parsed_pins(&d.of())?);
        }
        let enrolment = Enrolment::load(&config, OffsetDateTime::now_utc())?;
        let registry = config.registry.as_ref().map(RegistrySection::url).transpose()?;
        let step_up = config.load_step_up()?;
        let console = config.load_console()?;
        let risk = config.load_risk()?;
        let (entitlements, entitlement_texts) = config.load_entitlements(&catalogue)?;
        let entitlements = Arc::new(entitlements);
        Ok(Self {
            config,
            identity,
            message_key,
            desk_roots,
            dealer_roots,
            admin_roots,
            metrics_roots,
            signals,
            signals_roots,
            catalogue,
            checkpoint_roots,
            dealer_pins,
            registry,
            enrolment,
            step_up,
            console,
            risk,
            entitlements,
            entitlement_texts,
        })
    }

    /// How a dealer is dialled, but for revocation lists, which change.
    pub fn client_profile(&self, dealer: &DealerEntry, pins: &[SpkiPin]) -> ClientProfile {
        ClientProfile::new(self.dealer_roots.clone(), &self.identity)
            .with_pins(pins.iter().cloned())
            .with_policy(self.config.tls.policy(dealer.tls.versions()))
    }

    /// The same without showing who dials: for whoever looks at a dealer while the gateway trades
    /// with it, since a dealer may take a second connection of one party for its successor.
    pub fn nameless_profile(&self, dealer: &DealerEntry, pins: &[SpkiPin]) -> ClientProfile {
        ClientProfile::without_certificate(self.dealer_roots.clone())
            .with_pins(pins.iter().cloned())
            .with_policy(self.config.tls.policy(dealer.tls.versions()))
    }
}

/// Whether this build can do what `tls.fips` asks for: the same check as at the first handshake,
/// said before any listener is opened.
fn check_fips(
    config: &Config,
    desk_roots: &TrustRoots,
    identity: &ServerIdentity,
) -> Result<(), ConfigError> {
    if !config.tls.fips {
        return Ok(());
    }
    let policy = config.tls.policy(TlsVersions::default());
    let made = ServerProfile::new(desk_roots.clone(), identity).with_policy(policy).config();
    let cure = "Install the build with it (cargo feature `fips`), or set fips = false";
    made.map(drop).map_err(|e| value("tls.fips", format!("{e}. {cure}")))
}

/// Everything that is wrong with the configuration and with what it points to, for a person:
/// [`Loaded::of`] stops at the first.
pub fn faults(config: &Config) -> Vec<String> {
    let catalogue = read_instruments(&config.gateway.instruments);
    let roots = |key: &'static str, path: &Path| {
        TrustRoots::from_pem_file(path)
            .map(drop)
            .map_err(|e| ConfigError::Trust { key, why: e.to_string() })
    };
    let risk = config.load_risk();
    let unlisted = risk.as_ref().map(unlisted_countries).unwrap_or_default();
    let geo = geo_faults(risk.as_ref().ok());
    let keys = config.check_keys();
    // No token is asked with settings that are wrong.
    let asks = keys.is_ok();
    let mut all: Vec<Result<(), ConfigError>> = vec![
        config.check_values(),
        keys,
        config.check_parties(),
        config.limits.check(),
        config.check_checkpoint(),
        config.check_listeners(),
        config.check_metrics(),
        config.check_enrolment(),
        config.check_step_up(),
        config.check_siem(),
        config.check_response(),
        config.check_signals(),
        config.check_transmit(),
        if asks { config.load_identity().map(drop) } else { Ok(()) },
        roots("desks.trust", &config.desks.trust),
        roots("dealers.trust", &config.dealers.trust),
        config.check_authorities(),
        config.check_siem_files(),
        config.check_transmit_files(),
        config.check_signals_files(),
        config.check_checkpoint_files(),
        if asks { Enrolment::load(config, OffsetDateTime::now_utc()).map(drop) } else { Ok(()) },
        config.registry.as_ref().map(RegistrySection::url).transpose().map(drop),
        config.load_step_up().map(drop),
        risk.map(drop),
    ];
    all.extend(config.admin.iter().map(|a| roots("admin.trust", &a.trust)));
    all.extend(config.checkpoint.trust.iter().map(|t| roots("checkpoint.trust", t)));
    let monitors = config.metrics.iter().filter_map(|m| m.trust.as_ref());
    all.extend(monitors.map(|trust| roots("metrics.trust", trust)));
    all.extend(config.signals.receive.iter().map(|s| signals::Files::read_all(s).map(drop)));
    let signals_trust = config.signals.receive.iter().filter_map(|s| s.trust.as_ref());
    all.extend(signals_trust.map(|t| roots("signals.trust", t)));
    all.extend(config.dealer.iter().map(|d| d.tls.parsed_pins(&d.of()).map(drop)));
    all.push(match catalogue {
        Ok(c) => config.load_entitlements(&c).map(drop),
        Err(e) => Err(e),
    });
    let mut texts: Vec<String> =
        all.into_iter().filter_map(Result::err).map(|e| e.to_string()).collect();
    texts.extend(unlisted);
    if config.registry.is_none() {
        let configured = config.desk.iter().map(|d| d.comp_id.clone()).collect();
        texts.extend(config.unknown_approvers(&configured));
    }
    texts.extend(geo);
    // Several parts read the same file.
    let mut seen = BTreeSet::new();
    texts.retain(|t| seen.insert(t.clone()));
    texts
}

/// What is wrong with the files of `[geo]`.
fn geo_faults(risk: Option<&RiskPolicy>) -> Vec<String> {
    let Some(settings) = risk.and_then(|r| r.settings.geo.as_ref()) else { return Vec::new() };
    let (geo, now) = (Geo::open(settings), clock::now());
    let country = geo.fault(now).map(|f| {
        format!("risk.settings: geo.file: {f}; every access scores as from an unknown country")
    });
    let system = geo
        .system_fault(now)
        .map(|f| format!("risk.settings: geo.asn_file: {f}; no autonomous system is shown"));
    country.into_iter().chain(system).collect()
}

fn unlisted_countries(risk: &RiskPolicy) -> Vec<String> {
    let networks = risk.settings.network.iter().filter_map(|n| n.country);
    let persons = risk.settings.person.values().flat_map(|p| p.countries.iter().copied());
    let all: BTreeSet<_> =
        risk.settings.countries.iter().copied().chain(networks).chain(persons).collect();
    let hint = |c: &str| if c == "UK" { "; the United Kingdom is GB" } else { "" };
    let said = |c: Country| {
        format!(
            "risk.settings: {c} is not a country of ISO 3166-1{}; nobody is ever there",
            hint(c.as_str())
        )
    };
    all.into_iter().filter(|c| !c.is_assigned()).map(said).collect()
}
