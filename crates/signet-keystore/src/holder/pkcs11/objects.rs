//! The key objects in a token: found, checked and used in an open session.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use cryptoki::error::{Error as P11Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signet_identity::sha256;

use super::translate::translate;
use crate::holder::encoding::{P256_OID, POINT_BYTES, point, signature_der};
use crate::holder::error::HolderError;
use crate::holder::label::KeyLabel;

/// The object of this class and label.
pub(super) fn find(
    session: &Session,
    class: ObjectClass,
    label: &KeyLabel,
) -> Result<Option<ObjectHandle>, HolderError> {
    let template = [
        Attribute::Token(true),
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Label(label.as_str().into()),
    ];
    let found = session.find_objects(&template).map_err(translate)?;
    Ok(found.first().copied())
}

/// `None` when the token does not know the attribute.
pub(super) fn flag(
    session: &Session,
    key: ObjectHandle,
    which: AttributeType,
) -> Result<Option<bool>, HolderError> {
    let found = match session.get_attributes(key, &[which]) {
        Ok(found) => found,
        Err(P11Error::Pkcs11(RvError::AttributeTypeInvalid, _)) => return Ok(None),
        Err(error) => return Err(translate(error)),
    };
    Ok(found.into_iter().find_map(|attribute| match attribute {
        Attribute::Sensitive(on)
        | Attribute::Extractable(on)
        | Attribute::AlwaysAuthenticate(on) => Some(on),
        _ => None,
    }))
}

/// The public point of a key object (`CKA_EC_POINT`), on P-256.
pub(super) fn public_point(
    session: &Session,
    public: ObjectHandle,
) -> Result<[u8; POINT_BYTES], HolderError> {
    let found = session
        .get_attributes(public, &[AttributeType::EcParams, AttributeType::EcPoint])
        .map_err(translate)?;
    let mut result = None;
    for attribute in found {
        match attribute {
            Attribute::EcParams(curve) if curve != P256_OID => return Err(HolderError::NoP256),
            Attribute::EcPoint(bytes) => result = point(&bytes),
            _ => {}
        }
    }
    result.ok_or(HolderError::NoP256)
}

/// A token's word is not taken for it: the key must be unreadable and must sign.
pub(super) fn check_made(
    session: &Session,
    public: ObjectHandle,
    private: ObjectHandle,
) -> Result<[u8; POINT_BYTES], HolderError> {
    let sensitive = flag(session, private, AttributeType::Sensitive)?;
    let extractable = flag(session, private, AttributeType::Extractable)?;
    if sensitive != Some(true) || extractable != Some(false) {
        return Err(HolderError::Extractable);
    }
    let point = public_point(session, public)?;
    const PROBE: &[u8] = b"signet key check";
    let signature = sign_with(session, private, &sha256(PROBE))?;
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(PROBE, &signature);
    verified.map_err(|_| HolderError::Other {
        detail: "its signature does not fit its public key".into(),
    })?;
    Ok(point)
}

/// Signs a SHA-256 digest with the private key of this label.
pub(super) fn sign(
    session: &Session,
    label: &KeyLabel,
    digest: &[u8; 32],
) -> Result<Vec<u8>, HolderError> {
    let private = find(session, ObjectClass::PRIVATE_KEY, label)?
        .ok_or_else(|| HolderError::NoSuchKey { label: label.clone() })?;
    sign_with(session, private, digest)
}

fn sign_with(
    session: &Session,
    private: ObjectHandle,
    digest: &[u8; 32],
) -> Result<Vec<u8>, HolderError> {
    let raw = session.sign(&Mechanism::Ecdsa, private, digest).map_err(translate)?;
    signature_der(&raw)
        .ok_or_else(|| HolderError::Other { detail: "its signature has the wrong length".into() })
}

/// `CKA_ID` ties the two halves together; 16 bytes of the label's digest.
pub(super) fn id(label: &KeyLabel) -> Vec<u8> {
    sha256(label.as_str().as_bytes())[..16].to_vec()
}
