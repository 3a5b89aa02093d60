//! The numbers of frames: in which frame each part of the window changed last, and the page that
//! waits for the next change.

pub(super) type Wake = Box<dyn FnOnce() + Send>;

/// A part of the window that is sent complete when it changes. RFQs, lines and notices have numbers
/// of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Session,
    Enrol,
    Pin,
    StepUp,
    Reference,
    Blotter,
    List,
    Closing,
    Records,
    Group,
}

const PARTS: usize = Part::Group as usize + 1;

pub(super) struct FrameClock {
    seq: u64,
    /// A page with an older frame than this one gets everything.
    epoch: u64,
    changed: [u64; PARTS],
    wake: Option<(u64, Wake)>,
}

impl FrameClock {
    pub(super) fn new() -> Self {
        Self { seq: 1, epoch: 1, changed: [1; PARTS], wake: None }
    }

    /// The number of the latest change.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the number of a new change.
    pub(super) fn bump(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub(super) fn mark(&mut self, part: Part) {
        self.changed[part as usize] = self.bump();
    }

    pub(super) fn is_newer(&self, part: Part, since: u64) -> bool {
        self.changed[part as usize] > since
    }

    /// Whether a page that has frame `since` must be given everything.
    pub(super) fn is_out_of_reach(&self, since: u64) -> bool {
        since < self.epoch || since > self.seq
    }

    /// From now on a page with a frame before `seq` gets everything.
    pub(super) fn forget_before(&mut self, seq: u64) {
        self.epoch = seq;
    }

    /// Wakes the page that waits for a change.
    pub(super) fn wake(&mut self) {
        if let Some((_, wake)) = self.wake.take() {
            wake();
        }
    }

    /// Calls `wake` at the first change after frame `seq`; at once if there is one or one is
    /// `pending`.
    pub(super) fn wake_after(&mut self, seq: u64, pending: bool, wake: Wake) {
        if self.seq > seq || pending {
            wake();
        } else {
            self.wake = Some((seq, wake));
        }
    }
}
