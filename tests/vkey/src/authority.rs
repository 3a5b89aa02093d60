//! The attestation authority of virtual keys, made at run time.

use crate::VkeyError;
use aws_lc_rs::{
    encoding::{AsBigEndian, EcPrivateKeyBin},
    rand,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use std::{fmt, fs, path::Path};

/// WebAuthn Level 2 §8.2.1: the subject's unit is this text.
const UNIT: &str = "Authenticator Attestation";
/// id-fido-gen-ce-aaguid (WebAuthn Level 2 §8.2.1).
const AAGUID_OID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
const FILE: &str = "authority.json";

/// An attestation authority, and the one model of keys it vouches for.
#[derive(Clone, Serialize, Deserialize)]
pub struct TestAuthority {
    ca_pem: String,
    aaguid: [u8; 16],
    /// The attestation certificate all keys of the model carry.
    pub(crate) leaf: Vec<u8>,
    /// Its private key, P-256.
    pub(crate) scalar: Vec<u8>,
}

impl fmt::Debug for TestAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestAuthority({})", self.aaguid())
    }
}

impl TestAuthority {
    /// A new authority with a model of its own.
    ///
    /// # Errors
    /// [`VkeyError::Certificates`]
    pub fn generate() -> Result<Self, VkeyError> {
        let mut aaguid = [0; 16];
        rand::fill(&mut aaguid).map_err(|_| VkeyError::Certificates("no random numbers".into()))?;
        let (ca_key, ca) = authority().map_err(certificates)?;
        let ca_pem = ca.self_signed(&ca_key).map_err(certificates)?.pem();
        let leaf_key = KeyPair::generate().map_err(certificates)?;
        let leaf = model(&aaguid)
            .signed_by(&leaf_key, &Issuer::from_params(&ca, &ca_key))
            .map_err(certificates)?;
        Ok(Self { ca_pem, aaguid, leaf: leaf.der().to_vec(), scalar: scalar_of(&leaf_key)? })
    }

    /// The authority kept in `folder`, made there on the first call: for keys that are kept too.
    pub fn in_folder(folder: &Path) -> Result<Self, VkeyError> {
        let file = folder.join(FILE);
        match fs::read(&file) {
            Ok(saved) => serde_json::from_slice(&saved).map_err(|e| VkeyError::Files(e.into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let made = Self::generate()?;
                fs::create_dir_all(folder).map_err(VkeyError::Files)?;
                let saved = serde_json::to_vec(&made).map_err(|e| VkeyError::Files(e.into()))?;
                fs::write(&file, saved).map_err(VkeyError::Files)?;
                Ok(made)
            }
            Err(e) => Err(VkeyError::Files(e)),
        }
    }

    /// The authority's own certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The model, as a UUID: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    pub fn aaguid(&self) -> String {
        let hex: String = self.aaguid.iter().map(|b| format!("{b:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// The text of a reviewed list that trusts this authority's keys and no others.
    pub fn attestation_toml(&self) -> String {
        format!(
            "[[authority]]\nname = \"Signet virtual keys\"\npem = \
                \"\"\"\n{}\"\"\"\n\n[[authority.model]]\naaguid = \"{}\"\nname = \"Virtual key\"\n",
            self.ca_pem,
            self.aaguid()
        )
    }
}

fn certificates(error: rcgen::Error) -> VkeyError {
    VkeyError::Certificates(error.to_string())
}

fn authority() -> Result<(KeyPair, CertificateParams), rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    ca.distinguished_name = named(&[(
        DnType::CommonName,
        "Signet virtual keys: attestation authority, demonstration only",
    )]);
    Ok((KeyPair::generate()?, ca))
}

/// WebAuthn Level 2 §8.2.1, "Packed Attestation Statement Certificate Requirements".
fn model(aaguid: &[u8; 16]) -> CertificateParams {
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name = named(&[
        (DnType::CountryName, "GB"),
        (DnType::OrganizationName, "Signet virtual keys"),
        (DnType::OrganizationalUnitName, UNIT),
        (DnType::CommonName, "Virtual key"),
    ]);
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    let octets = [&[0x04, 0x10], aaguid.as_slice()].concat();
    leaf.custom_extensions.push(CustomExtension::from_oid_content(AAGUID_OID, octets));
    leaf
}

fn named(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}

fn scalar_of(key: &KeyPair) -> Result<Vec<u8>, VkeyError> {
    let odd = || VkeyError::Certificates("the attestation key is not on P-256".into());
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der())
        .map_err(|_| odd())?;
    let scalar: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(|_| odd())?;
    Ok(scalar.as_ref().to_vec())
}
