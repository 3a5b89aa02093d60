//! The runs of a desk, and the ends that its history does not tell of. In what order things were is
//! told by the order of records, and when by clocks that were measured against the gateway's.

use crate::{
    account::{Account, SentAt},
    record::{Record, What},
};

/// The runs of a desk, as its records tell of them.
#[derive(Default)]
pub(crate) struct Runs {
    /// The last run has told of its end.
    ended: bool,
    /// It has measured the venue's clock. Until then its times are the laptop's word.
    measured: bool,
    /// It began after an end without a word.
    torn: bool,
    /// When the last record was made, and the last one of a run that had measured.
    before: Option<i64>,
    known: Option<i64>,
    /// The last message that the desk sent.
    pub(crate) sent: Option<SentAt>,
}

impl Runs {
    /// Takes the next record. `whole`: what was left out of a part may have been the end of a run.
    pub(crate) fn take(&mut self, r: &Record, at_ms: i64, whole: bool, account: &mut Account) {
        match &r.what {
            What::Started { .. } => {
                let last_ms = self.known.or(self.before).filter(|_| whole && !self.ended);
                if let Some(last_ms) = last_ms {
                    account.tears(last_ms, self.sent);
                }
                self.torn = last_ms.is_some();
                self.sent = self.sent.filter(|_| self.measured).map(SentAt::of_another_run);
                (self.ended, self.measured) = (false, false);
            }
            // Lost records are told after it.
            What::Stopped => self.ended = true,
            _ => {}
        }
        if r.offset_ms.is_some() && !self.measured {
            self.measured = true;
            if self.torn {
                account.goes_on(at_ms);
            }
        }
        self.before = Some(at_ms);
        if self.measured {
            self.known = self.before;
        }
    }
}
