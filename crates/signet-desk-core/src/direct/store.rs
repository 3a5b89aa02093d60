//! Registered keys and evidence of a desk that is its own relying party, in two sealed files of the
//! identity. Their secret is in the keychain.

use super::refusal::TouchRefusal;
use crate::view::KeyView;
use serde::{Deserialize, Serialize};
use signet_identity::{CompId, file_stem};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::UtcMillis;
use signet_stepup::{
    evidence::Evidence,
    rp::{KEYS_MAX, NewKey, Passkey, RelyingParty, RpError},
};
use std::path::Path;

/// With more records than this the file of keys is rewritten at the next start. Each touch adds
/// one.
const TIDY_ABOVE: usize = 1_000;
const NAME_CHARS_MAX: usize = 40;

/// A registered key. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRecord {
    pub credential_id: String,
    pub name: String,
    pub model: String,
    pub registered: UtcMillis,
    /// 0 if never.
    pub last_used: UtcMillis,
    pub counter: u32,
    /// Its counter went back, so a copy may exist.
    pub locked: bool,
    /// [`Passkey::to_json`], with the counter of its registration.
    pub passkey: String,
    pub public_key: String,
    pub aaguid: String,
    pub attestation_object: String,
    pub client_data_json: String,
}

/// One record of the file of keys.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Key(Box<KeyRecord>),
    Used { credential_id: String, counter: u32, at: UtcMillis },
    Locked { credential_id: String },
}

pub(super) struct TouchStore {
    keys: Vec<KeyRecord>,
    log: SealedLog,
    evidence: SealedLog,
}

impl TouchStore {
    /// Opens both files of the venue `comp_id` in the identity's `folder`. Fails if a record cannot
    /// be read, because the record may be the one that locks a key.
    pub(super) fn open(folder: &Path, comp_id: &CompId, key: &StoreKey) -> Result<Self, LogError> {
        let party = file_stem(comp_id.as_str());
        let path = folder.join(format!("{party}.keys"));
        let (log, recovered) = SealedLog::open(&path, key)?;
        let (evidence, _) = SealedLog::open(&folder.join(format!("{party}.evidence")), key)?;
        let mut store = Self { keys: Vec::new(), log, evidence };
        for (index, record) in recovered.records.iter().enumerate() {
            let line = serde_json::from_slice(record)
                .map_err(|_| LogError::Tampered { path: path.clone(), index: index as u64 })?;
            store.take(line);
        }
        if recovered.records.len() > TIDY_ABOVE {
            let lines: Vec<Vec<u8>> =
                store.keys.iter().map(|k| bytes(&Line::Key(Box::new(k.clone())))).collect();
            store.log.rewrite(lines.iter().map(Vec::as_slice))?;
        }
        Ok(store)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Key(k) => self.keys.push(*k),
            Line::Used { credential_id, counter, at } => {
                self.edit(&credential_id, |k| (k.counter, k.last_used) = (counter, at))
            }
            Line::Locked { credential_id } => self.edit(&credential_id, |k| k.locked = true),
        }
    }

    fn edit(&mut self, credential_id: &str, f: impl FnOnce(&mut KeyRecord)) {
        if let Some(k) = self.keys.iter_mut().find(|k| k.credential_id == credential_id) {
            f(k);
        }
    }

    fn write(&mut self, line: Line) -> Result<(), TouchRefusal> {
        self.log.append(&bytes(&line)).and_then(|()| self.log.sync()).map_err(not_kept)?;
        self.take(line);
        Ok(())
    }

    /// As the window lists them.
    pub(super) fn view(&self) -> Vec<KeyView> {
        let view = |k: &KeyRecord| KeyView {
            id: k.credential_id.clone(),
            name: k.name.clone(),
            model: k.model.clone(),
            good: !k.locked,
            registered_ms: k.registered.0 as f64,
            last_used_ms: k.last_used.0 as f64,
        };
        self.keys.iter().map(view).collect()
    }

    /// How many keys are not locked.
    pub(super) fn good(&self) -> u32 {
        u32::try_from(self.keys.iter().filter(|k| !k.locked).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may answer: those that are not locked and whose model is still approved.
    pub(super) fn usable(&self, rp: &RelyingParty) -> Result<Vec<Passkey>, TouchRefusal> {
        if self.keys.is_empty() {
            return Err(TouchRefusal::NoKey);
        }
        if self.keys.iter().all(|k| k.locked) {
            return Err(TouchRefusal::NoUsableKey("locked"));
        }
        let read = |k: &KeyRecord| {
            let passkey = Passkey::from_json(&k.passkey)?.with_counter(k.counter);
            rp.still_listed(&passkey).map(drop)?;
            Ok::<_, RpError>(passkey)
        };
        let (mut good, mut why) = (Vec::new(), "");
        for k in self.keys.iter().filter(|k| !k.locked) {
            match read(k) {
                Ok(p) => good.push(p),
                Err(e) => {
                    tracing::warn!(
                        key = k.name,
                        code = e.code(),
                        "a registered key is left out: {e}"
                    );
                    why = if matches!(e, RpError::StoredKey(_)) {
                        "they cannot be read"
                    } else {
                        "their models are no longer approved"
                    };
                }
            }
        }
        if good.is_empty() { Err(TouchRefusal::NoUsableKey(why)) } else { Ok(good) }
    }

    /// Every key that can be read, so that none is registered again.
    pub(super) fn existing(&self) -> Vec<Passkey> {
        self.keys.iter().filter_map(|k| Passkey::from_json(&k.passkey).ok()).collect()
    }

    /// Whether another key may have this name.
    pub(super) fn check_name(&self, name: &str) -> Result<(), TouchRefusal> {
        let printable = !name.chars().any(char::is_control);
        if name.trim() != name
            || !printable
            || !(1..=NAME_CHARS_MAX).contains(&name.chars().count())
        {
            return Err(TouchRefusal::KeyName("not 1 to 40 printable characters"));
        }
        if self.keys.len() >= KEYS_MAX {
            return Err(TouchRefusal::TooManyKeys);
        }
        let taken = self.keys.iter().any(|k| k.name.to_lowercase() == name.to_lowercase());
        if taken { Err(TouchRefusal::KeyName("one of your other keys' already")) } else { Ok(()) }
    }

    /// Stores a key that passed the checks. It is on disk when this returns.
    pub(super) fn add(
        &mut self,
        name: String,
        new: NewKey,
        now: UtcMillis,
    ) -> Result<(), TouchRefusal> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
        self.check_name(&name)?;
        let credential_id = B64.encode(&new.credential_id);
        if self.keys.iter().any(|k| k.credential_id == credential_id) {
            return Err(RpError::AlreadyRegistered.into());
        }
        self.write(Line::Key(Box::new(KeyRecord {
            credential_id,
            name,
            model: new.model,
            registered: now,
            last_used: UtcMillis(0),
            counter: new.passkey.counter(),
            locked: false,
            passkey: new.passkey.to_json()?,
            public_key: B64.encode(new.public_key),
            aaguid: signet_stepup::evidence::dashed(new.aaguid),
            attestation_object: B64.encode(new.attestation_object),
            client_data_json: B64.encode(new.client_data_json),
        })))
    }

    pub(super) fn key(&self, credential_id: &str) -> Option<&KeyRecord> {
        self.keys.iter().find(|k| k.credential_id == credential_id)
    }

    /// Stores the counter and the evidence of a touch that passed the checks. Both are on disk when
    /// this returns. If it fails, the counter may have been stored, which does no harm.
    pub(super) fn record(
        &mut self,
        counter: u32,
        evidence: &Evidence,
        now: UtcMillis,
    ) -> Result<(), TouchRefusal> {
        let credential_id = evidence.credential_id.clone();
        let (before, locked) =
            self.key(&credential_id).map(|k| (k.counter, k.locked)).ok_or(RpError::UnknownKey)?;
        if locked {
            return Err(TouchRefusal::NoUsableKey("locked"));
        }
        // WebAuthn Level 2 §6.1.1. The newest state counts, because another challenge may have been
        // answered meanwhile.
        let rises = counter > before || (counter == 0 && before == 0);
        if !rises {
            self.lock(&credential_id)?;
            return Err(RpError::CounterWentBack { credential_id }.into());
        }
        self.write(Line::Used { credential_id, counter, at: now })?;
        self.evidence
            .append(evidence.to_json().as_bytes())
            .and_then(|()| self.evidence.sync())
            .map_err(not_kept)
    }

    /// Locks a key: its answers no longer count.
    pub(super) fn lock(&mut self, credential_id: &str) -> Result<(), TouchRefusal> {
        tracing::error!(credential_id, "a security key's counter went back; the key is locked");
        // The key is locked in memory first, so that a full disk does not keep it in use.
        self.edit(credential_id, |k| k.locked = true);
        self.write(Line::Locked { credential_id: credential_id.into() })
    }
}

fn bytes(line: &Line) -> Vec<u8> {
    // Texts and numbers always serialise.
    serde_json::to_vec(line).unwrap_or_default()
}

fn not_kept(e: LogError) -> TouchRefusal {
    tracing::error!(error = %e, "keys or evidence cannot be written");
    TouchRefusal::NotKept
}
