//! The gateway's configuration and the files that it names.

use crate::{
    CONSOLE_HOST, GATEWAY, PracticeError, RP_ID, TRUST_DOMAIN, VENUE_NAME, comp_id, failed,
    plan::Plan,
};
use signet_dealer::{Counters, INSTRUMENTS_TOML, Parts, Signs};
use signet_devca::{DevPki, MANAGED, Order};
use signet_gateway::{
    Config,
    config::{
        AdminSection, ClientCertificate, ClockSection, ConsoleSection, DEFAULT_TABLE, DealerEntry,
        DealersSection, DeskDefaultSection, DeskEntry, DesksSection, EnrolmentSection,
        EntitlementsSection, GatewaySection, KeySource, PeerTls, PolicyChange, RegistrySection,
        RiskSection, StepUpSection, StoreSection, TlsSection,
    },
};
use signet_rfq::DealerId;
use signet_vkey::TestAuthority;
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// Writes keys, certificates and settings into `keys`; `dealers` are the addresses at which the
/// simulated dealers listen.
pub(crate) fn gateway_config(
    plan: &Plan,
    pki: &DevPki,
    keys: &Path,
    dealers: &BTreeMap<String, SocketAddr>,
) -> Result<Config, PracticeError> {
    let files = pki.issue(&Order::gateway(GATEWAY)).map_err(failed("gateway certificate"))?;
    let files = files.write_to(keys, "gateway").map_err(failed("gateway key"))?;
    let roots = pki.write_roots(keys).map_err(failed("CA files"))?;
    let issuing = (keys.join("issuing.pem"), keys.join("issuing-key.pem"));
    // Certificates name the service's port, so it must be known before the service listens.
    let enrolment = plan.enrolment.then(free_port).transpose().map_err(failed("enrolment port"))?;
    let desk = |n: &String| Ok(DeskEntry { comp_id: comp_id(n)?, dealers: Default::default() });
    Ok(Config {
        gateway: GatewaySection {
            name: VENUE_NAME.into(),
            comp_id: comp_id(GATEWAY)?,
            state_dir: plan.dir.join("gateway"),
            instruments: {
                let all = format!("{INSTRUMENTS_TOML}\n{}", plan.more_instruments);
                write(keys, "instruments.toml", &all, "instruments")?
            },
            trust_domain: TRUST_DOMAIN.into(),
            signature_threads: plan.signature_threads,
            connection_threads: plan.connection_threads,
        },
        tls: TlsSection {
            certificate: files.chain,
            key: KeySource::File(files.key),
            hybrid_only: false,
            fips: false,
        },
        pkcs11: None,
        desks: desks(plan, if plan.enrolment { issuing.0.clone() } else { roots.desks }),
        dealers: DealersSection {
            trust: roots.dealers,
            heartbeat_s: 5,
            crl: vec![],
            crl_required: None,
        },
        entitlements: EntitlementsSection {
            policies: write(keys, "entitlements.cedar", &plan.policies, "policies")?,
            facts: write(keys, "entitlements.toml", &plan.facts, "facts")?,
        },
        desk: plan.desks.iter().map(desk).collect::<Result<_, _>>()?,
        dealer: dealer_entries(plan, dealers)?,
        clock: ClockSection::default(),
        store: StoreSection { sync: plan.sync, ..StoreSection::default() },
        journal: Default::default(),
        disk: Default::default(),
        checkpoint: plan.checkpoint.clone(),
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
        risk: RiskSection {
            table: plan.console.then(|| browsers_admitted(keys)).transpose()?,
            settings: write(keys, "risk.toml", &plan.risk, "risk settings")?,
            open_rfqs: plan.open_rfqs,
        },
        admin: admin(plan, pki, keys, roots.admins)?,
        siem: plan.siem.clone(),
        metrics: None,
        response: Default::default(),
        signals: Default::default(),
    })
}

fn write(
    folder: &Path,
    name: &str,
    text: &str,
    what: &'static str,
) -> Result<PathBuf, PracticeError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(failed(what))?;
    Ok(path)
}

fn desks(plan: &Plan, trust: PathBuf) -> DesksSection {
    DesksSection {
        listen: SocketAddr::from(([127, 0, 0, 1], plan.port)),
        trust,
        allow_tls12: false,
        quic: None,
        max_connections: 1_000,
        crl: vec![],
        crl_required: None,
        proxy_from: plan.proxy_from.clone(),
        heartbeat_max_s: 120,
    }
}

/// The simulated dealers, then those that somebody else runs.
fn dealer_entries(
    plan: &Plan,
    addresses: &BTreeMap<String, SocketAddr>,
) -> Result<Vec<DealerEntry>, PracticeError> {
    let simulated = plan.dealers.dealers.iter().map(|d| {
        let address = addresses.get(&d.id).ok_or_else(|| PracticeError {
            what: "dealer",
            why: format!("{} has no address", d.id),
        })?;
        Ok(DealerEntry {
            signs: d.signs != Signs::No,
            counter: d.counters != Counters::No,
            takes_part: d.parts != Parts::No,
            sign: d.wants_signed,
            ..dealer_entry(&d.id, &d.name, *address)?
        })
    });
    let others = plan.other_dealers.iter().map(|(id, address)| {
        Ok(DealerEntry {
            signs: plan.other_dealers_sign,
            sign: plan.other_dealers_sign,
            reset: plan.other_dealers_reset.clone(),
            ..dealer_entry(id, id, *address)?
        })
    });
    simulated.chain(others).collect()
}

/// A dealer without signatures.
fn dealer_entry(id: &str, name: &str, address: SocketAddr) -> Result<DealerEntry, PracticeError> {
    Ok(DealerEntry {
        comp_id: DealerId::new(id).map_err(failed("dealer CompID"))?,
        name: name.into(),
        address: address.to_string(),
        tls: PeerTls { server_name: Some("localhost".into()), ..PeerTls::default() },
        signs: false,
        counter: false,
        takes_part: false,
        sign: false,
        reset: Default::default(),
    })
}

/// The interface for administrators, with a certificate for each; `None` when the plan names none.
fn admin(
    plan: &Plan,
    pki: &DevPki,
    keys: &Path,
    trust: PathBuf,
) -> Result<Option<AdminSection>, PracticeError> {
    for id in &plan.admins {
        let issued = pki.issue(&Order::admin(id)).map_err(failed("administrator's certificate"))?;
        issued.write_to(keys, &format!("admin-{id}")).map_err(failed("administrator's key"))?;
    }
    // Its port is part of the origin, for which keys are registered.
    let console = plan.console.then(free_port).transpose().map_err(failed("console's port"))?;
    Ok((!plan.admins.is_empty()).then(|| AdminSection {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        trust,
        crl: vec![],
        crl_required: None,
        hardware_policies: vec![],
        policy_changes: if plan.console { PolicyChange::TwoPeople } else { PolicyChange::Files },
        console: console.map(|listen| ConsoleSection {
            listen,
            origin: format!("https://{CONSOLE_HOST}:{}", listen.port()),
            client_certificate: match plan.console_certificates {
                true => ClientCertificate::Required,
                false => ClientCertificate::None,
            },
            certificate: None,
            key: None,
            attestation: None,
            approve_by_key: true,
        }),
    }))
}

/// Without a client certificate a browser is an unmanaged machine of a privileged user, which the
/// default table refuses.
fn browsers_admitted(keys: &Path) -> Result<PathBuf, PracticeError> {
    let table = DEFAULT_TABLE
        .replace("allow_max = 19", "allow_max = 45")
        .replace("_up_max = 39", "_up_max = 59");
    write(keys, "risk-score.toml", &table, "risk table")
}

/// The step-up rules, and the list of security keys that the gateway trusts.
pub(crate) fn step_up(
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
    // Below the ports that systems give to connections: one of those may be taken again before the
    // gateway has it. Processes begin apart from each other.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(37);
    for _ in 0..500 {
        let n = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(18_000 + n % 12_000).unwrap_or(18_000);
        if let Ok(free) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            return free.local_addr();
        }
    }
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}
