//! A security key in software, for tests of relying parties: it does what FIDO2 keys do, with an
//! attestation of a maker that the test made up, and can be told to do one thing wrong.
//!
//! It knows nothing of Signet: whoever asks it writes `clientDataJSON`. Panics on what no test
//! should hand it.

mod cbor;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use serde_json::{Value, json};

/// Whoever makes keys: an authority that attests them.
pub struct Maker {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a key does wrong, or differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// No attestation, as a software passkey.
    NoAttestation,
    /// Attested by the credential itself.
    SelfAttestation,
    /// Attestation signed with another key than the certificate's.
    FalseAttestation,
    NoUserVerification,
    NoUserPresence,
    BackupEligible,
    NoCredProtect,
    WeakCredProtect,
    CounterBack,
    CounterStays,
    CounterZero,
    OtherRpId,
}

struct Credential {
    id: Vec<u8>,
    key: EcdsaKeyPair,
    counter: u32,
}

/// A key with a model number, attested by its maker.
pub struct SoftKey {
    aaguid: [u8; 16],
    certificate: Vec<u8>,
    attestation: EcdsaKeyPair,
    credentials: Vec<Credential>,
    pub quirk: Option<Quirk>,
}

fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key")
}

fn sign(key: &EcdsaKeyPair, parts: &[&[u8]]) -> Vec<u8> {
    key.sign(&SystemRandom::new(), &parts.concat()).expect("a signature").as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

impl Maker {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a root") }
    }

    /// Its root certificate.
    pub fn pem(&self) -> String {
        self.issuer.as_ref().pem()
    }

    /// An attestation list that approves these models of this maker.
    pub fn list(&self, models: &[(&str, &str)]) -> String {
        let mut text =
            format!("[[authority]]\nname = \"Maker\"\npem = \"\"\"\n{}\"\"\"\n", self.pem());
        for (aaguid, name) in models {
            text.push_str(&format!(
                "[[authority.model]]\naaguid = \"{aaguid}\"\nname = \"{name}\"\n"
            ));
        }
        text
    }

    /// A key of a model; `aaguid` as people write it.
    pub fn key(&self, aaguid: &str) -> SoftKey {
        let hex: String = aaguid.chars().filter(|c| *c != '-').collect();
        let number = u128::from_str_radix(&hex, 16).expect("an AAGUID");
        let aaguid = number.to_be_bytes();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // WebAuthn Level 2 §8.2.1.
        params.distinguished_name.push(DnType::CountryName, "XX");
        params.distinguished_name.push(DnType::OrganizationName, "Maker");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Authenticator Attestation");
        params.distinguished_name.push(DnType::CommonName, "Soft key");
        params.is_ca = IsCa::ExplicitNoCa;
        let octets = [&[0x04, 0x10], aaguid.as_slice()].concat();
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], octets)];
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let certificate =
            params.signed_by(&pair, &self.issuer).expect("a certificate").der().to_vec();
        let attestation =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pair.serialize_der())
                .expect("a key");
        SoftKey { aaguid, certificate, attestation, credentials: Vec::new(), quirk: None }
    }
}

/// The challenge in options of either kind, as text.
pub fn challenge_of(options: &str) -> String {
    let options: Value = serde_json::from_str(options).expect("options");
    options["publicKey"]["challenge"].as_str().expect("a challenge").to_owned()
}

impl SoftKey {
    /// The same key with a quirk from now on.
    pub fn with(mut self, quirk: Quirk) -> Self {
        self.quirk = Some(quirk);
        self
    }

    fn is(&self, quirk: Quirk) -> bool {
        self.quirk == Some(quirk)
    }

    fn flags(&self) -> u8 {
        let mut flags = 0x05;
        if self.is(Quirk::NoUserPresence) {
            flags &= !0x01;
        }
        if self.is(Quirk::NoUserVerification) {
            flags &= !0x04;
        }
        if self.is(Quirk::BackupEligible) {
            flags |= 0x08;
        }
        flags
    }

    fn rp_id_hash(&self, rp_id: &str) -> Vec<u8> {
        sha256(if self.is(Quirk::OtherRpId) { b"other.example" } else { rp_id.as_bytes() })
    }

    /// Makes a credential; the answer as JSON (WebAuthn `RegistrationResponseJSON`).
    pub fn register(&mut self, options: &str, client_data: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("options");
        let rp_id = options["publicKey"]["rp"]["id"].as_str().expect("an rp id");
        let counter = if self.is(Quirk::CounterZero) { 0 } else { 1 };
        let made =
            Credential { id: sha256(new_key().public_key().as_ref()), key: new_key(), counter };
        let point = made.key.public_key().as_ref();
        let cose = cbor::map(&[
            (cbor::int(1), cbor::int(2)),
            (cbor::int(3), cbor::int(-7)),
            (cbor::int(-1), cbor::int(1)),
            (cbor::int(-2), cbor::bytes(&point[1..33])),
            (cbor::int(-3), cbor::bytes(&point[33..65])),
        ]);
        let mut flags = self.flags() | 0x40;
        let mut extensions = Vec::new();
        if !self.is(Quirk::NoCredProtect) {
            flags |= 0x80;
            let level = if self.is(Quirk::WeakCredProtect) { 2 } else { 3 };
            extensions = cbor::map(&[(cbor::text("credProtect"), cbor::int(level))]);
        }
        let data = [
            self.rp_id_hash(rp_id),
            vec![flags],
            made.counter.to_be_bytes().to_vec(),
            self.aaguid.to_vec(),
            (made.id.len() as u16).to_be_bytes().to_vec(),
            made.id.clone(),
            cose,
            extensions,
        ]
        .concat();
        let object = self.attest(&made, &data, &sha256(client_data.as_bytes()));
        let id = B64.encode(&made.id);
        self.credentials.push(made);
        let response = json!({"attestationObject": B64.encode(object), "clientDataJSON": B64.encode(client_data), "transports": ["usb"]});
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}}).to_string()
    }

    fn attest(&self, made: &Credential, data: &[u8], hash: &[u8]) -> Vec<u8> {
        let signed = |key| cbor::bytes(&sign(key, &[data, hash]));
        let statement = match self.quirk {
            Some(Quirk::NoAttestation) => cbor::map(&[]),
            Some(Quirk::SelfAttestation) => cbor::map(&[
                (cbor::text("alg"), cbor::int(-7)),
                (cbor::text("sig"), signed(&made.key)),
            ]),
            _ => {
                let with =
                    if self.is(Quirk::FalseAttestation) { &made.key } else { &self.attestation };
                cbor::map(&[
                    (cbor::text("alg"), cbor::int(-7)),
                    (cbor::text("sig"), signed(with)),
                    (cbor::text("x5c"), cbor::array(&[cbor::bytes(&self.certificate)])),
                ])
            }
        };
        let format = if self.is(Quirk::NoAttestation) { "none" } else { "packed" };
        cbor::map(&[
            (cbor::text("fmt"), cbor::text(format)),
            (cbor::text("attStmt"), statement),
            (cbor::text("authData"), cbor::bytes(data)),
        ])
    }

    /// Signs with the first of its credentials that the options name; `None` when they name none of
    /// them.
    pub fn sign(&mut self, options: &str, client_data: &str) -> Option<String> {
        let options: Value = serde_json::from_str(options).expect("options");
        let allowed = options["publicKey"]["allowCredentials"].as_array().expect("credentials");
        let ids: Vec<&str> = allowed.iter().filter_map(|c| c["id"].as_str()).collect();
        let at = self.credentials.iter().position(|c| ids.contains(&B64.encode(&c.id).as_str()))?;
        let rp_id = options["publicKey"]["rpId"].as_str().expect("an rp id").to_owned();
        Some(self.assert(at, &rp_id, client_data))
    }

    /// Signs with a credential nobody asked for: the newest.
    pub fn sign_unasked(&mut self, rp_id: &str, client_data: &str) -> String {
        self.assert(self.credentials.len() - 1, rp_id, client_data)
    }

    fn assert(&mut self, at: usize, rp_id: &str, client_data: &str) -> String {
        let counter = match self.quirk {
            Some(Quirk::CounterBack) => self.credentials[at].counter.saturating_sub(1),
            Some(Quirk::CounterStays) => self.credentials[at].counter,
            Some(Quirk::CounterZero) => 0,
            _ => self.credentials[at].counter + 1,
        };
        self.credentials[at].counter = counter;
        let data =
            [self.rp_id_hash(rp_id), vec![self.flags()], counter.to_be_bytes().to_vec()].concat();
        let c = &self.credentials[at];
        let signature = sign(&c.key, &[&data, &sha256(client_data.as_bytes())]);
        let id = B64.encode(&c.id);
        let response = json!({
            "authenticatorData": B64.encode(data),
            "clientDataJSON": B64.encode(client_data),
            "signature": B64.encode(signature),
        });
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}}).to_string()
    }
}
