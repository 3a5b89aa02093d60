//! Keeps secrets of the ceremony libraries out of every log.
//!
//! These libraries log what passes through them: `authenticator` logs whole messages with PIN
//! tokens, at DEBUG. A ceremony's own steps and errors are enough to understand it. A directive for
//! each in the log's filter would not do: a longer one in `RUST_LOG` wins over it. The program that
//! sets up a log applies [`may_be_logged`] to every record.

/// Prefixes of the targets that are never logged, at any level.
pub const LOG_CAPS: &[&str] =
    &["authenticator", "webauthn", "fido", "trussed", "ctap", "apdu", "pcsc", "runloop"];

/// Whether a record with this target may be logged.
pub fn may_be_logged(target: &str) -> bool {
    !LOG_CAPS.iter().any(|cap| target.starts_with(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_under_a_ceremony_are_silent_and_ours_are_not() {
        for target in [
            "authenticator",
            "authenticator::ctap2::commands",
            "webauthn_rs_core::core",
            "fido_authenticator",
            "trussed::store",
            "pcsc",
        ] {
            assert!(!may_be_logged(target), "{target}");
        }
        for target in ["signet_stepup::client", "signet_desk_core", "rustls::client", "tokio"] {
            assert!(may_be_logged(target), "{target}");
        }
    }
}
