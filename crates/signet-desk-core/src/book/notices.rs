//! Notices that the page may not have shown yet.

use crate::view::{Notice, NoticeKind};
use std::collections::VecDeque;

pub(super) const MAX_NOTICES: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Notices(VecDeque<(u64, Notice)>);

impl Notices {
    pub(super) fn add(&mut self, seq: u64, notice: Notice) {
        if self.0.len() == MAX_NOTICES {
            // A bad notice is only dropped when all are bad.
            let oldest = self.0.iter().position(|(_, n)| n.kind != NoticeKind::Bad);
            self.0.remove(oldest.unwrap_or(0));
        }
        self.0.push_back((seq, notice));
    }

    /// The notices after frame `seq`. A page that starts over (`whole`) has lost the open ones, so
    /// it gets the bad ones again.
    pub(super) fn since(&self, seq: u64, whole: bool) -> Vec<Notice> {
        let shown =
            self.0.iter().filter(|(s, n)| *s > seq && (!whole || n.kind == NoticeKind::Bad));
        shown.map(|(_, n)| n.clone()).collect()
    }

    /// When and with which code something went wrong, the latest last.
    pub(super) fn troubles(&self) -> Vec<(f64, String)> {
        let bad = self.0.iter().filter(|(_, n)| n.kind == NoticeKind::Bad);
        bad.map(|(_, n)| (n.at_ms, n.code.clone())).collect()
    }

    #[cfg(test)]
    pub(super) fn codes(&self) -> Vec<&str> {
        self.0.iter().map(|(_, n)| n.code.as_str()).collect()
    }
}
