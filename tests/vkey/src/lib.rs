//! Security keys in software: a real FIDO2 firmware (`fido-authenticator`, the code inside Nitrokey
//! 3 and Solo 2) running in this process. Demonstration and tests only: no release build links it.
//!
//! [`VirtualKey`] is a key, [`VirtualKeys`] the desk's way to the keys plugged in, [`ReaderCard`] a
//! key lying on a PC/SC reader. Real are the firmware's CTAP 2.1 commands, PIN protocols, retries,
//! touch, counters, credential protection and packed attestation; its hardware is not: the keys'
//! secrets lie in this process's memory, or in a file in clear.

#![warn(missing_docs, unreachable_pub)]

mod authority;
mod card;
mod firmware;
mod key;
mod memory;

pub use authority::TestAuthority;
pub use card::ReaderCard;
pub use key::{COUNTER_STEP_MAX, Settings, VirtualKey};

use signet_stepup::client::{
    Ceremony, CeremonyError, Order, StepUp,
    ctap::{self, Found, Slots},
};
use std::sync::{Arc, Mutex, PoisonError};

/// The keys plugged into this desk. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct VirtualKeys(Arc<Mutex<Vec<VirtualKey>>>, Option<Arc<str>>);

impl VirtualKeys {
    /// These keys, plugged in or not.
    pub fn new(keys: Vec<VirtualKey>) -> Self {
        Self(Arc::new(Mutex::new(keys)), None)
    }

    /// What a desk says about these keys, such as their PIN.
    pub fn with_hint(self, hint: &str) -> Self {
        Self(self.0, Some(hint.into()))
    }

    /// One more key.
    pub fn add(&self, key: VirtualKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }

    /// All of them, plugged in or not.
    pub fn keys(&self) -> Vec<VirtualKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl StepUp for VirtualKeys {
    fn begin(&self, order: Order) -> Ceremony {
        ctap::begin(self.clone(), order)
    }

    fn simulated(&self) -> Option<String> {
        let hint = self.1.as_deref().unwrap_or("a click is the touch");
        Some(format!("The key is simulated: {hint}."))
    }

    /// The key that blinks; else the first one plugged in, which takes it for the touch to come.
    fn touch_simulated(&self) -> bool {
        let keys = self.keys();
        let key = keys
            .iter()
            .find(|k| k.waits_for_touch())
            .or_else(|| keys.iter().find(|k| k.is_plugged()));
        key.map(VirtualKey::touch_once).is_some()
    }
}

impl Slots for VirtualKeys {
    type Link = key::Line;

    fn look(&mut self) -> Result<Vec<Found<key::Line>>, CeremonyError> {
        let lines = self.keys().into_iter().filter_map(|key| key.line());
        Ok(lines.map(|link| Found { present: link.watch(), transport: "usb", link }).collect())
    }
}

/// Why a virtual key cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VkeyError {
    /// Its file cannot be read or written.
    #[error("the virtual key's files: {0}")]
    Files(std::io::Error),
    /// The attestation authority cannot make a certificate.
    #[error("the virtual key's certificates: {0}")]
    Certificates(String),
    /// It is pulled out.
    #[error("the virtual key is not plugged in")]
    Unplugged,
    /// Its firmware refuses a command, as a real key would.
    #[error("the virtual key refuses: {0}")]
    Refused(CeremonyError),
    /// Its firmware does not answer, or not in CTAP.
    #[error("the virtual key's firmware failed: {0}")]
    Firmware(String),
}
