//! Dealers that misbehave have their line cut; the judge is [`crate::response::Dealers`].

use super::Pipeline;
use crate::{clock::steady, config::ResponseSection, cut_lines::CutLines, response::Dealers};
use signet_events::About;
use signet_rfq::DealerId;
use std::{cell::RefCell, collections::BTreeSet};

/// Faults, and the lines that are cut.
pub(super) struct DealerFaults {
    judge: RefCell<Dealers>,
    files: CutLines,
    /// Told, and not resumed yet. Holds a line that could not be written down.
    cut: RefCell<BTreeSet<DealerId>>,
    /// Could not be written down: only a restart resumes them.
    unwritten: RefCell<BTreeSet<DealerId>>,
}

impl DealerFaults {
    pub(super) fn new(section: &ResponseSection, files: CutLines) -> Self {
        let judge = RefCell::new(section.dealers());
        let (cut, unwritten) = Default::default();
        Self { judge, files, cut, unwritten }
    }
}

impl Pipeline {
    /// A dealer's message contradicts what is so, or cannot be read.
    pub(super) fn dealer_at_fault(&self, dealer: &DealerId, what: &str) {
        let faults = &self.dealer_faults;
        let already = faults.cut.borrow().contains(dealer);
        if already || !faults.judge.borrow_mut().fault(dealer, steady()) {
            return;
        }
        let words = format!("too many faults, the last of them: {what}");
        tracing::error!(alert = true, %dealer, code = "dealer.cut", "line cut: {words}");
        self.events.gateway("dealer.cut", About::dealer(dealer), words.as_str());
        faults.cut.borrow_mut().insert(dealer.clone());
        if let Err(e) = faults.files.cut(dealer, &words) {
            tracing::error!(alert = true, %dealer, error = %e, "that the line is cut could not be \
                written down; it stays cut until the gateway is restarted");
            faults.unwritten.borrow_mut().insert(dealer.clone());
        }
        self.peers.tell_dealer_out(dealer);
    }

    /// Whether a dealer's line is cut; tells when it was resumed.
    pub fn line_is_cut(&self, dealer: &DealerId) -> bool {
        let faults = &self.dealer_faults;
        if faults.unwritten.borrow().contains(dealer) {
            return true;
        }
        match faults.files.why(dealer) {
            Some(words) => {
                if faults.cut.borrow_mut().insert(dealer.clone()) {
                    tracing::error!(alert = true, %dealer, code = "dealer.cut", "not dialled, its \
                        line is cut: {words}");
                }
                true
            }
            None => {
                if faults.cut.borrow_mut().remove(dealer) {
                    tracing::warn!(%dealer, "the line was resumed by an administrator");
                }
                false
            }
        }
    }
}
