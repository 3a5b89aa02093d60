//! One token, from the thread that owns it: making, opening, deleting and using keys.

use std::sync::Arc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as P11Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, SessionState};
use cryptoki::slot::Slot;

use super::objects::{check_made, find, flag, id, public_point, sign};
use super::settings::{Pkcs11Settings, TokenFacts};
use super::slot::{choose, facts, log_in, open_session, present, require_p256};
use super::translate::cannot_make;
use crate::holder::encoding::{P256_OID, POINT_BYTES};
use crate::holder::error::HolderError;
use crate::holder::label::KeyLabel;
use crate::holder::pin::PinPrompt;

/// The token, from the thread that owns it.
pub(super) struct Token {
    settings: Pkcs11Settings,
    prompt: Arc<dyn PinPrompt>,
    module: Option<Pkcs11>,
    session: Option<Open>,
}

struct Open {
    session: Session,
    slot: Slot,
    /// Some tokens want no PIN.
    login_required: bool,
}

impl Open {
    fn is_usable(&self) -> bool {
        let state = self.session.get_session_info().map(|info| info.session_state());
        match state {
            Ok(SessionState::RoUser | SessionState::RwUser) => true,
            Ok(SessionState::RoPublic | SessionState::RwPublic) => !self.login_required,
            _ => false,
        }
    }
}

impl Token {
    pub(super) fn new(settings: Pkcs11Settings, prompt: Arc<dyn PinPrompt>) -> Self {
        Self { settings, prompt, module: None, session: None }
    }

    pub(super) fn tokens(&mut self) -> Result<Vec<TokenFacts>, HolderError> {
        let module = self.module()?;
        Ok(present(&module)?.into_iter().map(|(_, info)| facts(&info)).collect())
    }

    pub(super) fn close(&mut self) {
        if let Some(open) = self.session.take() {
            // A token that is gone cannot be logged out of.
            let _ = open.session.logout();
        }
    }

    pub(super) fn generate(&mut self, label: &KeyLabel) -> Result<[u8; POINT_BYTES], HolderError> {
        self.with_login(|session| {
            if find(session, ObjectClass::PRIVATE_KEY, label)?.is_some() {
                return Err(HolderError::LabelTaken { label: label.clone() });
            }
            let (public, private) = templates(label);
            let made = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private);
            let (public, private) = made.map_err(cannot_make)?;
            let checked = check_made(session, public, private);
            if checked.is_err() {
                // Neither half may stay. When deleting fails too, the first error is the cause.
                let _ = (session.destroy_object(private), session.destroy_object(public));
            }
            checked
        })
    }

    pub(super) fn open(&mut self, label: &KeyLabel) -> Result<[u8; POINT_BYTES], HolderError> {
        self.with_login(|session| {
            let missing = || HolderError::NoSuchKey { label: label.clone() };
            let private = find(session, ObjectClass::PRIVATE_KEY, label)?.ok_or_else(missing)?;
            if flag(session, private, AttributeType::AlwaysAuthenticate)? == Some(true) {
                return Err(HolderError::PinForEverySignature { label: label.clone() });
            }
            let public = find(session, ObjectClass::PUBLIC_KEY, label)?.ok_or_else(missing)?;
            public_point(session, public)
        })
    }

    pub(super) fn delete(&mut self, label: &KeyLabel) -> Result<(), HolderError> {
        self.with_login(|session| {
            let private = find(session, ObjectClass::PRIVATE_KEY, label)?;
            let public = find(session, ObjectClass::PUBLIC_KEY, label)?;
            if private.is_none() && public.is_none() {
                return Err(HolderError::NoSuchKey { label: label.clone() });
            }
            // The private half first: what an interruption leaves is then useless.
            for object in [private, public].into_iter().flatten() {
                session.destroy_object(object).map_err(cannot_make)?;
            }
            Ok(())
        })
    }

    pub(super) fn sign(
        &mut self,
        label: &KeyLabel,
        digest: &[u8; 32],
    ) -> Result<Vec<u8>, HolderError> {
        self.with_login(|session| sign(session, label, digest))
    }

    /// Runs `work` in a session that is logged in. Runs it once more in a new session when the
    /// token turns out to have been reset or re-inserted since the last time.
    fn with_login<T>(
        &mut self,
        work: impl Fn(&Session) -> Result<T, HolderError>,
    ) -> Result<T, HolderError> {
        let was_open = self.session.is_some();
        let first = self.logged_in().and_then(&work);
        match first {
            Err(HolderError::TokenRemoved) => {
                self.session = None;
                if was_open {
                    self.logged_in().and_then(&work)
                } else {
                    Err(HolderError::TokenRemoved)
                }
            }
            other => other,
        }
    }

    fn logged_in(&mut self) -> Result<&Session, HolderError> {
        // A token that was pulled and put back has lost the login; some modules notice only now. A
        // log-out anywhere in this process is one for all its sessions: private keys are then not
        // refused but not found.
        if self.session.as_ref().is_some_and(|open| !open.is_usable()) {
            self.session = None;
        }
        if self.session.is_none() {
            let module = self.module()?;
            let (slot, info) = choose(present(&module)?, self.settings.token.as_deref())?;
            require_p256(&module, slot)?;
            let session = open_session(&module, slot)?;
            log_in(&module, slot, &session, &info, self.prompt.as_ref())?;
            self.session = Some(Open { session, slot, login_required: info.login_required() });
        }
        match &self.session {
            Some(open) => {
                tracing::trace!(slot = open.slot.id(), "token ready");
                Ok(&open.session)
            }
            None => Err(HolderError::TokenRemoved),
        }
    }

    fn module(&mut self) -> Result<Pkcs11, HolderError> {
        if let Some(module) = &self.module {
            return Ok(module.clone());
        }
        let failed =
            |detail: String| HolderError::NoModule { path: self.settings.module.clone(), detail };
        let module = Pkcs11::new(&self.settings.module).map_err(|e| failed(e.to_string()))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another holder of this process was first.
            Ok(()) | Err(P11Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
        self.module = Some(module.clone());
        Ok(module)
    }
}

/// The attributes of a new pair: public, then private, which stays in the token.
fn templates(label: &KeyLabel) -> (Vec<Attribute>, Vec<Attribute>) {
    let common = || {
        [Attribute::Token(true), Attribute::Label(label.as_str().into()), Attribute::Id(id(label))]
    };
    let public = [
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::EcParams(P256_OID.to_vec()),
    ];
    let private = [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Derive(false),
    ];
    (common().into_iter().chain(public).collect(), common().into_iter().chain(private).collect())
}
