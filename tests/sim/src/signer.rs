//! The desk's signatures, and those that are not what they should be.

use crate::{firm::firm, made};
use signet_fix::signature::{SIGNATURE_LEN, SignError, Signing};
use signet_identity::MessageKey;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

/// What is wrong with the signature of an accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// There is none.
    Missing,
    /// Another key made it.
    Stranger,
    /// It is that of an earlier accept.
    Replayed,
    /// It is that of another message.
    Swapped,
}

/// The desk's signer, as it is over all its runs.
#[derive(Default)]
pub(crate) struct Signer {
    /// What happens to the next accept.
    next: Cell<Option<Forgery>>,
    last: Cell<Option<[u8; SIGNATURE_LEN]>>,
    last_accept: Cell<Option<[u8; SIGNATURE_LEN]>>,
    /// Accepts that were signed by the desk's own key, as they left.
    signed: RefCell<BTreeSet<String>>,
}

thread_local! {
    /// The next accept of this thread's run carries no signature: what is signed is chosen by a
    /// function that knows the type of message only.
    static UNSIGNED: Cell<bool> = const { Cell::new(false) };
}

fn which(msg_type: &str) -> bool {
    msg_type != "AJ" || !UNSIGNED.take()
}

fn sign(key: &MessageKey, covered: &[u8]) -> Result<[u8; SIGNATURE_LEN], SignError> {
    key.sign(covered).map_err(|e| SignError(e.to_string()))
}

impl Signer {
    /// The signature of the next accept is not what it should be.
    pub(crate) fn forge(&self, how: Forgery) {
        match how {
            Forgery::Missing => UNSIGNED.set(true),
            how => self.next.set(Some(how)),
        }
    }

    /// From now on all are good.
    pub(crate) fn heal(&self) {
        UNSIGNED.set(false);
        self.next.set(None);
    }

    /// Whether an accept has left with a good signature.
    pub(crate) fn has_signed(&self, accept: &str) -> bool {
        self.signed.borrow().contains(accept)
    }

    pub(crate) fn signing(self: &Rc<Self>) -> Signing {
        let this = self.clone();
        Signing { signer: Rc::new(move |covered: &[u8]| this.sign(covered)), which }
    }

    fn sign(&self, covered: &[u8]) -> Result<[u8; SIGNATURE_LEN], SignError> {
        let desk = &firm().desk;
        let good = sign(&desk.key, covered)?;
        made::remember(&desk.chain[0], covered, &good);
        let accept = accept_of(covered);
        let forgery = accept.as_ref().and_then(|_| self.next.take());
        let none = [0; SIGNATURE_LEN];
        let (last, last_accept) = (self.last.get(), self.last_accept.get());
        self.last.set(Some(good));
        if accept.is_some() {
            self.last_accept.set(Some(good));
        }
        Ok(match forgery {
            None | Some(Forgery::Missing) => {
                self.signed.borrow_mut().extend(accept);
                good
            }
            Some(Forgery::Stranger) => sign(&firm().stranger, covered)?,
            Some(Forgery::Replayed) => last_accept.unwrap_or(none),
            Some(Forgery::Swapped) => last.unwrap_or(none),
        })
    }
}

/// QuoteRespID (693) of a QuoteResponse.
fn accept_of(covered: &[u8]) -> Option<String> {
    let mut fields = covered.split(|b| *b == 1);
    fields.clone().nth(2).filter(|f| *f == b"35=AJ")?;
    let id = fields.find_map(|f| f.strip_prefix(b"693="))?;
    Some(String::from_utf8_lossy(id).into_owned())
}
