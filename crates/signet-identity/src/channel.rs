//! What is known about one established TLS connection.

use rustls::{CipherSuite, CommonState, ConnectionCommon, NamedGroup, ProtocolVersion};

/// The exporter label of RFC 9266 §2.
pub const CHANNEL_BINDING_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The `tls-exporter` channel binding (RFC 9266): 32 bytes, the same at both ends of this
/// connection and of no other.
///
/// # Errors
/// While the handshake is not complete.
pub fn channel_binding<Side>(
    connection: &ConnectionCommon<Side>,
) -> Result<[u8; 32], rustls::Error> {
    // RFC 9266 §2: the context is empty, not absent. In TLS 1.2 the two differ.
    connection.export_keying_material([0; 32], CHANNEL_BINDING_LABEL, Some(b""))
}

/// Version, key exchange and cipher of a connection for a person, such as
/// `TLS 1.3 · X25519MLKEM768 · AES-256-GCM`. A part not agreed yet reads `?`.
#[must_use]
pub fn describe(connection: &CommonState) -> String {
    let version = connection.protocol_version().map_or("?".into(), version_name);
    let group = connection
        .negotiated_key_exchange_group()
        .map_or("?".into(), |group| group_name(group.name()));
    let cipher =
        connection.negotiated_cipher_suite().map_or("?".into(), |suite| cipher_name(suite.suite()));
    format!("{version} · {group} · {cipher}")
}

fn version_name(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2".into(),
        ProtocolVersion::TLSv1_3 => "TLS 1.3".into(),
        other => format!("{other:?}"),
    }
}

fn group_name(group: NamedGroup) -> String {
    match group {
        NamedGroup::secp256r1 => "P-256".into(),
        NamedGroup::secp384r1 => "P-384".into(),
        other => format!("{other:?}"),
    }
}

fn cipher_name(suite: CipherSuite) -> String {
    let name = format!("{suite:?}");
    if name.contains("AES_256_GCM") {
        "AES-256-GCM".into()
    } else if name.contains("AES_128_GCM") {
        "AES-128-GCM".into()
    } else {
        name
    }
}
