//! Signatures that another thread makes while the session's thread does something else.
//!
//! This crate starts no thread. Who has some offers them as a [`SignatureMaker`], by way of
//! [`MessageSigner::maker`](crate::signature::MessageSigner::maker), and the outbox then has the
//! signatures of its messages made there. An answer holds the very bytes that it is about and
//! counts for these only; without one the session's thread signs, so a message is never lost to a
//! thread, and never leaves unsigned.

use crate::signature::{Draft, SIGNATURE_LEN, SignError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A signature, or why there is none.
pub type Signature = Result<[u8; SIGNATURE_LEN], SignError>;

/// A copy of what a signature is to cover.
pub struct ToSign(Box<[u8]>);

/// What came of it.
pub struct Made {
    covered: Box<[u8]>,
    signature: Signature,
    took: Duration,
}

/// Brings the answer. One whose sender is gone leaves the signature to the session's thread.
pub type Making = oneshot::Receiver<Made>;

/// Threads that sign with the same key as their
/// [`MessageSigner`](crate::signature::MessageSigner).
pub trait SignatureMaker {
    /// Asks for a signature, and returns at once. `None`: there is no room for it now, or there are
    /// no threads left; the caller signs by itself.
    fn begin(&self, order: ToSign) -> Option<Making>;
}

impl ToSign {
    /// Of a message that is to be signed.
    pub fn of(draft: &Draft) -> Self {
        Self(draft.covered().into())
    }

    /// Has `sign` sign the covered bytes.
    pub fn sign(self, sign: impl FnOnce(&[u8]) -> Signature) -> Made {
        let began = Instant::now();
        let signature = sign(&self.0);
        Made { covered: self.0, signature, took: began.elapsed() }
    }
}

impl Made {
    /// The signature of this message, and how long it took; `None`: the answer is about other
    /// bytes.
    pub fn of(self, draft: &Draft) -> Option<(Signature, Duration)> {
        (*self.covered == *draft.covered()).then_some((self.signature, self.took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagvalue::seal;

    fn draft(id: u32) -> Draft {
        let body = format!("35=AI|34=2|131=R{id}|").replace('|', "\u{1}");
        Draft::of(&seal("FIX.4.4", body.as_bytes())).unwrap()
    }

    #[test]
    fn an_answer_counts_for_its_own_bytes_only() {
        let failed = || SignError("the token was removed".into());
        for signature in [Ok([7; SIGNATURE_LEN]), Err(failed())] {
            let made = || {
                ToSign::of(&draft(1)).sign(|covered| {
                    assert_eq!(covered, draft(1).covered());
                    signature.clone()
                })
            };
            assert_eq!(made().of(&draft(1)).map(|(made, _)| made), Some(signature.clone()));
            assert!(made().of(&draft(2)).is_none());
        }
    }
}
