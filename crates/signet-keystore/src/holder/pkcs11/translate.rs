//! PKCS#11 return values as errors of a key holder.

use cryptoki::error::{Error as P11Error, RvError};

use crate::holder::error::HolderError;
use crate::holder::pin::PinTries;

/// For calls that make or delete keys.
pub(super) fn cannot_make(error: P11Error) -> HolderError {
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

/// For every other call.
pub(super) fn translate(error: P11Error) -> HolderError {
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
