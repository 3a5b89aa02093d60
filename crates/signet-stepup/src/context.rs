//! What the key signs beside the challenge: the approval's digest and the TLS exporter, as the desk
//! sees them.
//!
//! `clientDataJSON` (WebAuthn Level 2 §5.8.1) gets one more member, `stepUp`, after the standard
//! ones, as Secure Payment Confirmation adds `payment`. Relying parties ignore members they do not
//! know (§5.8.1.1), so any WebAuthn library still verifies it.

use crate::approval::Digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::{Deserialize, Serialize};

/// The statement of a desk that the key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Of the text on the screen.
    pub approval: Digest,
    /// RFC 9266 exporter of the connection the answer travels on.
    pub exporter: [u8; 32],
}

/// The member as it stands in `clientDataJSON`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    v: u8,
    txn: String,
    tls_exporter: String,
}

/// `type` of `clientDataJSON`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeremonyKind {
    /// `webauthn.create`: the key makes a credential.
    Register,
    /// `webauthn.get`: the key signs with a credential it has.
    Sign,
}

/// The bytes to be hashed and signed. `challenge` is base64url without padding, as in the options;
/// `origin` has no trailing slash.
pub fn client_data_json(
    ceremony: CeremonyKind,
    challenge: &str,
    origin: &str,
    context: Option<&Context>,
) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ClientData<'a> {
        r#type: &'static str,
        challenge: &'a str,
        origin: &'a str,
        cross_origin: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        step_up: Option<Member>,
    }
    let data = ClientData {
        r#type: match ceremony {
            CeremonyKind::Register => "webauthn.create",
            CeremonyKind::Sign => "webauthn.get",
        },
        challenge,
        origin,
        cross_origin: false,
        step_up: context.map(|c| Member {
            v: 1,
            txn: B64.encode(c.approval.0),
            tls_exporter: B64.encode(c.exporter),
        }),
    };
    // Strings, a number and a flag always serialise.
    serde_json::to_string(&data).unwrap_or_default()
}

impl Context {
    /// The context in a `clientDataJSON`; `None` if there is none that this version knows.
    pub fn of_client_data(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            step_up: Member,
        }
        let m = serde_json::from_slice::<Found>(json).ok()?.step_up;
        let bytes = |s: &str| <[u8; 32]>::try_from(B64.decode(s).ok()?).ok();
        (m.v == 1)
            .then_some(Self { approval: Digest(bytes(&m.txn)?), exporter: bytes(&m.tls_exporter)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: Context = Context { approval: Digest([1; 32]), exporter: [2; 32] };

    #[test]
    fn members_stand_in_the_order_browsers_use() {
        assert_eq!(
            client_data_json(CeremonyKind::Register, "AAEC", "https://stepup.bank.example", None),
            r#"{"type":"webauthn.create","challenge":"AAEC","origin":"https://stepup.bank.example","crossOrigin":false}"#
        );
        let signed = client_data_json(
            CeremonyKind::Sign,
            "AAEC",
            "https://stepup.bank.example",
            Some(&CONTEXT),
        );
        let one = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let two = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
        let member = format!(
            r#""crossOrigin":false,"stepUp":{{"v":1,"txn":"{one}","tlsExporter":"{two}"}}}}"#
        );
        assert!(signed.ends_with(&member), "{signed}");
        assert_eq!(Context::of_client_data(signed.as_bytes()), Some(CONTEXT));
    }

    #[test]
    fn anything_else_is_no_context() {
        let good = client_data_json(CeremonyKind::Sign, "AAEC", "https://a", Some(&CONTEXT));
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("AQEB", "AQE"),
            ("stepUp", "stepup"),
            ("\"v\":1", "\"v\":1,\"x\":0"),
            ("tlsExporter", "tls"),
        ] {
            assert!(good.contains(from));
            assert_eq!(
                Context::of_client_data(good.replacen(from, to, 1).as_bytes()),
                None,
                "{from}"
            );
        }
        assert_eq!(Context::of_client_data(b"{}"), None);
        let twice = good.replacen(
            "\"stepUp\"",
            "\"stepUp\":{\"v\":1,\"txn\":\"\",\"tlsExporter\":\"\"},\"stepUp\"",
            1,
        );
        assert_eq!(Context::of_client_data(twice.as_bytes()), None);
    }
}
