//! The result of a ceremony: `PublicKeyCredential` as JSON (WebAuthn Level 3 §5.1.8,
//! `RegistrationResponseJSON` and `AuthenticationResponseJSON`).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::json;

/// `transports` are the names of WebAuthn Level 2 §5.8.4.
pub fn registration(
    credential: &[u8],
    attestation_object: &[u8],
    client_data: &str,
    transports: &[&str],
) -> String {
    let id = B64.encode(credential);
    json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
        "response": {
            "attestationObject": B64.encode(attestation_object),
            "clientDataJSON": B64.encode(client_data),
            "transports": transports,
        },
    })
    .to_string()
}

/// The answer to a signing: `AuthenticationResponseJSON`. `user` is the user handle, which a key
/// may leave out.
pub fn assertion(
    credential: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
    user: Option<&[u8]>,
    client_data: &str,
) -> String {
    let id = B64.encode(credential);
    json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
        "response": {
            "authenticatorData": B64.encode(authenticator_data),
            "clientDataJSON": B64.encode(client_data),
            "signature": B64.encode(signature),
            "userHandle": user.map(|u| B64.encode(u)),
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_twice_and_bytes_are_base64url() {
        let json: serde_json::Value =
            serde_json::from_str(&assertion(&[0xfb, 0xff], b"data", b"sig", None, "{}"))
                .expect("JSON");
        assert_eq!(json["id"], "-_8");
        assert_eq!(json["rawId"], "-_8");
        assert_eq!(json["response"]["clientDataJSON"], "e30");
        assert!(json["response"]["userHandle"].is_null());
        let json: serde_json::Value =
            serde_json::from_str(&registration(&[1], b"object", "{}", &["nfc"])).expect("JSON");
        assert_eq!(json["id"], "AQ");
        assert_eq!(json["response"]["attestationObject"], "b2JqZWN0");
        assert_eq!(json["response"]["transports"], serde_json::json!(["nfc"]));
    }
}
