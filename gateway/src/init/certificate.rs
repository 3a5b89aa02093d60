//! Certificates of the authorities that `init` made: the gateway's next one, and those of dealers
//! and administrators.

use super::{
    InitError,
    pki::{Authority, Leaf},
    place::fail,
};
use crate::{
    Config,
    config::{KeySource, certificates},
    enrol::{ca::write_new, key_in_request},
};
use rustls_pki_types::CertificateDer;
use signet_identity::{CertificateFacts, is_user_id};
use std::{
    fs,
    path::{Path, PathBuf},
};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;

/// Largest request.
const REQUEST_MAX: u64 = 64 * 1024;

/// What became of the gateway's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    /// The new one ends then.
    Until(OffsetDateTime),
    /// Less than two thirds of the present one's time are over; it is due then.
    NotYet(OffsetDateTime),
}

/// A certificate for somebody else.
#[derive(Debug, Clone)]
pub enum CertificateOrder {
    /// A dealer of the configuration, by its request.
    Dealer { comp_id: String, request: PathBuf, out: PathBuf, days: u32 },
    /// An administrator: by a request, or with a new key in `ID-key.pem` beside `out`.
    Admin { id: String, request: Option<PathBuf>, out: PathBuf, days: u32 },
}

fn authority(
    config: &Path,
    role: &'static str,
    (certificate, key): (&str, &str),
    now: OffsetDateTime,
) -> Result<Authority, InitError> {
    let folder = config.parent().unwrap_or(Path::new(""));
    let key = folder.join("authorities").join(key);
    if !key.exists() {
        return Err(InitError::AuthorityAway { role, path: key });
    }
    Ok(Authority::load(&folder.join(certificate), &key, now)?)
}

/// Issues the gateway's next certificate when two thirds of the present one's time are over, or
/// `at_once`. The running gateway takes it within a second. The key stays: a power cut between two
/// files would otherwise leave a pair that does not belong together.
///
/// # Errors
/// The authority's key is not here, or the file cannot be replaced; the present certificate stays.
pub fn renew_gateway(
    path: &Path,
    at_once: bool,
    hosts: &[String],
    now: OffsetDateTime,
) -> Result<Renewed, InitError> {
    let config = Config::read(path)?;
    let file = &config.tls.certificate;
    let order = |why: String| InitError::Order { what: file.display().to_string(), why };
    let present = certificates(file).map_err(order)?;
    let leaf = present.first().ok_or_else(|| order("is empty".into()))?;
    let facts = CertificateFacts::from_certificate(leaf).map_err(|e| order(e.to_string()))?;
    let due = facts.not_before + (facts.not_after - facts.not_before) * 2 / 3;
    if !at_once && now < due {
        return Ok(Renewed::NotYet(due));
    }
    let (spki, dns) = of(leaf).ok_or_else(|| order("cannot be read".into()))?;
    // The certificate for a key that was made in a token is made for it, whatever the last one was.
    let spki = match &config.tls.key {
        KeySource::File(_) => spki,
        KeySource::Token(held) => config.token_key("tls.key", held)?.spki().to_vec(),
    };
    let dns = if hosts.is_empty() { dns } else { hosts.to_vec() };
    let g = &config.gateway;
    let leaf = Leaf::gateway(&g.trust_domain, g.comp_id.as_str(), dns);
    let files = ("gateways-ca.pem", "gateways-ca-key.pem");
    let text = authority(path, "gateways", files, now)?.certify(&leaf, &spki, now)?;
    replace(file, text.as_bytes())?;
    let made = certificates(file).map_err(order)?;
    let made = made.first().and_then(|c| CertificateFacts::from_certificate(c).ok());
    Ok(Renewed::Until(made.map_or(now, |f| f.not_after)))
}

/// The public key and the host names of a certificate.
fn of(der: &CertificateDer<'_>) -> Option<(Vec<u8>, Vec<String>)> {
    let (_, x509) = x509_parser::parse_x509_certificate(der).ok()?;
    let names = x509.subject_alternative_name().ok()??;
    let dns = names.value.general_names.iter().filter_map(|n| match n {
        GeneralName::DNSName(d) => Some((*d).to_owned()),
        _ => None,
    });
    Some((x509.public_key().raw.to_vec(), dns.collect()))
}

/// A reader sees the old text or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), InitError> {
    let new = path.with_extension("pem.new");
    match fs::remove_file(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(&new)(e)),
        _ => {}
    }
    write_new(&new, bytes, false)?;
    fs::rename(&new, path).map_err(fail(path))
}

/// Issues a certificate for a dealer or an administrator; the files that were written. Overwrites
/// nothing.
///
/// # Errors
/// The authority's key is not here, or the request or a name cannot be used.
pub fn issue_certificate(
    path: &Path,
    order: &CertificateOrder,
    now: OffsetDateTime,
) -> Result<Vec<PathBuf>, InitError> {
    let config = Config::read(path)?;
    let domain = &config.gateway.trust_domain;
    let wrong = |what: &str, why: &str| InitError::Order { what: what.into(), why: why.into() };
    match order {
        CertificateOrder::Dealer { comp_id, request, out, days } => {
            let dealer = config.dealer.iter().find(|d| d.comp_id.as_str() == comp_id);
            let dealer = dealer.ok_or_else(|| wrong(comp_id, "is not a configured dealer"))?;
            let leaf = Leaf::dealer(domain, comp_id, dealer.name_to_verify());
            let leaf = Leaf { days: *days, ..leaf };
            let files = ("authorities/dealers-ca.pem", "dealers-ca-key.pem");
            let authority = authority(path, "dealers", files, now)?;
            let text = authority.certify(&leaf, &requested(request)?, now)?;
            write_new(out, text.as_bytes(), false)?;
            Ok(vec![out.clone()])
        }
        CertificateOrder::Admin { id, request, out, days } => {
            if !is_user_id(id) {
                return Err(wrong(id, "an administrator's id has 1 to 32 of a-z 0-9 . _ -"));
            }
            let policy = config.enrolment.as_ref().and_then(|e| e.managed_policy.as_deref());
            let leaf = Leaf { days: *days, ..Leaf::admin(domain, id, policy) };
            let files = ("admins-ca.pem", "admins-ca-key.pem");
            let authority = authority(path, "administrators", files, now)?;
            if let Some(request) = request {
                let text = authority.certify(&leaf, &requested(request)?, now)?;
                write_new(out, text.as_bytes(), false)?;
                return Ok(vec![out.clone()]);
            }
            let made = authority.issue(&leaf, now)?;
            let key = out.with_file_name(format!("{id}-key.pem"));
            write_new(&key, made.key.as_bytes(), true)?;
            write_new(out, made.certificate.as_bytes(), false).inspect_err(|_| {
                // Nobody has a use for it, and it would be in the way of the next try.
                let _ = fs::remove_file(&key);
            })?;
            Ok(vec![out.clone(), key])
        }
    }
}

fn requested(path: &Path) -> Result<Vec<u8>, InitError> {
    let order = |why: String| InitError::Order { what: path.display().to_string(), why };
    let size = fs::metadata(path).map_err(fail(path))?.len();
    if size > REQUEST_MAX {
        return Err(order(format!("larger than {REQUEST_MAX} bytes")));
    }
    key_in_request(&fs::read(path).map_err(fail(path))?).map_err(|e| order(e.to_string()))
}
