//! What belongs to the gateway itself: certificates, registry, revocation lists, files.

use super::{Examination, Verdict, admin, watch, wrong};
use crate::{
    admin::AdminError,
    config::{Config, EnrolmentSection, certificates},
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};
use signet_identity::{CertificateFacts, ClientProfile, CompId, Crls, TrustRoots};
use signet_registry::{Registry, RegistryError, RegistryUrl, SCHEMA};
use std::{collections::BTreeSet, fs, io, path::Path, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A certificate that ends sooner is worth a word, unless its whole life is so short that a renewal
/// is not late yet: by the profiles that happens at two thirds.
const ENDS_SOON: time::Duration = time::Duration::days(14);

fn ends_soon(f: &CertificateFacts, now: OffsetDateTime) -> bool {
    let renewal_is_late = (f.not_after - f.not_before) / 4;
    f.not_after - now < ENDS_SOON.min(renewal_is_late)
}
const REGISTRY_MAX: Duration = Duration::from_secs(10);

/// Dates, issuer and names of the certificate desks and dealers see.
pub(super) fn certificate(all: &mut Examination, config: &Config, now: OffsetDateTime) {
    const ABOUT: &str = "own certificate";
    let tls = &config.tls;
    let identity = match config.server_identity("tls.key", &tls.certificate, &tls.key) {
        Ok(i) => i,
        Err(e) => {
            return all.add(
                ABOUT,
                wrong(
                    "certificate.unusable",
                    &e,
                    "correct [tls] certificate and key, or the files they name",
                ),
            );
        }
    };
    let chain = identity.certified_key().cert.clone();
    for (n, der) in chain.iter().enumerate() {
        let about = if n == 0 { ABOUT.to_owned() } else { format!("own intermediate {n}") };
        all.add(
            about,
            dates(
                der,
                now,
                "ask its issuer for a new one and put it into the file [tls] certificate names",
            ),
        );
    }
    if let Some(leaf) = chain.first() {
        names(all, config, &chain, leaf, now);
    }
}

/// Whether invited desks will accept the certificate for the names they are told.
fn names(
    all: &mut Examination,
    config: &Config,
    chain: &[CertificateDer<'static>],
    leaf: &CertificateDer<'static>,
    now: OffsetDateTime,
) {
    let names = dns_names(leaf);
    let shown = if names.is_empty() { "no host name".to_owned() } else { names.join(", ") };
    let Some(e) = &config.enrolment else {
        return all.add(
            "own names",
            Verdict::Good(format!(
                "the certificate is for {shown}; desks must be told one of these"
            )),
        );
    };
    let roots = match e
        .anchors()
        .map_err(|e| e.to_string())
        .and_then(|a| TrustRoots::new(a).map_err(|e| e.to_string()))
    {
        Ok(r) => r,
        Err(e) => {
            return all.add("own names", wrong("config.unusable", &e, "correct enrolment.anchors"));
        }
    };
    // Everything an invited desk will ask of this certificate, asked here first.
    let profile = ClientProfile::without_certificate(roots);
    for name in invited_names(e) {
        let verdict = match ServerName::try_from(name.to_owned()) {
            Err(_) => wrong(
                "config.server_name",
                &format!("{name:?} is not a host name"),
                "correct server_name in [enrolment]",
            ),
            Ok(server) => match profile.recheck(chain, &server, now) {
                Ok(()) => Verdict::Good(format!("invited desks will accept it for {name}")),
                Err(r) => {
                    let sentence = format!(
                        "invited desks will refuse the certificate (for {shown}): {}",
                        r.message()
                    );
                    let cure = "enrolment.anchors must hold the authority of [tls] certificate, \
                        and the names in [enrolment] must be names in it";
                    wrong(r.code(), &sentence, cure)
                }
            },
        };
        all.add("own names", verdict);
    }
}

fn invited_names(e: &EnrolmentSection) -> Vec<&str> {
    let (est, fix) = (e.server_name(), e.fix_server_name.as_deref());
    [Some(est), fix.filter(|f| *f != est)].into_iter().flatten().collect()
}

/// The authorities whose end would stop everybody.
pub(super) fn authorities(all: &mut Examination, config: &Config, now: OffsetDateTime) {
    for (key, path) in
        [("desks.trust", &config.desks.trust), ("dealers.trust", &config.dealers.trust)]
    {
        match certificates(path) {
            Ok(some) => some.iter().for_each(|der| {
                all.add(key, dates(der, now, "add the authority's new certificate to the file"))
            }),
            Err(e) => all.add(
                key,
                wrong(
                    "config.unusable",
                    &format!("{}: {e}", path.display()),
                    "correct the path or the file",
                ),
            ),
        }
    }
    let Some(e) = config.enrolment.as_ref().filter(|e| e.upstream.is_none()) else { return };
    let Some(path) = &e.ca_certificate else { return };
    const ABOUT: &str = "issuing authority";
    let cure = "make a new authority with signet-gateway ca init, into new files, and add it to \
        desks.trust next to the old one";
    match certificates(path).map(|c| c.into_iter().next()) {
        Ok(Some(der)) => all.add(ABOUT, dates(&der, now, cure)),
        Ok(None) => {}
        Err(e) => all.add(
            ABOUT,
            wrong(
                "ca.unusable",
                &format!("{}: {e}", path.display()),
                "signet-gateway ca init makes it",
            ),
        ),
    }
}

/// Whether it answers, and speaks this program's schema.
pub(super) async fn registry(all: &mut Examination, config: &Config, now: OffsetDateTime) {
    const ABOUT: &str = "registry";
    let Some(section) = &config.registry else { return };
    let url = match section.url() {
        Ok(u) => u,
        Err(e) => return all.add(ABOUT, wrong("config.unusable", &e, "correct [registry]")),
    };
    // Opening would make an empty one, and hide that the real one is gone.
    if let RegistryUrl::Sqlite(path) = &url
        && !path.exists()
    {
        return all.add(ABOUT, no_registry(config, &format!("no registry at {}", path.display())));
    }
    let asked = tokio::time::timeout(REGISTRY_MAX, ask(&url)).await;
    match asked {
        Err(_) => {
            let sentence = format!("{url} did not answer within {REGISTRY_MAX:?}");
            all.add(
                ABOUT,
                wrong(
                    "registry.database",
                    &sentence,
                    "check [registry] url, and that the server is up",
                ),
            );
        }
        Ok(Err(RegistryError::Empty)) => {
            all.add(ABOUT, no_registry(config, &format!("{url} answers and is empty")))
        }
        Ok(Err(e)) => all.add(ABOUT, admin(&e.into())),
        Ok(Ok((version, crl))) => {
            all.add(
                ABOUT,
                Verdict::Good(format!("{url} answers; schema {SCHEMA}, change {version}")),
            );
            own_list(all, crl, now);
        }
    }
}

/// Before the first start a missing file is expected; later it means that it is gone.
fn no_registry(config: &Config, what: &str) -> Verdict {
    let ran =
        std::fs::read_dir(&config.gateway.state_dir).is_ok_and(|mut files| files.next().is_some());
    if ran {
        wrong("registry.missing", &what, RegistryError::Empty.cure())
    } else {
        Verdict::Left(format!("{what}; it is made at `user add` or at the gateway's first start"))
    }
}

/// Whether there is a registry to be asked; opening one would make it.
pub(super) fn registry_exists(config: &Config) -> bool {
    let url = config.registry.as_ref().and_then(|r| r.url().ok());
    match url {
        Some(RegistryUrl::Sqlite(path)) => path.exists(),
        Some(_) => true,
        None => false,
    }
}

/// CompIDs of all users.
pub(super) async fn comp_ids(config: &Config) -> Result<BTreeSet<CompId>, AdminError> {
    let registry = crate::admin::open(config).await?;
    let users = registry.users().await?;
    registry.close().await;
    Ok(users.iter().filter_map(|u| CompId::new(u.comp_id.as_str()).ok()).collect())
}

async fn ask(url: &RegistryUrl) -> Result<(i64, Vec<u8>), RegistryError> {
    let registry = Registry::connect(url).await?;
    registry.check_schema().await?;
    let answer = (registry.version().await?, registry.crl().await?.der);
    registry.close().await;
    Ok(answer)
}

/// The list of the embedded authority, which running gateways renew.
fn own_list(all: &mut Examination, der: Vec<u8>, now: OffsetDateTime) {
    const ABOUT: &str = "own revocation list";
    if der.is_empty() {
        return;
    }
    match Crls::new([CertificateRevocationListDer::from(der)]) {
        Err(e) => all.add(
            ABOUT,
            wrong("crl.unusable", &e, "restore a backup: signet-gateway registry restore"),
        ),
        Ok(lists) => {
            let stale = lists.stale(now).next().map(|s| at(s.next_update));
            all.add(
                ABOUT,
                match (stale, lists.facts().first()) {
                    (Some(since), _) => watch(
                        "crl.stale",
                        format!("stale since {since}"),
                        "a running gateway with the authority's key renews it; start one",
                    ),
                    (None, Some(f)) => Verdict::Good(format!(
                        "{} entries, good until {}",
                        f.revoked,
                        at(f.next_update)
                    )),
                    (None, None) => Verdict::Left("empty".into()),
                },
            );
        }
    }
}

/// Lists of outside authorities.
pub(super) fn lists(all: &mut Examination, config: &Config) {
    let faults = crate::list_faults(config);
    let files = config.desks.crl.len() + config.dealers.crl.len();
    if faults.is_empty() && files > 0 {
        all.add("revocation lists", Verdict::Good(format!("{files} files, all fresh")));
    }
    let cure = "fetch the authority's newest list and put it in place by renaming";
    for (required, text) in faults {
        let verdict = if required {
            wrong("crl.unusable", &text, cure)
        } else {
            watch("crl.unusable", text, cure)
        };
        all.add("revocation lists", verdict);
    }
}

/// Whether sessions and the journal can be kept, by the account that runs this command.
pub(super) fn state_dir(all: &mut Examination, config: &Config) {
    const ABOUT: &str = "state directory";
    let dir = &config.gateway.state_dir;
    let verdict = match fs::metadata(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => watch(
            "state.missing",
            format!("{} is not there", dir.display()),
            "made at the first start; after that, mount or restore it",
        ),
        Err(e) => wrong(
            "state.unusable",
            &format!("{}: {e}", dir.display()),
            "give the gateway's account this directory",
        ),
        Ok(m) if !m.is_dir() => wrong(
            "state.unusable",
            &format!("{} is not a directory", dir.display()),
            "correct gateway.state_dir",
        ),
        Ok(_) => match writable(dir) {
            Ok(()) => Verdict::Good(format!("{} can be written by this account", dir.display())),
            Err(e) => {
                let sentence = format!("{} cannot be written by this account: {e}", dir.display());
                wrong(
                    "state.unusable",
                    &sentence,
                    "run this as the gateway's account, or correct the owner; look for a full disk",
                )
            }
        },
    };
    all.add(ABOUT, verdict);
}

fn writable(dir: &Path) -> io::Result<()> {
    let probe = dir.join(format!(".doctor-{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)
        .and_then(|mut f| io::Write::write_all(&mut f, b"signet"));
    let removed = fs::remove_file(&probe);
    written.and(removed)
}

fn dates(der: &CertificateDer<'_>, now: OffsetDateTime, cure: &str) -> Verdict {
    let f = match CertificateFacts::from_certificate(der) {
        Ok(f) => f,
        Err(e) => return wrong("certificate.unusable", &e, "replace the file"),
    };
    let who = format!("{}, issued by {}, serial {}", f.subject, f.issuer, f.serial);
    if f.not_before > now {
        let sentence = format!(
            "{who}: not valid before {}; this machine's clock says {}",
            at(f.not_before),
            at(now)
        );
        return wrong("certificate.not_yet", &sentence, "check this machine's clock");
    }
    if f.not_after <= now {
        return wrong(
            "certificate.expired",
            &format!("{who}: expired on {}", at(f.not_after)),
            cure,
        );
    }
    if ends_soon(&f, now) {
        return watch("certificate.ends_soon", format!("{who}: ends on {}", at(f.not_after)), cure);
    }
    Verdict::Good(format!("{who}: until {}", at(f.not_after)))
}

fn dns_names(der: &CertificateDer<'_>) -> Vec<String> {
    use x509_parser::extensions::GeneralName;
    let Ok((_, x509)) = x509_parser::parse_x509_certificate(der) else { return vec![] };
    let names = x509.subject_alternative_name().ok().flatten();
    let dns = |n: &GeneralName<'_>| {
        if let GeneralName::DNSName(d) = n { Some((*d).to_owned()) } else { None }
    };
    names.map(|n| n.value.general_names.iter().filter_map(dns).collect()).unwrap_or_default()
}

fn at(t: OffsetDateTime) -> String {
    t.replace_nanosecond(0).unwrap_or(t).format(&Rfc3339).unwrap_or_default()
}
