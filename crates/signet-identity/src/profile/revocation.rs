//! Which list speaks for which certificate, and what it says (RFC 5280 §6.3.3).
//!
//! Decided per certificate of the peer's path, against every key that signed it:
//!
//! | what the lists say | answer |
//! | --- | --- |
//! | an authentic list names it, however old, partial or stale | revoked |
//! | a list of its authority whose signature is not processed here names it | revoked |
//! | the newest complete list that covers it is in force and does not name it | good |
//! | the newest complete list that covers it is past its date | stale |
//! | only lists with a bad signature | invalid |
//! | no list of its authority's key covers it | of another authority |

use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::crl::{Crls, Revocation};
use super::list::{List, plain, point_uris};
use super::signatures::{Signature, Verified};

/// The most certificates of a path; a peer that shows more is refused.
const PATH_CERTIFICATES_MAX: usize = 8;
/// How far the publisher's clock may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Why a certificate is not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    Revoked,
    Missing,
    OfAnotherAuthority { issuer: String },
    Stale { seconds: u64 },
    Invalid(String),
    TooManyCertificates,
    Unreadable,
}

/// Checks every certificate of a validated path against the lists. `shown` are the intermediates
/// that the peer showed. Anchors are not checked: nobody can revoke them.
pub(super) fn check(
    crls: &Crls,
    end_entity: &CertificateDer<'_>,
    shown: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'static>],
    now: OffsetDateTime,
) -> Result<(), Refused> {
    if shown.len() >= PATH_CERTIFICATES_MAX {
        return Err(Refused::TooManyCertificates);
    }
    if crls.lists().is_empty() && crls.revocation() == Revocation::Required {
        return Err(Refused::Missing);
    }
    let intermediates: Vec<_> = shown.iter().filter_map(|c| parse(c).ok()).collect();
    let anchors: Vec<_> = anchors.iter().filter_map(|c| parse(c).ok()).collect();
    let mut open = vec![parse(end_entity)?];
    let mut seen: Vec<&[u8]> = Vec::new();
    while let Some(certificate) = open.pop() {
        let is_anchor = anchors.iter().any(|a| a.as_raw() == certificate.as_raw());
        if is_anchor || seen.contains(&certificate.as_raw()) {
            continue;
        }
        seen.push(certificate.as_raw());
        let issuers: Vec<_> =
            intermediates.iter().chain(&anchors).filter(|i| signed_by(&certificate, i)).collect();
        let answer = ask(crls, &certificate, &issuers, now);
        tolerate(answer, crls.revocation())?;
        open.extend(intermediates.iter().filter(|i| signed_by(&certificate, i)).cloned());
    }
    Ok(())
}

/// Applies the setting to an answer. A list with a bad signature is refused under either setting:
/// it is an attack or a mistake.
fn tolerate(answer: Result<(), Refused>, setting: Revocation) -> Result<(), Refused> {
    match (answer, setting) {
        (
            Err(Refused::Missing | Refused::OfAnotherAuthority { .. } | Refused::Stale { .. }),
            Revocation::BestEffort,
        ) => Ok(()),
        (answer, _) => answer,
    }
}

fn ask(
    crls: &Crls,
    certificate: &X509Certificate<'_>,
    issuers: &[&X509Certificate<'_>],
    now: OffsetDateTime,
) -> Result<(), Refused> {
    let serial = plain(certificate.raw_serial());
    let (mut newest, mut bad): (Option<&List>, Option<&'static str>) = (None, None);
    let of_issuer = |l: &&(usize, &List)| l.1.issuer == certificate.issuer().as_raw();
    let lists: Vec<_> = crls.lists().iter().enumerate().collect();
    for (place, list) in lists.iter().filter(of_issuer) {
        // The path is good, but its signer was not found: its algorithm is not processed here.
        if issuers.is_empty() && list.revoked.contains(&serial) {
            return Err(Refused::Revoked);
        }
        for issuer in issuers {
            match authentic(crls.verified(), *place, list, issuer) {
                Authentic::Yes => {}
                Authentic::OtherKey => continue,
                // Its origin cannot be verified, so the certificates it names are refused.
                Authentic::Unprocessed if list.revoked.contains(&serial) => {
                    return Err(Refused::Revoked);
                }
                Authentic::Unprocessed => {
                    bad = Some("its signature algorithm is not processed here");
                    continue;
                }
                Authentic::No(why) => {
                    bad = Some(why);
                    continue;
                }
            }
            if list.revoked.contains(&serial) {
                return Err(Refused::Revoked);
            }
            let speaks = list.partial.is_none()
                && covers(list, certificate)
                && list.this_update <= now + CLOCK_SKEW;
            if speaks && newest.is_none_or(|n| is_newer(list, n)) {
                newest = Some(list);
            }
        }
    }
    match (newest, bad) {
        (Some(list), _) if list.next_update > now => Ok(()),
        (Some(list), _) => {
            Err(Refused::Stale { seconds: (now - list.next_update).whole_seconds().unsigned_abs() })
        }
        (None, Some(why)) => Err(Refused::Invalid(why.into())),
        (None, None) => {
            Err(Refused::OfAnotherAuthority { issuer: certificate.issuer().to_string() })
        }
    }
}

enum Authentic {
    Yes,
    /// Another key of an authority of the same name signed it.
    OtherKey,
    /// Its signature algorithm is not processed here.
    Unprocessed,
    No(&'static str),
}

/// Whether this issuer's key signed the list (§6.3.3 f, g).
fn authentic(
    verified: &Verified,
    place: usize,
    list: &List,
    issuer: &X509Certificate<'_>,
) -> Authentic {
    match verified.check(place, list, issuer.public_key()) {
        Signature::Good if may_sign_lists(issuer) => Authentic::Yes,
        Signature::Good => {
            Authentic::No("its signer's certificate does not permit it to sign lists")
        }
        Signature::Unknown => Authentic::Unprocessed,
        Signature::Bad => match (&list.authority_key, subject_key(issuer)) {
            (Some(says), Some(is)) if says[..] == *is => Authentic::No("its signature is bad"),
            (Some(_), Some(_)) => Authentic::OtherKey,
            _ => Authentic::No("its signature is not of this authority's key"),
        },
    }
}

fn is_newer(list: &List, than: &List) -> bool {
    let size = |l: &List| (l.number.len(), l.number.clone());
    let both_numbered = !list.number.is_empty() && !than.number.is_empty();
    if both_numbered && size(list) != size(than) {
        return size(list) > size(than);
    }
    (list.this_update, list.next_update) > (than.this_update, than.next_update)
}

/// §6.3.3 b: kind of certificate, and the distribution point where the list names one.
fn covers(list: &List, certificate: &X509Certificate<'_>) -> bool {
    let kind = if certificate.is_ca() { list.covers_authorities } else { list.covers_users };
    let point = match &list.distribution_point {
        None => true,
        Some(uris) => points_of(certificate).iter().any(|uri| uris.contains(uri)),
    };
    kind && point
}

fn points_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let points = certificate.extensions().iter().filter_map(|e| match e.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(points),
        _ => None,
    });
    // A complete list does not cover a point of another signer, or of some reasons only.
    let whole = |p: &&x509_parser::extensions::CRLDistributionPoint<'_>| {
        p.crl_issuer.is_none() && p.reasons.is_none()
    };
    points
        .flat_map(|p| p.points.iter())
        .filter(whole)
        .filter_map(|p| p.distribution_point.as_ref())
        .flat_map(point_uris)
        .collect()
}

fn may_sign_lists(issuer: &X509Certificate<'_>) -> bool {
    issuer.key_usage().ok().flatten().is_none_or(|usage| usage.value.crl_sign())
}

fn subject_key<'a>(issuer: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    issuer.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

fn signed_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Refused> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(Refused::Unreadable),
    }
}
