//! What no log ever takes from the libraries under a ceremony.
//!
//! They write what passes through them: `authenticator` whole messages with PIN tokens, at DEBUG.
//! Nobody needs them to understand a ceremony; its own steps and errors say what happened. A
//! directive for each in the log's filter would not do: a longer one in `RUST_LOG` wins over it.
//! Whoever sets up a log puts [`may_be_logged`] over all.

/// How the targets begin that stay silent, whatever level somebody asks for.
pub const LOG_CAPS: &[&str] =
    &["authenticator", "webauthn", "fido", "trussed", "ctap", "apdu", "pcsc", "runloop"];

/// Whether a record with this target may be written at all.
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
