//! Certificate requests (PKCS#10, RFC 2986), signed by a key wherever it lives.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};
use signet_identity::{DeviceKey, KeyError, is_device_name};

/// A DER request whose subject is `CN=<device>` and which asks for nothing else: everything that
/// matters in the certificate is decided by the issuer.
///
/// May block like any use of the key.
///
/// # Errors
/// What the key's holder says, or [`KeyError::Device`] for a text that is not a device name (see
/// [`signet_identity::device_name`]).
pub fn certificate_request(key: &dyn DeviceKey, device: &str) -> Result<Vec<u8>, KeyError> {
    if !is_device_name(device) {
        return Err(KeyError::Device(
            "the device's name cannot stand in a certificate request".into(),
        ));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, device);
    let signer = Signer { key, failed: std::sync::Mutex::new(None) };
    match params.serialize_request(&signer) {
        Ok(request) => Ok(request.der().to_vec()),
        // rcgen's error cannot carry the holder's own, so the signer keeps it.
        Err(_) => Err(signer.failed.into_inner().ok().flatten().unwrap_or(KeyError::CannotSign)),
    }
}

struct Signer<'a> {
    key: &'a dyn DeviceKey,
    failed: std::sync::Mutex<Option<KeyError>>,
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.key.public_point()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign_es256(message).map_err(|error| {
            if let Ok(mut failed) = self.failed.lock() {
                *failed = Some(error);
            }
            rcgen::Error::RemoteKeyError
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_identity::{Protection, SoftwareKey};
    use x509_parser::certification_request::X509CertificationRequest;
    use x509_parser::prelude::FromDer as _;

    #[test]
    fn a_request_names_the_device_and_proves_the_key() {
        let document = SoftwareKey::generate_pkcs8().unwrap();
        let key = SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory).unwrap();
        let der = certificate_request(&key, "x1-laptop").unwrap();
        let (rest, request) = X509CertificationRequest::from_der(&der).unwrap();
        assert!(rest.is_empty());
        assert_eq!(request.certification_request_info.subject.to_string(), "CN=x1-laptop");
        assert_eq!(request.certification_request_info.subject_pki.raw, key.spki().as_ref());
        assert_eq!(request.requested_extensions().map(Iterator::count).unwrap_or_default(), 0);
        let signature = request.signature_value.data.as_ref();
        let signed = request.certification_request_info.raw;
        let public = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1,
            key.public_point(),
        );
        public.verify(signed, signature).unwrap();
        assert!(certificate_request(&key, "X1 laptop").is_err());
    }
}
