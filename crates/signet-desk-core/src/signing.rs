//! Message signatures (93/89) on a desk's connection: signed with the key of the identity it was
//! made with, believed when made with the key of the certificate the gateway showed.

use crate::venue::Venue;
use signet_fix::{
    session::{Binding, Channel},
    signature::{Kinds, SignError, Signing, Verification, commits_gateway, every},
};
use signet_identity::{Identity, MessageKey, MessageKeyError, MessagePublicKey};
use std::rc::Rc;

/// What a session is signed with.
pub fn signing(key: MessageKey, which: Kinds) -> Signing {
    Signing {
        signer: Rc::new(move |covered: &[u8]| {
            key.sign(covered).map_err(|e| SignError(e.to_string()))
        }),
        which,
    }
}

/// Whom a session believes.
pub fn verification(key: MessagePublicKey, required: Kinds) -> Verification {
    Verification {
        verifier: Rc::new(move |covered: &[u8], signature: &[u8; 64]| {
            key.is_good(covered, signature)
        }),
        required,
    }
}

/// A gateway gets every message signed and must sign what commits it. A plain venue gets what
/// desk.toml says, and its own signatures, if any, mean nothing here.
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
