//! The key holder in front of a token, which lives on a thread of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use signet_identity::{DeviceKey, KeyError, Protection, sha256};

use super::settings::{Pkcs11Settings, TokenFacts};
use super::token::Token;
use crate::holder::encoding::POINT_BYTES;
use crate::holder::error::HolderError;
use crate::holder::key_holder::KeyHolder;
use crate::holder::label::{HolderKind, KeyLabel};
use crate::holder::pin::PinPrompt;
use crate::worker::Worker;

/// How long a call waits for the token, and the person it may be asking, unless told otherwise.
pub const ANSWER_TIME_DEFAULT: Duration = Duration::from_secs(120);

/// A token, used from a thread of its own. Clones share it, and the PIN is asked for once.
#[derive(Clone)]
pub struct Pkcs11Holder(Arc<Shared>);

struct Shared {
    settings: Pkcs11Settings,
    prompt: Arc<dyn PinPrompt>,
    worker: Worker<Token>,
}

impl Pkcs11Holder {
    /// A holder whose calls wait at most `answer_time`. Loads nothing until the first call.
    #[must_use]
    pub fn new(
        settings: Pkcs11Settings,
        prompt: Arc<dyn PinPrompt>,
        answer_time: Duration,
    ) -> Self {
        Self(Arc::new(Shared { settings, prompt, worker: Worker::new("pkcs11", answer_time) }))
    }

    /// The tokens inserted, for a choice. Asks for no PIN.
    ///
    /// # Errors
    /// [`HolderError::NoModule`] when the library cannot be loaded, and what it says.
    pub fn tokens(&self) -> Result<Vec<TokenFacts>, HolderError> {
        self.0.ask(Token::tokens)
    }

    /// Logs out of the token, so that the next use asks for the PIN again: when the screen is
    /// locked, or the desk ends.
    ///
    /// # Errors
    /// [`HolderError::TimedOut`] while the token is busy.
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

/// A key in the token, looked up by its label for each signature: handles end with the session.
struct Pkcs11Key {
    holder: Arc<Shared>,
    label: KeyLabel,
    point: [u8; POINT_BYTES],
}

impl DeviceKey for Pkcs11Key {
    fn public_point(&self) -> &[u8] {
        &self.point
    }

    fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let digest = sha256(message);
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
