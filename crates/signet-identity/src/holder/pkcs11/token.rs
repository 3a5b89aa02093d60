//! One token seen from its thread: finding it, logging in, and the four things asked of it.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as P11Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use super::{Pkcs11Settings, TokenFacts};
use crate::holder::encoding::{P256_OID, POINT_BYTES, point, signature_der};
use crate::holder::{HolderError, KeyLabel, PinPrompt, PinRequest, PinTries};
use crate::peer::sha256;

/// How often a person may mistype in one go before the dialog closes. Tokens lock after three to
/// ten, so this never uses up a token's tries by itself.
const PIN_TRIES_MAX: usize = 2;
/// More tokens than anybody plugs in; a bound for a module that reports rubbish.
const TOKENS_MAX: usize = 32;

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
            let common = || {
                vec![
                    Attribute::Token(true),
                    Attribute::Label(label.as_str().into()),
                    Attribute::Id(id(label)),
                ]
            };
            let public = [
                common(),
                vec![
                    Attribute::Private(false),
                    Attribute::Verify(true),
                    Attribute::EcParams(P256_OID.to_vec()),
                ],
            ];
            let private = [
                common(),
                vec![
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(false),
                    Attribute::Sign(true),
                    Attribute::Derive(false),
                ],
            ];
            let made = session.generate_key_pair(
                &Mechanism::EccKeyPairGen,
                &public.concat(),
                &private.concat(),
            );
            let (public, private) = made.map_err(cannot_make)?;
            let checked = check_made(session, public, private);
            if checked.is_err() {
                // Neither half may stay; that deleting fails too changes nothing about the cause.
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
            // The private half first: what an interruption leaves behind is then useless.
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

    /// Runs `work` in a session that is logged in, once more from the beginning if the token turns
    /// out to have been reset or re-inserted since the last time.
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
        // A token that was pulled and put back has forgotten us; some modules only then notice. And
        // a log-out anywhere in this process, by whomever, is one for all its sessions: private
        // keys are then not refused but simply not found.
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

fn present(module: &Pkcs11) -> Result<Vec<(Slot, TokenInfo)>, HolderError> {
    let slots = module.get_slots_with_token().map_err(translate)?;
    let mut found = Vec::new();
    for slot in slots.into_iter().take(TOKENS_MAX) {
        match module.get_token_info(slot) {
            Ok(info) if info.token_initialized() => found.push((slot, info)),
            // An empty card, or one pulled just now.
            Ok(_)
            | Err(P11Error::Pkcs11(
                RvError::TokenNotPresent | RvError::TokenNotRecognized | RvError::DeviceRemoved,
                _,
            )) => {}
            Err(error) => return Err(translate(error)),
        }
    }
    Ok(found)
}

fn facts(info: &TokenInfo) -> TokenFacts {
    let text = |text: &str| text.trim().to_owned();
    TokenFacts {
        label: text(info.label()),
        serial: text(info.serial_number()),
        model: text(info.model()),
    }
}

fn choose(
    found: Vec<(Slot, TokenInfo)>,
    wanted: Option<&str>,
) -> Result<(Slot, TokenInfo), HolderError> {
    let present: Vec<String> =
        found.iter().map(|(_, info)| info.label().trim().to_owned()).collect();
    let mut matching: Vec<_> = found
        .into_iter()
        .filter(|(_, info)| {
            wanted.is_none_or(|wanted| {
                info.label().trim() == wanted || info.serial_number().trim() == wanted
            })
        })
        .collect();
    match matching.len() {
        0 => Err(HolderError::NoToken { wanted: wanted.map(str::to_owned), present }),
        1 => matching.pop().ok_or(HolderError::TokenRemoved),
        _ => Err(HolderError::SeveralTokens { labels: present }),
    }
}

fn require_p256(module: &Pkcs11, slot: Slot) -> Result<(), HolderError> {
    let mechanisms = module.get_mechanism_list(slot).map_err(translate)?;
    if mechanisms.contains(&MechanismType::ECDSA) { Ok(()) } else { Err(HolderError::NoP256) }
}

/// Read and write, since keys are made and deleted; a token that is write-protected can still sign.
fn open_session(module: &Pkcs11, slot: Slot) -> Result<Session, HolderError> {
    match module.open_rw_session(slot) {
        Err(P11Error::Pkcs11(RvError::TokenWriteProtected, _)) => {
            module.open_ro_session(slot).map_err(translate)
        }
        opened => opened.map_err(translate),
    }
}

fn log_in(
    module: &Pkcs11,
    slot: Slot,
    session: &Session,
    info: &TokenInfo,
    prompt: &dyn PinPrompt,
) -> Result<(), HolderError> {
    if !info.login_required() {
        return Ok(());
    }
    if !info.user_pin_initialized() {
        return Err(HolderError::PinNotSet);
    }
    let mut wrong = false;
    for _ in 0..PIN_TRIES_MAX {
        // Asked anew each time: the flags change with each wrong PIN.
        let info = module.get_token_info(slot).map_err(translate)?;
        let tries = tries(&info);
        if tries == PinTries::None {
            return Err(HolderError::PinLocked);
        }
        if wrong && tries == PinTries::Last {
            // Nobody is led into locking a token by a dialog that simply comes back.
            return Err(HolderError::PinWrong { tries });
        }
        let on_reader = info.protected_authentication_path();
        let request = PinRequest {
            token: info.label().trim().to_owned(),
            tries,
            wrong,
            chars_min: info.min_pin_length(),
            chars_max: info.max_pin_length(),
            on_reader,
        };
        let pin = prompt.ask(&request).ok_or(HolderError::PinDeclined)?;
        // Exactly as large as its text: shrinking would leave a copy behind. Wiped when dropped.
        let secret = (!on_reader).then(|| AuthPin::from(Box::<str>::from(pin.expose())));
        drop(pin);
        match session.login(UserType::User, secret.as_ref()) {
            Ok(()) | Err(P11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => return Ok(()),
            Err(P11Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid,
                _,
            )) => wrong = true,
            Err(error) => return Err(translate(error)),
        }
    }
    match module.get_token_info(slot).map(|info| tries(&info)) {
        Ok(PinTries::None) => Err(HolderError::PinLocked),
        Ok(tries) => Err(HolderError::PinWrong { tries }),
        Err(error) => Err(translate(error)),
    }
}

fn tries(info: &TokenInfo) -> PinTries {
    if info.user_pin_locked() {
        PinTries::None
    } else if info.user_pin_final_try() {
        PinTries::Last
    } else if info.user_pin_count_low() {
        PinTries::Low
    } else {
        PinTries::Full
    }
}

fn find(
    session: &Session,
    class: ObjectClass,
    label: &KeyLabel,
) -> Result<Option<ObjectHandle>, HolderError> {
    let template = [
        Attribute::Token(true),
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Label(label.as_str().into()),
    ];
    let found = session.find_objects(&template).map_err(translate)?;
    Ok(found.first().copied())
}

/// `None` when the token does not know the attribute.
fn flag(
    session: &Session,
    key: ObjectHandle,
    which: AttributeType,
) -> Result<Option<bool>, HolderError> {
    let found = match session.get_attributes(key, &[which]) {
        Ok(found) => found,
        Err(P11Error::Pkcs11(RvError::AttributeTypeInvalid, _)) => return Ok(None),
        Err(error) => return Err(translate(error)),
    };
    Ok(found.into_iter().find_map(|attribute| match attribute {
        Attribute::Sensitive(on)
        | Attribute::Extractable(on)
        | Attribute::AlwaysAuthenticate(on) => Some(on),
        _ => None,
    }))
}

fn public_point(session: &Session, public: ObjectHandle) -> Result<[u8; POINT_BYTES], HolderError> {
    let found = session
        .get_attributes(public, &[AttributeType::EcParams, AttributeType::EcPoint])
        .map_err(translate)?;
    let mut result = None;
    for attribute in found {
        match attribute {
            Attribute::EcParams(curve) if curve != P256_OID => return Err(HolderError::NoP256),
            Attribute::EcPoint(bytes) => result = point(&bytes),
            _ => {}
        }
    }
    result.ok_or(HolderError::NoP256)
}

/// A token's word is not taken for it: the key must be unreadable and must sign.
fn check_made(
    session: &Session,
    public: ObjectHandle,
    private: ObjectHandle,
) -> Result<[u8; POINT_BYTES], HolderError> {
    let sensitive = flag(session, private, AttributeType::Sensitive)?;
    let extractable = flag(session, private, AttributeType::Extractable)?;
    if sensitive != Some(true) || extractable != Some(false) {
        return Err(HolderError::Extractable);
    }
    let point = public_point(session, public)?;
    const PROBE: &[u8] = b"signet key check";
    let signature = sign_with(session, private, &sha256(PROBE))?;
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(PROBE, &signature);
    verified.map_err(|_| HolderError::Other {
        detail: "its signature does not fit its public key".into(),
    })?;
    Ok(point)
}

fn sign(session: &Session, label: &KeyLabel, digest: &[u8; 32]) -> Result<Vec<u8>, HolderError> {
    let private = find(session, ObjectClass::PRIVATE_KEY, label)?
        .ok_or_else(|| HolderError::NoSuchKey { label: label.clone() })?;
    sign_with(session, private, digest)
}

fn sign_with(
    session: &Session,
    private: ObjectHandle,
    digest: &[u8; 32],
) -> Result<Vec<u8>, HolderError> {
    let raw = session.sign(&Mechanism::Ecdsa, private, digest).map_err(translate)?;
    signature_der(&raw)
        .ok_or_else(|| HolderError::Other { detail: "its signature has the wrong length".into() })
}

/// `CKA_ID` ties the two halves together; 16 bytes of the label's digest.
fn id(label: &KeyLabel) -> Vec<u8> {
    sha256(label.as_str().as_bytes())[..16].to_vec()
}

fn cannot_make(error: P11Error) -> HolderError {
    match error {
        P11Error::Pkcs11(
            RvError::CurveNotSupported | RvError::MechanismInvalid | RvError::DomainParamsInvalid,
            _,
        ) => HolderError::NoP256,
        P11Error::Pkcs11(
            RvError::TokenWriteProtected
            | RvError::SessionReadOnly
            | RvError::DeviceMemory
            | RvError::ActionProhibited
            | RvError::FunctionNotSupported
            | RvError::TemplateInconsistent
            | RvError::AttributeReadOnly,
            _,
        ) => HolderError::NotAllowed { detail: error.to_string() },
        other => translate(other),
    }
}

fn translate(error: P11Error) -> HolderError {
    use RvError as R;
    let P11Error::Pkcs11(rv, _) = &error else {
        return HolderError::Other { detail: error.to_string() };
    };
    match rv {
        R::DeviceRemoved
        | R::TokenNotPresent
        | R::TokenNotRecognized
        | R::SlotIdInvalid
        | R::SessionHandleInvalid
        | R::SessionClosed
        | R::UserNotLoggedIn
        | R::KeyHandleInvalid
        | R::ObjectHandleInvalid => HolderError::TokenRemoved,
        R::PinIncorrect => HolderError::PinWrong { tries: PinTries::Low },
        R::PinLocked => HolderError::PinLocked,
        R::PinExpired => HolderError::PinExpired,
        R::UserPinNotInitialized => HolderError::PinNotSet,
        R::FunctionCanceled | R::Cancel => HolderError::PinDeclined,
        R::CurveNotSupported | R::MechanismInvalid => HolderError::NoP256,
        _ => HolderError::Other { detail: error.to_string() },
    }
}
