//! Notices to the trader.

use super::Book;
use crate::{
    blotter::Saved,
    peer_text::shown,
    view::{AccessView, Notice, NoticeKind, Problem, SessionView, is_code},
};
use signet_rfq::{RfqId, UtcMillis};

impl Book {
    /// The connection as the page sees it.
    pub(crate) fn session(&self) -> SessionView {
        self.connection.view.clone()
    }

    /// What a support report needs of the book: the connection, the access, and the codes of what
    /// went wrong with their times.
    pub(crate) fn troubles(&self) -> (SessionView, AccessView, Vec<(f64, String)>) {
        (self.session(), self.step_ups.access.clone(), self.notices.troubles())
    }

    /// Tells the trader something that is not about an RFQ.
    pub fn tell(&mut self, kind: NoticeKind, code: &str, text: String, now: UtcMillis) {
        self.notice(kind, code, text, None, now);
        self.frames.wake();
    }

    /// Tells the trader that a message of the gateway was dropped because its signature is missing
    /// or bad.
    pub fn not_believed(&mut self, msg_type: &str, why: &Problem, now: UtcMillis) {
        let text = format!(
            "A message ({msg_type}) of the {} was not believed. {} {}",
            self.connection.peer(),
            why.message,
            why.cure
        );
        self.tell(NoticeKind::Bad, &why.code, text, now);
    }

    pub(super) fn notice(
        &mut self,
        kind: NoticeKind,
        code: &str,
        text: String,
        rfq: Option<&RfqId>,
        now: UtcMillis,
    ) {
        debug_assert!(is_code(code), "{code}: not an area, a dot and a name");
        let (rfq_id, text) = (rfq.map(ToString::to_string), shown(&text));
        let notice = Notice { kind, at_ms: now.0 as f64, code: code.into(), text, rfq_id };
        self.notices.add(self.frames.bump(), notice);
    }

    /// Tells the trader, once each, that the blotter cannot be written, that it is written again,
    /// and that a damaged file was repaired.
    pub(super) fn tell_blotter(&mut self, now: UtcMillis) {
        if let Some(s) = self.records.blotter.take_salvaged() {
            let text = format!(
                "The blotter's file was damaged: {} rows could be read, {} or more could not. The \
                    damaged file is kept as {}; give it to your administrator.",
                s.kept,
                s.lost.len(),
                s.kept_aside.display()
            );
            self.notice(NoticeKind::Bad, "blotter.damaged", text, None, now);
        }
        match self.records.untold() {
            Saved::Yes | Saved::StillRefused => {}
            Saved::Refused(e) => {
                tracing::error!(error = %e, "the blotter cannot be written");
                let text = format!(
                    "The blotter cannot be written: {e}. What you see is right, but it is lost if \
                        Signet ends before the disk has room. Signet tries again by itself."
                );
                self.notice(NoticeKind::Bad, "blotter.not_written", text, None, now);
            }
            Saved::CaughtUp => {
                let text = "Everything in the blotter is on disk again.".into();
                self.notice(NoticeKind::Good, "blotter.written", text, None, now);
            }
        }
    }
}
