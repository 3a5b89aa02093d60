//! The answers of an EST server, parsed and checked. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use rustls::pki_types::CertificateDer;
use signet_identity::{
    CHAIN_CERTIFICATES_MAX, CertificateFacts, CompId, PeerError, PeerIdentity, Refusal, Role,
    TrustRoots, check_client_chain,
};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use x509_parser::der_parser::asn1_rs::{Any, FromDer as _, Oid, Sequence, Set, Tag};

use cms::cert::x509::der::{Decode as _, Encode as _};

use super::error::EstError;

/// The most certificates in one answer.
const CERTIFICATES_MAX: usize = 16;
const ATTRIBUTES_MAX: usize = 64;
/// How far the issuer's clock may be ahead of ours.
const CLOCK_TOLERANCE: Duration = Duration::minutes(10);
/// The longest lifetime of a desk's certificate, in days. An authority's lifetime is a fault.
const LIFETIME_DAYS_MAX: i64 = 400;

/// A certificate that was just issued, checked.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The certificates, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// What the leaf states.
    pub peer: PeerIdentity,
}

/// The names that a certificate must state.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) trust_domain: String,
    pub(super) user: String,
    pub(super) device: String,
    /// Known at renewal, where it may not change.
    pub(super) comp_id: Option<CompId>,
}

/// RFC 7030 lets base64 come in lines.
pub(super) fn base64(body: &[u8]) -> Result<Vec<u8>, EstError> {
    let digits: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map_err(|_| EstError::NotEst("its answer is not base64"))
}

/// The certificates of a certs-only PKCS#7 (RFC 5652 §5, degenerate SignedData), in no order.
pub(super) fn certificates(der: &[u8]) -> Result<Vec<CertificateDer<'static>>, EstError> {
    let unreadable = |_| EstError::NotEst("its answer is no certificate bundle");
    // id-signedData, RFC 5652 §5.1
    const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
    // RFC 5652 §2: a sender may use BER, and some authorities do.
    let der = signet_identity::ber::to_der(der)
        .ok_or(EstError::NotEst("its answer is no certificate bundle"))?;
    let outer = ContentInfo::from_der(&der).map_err(unreadable)?;
    if outer.content_type.to_string() != SIGNED_DATA {
        return Err(EstError::NotEst("its answer is no certificate bundle"));
    }
    let inner: SignedData = outer.content.decode_as().map_err(unreadable)?;
    let mut found = Vec::new();
    for choice in inner.certificates.iter().flat_map(|set| set.0.iter()) {
        if let CertificateChoices::Certificate(certificate) = choice {
            found.push(CertificateDer::from(certificate.to_der().map_err(unreadable)?));
        }
    }
    match found.len() {
        0 => Err(EstError::NotEst("its answer holds no certificate")),
        1..=CERTIFICATES_MAX => Ok(found),
        _ => Err(EstError::TooLarge),
    }
}

/// What a server wants in requests (RFC 7030 §4.5.2), as object identifiers in dotted form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CsrAttributes {
    /// The identifiers, in the order of the answer.
    pub oids: Vec<String>,
}

impl CsrAttributes {
    /// Whether the server names kinds of keys and P-256 is not among them.
    #[must_use]
    pub fn excludes_p256(&self) -> bool {
        const P256: &str = "1.2.840.10045.3.1.7";
        const OTHER_KINDS: [&str; 5] =
            ["1.2.840.113549.1.1.1", "1.3.132.0.34", "1.3.132.0.35", "1.3.101.112", "1.3.101.113"];
        let has = |oid: &str| self.oids.iter().any(|found| found == oid);
        !has(P256) && OTHER_KINDS.into_iter().any(has)
    }
}

/// `SEQUENCE OF AttrOrOID`; of an attribute its type and the identifiers among its values are kept.
pub(super) fn csr_attributes(der: &[u8]) -> Result<CsrAttributes, EstError> {
    let unreadable = || EstError::NotEst("its list of attributes cannot be read");
    let Ok(([], sequence)) = Sequence::from_der(der) else { return Err(unreadable()) };
    let mut oids = Vec::new();
    let mut rest: &[u8] = &sequence.content;
    while !rest.is_empty() {
        let (tail, item) = Any::from_der(rest).map_err(|_| unreadable())?;
        rest = tail;
        if let Some(oid) = identifier(&item) {
            oids.push(oid);
        } else if let Ok(attribute) = Sequence::try_from(item) {
            let (values, kind) = Oid::from_der(&attribute.content).map_err(|_| unreadable())?;
            oids.push(kind.to_id_string());
            let Ok((_, set)) = Set::from_der(values) else { continue };
            let mut values: &[u8] = &set.content;
            while let Ok((tail, value)) = Any::from_der(values) {
                values = tail;
                oids.extend(identifier(&value));
                if oids.len() > ATTRIBUTES_MAX || values.is_empty() {
                    break;
                }
            }
        }
        if oids.len() > ATTRIBUTES_MAX {
            return Err(EstError::TooLarge);
        }
    }
    Ok(CsrAttributes { oids })
}

/// asn1-rs does not check the tag before it decodes, so it is checked here.
fn identifier(item: &Any<'_>) -> Option<String> {
    if item.header.tag() != Tag::Oid {
        return None;
    }
    item.clone().oid().ok().map(|oid| oid.to_id_string())
}

/// Orders the certificates, leaf first, and compares the leaf with everything that is known.
pub(super) fn check(
    certificates: Vec<CertificateDer<'static>>,
    authorities: &[CertificateDer<'static>],
    our_spki: &[u8],
    expected: &Expected,
    now: OffsetDateTime,
) -> Result<Enrolled, EstError> {
    let is_ours = |certificate: &CertificateDer<'_>| {
        CertificateFacts::from_certificate(certificate)
            .is_ok_and(|facts| facts.spki.as_slice() == our_spki)
    };
    let (mut ours, others): (Vec<_>, Vec<_>) = certificates.into_iter().partition(is_ours);
    let leaf = match (ours.pop(), ours.is_empty()) {
        (Some(leaf), true) => leaf,
        _ => return Err(EstError::OtherKey),
    };
    let peer = PeerIdentity::from_certificate(&leaf).map_err(EstError::Certificate)?;
    names(&peer, expected)?;
    if peer.not_before > now + CLOCK_TOLERANCE || peer.not_after <= now {
        let text = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        return Err(EstError::Clock { now: text(now), begins: text(peer.not_before) });
    }
    let days = (peer.not_after - peer.not_before).whole_days();
    if days > LIFETIME_DAYS_MAX {
        return Err(EstError::TooLongLived(days));
    }
    let roots = TrustRoots::new(authorities.iter().cloned())?;
    // With a slow clock the certificate may begin in the future, which was allowed above.
    let at = now.max(peer.not_before);
    check_client_chain(&roots, &leaf, &others, at)
        .map_err(|refusal: Refusal| EstError::OtherAuthority(refusal.to_string()))?;
    let mut chain = vec![leaf];
    // Every peer that trusts a self-issued authority has its certificate; it need not be sent.
    chain.extend(
        others.into_iter().filter(|certificate| {
            !authorities.contains(certificate) || !is_self_issued(certificate)
        }),
    );
    if chain.len() > CHAIN_CERTIFICATES_MAX {
        return Err(EstError::TooLarge);
    }
    Ok(Enrolled { chain, peer })
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    CertificateFacts::from_certificate(certificate).is_ok_and(|facts| facts.subject == facts.issuer)
}

fn names(peer: &PeerIdentity, expected: &Expected) -> Result<(), EstError> {
    peer.require(Role::Desk, &expected.trust_domain).map_err(EstError::Certificate)?;
    let Some(facts) = &peer.enrolled else {
        return Err(EstError::Certificate(PeerError::NotASignetUri));
    };
    let comp_id_differs = expected.comp_id.as_ref().is_some_and(|comp_id| *comp_id != peer.comp_id);
    if facts.user != expected.user || facts.device != expected.device || comp_id_differs {
        let comp_id = expected.comp_id.as_ref().map_or("any CompID", |comp_id| comp_id.as_str());
        let expected = format!("{}, {}, {comp_id}", expected.user, expected.device);
        return Err(EstError::OtherName {
            expected,
            found: format!("{}, {}, {}", facts.user, facts.device, peer.comp_id),
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
