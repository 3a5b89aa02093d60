//! A relying party, a key, and what the registry keeps of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_registry::{
    Attestation, CounterBack, NewKeyRow, RecordRefusal, Recorded, Registry, first_key::Grant,
};
use signet_rfq::UtcMillis;
use signet_softkey::{Maker, SoftKey, challenge_of};
use signet_stepup::{
    Action, Approval, CeremonyKind, Context, SessionReason, client_data_json,
    evidence::{Evidence, VERSION, dashed},
    rp::{AttestationList, Passkey, Person, RelyingParty, RpSettings},
};
use std::{path::Path, time::Duration};

const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";
const RP_ID: &str = "stepup.bank.example";
const ORIGIN: &str = "https://stepup.bank.example";
const EXPORTER: [u8; 32] = [7; 32];
pub const NOW: UtcMillis = UtcMillis(1_000);

/// A maker, a relying party, and a key with what the registry keeps of it.
pub struct Keys {
    pub maker: Maker,
    rp: RelyingParty,
    key: SoftKey,
    passkey: Passkey,
    pub row: NewKeyRow,
}

impl Keys {
    pub fn new(user: &str, grant: Grant) -> Self {
        let maker = Maker::new("Maker");
        let list = AttestationList::from_toml(&maker.list(&[(MODEL, "Test key")]), Path::new("/"))
            .unwrap();
        let settings = RpSettings {
            rp_id: RP_ID.into(),
            origin: None,
            name: "Bank".into(),
            timeout: Duration::from_secs(60),
        };
        let rp = RelyingParty::new(&settings, list).unwrap();
        let mut key = maker.key(MODEL);
        let person = Person { id: [1; 16], name: user.into(), display: user.into() };
        let (options, pending) = rp.begin_registration(&person, &[]).unwrap();
        let data = client_data_json(CeremonyKind::Register, &challenge_of(&options), ORIGIN, None);
        let made = rp.finish_registration(pending, &key.register(&options, &data)).unwrap();
        let row = NewKeyRow {
            user: user.into(),
            name: "blue".into(),
            credential_id: B64.encode(&made.credential_id),
            aaguid: dashed(made.aaguid),
            model: made.model,
            passkey: made.passkey.to_json().unwrap(),
            counter: made.passkey.counter(),
            attestation: Attestation {
                object: B64.encode(made.attestation_object),
                client_data_json: B64.encode(made.client_data_json),
                public_key: B64.encode(made.public_key),
                transports: made.transports,
            },
            grant,
        };
        Self { maker, rp, key, passkey: made.passkey, row }
    }

    /// Evidence of a step-up, and the key's counter.
    pub fn sign(&mut self) -> (u32, Evidence) {
        let action = Action::Session(SessionReason::Logon);
        let approval = Approval {
            gateway: "GW".into(),
            desk: "ALICE".into(),
            approver: "ALICE".into(),
            action,
        };
        let context = Context { approval: approval.digest().unwrap(), exporter: EXPORTER };
        let (options, pending) =
            self.rp.begin_assertion(std::slice::from_ref(&self.passkey)).unwrap();
        let data =
            client_data_json(CeremonyKind::Sign, &challenge_of(&options), ORIGIN, Some(&context));
        let a = self
            .rp
            .finish_assertion(pending, &self.key.sign(&options, &data).unwrap(), &context)
            .unwrap();
        let evidence = Evidence {
            v: VERSION,
            at_ms: NOW.0,
            user: self.row.user.clone(),
            approver: "ALICE".into(),
            key_name: String::new(),
            approval: approval.text().unwrap(),
            policy: "p".into(),
            challenge: B64.encode(a.challenge),
            deadline_ms: NOW.0,
            rp_id: RP_ID.into(),
            origin: ORIGIN.into(),
            tls_exporter: B64.encode(EXPORTER),
            credential_id: self.row.credential_id.clone(),
            public_key: self.row.attestation.public_key.clone(),
            aaguid: self.row.aaguid.clone(),
            client_data_json: B64.encode(a.client_data_json),
            authenticator_data: B64.encode(a.authenticator_data),
            signature: B64.encode(a.signature),
            attestation_object: self.row.attestation.object.clone(),
            registration_client_data_json: self.row.attestation.client_data_json.clone(),
        };
        (a.counter, evidence)
    }

    pub async fn record(&mut self, registry: &Registry) -> Result<Recorded, RecordRefusal> {
        let (counter, evidence) = self.sign();
        registry
            .record_assertion(
                &self.row.credential_id,
                (counter, CounterBack::Lock),
                evidence,
                ("session", ""),
                NOW,
            )
            .await
    }
}
