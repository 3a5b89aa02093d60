//! Whether the next row of a list may be sent now. Pure; the caller passes the time.

use crate::view::ListRun;
use signet_rfq::UtcMillis;

/// Time between two requests, milliseconds. Half of what the gateway gives a desk by default
/// (`desk_requests`: 600 a minute), so that the trader's own requests find room beside a list.
const BETWEEN_MS: i64 = 200;
/// Open requests of a list, at most: what one person can still look at.
const OPEN_OF_LIST_MAX: usize = 100;
/// Open requests of the desk while a list is sent, at most. The gateway takes 200
/// (`MAX_OPEN_RFQS_PER_DESK`); the rest is left to the trader.
const OPEN_OF_DESK_MAX: usize = 180;

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    /// An answer is overdue: nothing leaves until it comes.
    Doubtful,
    /// This laptop cannot write down what leaves.
    Faulty,
    Down,
}

/// The connection was lost.
pub(crate) const LOST: &str = "The connection was lost. Nothing more was sent.";
/// What leaves could not be written.
pub(crate) const FAULT: &str =
    "This laptop's disk cannot write down what is sent. Nothing more was sent.";

/// What the next turn is decided by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub run: ListRun,
    pub link: Link,
    /// Rows that wait for their turn.
    pub pending: usize,
    /// Open requests of the list.
    pub open_of_list: usize,
    /// Open requests of the desk, those of the list included.
    pub open_of_desk: usize,
    /// When the last row was sent; `None`: none was.
    pub last: Option<UtcMillis>,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Wait,
    /// Nothing, and the trader is told why.
    Held(&'static str),
    /// The next row is sent.
    Send,
    /// The trader is told why, and asked before anything else is sent.
    Pause(&'static str),
    /// Every row had its turn.
    Finish,
}

/// What becomes of the sending at `now`.
pub(crate) fn turn(p: Pace, now: UtcMillis) -> Turn {
    if p.run != ListRun::Sending {
        return Turn::Wait;
    }
    if p.pending == 0 {
        return Turn::Finish;
    }
    match p.link {
        Link::Down => return Turn::Pause(LOST),
        // It does not go on by itself when there is room again: the trader has looked first.
        Link::Faulty => return Turn::Pause(FAULT),
        Link::Doubtful => return Turn::Held("Waiting for the connection to answer."),
        Link::Up => {}
    }
    if p.open_of_list >= OPEN_OF_LIST_MAX || p.open_of_desk >= OPEN_OF_DESK_MAX {
        return Turn::Held("Waiting for an open request to end.");
    }
    // A clock that was set back does not stop the list.
    let since = p.last.map(|last| now.since(last));
    match since {
        Some(ms) if (0..BETWEEN_MS).contains(&ms) => Turn::Wait,
        _ => Turn::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis(1_795_219_200_000);
    const FREE: Pace = Pace {
        run: ListRun::Sending,
        link: Link::Up,
        pending: 3,
        open_of_list: 0,
        open_of_desk: 0,
        last: None,
    };

    #[test]
    fn every_reason_to_wait_and_its_edge() {
        let last = |ms: i64| Pace { last: Some(NOW + -ms), ..FREE };
        let held = |t: Turn| matches!(t, Turn::Held(_));
        assert_eq!(turn(FREE, NOW), Turn::Send);
        for (p, want) in [
            (Pace { run: ListRun::Idle, ..FREE }, Turn::Wait),
            (Pace { run: ListRun::Paused, ..FREE }, Turn::Wait),
            (Pace { pending: 0, ..FREE }, Turn::Finish),
            (Pace { pending: 0, link: Link::Down, ..FREE }, Turn::Finish),
            (Pace { link: Link::Down, ..FREE }, Turn::Pause(LOST)),
            (Pace { link: Link::Faulty, ..FREE }, Turn::Pause(FAULT)),
            (Pace { run: ListRun::Paused, link: Link::Faulty, ..FREE }, Turn::Wait),
            (Pace { open_of_list: OPEN_OF_LIST_MAX - 1, ..FREE }, Turn::Send),
            (Pace { open_of_desk: OPEN_OF_DESK_MAX - 1, ..FREE }, Turn::Send),
            (last(0), Turn::Wait),
            (last(BETWEEN_MS - 1), Turn::Wait),
            (last(BETWEEN_MS), Turn::Send),
            (last(-60_000), Turn::Send),
        ] {
            assert_eq!(turn(p, NOW), want, "{p:?}");
        }
        assert!(held(turn(Pace { link: Link::Doubtful, ..FREE }, NOW)));
        assert!(held(turn(Pace { open_of_list: OPEN_OF_LIST_MAX, ..FREE }, NOW)));
        assert!(held(turn(Pace { open_of_desk: OPEN_OF_DESK_MAX, ..FREE }, NOW)));
    }

    #[test]
    fn the_bounds_leave_room_for_the_trader() {
        const { assert!(OPEN_OF_DESK_MAX < 200 && OPEN_OF_LIST_MAX < OPEN_OF_DESK_MAX) };
        // 600 requests a minute is the gateway's default.
        const { assert!(60_000 / BETWEEN_MS <= 300) };
    }
}
