//! Who signs checkpoints.

use crate::{
    GatewayError,
    config::Config,
    state_dir::{checkpoint_seed, existing_checkpoint_seed},
};
use signet_tlog::note::{NoteError, SignerKey, VerifierKey};

/// The name of the log and its key: `bank.example/SIGNET/evidence`.
pub(crate) fn origin(config: &Config) -> String {
    let g = &config.gateway;
    // A key's name has no plus.
    format!("{}/{}/evidence", g.trust_domain, g.comp_id).replace('+', "_")
}

/// The key, made at the first start; with whether it was made.
pub(crate) fn signer(config: &Config) -> Result<(SignerKey, bool), GatewayError> {
    let (seed, made) = checkpoint_seed(config)?;
    Ok((SignerKey::new(&origin(config), &seed).map_err(unusable)?, made))
}

/// The key of a gateway that has run before.
pub(crate) fn existing(config: &Config) -> Result<SignerKey, GatewayError> {
    let seed = existing_checkpoint_seed(config)?;
    SignerKey::new(&origin(config), &seed).map_err(unusable)
}

/// The public part, for whoever checks.
pub(crate) fn verifier(config: &Config) -> Result<VerifierKey, GatewayError> {
    Ok(existing(config)?.verifier().clone())
}

/// The public key, as programs for signed notes read it, for a second party.
pub fn public_key(config: &Config) -> Result<String, GatewayError> {
    Ok(verifier(config)?.to_string())
}

fn unusable(e: NoteError) -> GatewayError {
    GatewayError::Session(format!("checkpoint.key: {e}"))
}
