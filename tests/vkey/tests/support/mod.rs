//! A relying party, and a person in front of the desk.
#![allow(dead_code, reason = "each test program uses a part of it")]

use signet_stepup::{
    Context,
    client::{Ceremony, CeremonyError, KeyOperation, Order, Pin, Status, Step, StepUp},
};
use signet_vkey::{Settings, TestAuthority, VirtualKey};
use std::time::Duration;
use webauthn_rs::prelude::*;

pub const ORIGIN: &str = "https://stepup.bank.example";
pub const PIN: &str = "24681357";
/// Longer than any machine takes; only what must time out is given less.
pub const LONG: Duration = Duration::from_secs(120);

pub struct Rp {
    webauthn: Webauthn,
    trusted: AttestationCaList,
    person: Uuid,
}

impl Rp {
    pub fn trusting(authority: &TestAuthority) -> Self {
        let origin = Url::parse(ORIGIN).expect("origin");
        let mut trusted = AttestationCaListBuilder::new();
        let model = Uuid::parse_str(&authority.aaguid()).expect("AAGUID");
        trusted
            .insert_device_pem(
                authority.ca_pem().as_bytes(),
                model,
                "key".into(),
                Default::default(),
            )
            .expect("authority");
        Self {
            webauthn: WebauthnBuilder::new("stepup.bank.example", &origin)
                .and_then(WebauthnBuilder::build)
                .expect("relying party"),
            trusted: trusted.build(),
            person: Uuid::from_u128(1),
        }
    }

    pub fn ask_to_register(
        &self,
        has: &[&AttestedPasskey],
    ) -> (String, AttestedPasskeyRegistration) {
        let exclude = has.iter().map(|key| key.cred_id().clone()).collect();
        let kind = Some(AuthenticatorAttachment::CrossPlatform);
        let (options, state) = self
            .webauthn
            .start_attested_passkey_registration(
                self.person,
                "trader1",
                "Trader One",
                Some(exclude),
                self.trusted.clone(),
                kind,
            )
            .expect("registration options");
        (serde_json::to_string(&options).expect("JSON"), state)
    }

    pub fn registered(
        &self,
        answer: &str,
        state: &AttestedPasskeyRegistration,
    ) -> Result<AttestedPasskey, WebauthnError> {
        self.webauthn.finish_attested_passkey_registration(
            &serde_json::from_str(answer).expect("a credential"),
            state,
        )
    }

    pub fn ask_to_sign(&self, keys: &[AttestedPasskey]) -> (String, AttestedPasskeyAuthentication) {
        let (options, state) =
            self.webauthn.start_attested_passkey_authentication(keys).expect("request options");
        (serde_json::to_string(&options).expect("JSON"), state)
    }

    pub fn signed(
        &self,
        answer: &str,
        state: &AttestedPasskeyAuthentication,
    ) -> Result<AuthenticationResult, WebauthnError> {
        self.webauthn.finish_attested_passkey_authentication(
            &serde_json::from_str(answer).expect("an assertion"),
            state,
        )
    }

    /// Registers through `keys`, with a person who knows the PIN.
    pub async fn register(&self, keys: &dyn StepUp) -> AttestedPasskey {
        let (options, state) = self.ask_to_register(&[]);
        let (answer, _) = run(keys.begin(order(KeyOperation::Register(options))), knows_pin).await;
        self.registered(&answer.expect("registered"), &state).expect("accepted")
    }
}

pub fn order(operation: KeyOperation) -> Order {
    Order { operation, origin: ORIGIN.into(), context: None, timeout: LONG, window: None }
}

pub fn with_context(order: Order, context: Context) -> Order {
    Order { context: Some(context), ..order }
}

/// What the person does when the desk shows a status.
pub fn knows_pin(ceremony: &Ceremony, status: Status) {
    if let Status::Pin { .. } = status {
        ceremony.give_pin(Pin::new(PIN.into()));
    }
}

/// Follows a ceremony to its end.
pub async fn run(
    mut ceremony: Ceremony,
    mut person: impl FnMut(&Ceremony, Status),
) -> (Result<String, CeremonyError>, Vec<Status>) {
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(LONG, ceremony.next()).await.expect("a ceremony ends by itself")
        {
            Step::Status(status) => {
                seen.push(status);
                person(&ceremony, status);
            }
            Step::Done(outcome) => return (outcome, seen),
        }
    }
}

/// A key with the PIN set and a finger on it.
pub fn key(authority: &TestAuthority, name: &str) -> VirtualKey {
    let key = VirtualKey::plug_in(authority, Settings::named(name).pin(PIN).touch_timeout(LONG))
        .expect("key");
    key.hold_finger(true);
    key
}
