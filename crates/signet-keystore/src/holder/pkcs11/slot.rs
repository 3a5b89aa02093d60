//! Which token to use, and logging in to it.

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error as P11Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use super::settings::TokenFacts;
use super::translate::translate;
use crate::holder::error::HolderError;
use crate::holder::pin::{PinPrompt, PinRequest, PinTries};

/// How often a person may mistype in one go before the dialog closes. Tokens lock after three to
/// ten, so this never uses up a token's tries by itself.
const PIN_TRIES_MAX: usize = 2;
/// More tokens than anybody plugs in; a bound for a module that reports nonsense.
const TOKENS_MAX: usize = 32;

/// The tokens that are inserted and initialised.
pub(super) fn present(module: &Pkcs11) -> Result<Vec<(Slot, TokenInfo)>, HolderError> {
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

/// What a token says about itself.
pub(super) fn facts(info: &TokenInfo) -> TokenFacts {
    let text = |text: &str| text.trim().to_owned();
    TokenFacts {
        label: text(info.label()),
        serial: text(info.serial_number()),
        model: text(info.model()),
    }
}

/// The token that the settings name, or the only one.
pub(super) fn choose(
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

/// Refuses a token without ECDSA before anybody types a PIN.
pub(super) fn require_p256(module: &Pkcs11, slot: Slot) -> Result<(), HolderError> {
    let mechanisms = module.get_mechanism_list(slot).map_err(translate)?;
    if mechanisms.contains(&MechanismType::ECDSA) { Ok(()) } else { Err(HolderError::NoP256) }
}

/// Opens a session for reading and writing, since keys are made and deleted. A write-protected
/// token gets one for reading: it can still sign.
pub(super) fn open_session(module: &Pkcs11, slot: Slot) -> Result<Session, HolderError> {
    match module.open_rw_session(slot) {
        Err(P11Error::Pkcs11(RvError::TokenWriteProtected, _)) => {
            module.open_ro_session(slot).map_err(translate)
        }
        opened => opened.map_err(translate),
    }
}

/// Asks for the PIN and logs in, at most [`PIN_TRIES_MAX`] times.
pub(super) fn log_in(
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
        // Read again each time: the flags change with each wrong PIN.
        let info = module.get_token_info(slot).map_err(translate)?;
        let tries = tries(&info);
        if tries == PinTries::None {
            return Err(HolderError::PinLocked);
        }
        if wrong && tries == PinTries::Last {
            // The dialog must not lead anybody into locking the token.
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
