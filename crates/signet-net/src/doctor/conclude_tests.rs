use super::*;
use crate::error::{DialError, ProxyError};
use signet_identity::{CertificateFacts, SpkiPin};
use std::net::{IpAddr, Ipv4Addr};
use time::{Duration, OffsetDateTime};

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn certificate(subject: &str, issuer: &str, from: i64, until: i64) -> CertificateFacts {
    CertificateFacts {
        subject: subject.into(),
        issuer: issuer.into(),
        serial: "0a".into(),
        spki_sha256: SpkiPin::from([1; 32]),
        not_before: now() + Duration::days(from),
        not_after: now() + Duration::days(until),
        spki: vec![],
    }
}

/// Everything in order.
fn healthy() -> Observations {
    Observations {
        endpoint: "gw.bank.example:9443".into(),
        server_name: "gw.bank.example".into(),
        now: now(),
        trusted: vec!["CN=Bank Gateways".into()],
        own: Some(certificate("CN=ALICE1", "CN=Bank Desks", -1, 6)),
        clock_difference_s: Some(2),
        proxy: Ok(None),
        addresses: Some(Ok(vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))])),
        connected: Some(Ok(())),
        shown: vec![certificate("CN=GW", "CN=Bank Gateways", -1, 6)],
        secured: Some(Ok("TLS 1.3 · X25519MLKEM768 · AES-256-GCM".into())),
        after: Some(After::Fine),
    }
}

fn refused_by(refusal: Refusal) -> Observations {
    Observations { secured: Some(Err(refusal)), after: None, ..healthy() }
}

fn after(refusal: Refusal) -> Observations {
    Observations { after: Some(After::Refused(refusal)), ..healthy() }
}

#[test]
fn all_is_well() {
    let report = conclude(healthy());
    assert!(report.is_healthy(), "{report}");
    assert_eq!(report.steps.len(), Check::ALL.len());
    assert!(
        report.steps.iter().filter(|step| matches!(step.outcome, Outcome::Ok(_))).count() == 10
    );
}

#[test]
fn table_of_failures() {
    let proxy = || "http://proxy:3128".to_owned();
    let forbidden =
        ProxyError::Forbidden { proxy: proxy(), status: 403, reason: "Forbidden".into() };
    let table: Vec<(Observations, Check, &str, &str)> = vec![
        (
            Observations {
                proxy: Err(ProxyError::BadUrl),
                addresses: None,
                connected: None,
                secured: None,
                ..healthy()
            },
            Check::Proxy,
            "proxy.bad_url",
            "HTTPS_PROXY",
        ),
        (
            Observations {
                addresses: Some(Err(Refusal::DnsFailure)),
                connected: None,
                secured: None,
                ..healthy()
            },
            Check::Name,
            "net.dns_failure",
            "host name",
        ),
        (
            Observations {
                connected: Some(Err(DialError::Direct(Refusal::Unreachable))),
                secured: None,
                ..healthy()
            },
            Check::Route,
            "net.unreachable",
            "online",
        ),
        (
            Observations {
                proxy: Ok(Some(proxy())),
                addresses: None,
                connected: Some(Err(DialError::Proxy(forbidden))),
                secured: None,
                ..healthy()
            },
            Check::Route,
            "proxy.forbidden",
            "allow CONNECT",
        ),
        (refused_by(Refusal::NotTls), Check::Tls, "tls.not_tls", "port"),
        (refused_by(Refusal::NoCommonTlsVersion), Check::Tls, "tls.no_common_version", "TLS 1.3"),
        (refused_by(Refusal::TimedOut), Check::Tls, "net.timed_out", "online"),
        (refused_by(Refusal::Expired), Check::Validity, "server.expired", "clock is right"),
        (
            Observations { clock_difference_s: None, ..refused_by(Refusal::Expired) },
            Check::Validity,
            "server.expired",
            "Check this computer's clock",
        ),
        (
            refused_by(Refusal::UnknownCa),
            Check::Authority,
            "server.unknown_ca",
            "authority was renewed",
        ),
        (
            Observations {
                shown: vec![certificate("CN=GW", "CN=Inspector, O=ACME", -1, 6)],
                ..refused_by(Refusal::UnknownCa)
            },
            Check::Authority,
            "server.unknown_ca",
            "inspecting proxy",
        ),
        (
            Observations { shown: vec![], ..refused_by(Refusal::UnknownCa) },
            Check::Authority,
            "server.unknown_ca",
            "authority",
        ),
        (
            refused_by(Refusal::ServerCertificateRevoked),
            Check::Revocation,
            "server.revoked",
            "security team",
        ),
        (
            refused_by(Refusal::RevocationListStale { seconds: 9000 }),
            Check::Revocation,
            "crl.stale",
            "fresh revocation list",
        ),
        (
            refused_by(Refusal::NameMismatch { presented: vec!["x.example".into()] }),
            Check::ServerName,
            "server.name_mismatch",
            "host name",
        ),
        (
            refused_by(Refusal::PinMismatch { presented: SpkiPin::from([1; 32]) }),
            Check::Pin,
            "server.pin_mismatch",
            "new pin",
        ),
        (
            refused_by(Refusal::KeyUnavailable { detail: "x".into() }),
            Check::ClientCertificate,
            "client.key_unavailable",
            "token",
        ),
        (
            after(Refusal::ClientCertificateRevoked),
            Check::ClientCertificate,
            "client.revoked",
            "administrator",
        ),
        (
            after(Refusal::ClientCertificateUnknownCa),
            Check::ClientCertificate,
            "client.unknown_ca",
            "security team",
        ),
        (
            Observations { after: Some(After::Closed), ..healthy() },
            Check::ClientCertificate,
            "client.closed",
            "serial number",
        ),
        (
            Observations { own: Some(certificate("CN=A", "CN=D", -9, -1)), ..healthy() },
            Check::ClientCertificate,
            "client.certificate_expired",
            "Enrol again",
        ),
    ];
    for (observations, check, code, cure) in table {
        let report = conclude(observations);
        let step = report.failure().unwrap_or_else(|| panic!("{code}: {report}"));
        let Outcome::Failed { code: found, sentence, cure: said } = &step.outcome else {
            unreachable!()
        };
        assert_eq!((step.check, found.as_str()), (check, code), "{report}");
        assert!(said.contains(cure) && said.ends_with('.') && sentence.ends_with('.'), "{report}");
        // What comes after is not guessed at.
        let later = report.steps.iter().skip_while(|step| step.check != check).skip(1);
        assert!(
            later.into_iter().all(|step| matches!(step.outcome, Outcome::Skipped(_))),
            "{report}"
        );
        assert!(report.to_string().contains("FAILED"));
    }
}

#[test]
fn an_intercepting_authority_is_named() {
    let shown = vec![
        certificate("CN=GW", "CN=Inspector Issuing", -1, 6),
        certificate("CN=Inspector Issuing", "CN=Inspector, O=ACME\u{1b}[2J", -1, 6),
    ];
    let report = conclude(Observations { shown, ..refused_by(Refusal::UnknownCa) });
    let text = report.to_string();
    assert!(
        text.contains("was issued by CN=Inspector, O=ACME") && !text.contains('\u{1b}'),
        "{text}"
    );
}

#[test]
fn table_of_clocks() {
    let own = |from| Some(certificate("CN=A", "CN=D", from, 30));
    let table = [
        (Some(0), own(-1), None),
        (Some(299), own(-1), None),
        (Some(-301), own(-1), Some("5 min fast")),
        (Some(7200), own(-1), Some("120 min slow")),
        (None, own(-1), None),
        (None, own(2), Some("slow")),
        (None, None, None),
    ];
    for (clock_difference_s, own, expected) in table {
        let report = conclude(Observations { clock_difference_s, own, ..healthy() });
        let Step { outcome, .. } = &report.steps[0];
        match expected {
            Some(words) => assert!(
                matches!(outcome, Outcome::Failed { sentence, .. } if sentence.contains(words)),
                "{report}"
            ),
            None => assert!(!matches!(outcome, Outcome::Failed { .. }), "{report}"),
        }
        assert!(
            matches!(report.steps[4].outcome, Outcome::Ok(_)),
            "a wrong clock does not hide the rest"
        );
    }
    let wrong =
        Observations { clock_difference_s: Some(90_000_000), ..refused_by(Refusal::NotYetValid) };
    let report = conclude(wrong);
    assert!(report.to_string().contains("clock is wrong: set it"), "{report}");
}
