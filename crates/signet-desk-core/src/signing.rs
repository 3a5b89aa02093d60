//! Message signatures (93/89) on a desk's connection. The desk signs with the key of the identity
//! that made the connection, and verifies with the key of the gateway's certificate.

use crate::venue::Venue;
use signet_fix::{
    session::{Binding, Channel},
    signature::{Kinds, SignError, Signing, Verification, commits_gateway, every},
};
use signet_identity::{Identity, MessageKey, MessageKeyError, MessagePublicKey};
use std::rc::Rc;

/// Signs the messages of the kinds in `which` with `key`.
pub fn signing(key: MessageKey, which: Kinds) -> Signing {
    Signing {
        signer: Rc::new(move |covered: &[u8]| {
            key.sign(covered).map_err(|e| SignError(e.to_string()))
        }),
        which,
    }
}

/// Verifies messages with `key`; those of the kinds in `required` must be signed.
pub fn verification(key: MessagePublicKey, required: Kinds) -> Verification {
    Verification {
        verifier: Rc::new(move |covered: &[u8], signature: &[u8; 64]| {
            key.is_good(covered, signature)
        }),
        required,
    }
}

/// The desk signs every message to a gateway, and the gateway must sign the messages that commit
/// it. For a plain venue desk.toml says whether the desk signs; the venue's signatures are not
/// read.
pub(crate) fn channel(
    venue: &Venue,
    identity: &Identity,
    binding: Binding,
    gateway: impl FnOnce() -> Result<MessagePublicKey, MessageKeyError>,
) -> Result<Channel, MessageKeyError> {
    let ours = || Some(signing(identity.message_key(), every));
    Ok(match &venue.direct {
        None => Channel {
            binding,
            signing: ours(),
            verification: Some(verification(gateway()?, commits_gateway)),
        },
        Some(direct) => Channel {
            binding,
            signing: direct.sign_messages.then(ours).flatten(),
            verification: None,
        },
    })
}
