//! The crate's errors as errors of a ceremony. The texts are ours: the crate's may quote what a key
//! sent.

use crate::client::CeremonyError;
use authenticator::{
    ctap2::commands::StatusCode,
    errors::{
        AuthenticatorError, CommandError, HIDError, PinError, U2FTokenError, UnsupportedOption,
    },
};

pub(crate) fn of(error: AuthenticatorError) -> CeremonyError {
    match error {
        AuthenticatorError::CancelledByUser => CeremonyError::Cancelled,
        AuthenticatorError::CredentialExcluded => CeremonyError::AlreadyRegistered,
        AuthenticatorError::PinError(e) => of_pin(&e),
        AuthenticatorError::HIDError(e) => of_device(e),
        AuthenticatorError::UnsupportedOption(option) => {
            CeremonyError::Unsupported(lacks(&option).into())
        }
        // How the crate says that its own time ran out.
        AuthenticatorError::U2FToken(U2FTokenError::NotAllowed) => CeremonyError::TimedOut,
        AuthenticatorError::U2FToken(e) => CeremonyError::Backend(format!("the key's driver: {e}")),
        AuthenticatorError::InvalidRelyingPartyInput => {
            CeremonyError::BadOptions("the key's driver refused them".into())
        }
        AuthenticatorError::NoConfiguredTransports | AuthenticatorError::Platform => {
            CeremonyError::Backend("this system does not list its security keys".into())
        }
        AuthenticatorError::Io(e) => {
            CeremonyError::Backend(format!("the key's driver: {}", e.kind()))
        }
        AuthenticatorError::CryptoError => {
            CeremonyError::Unsupported("the keys it agreed on do not fit".into())
        }
        AuthenticatorError::InternalError(_)
        | AuthenticatorError::Custom(_)
        | AuthenticatorError::VersionMismatch(..) => {
            CeremonyError::Backend("the key's driver failed".into())
        }
    }
}

fn lacks(option: &UnsupportedOption) -> &'static str {
    match option {
        UnsupportedOption::CredProtect => "it does not protect its credentials with the PIN",
        UnsupportedOption::UserVerification => "it has neither PIN nor fingerprint reader",
        UnsupportedOption::PubCredParams => "it knows none of the algorithms",
        UnsupportedOption::ResidentKey => "it cannot keep credentials",
        UnsupportedOption::EmptyAllowList | UnsupportedOption::MaxPinLength => "it is too old",
    }
}

fn of_pin(error: &PinError) -> CeremonyError {
    match error {
        PinError::PinAuthBlocked | PinError::UvBlocked => CeremonyError::PinPaused,
        PinError::PinBlocked => CeremonyError::PinBlocked,
        PinError::PinNotSet => CeremonyError::PinNotSet,
        PinError::Crypto(_) => {
            CeremonyError::Unsupported("the keys it agreed on do not fit".into())
        }
        PinError::PinRequired
        | PinError::PinIsTooShort
        | PinError::PinIsTooLong(_)
        | PinError::InvalidPin(_)
        | PinError::InvalidUv(_)
        | PinError::PinAuthInvalid => {
            CeremonyError::Backend("the key refused its own PIN token".into())
        }
    }
}

fn of_device(error: HIDError) -> CeremonyError {
    match error {
        HIDError::Command(CommandError::StatusCode(status, _)) => of_status(&status),
        HIDError::IO(..) | HIDError::DeviceError | HIDError::DeviceNotInitialized => {
            CeremonyError::Removed
        }
        HIDError::DeviceNotSupported
        | HIDError::UnsupportedCommand
        | HIDError::UnexpectedVersion => {
            CeremonyError::Unsupported("it does not speak CTAP2".into())
        }
        HIDError::Command(_)
        | HIDError::ApduStatus(_)
        | HIDError::UnexpectedCmd(_)
        | HIDError::UnexpectedInitReplyLen
        | HIDError::NonceMismatch => CeremonyError::Unsupported("its answer cannot be read".into()),
    }
}

/// CTAP 2.1 §8.2.
fn of_status(status: &StatusCode) -> CeremonyError {
    match status {
        StatusCode::NoCredentials | StatusCode::InvalidCredential => CeremonyError::WrongKey,
        StatusCode::CredentialExcluded => CeremonyError::AlreadyRegistered,
        StatusCode::UserActionTimeout | StatusCode::Timeout | StatusCode::ActionTimeout => {
            CeremonyError::TimedOut
        }
        StatusCode::KeepaliveCancel | StatusCode::OperationDenied => CeremonyError::Cancelled,
        StatusCode::PinAuthBlocked | StatusCode::UvBlocked => CeremonyError::PinPaused,
        StatusCode::PinBlocked => CeremonyError::PinBlocked,
        StatusCode::PinNotSet => CeremonyError::PinNotSet,
        StatusCode::PinPolicyViolation => {
            CeremonyError::Unsupported("it wants a new PIN first".into())
        }
        StatusCode::KeyStoreFull => {
            CeremonyError::Unsupported("it has no room for another credential".into())
        }
        StatusCode::UnsupportedAlgorithm => {
            CeremonyError::Unsupported("it knows none of the algorithms".into())
        }
        other => CeremonyError::Unsupported(format!("it answered {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: StatusCode) -> AuthenticatorError {
        AuthenticatorError::HIDError(HIDError::Command(CommandError::StatusCode(code, None)))
    }

    #[test]
    fn causes_stay_apart() {
        let io = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        for (error, code) in [
            (AuthenticatorError::CancelledByUser, "key.cancelled"),
            (AuthenticatorError::CredentialExcluded, "key.already_registered"),
            (status(StatusCode::CredentialExcluded), "key.already_registered"),
            (status(StatusCode::NoCredentials), "key.wrong"),
            (status(StatusCode::UserActionTimeout), "key.timed_out"),
            (AuthenticatorError::U2FToken(U2FTokenError::NotAllowed), "key.timed_out"),
            (status(StatusCode::OperationDenied), "key.cancelled"),
            (AuthenticatorError::HIDError(HIDError::IO(None, io)), "key.removed"),
            (AuthenticatorError::PinError(PinError::PinAuthBlocked), "key.pin_paused"),
            (AuthenticatorError::PinError(PinError::PinBlocked), "key.pin_blocked"),
            (AuthenticatorError::PinError(PinError::PinNotSet), "key.pin_not_set"),
            (
                AuthenticatorError::UnsupportedOption(UnsupportedOption::CredProtect),
                "key.unsupported",
            ),
            (
                AuthenticatorError::UnsupportedOption(UnsupportedOption::UserVerification),
                "key.unsupported",
            ),
            (status(StatusCode::InvalidCBOR), "key.unsupported"),
            (AuthenticatorError::Platform, "key.unreachable"),
        ] {
            let text = format!("{error:?}");
            assert_eq!(of(error).code(), code, "{text}");
        }
    }
}
