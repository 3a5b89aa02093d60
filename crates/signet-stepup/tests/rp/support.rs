//! A relying party, a maker of keys, and a person.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_softkey::{Maker, SoftKey, challenge_of};
use signet_stepup::{
    Approval, CeremonyKind, Context, Digest, SessionReason, client_data_json,
    rp::{Assertion, AttestationList, NewKey, Person, RelyingParty, RpError, RpSettings},
};
use std::{path::Path, time::Duration};

pub const RP_ID: &str = "stepup.bank.example";
pub const ORIGIN: &str = "https://stepup.bank.example";
pub const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";
pub const OTHER_MODEL: &str = "10112233-4455-6677-8899-aabbccddeeff";
pub const EXPORTER: [u8; 32] = [7; 32];

pub struct World {
    pub maker: Maker,
    pub rp: RelyingParty,
}

pub fn relying_party(list: &str) -> RelyingParty {
    let list = AttestationList::from_toml(list, Path::new("/nowhere")).unwrap();
    let settings = RpSettings {
        rp_id: RP_ID.into(),
        origin: None,
        name: "Bank".into(),
        timeout: Duration::from_secs(60),
    };
    RelyingParty::new(&settings, list).unwrap()
}

pub fn person() -> Person {
    Person { id: [1; 16], name: "alice".into(), display: "Alice".into() }
}

pub fn approval() -> Approval {
    Approval {
        gateway: "SIGNET".into(),
        desk: "ALICE".into(),
        approver: "ALICE".into(),
        action: signet_stepup::Action::Session(SessionReason::Logon),
    }
}

pub fn context() -> Context {
    Context { approval: approval().digest().unwrap(), exporter: EXPORTER }
}

pub fn other_context() -> Context {
    Context { approval: Digest([9; 32]), exporter: EXPORTER }
}

impl World {
    pub fn new() -> Self {
        let maker = Maker::new("Maker Root");
        let rp = relying_party(&maker.list(&[(MODEL, "Test key")]));
        Self { maker, rp }
    }

    pub fn register(&self, key: &mut SoftKey) -> Result<NewKey, RpError> {
        let (options, pending) = self.rp.begin_registration(&person(), &[]).unwrap();
        let data = client_data_json(CeremonyKind::Register, &challenge_of(&options), ORIGIN, None);
        self.rp.finish_registration(pending, &key.register(&options, &data))
    }

    /// A good key and what the relying party keeps of it.
    pub fn registered(&self) -> (SoftKey, NewKey) {
        let mut key = self.maker.key(MODEL);
        let new = self.register(&mut key).unwrap();
        (key, new)
    }

    /// A step-up with the context the desk signs; `answer` may tamper with the answer.
    pub fn step_up(
        &self,
        key: &mut SoftKey,
        new: &NewKey,
        signed: Option<&Context>,
        answer: impl Fn(String) -> String,
    ) -> Result<Assertion, RpError> {
        let (options, pending) =
            self.rp.begin_assertion(std::slice::from_ref(&new.passkey)).unwrap();
        let data = client_data_json(CeremonyKind::Sign, &challenge_of(&options), ORIGIN, signed);
        let given = answer(key.sign(&options, &data).unwrap());
        self.rp.finish_assertion(pending, &given, &context())
    }
}

/// Replaces text in the client data of an answer, after it was signed.
pub fn edit_client_data(answer: &str, from: &str, to: &str) -> String {
    let mut answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let data = String::from_utf8(
        B64.decode(answer["response"]["clientDataJSON"].as_str().unwrap()).unwrap(),
    )
    .unwrap();
    assert!(data.contains(from), "{data}");
    answer["response"]["clientDataJSON"] = B64.encode(data.replacen(from, to, 1)).into();
    answer.to_string()
}
