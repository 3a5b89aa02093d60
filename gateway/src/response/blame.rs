//! Who a failure counts for.

use rustls::AlertDescription as Alert;
use signet_identity::Refusal;
use signet_quic::server::ConnectionFault;

/// Who a failure counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The person whose certificate was proved.
    Person,
    /// The network it came from.
    Network,
    /// Nobody: it is not the mark of an attack, or the gateway's own fault.
    Nobody,
}

/// Of a TLS handshake that failed at a listener. Health checks that connect and close, laptops that
/// slept past their certificate and lists of ours that are stale are not attacks.
pub fn of_tls(why: &Refusal) -> Blame {
    match why {
        Refusal::NotTls
        | Refusal::NoCommonTlsVersion
        | Refusal::NoCommonSuite
        | Refusal::ClientCertificateRefused { .. }
        | Refusal::ClientCertificateRevoked
        | Refusal::ClientCertificateUnknownCa
        | Refusal::NoClientCertificateSent => Blame::Network,
        _ => Blame::Nobody,
    }
}

/// Of a connection over QUIC. Only what is wrong with a certificate counts: it comes with the
/// client's second flight, which proves its address; anything earlier may have a forged one.
pub fn of_quic(why: &ConnectionFault) -> Blame {
    match why {
        ConnectionFault::Tls {
            alert:
                Alert::UnknownCA
                | Alert::BadCertificate
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                | Alert::UnsupportedCertificate
                | Alert::NoCertificate
                | Alert::AccessDenied,
            ..
        } => Blame::Network,
        _ => Blame::Nobody,
    }
}

/// Of a certificate that is good for TLS and names no desk of ours.
pub fn of_certificate() -> Blame {
    Blame::Network
}

/// Of a Logon that was refused with this code. `proved`: the certificate shown is in force in the
/// registry.
pub fn of_logon(code: &str, proved: bool) -> Blame {
    match code {
        "logon.refused" | "risk.denied" | "risk.no_step_up" if proved => Blame::Person,
        "logon.refused"
        | "risk.denied"
        | "risk.no_step_up"
        | "admission.certificate_unknown"
        | "admission.certificate_differs"
        | "admission.certificate_revoked" => Blame::Network,
        _ => Blame::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Blame::{Network, Nobody, Person};

    #[test]
    fn table_of_logons() {
        for (code, proved, unproved) in [
            ("logon.refused", Person, Network),
            ("risk.denied", Person, Network),
            ("risk.no_step_up", Person, Network),
            ("admission.certificate_unknown", Network, Network),
            ("admission.certificate_differs", Network, Network),
            ("admission.certificate_revoked", Network, Network),
            ("admission.certificate_superseded", Nobody, Nobody),
            ("admission.certificate_expired", Nobody, Nobody),
            ("admission.user_locked", Nobody, Nobody),
            ("admission.device_locked", Nobody, Nobody),
            ("admission.registry_stale", Nobody, Nobody),
            ("budget.logons", Nobody, Nobody),
            ("software.too_old", Nobody, Nobody),
            ("software.unknown_version", Nobody, Nobody),
            ("software.withdrawn", Nobody, Nobody),
            ("lockout.user", Nobody, Nobody),
            ("lockout.fatigue", Nobody, Nobody),
            ("signal.session_revoked", Nobody, Nobody),
            ("", Nobody, Nobody),
        ] {
            assert_eq!((of_logon(code, true), of_logon(code, false)), (proved, unproved), "{code}");
        }
    }

    #[test]
    fn table_of_handshakes() {
        let text = String::new;
        for (why, want) in [
            (Refusal::NotTls, Network),
            (Refusal::NoCommonTlsVersion, Network),
            (Refusal::NoCommonSuite, Network),
            (Refusal::ClientCertificateRefused { alert: text() }, Network),
            (Refusal::ClientCertificateRevoked, Network),
            (Refusal::ClientCertificateUnknownCa, Network),
            (Refusal::NoClientCertificateSent, Network),
            (Refusal::ClientCertificateExpired, Nobody),
            (Refusal::ClosedDuringHandshake, Nobody),
            (Refusal::TimedOut, Nobody),
            (Refusal::ServerCertificateRefused { alert: text() }, Nobody),
            (Refusal::RevocationListMissing, Nobody),
            (Refusal::RevocationListStale { seconds: 1 }, Nobody),
            (Refusal::Other { detail: text() }, Nobody),
        ] {
            assert_eq!(of_tls(&why), want, "{why:?}");
        }
        assert_eq!(of_certificate(), Network);
        for (alert, want) in [
            (Alert::UnknownCA, Network),
            (Alert::CertificateRequired, Network),
            (Alert::CertificateRevoked, Network),
            (Alert::CertificateExpired, Nobody),
            (Alert::HandshakeFailure, Nobody),
            (Alert::NoApplicationProtocol, Nobody),
        ] {
            assert_eq!(of_quic(&ConnectionFault::Tls { alert, detail: text() }), want, "{alert:?}");
        }
        assert_eq!(of_quic(&ConnectionFault::Silent), Nobody);
    }
}
