//! Keys in a PKCS#11 token: made in it, used in it, never out of it.
//!
//! The token holds the key pair only. The certificate chain lies in the keychain like every other
//! identity's: it is no secret, can so be listed without token or PIN, is replaced in the same
//! single step at renewal, and many cards have no room or no right for a user's own certificates.
//! The price: a token carried to another computer has to enrol there, which is wanted, since a
//! certificate names one device.
//!
//! Loading a module runs its code in this process, so its path is a setting of the computer's
//! administrator and never guessed.

mod token;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::encoding;
use super::{HolderError, HolderKind, KeyHolder, KeyLabel, PinPrompt};
use crate::key::{DeviceKey, KeyError, Protection};
use crate::worker::Worker;
use token::Token;

/// How long a call waits for the token, and the person it may be asking, unless told otherwise.
pub const ANSWER_TIME_DEFAULT: Duration = Duration::from_secs(120);

/// Which token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The token maker's library (`.so`, `.dll`, `.dylib`).
    pub module: PathBuf,
    /// The token's label or serial number; `None` takes the only one inserted.
    pub token: Option<String>,
}

/// What a token says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    pub label: String,
    pub serial: String,
    pub model: String,
}

/// A token, used from a thread of its own. Clones share it, and the PIN is asked for once.
#[derive(Clone)]
pub struct Pkcs11Holder(Arc<Shared>);

struct Shared {
    settings: Pkcs11Settings,
    prompt: Arc<dyn PinPrompt>,
    worker: Worker<Token>,
}

impl Pkcs11Holder {
    /// Opens nothing yet. Calls wait at most `answer_time`.
    #[must_use]
    pub fn new(
        settings: Pkcs11Settings,
        prompt: Arc<dyn PinPrompt>,
        answer_time: Duration,
    ) -> Self {
        Self(Arc::new(Shared { settings, prompt, worker: Worker::new("pkcs11", answer_time) }))
    }

    /// The tokens inserted, for a choice. Asks for no PIN.
    pub fn tokens(&self) -> Result<Vec<TokenFacts>, HolderError> {
        self.0.ask(Token::tokens)
    }

    /// Logs out and forgets the PIN's effect: at locking of the screen, or when the desk ends.
    pub fn log_out(&self) -> Result<(), HolderError> {
        self.0.ask(|token| {
            token.close();
            Ok(())
        })
    }
}

impl Shared {
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Token) -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        let (settings, prompt) = (self.settings.clone(), Arc::clone(&self.prompt));
        self.worker.ask(move || Token::new(settings, prompt), question)
    }
}

impl KeyHolder for Pkcs11Holder {
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let asked = label.clone();
        let point = self.0.ask(move |token| token.generate(&asked))?;
        Ok(Arc::new(Pkcs11Key { holder: Arc::clone(&self.0), label: label.clone(), point }))
    }

    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let asked = label.clone();
        let point = self.0.ask(move |token| token.open(&asked))?;
        Ok(Arc::new(Pkcs11Key { holder: Arc::clone(&self.0), label: label.clone(), point }))
    }

    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError> {
        let label = label.clone();
        self.0.ask(move |token| token.delete(&label))
    }

    fn protection(&self) -> Protection {
        Protection::Hardware
    }

    fn kind(&self) -> HolderKind {
        HolderKind::Pkcs11
    }
}

impl fmt::Debug for Pkcs11Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pkcs11Holder").field(&self.0.settings).finish()
    }
}

/// A key in the token, found anew by its label for each signature: handles die with the session.
struct Pkcs11Key {
    holder: Arc<Shared>,
    label: KeyLabel,
    point: [u8; encoding::POINT_BYTES],
}

impl DeviceKey for Pkcs11Key {
    fn public_point(&self) -> &[u8] {
        &self.point
    }

    fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let digest = crate::peer::sha256(message);
        let label = self.label.clone();
        Ok(self.holder.ask(move |token| token.sign(&label, &digest))?)
    }

    fn protection(&self) -> Protection {
        Protection::Hardware
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Key").field("label", &self.label).finish_non_exhaustive()
    }
}
