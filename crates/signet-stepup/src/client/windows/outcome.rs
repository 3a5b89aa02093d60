//! What the numbers mean that `webauthn.dll` returns (webauthn.h; `WebAuthNGetErrorName`).
#![cfg_attr(not(windows), allow(dead_code, reason = "called on Windows, tested everywhere"))]

use crate::client::CeremonyError;

const NTE_EXISTS: u32 = 0x8009_000f;
const NTE_NOT_FOUND: u32 = 0x8009_0011;
const NTE_TOKEN_KEYSET_STORAGE_FULL: u32 = 0x8009_0023;
const NTE_INVALID_PARAMETER: u32 = 0x8009_0027;
const NTE_NOT_SUPPORTED: u32 = 0x8009_0029;
const NTE_DEVICE_NOT_FOUND: u32 = 0x8009_0035;
const NTE_USER_CANCELLED: u32 = 0x8009_0036;
const ERROR_NOT_SUPPORTED: u32 = 0x8007_0032;
const ERROR_CANCELLED: u32 = 0x8007_04c7;
const ERROR_TIMEOUT: u32 = 0x8007_05b4;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
/// `WEBAUTHN_USER_VERIFICATION_REQUIRED`.
const PROTECTED: u32 = 3;
const TRANSPORT_NFC: u32 = 2;
const TRANSPORT_BLE: u32 = 4;

/// The error of an HRESULT.
pub(crate) fn error(hresult: i32) -> CeremonyError {
    match hresult.cast_unsigned() {
        NTE_EXISTS => CeremonyError::AlreadyRegistered,
        NTE_NOT_FOUND => CeremonyError::WrongKey,
        NTE_DEVICE_NOT_FOUND => CeremonyError::Removed,
        NTE_USER_CANCELLED | ERROR_CANCELLED => CeremonyError::Cancelled,
        ERROR_TIMEOUT => CeremonyError::TimedOut,
        NTE_INVALID_PARAMETER => CeremonyError::BadOptions("Windows refused them".into()),
        NTE_NOT_SUPPORTED | ERROR_NOT_SUPPORTED => {
            CeremonyError::Unsupported("Windows says that it lacks something".into())
        }
        NTE_TOKEN_KEYSET_STORAGE_FULL => {
            CeremonyError::Unsupported("it has no room for another credential".into())
        }
        other => CeremonyError::Backend(format!("Windows said 0x{other:08x}")),
    }
}

/// Authenticator data says at byte 32 whether there were a touch and a PIN (WebAuthn Level 2 §6.1).
pub(crate) fn verified(authenticator_data: &[u8]) -> Result<(), CeremonyError> {
    match authenticator_data.get(32) {
        Some(flags) if flags & (USER_PRESENT | USER_VERIFIED) == USER_PRESENT | USER_VERIFIED => {
            Ok(())
        }
        _ => Err(CeremonyError::Unsupported("it answered without PIN or touch".into())),
    }
}

/// The level Windows says the new credential is protected with; `None` if it says nothing.
pub(crate) fn protected(level: Option<u32>) -> Result<(), CeremonyError> {
    if level == Some(PROTECTED) {
        return Ok(());
    }
    Err(CeremonyError::Unsupported("it does not protect its credentials with the PIN".into()))
}

pub(crate) fn transport(used: u32) -> &'static str {
    match used {
        TRANSPORT_NFC => "nfc",
        TRANSPORT_BLE => "ble",
        _ => "usb",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stay_apart() {
        for (hresult, code) in [
            (0x8009_000f_u32, "key.already_registered"),
            (0x8009_0011, "key.wrong"),
            (0x8009_0035, "key.removed"),
            (0x8009_0036, "key.cancelled"),
            (0x8007_04c7, "key.cancelled"),
            (0x8007_05b4, "key.timed_out"),
            (0x8009_0027, "key.bad_options"),
            (0x8009_0029, "key.unsupported"),
            (0x8000_4005, "key.unreachable"),
        ] {
            assert_eq!(error(hresult.cast_signed()).code(), code, "{hresult:08x}");
        }
    }

    #[test]
    fn an_answer_without_pin_touch_or_protection_is_not_passed_on() {
        let data = |flags: u8| [vec![0; 32], vec![flags, 0, 0, 0, 0]].concat();
        assert!(verified(&data(0x05)).is_ok() && verified(&data(0xc5)).is_ok());
        for flags in [0x00, 0x01, 0x04, 0xc1] {
            assert!(verified(&data(flags)).is_err(), "{flags:02x}");
        }
        assert!(verified(&[5; 32]).is_err());
        assert!(
            protected(Some(3)).is_ok() && protected(Some(2)).is_err() && protected(None).is_err()
        );
        assert_eq!(
            (transport(1), transport(2), transport(4), transport(0)),
            ("usb", "nfc", "ble", "usb")
        );
    }
}
