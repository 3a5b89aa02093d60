//! The ids that this desk gives to RFQs and accepts.

use signet_rfq::{AcceptId, RfqId, UtcMillis};

/// Makes ids that no other run of any desk of this trader makes.
#[derive(Debug)]
pub struct Ids {
    prefix: String,
    next: u32,
}

impl Ids {
    /// `start` and `random` distinguish this run of the desk from every other.
    pub fn new(start: UtcMillis, random: u32) -> Self {
        Self { prefix: format!("{:x}{:04x}", start.0, random & 0xffff), next: 0 }
    }

    pub(super) fn rfq(&mut self) -> String {
        self.next += 1;
        format!("{}-{}", self.prefix, self.next)
    }

    /// An accept's id begins with its RFQ's, so that a late answer can be traced to its RFQ.
    pub(super) fn accept(&mut self, rfq: &RfqId) -> String {
        self.next += 1;
        // An RFQ of an earlier run may have had an accept of this number already.
        match rfq.as_str().starts_with(&self.prefix) {
            true => format!("{rfq}:{}", self.next),
            false => format!("{rfq}:{}-{}", self.prefix, self.next),
        }
    }
}

/// The RFQ that an accept's id begins with.
pub(crate) fn rfq_of_accept(id: &AcceptId) -> Option<RfqId> {
    id.as_str().rsplit_once(':').and_then(|(rfq, _)| RfqId::new(rfq).ok())
}
