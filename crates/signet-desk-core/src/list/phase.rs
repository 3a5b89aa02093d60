//! How one row of a list moves. One function, the whole table; everything else asks it.

use crate::view::ListState;

/// How a row stands.
pub(crate) type Phase = ListState;

/// How the request of a row stands, as the screen has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It left, and nobody has answered.
    Sent,
    /// The dealers are asked.
    Open,
    /// There is a price for the whole quantity.
    Quoted,
    /// An accept is on its way.
    Taking,
    Done,
    Refused,
    Expired,
    /// Ended without a trade, by the trader or because every dealer passed.
    Ended,
    /// It is no longer on the screen; it had ended by then.
    Gone,
    /// It was sent before a restart, and nothing on this laptop says what became of it.
    Lost,
}

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The trader sends the list.
    Queue,
    /// Its turn has come, and it is handed over to be sent.
    Send,
    /// Its turn has come, and it cannot be sent.
    Refuse,
    /// The trader stops the sending.
    Stop,
    /// The trader wants it once more, or corrects it.
    Again,
    See(Seen),
}

/// Whether nothing but the trader moves the row from here.
pub(crate) fn at_rest(phase: Phase) -> bool {
    !matches!(phase, Phase::Pending) && !is_out(phase)
}

/// Whether its request was sent and has not ended.
pub(crate) fn is_out(phase: Phase) -> bool {
    matches!(phase, Phase::Sending | Phase::Open | Phase::Quoted | Phase::Taking)
}

/// Where an event takes a row; `None`: it means nothing there, and nothing is done.
pub(crate) fn next(phase: Phase, event: Event) -> Option<Phase> {
    match (phase, event) {
        (Phase::Draft, Event::Queue) => Some(Phase::Pending),
        (Phase::Pending, Event::Send) => Some(Phase::Sending),
        (Phase::Pending, Event::Refuse) => Some(Phase::Refused),
        (Phase::Pending, Event::Stop) => Some(Phase::Stopped),
        (Phase::Draft, Event::Again) => Some(Phase::Draft),
        (
            Phase::Refused | Phase::Expired | Phase::Ended | Phase::Stopped | Phase::Unknown,
            Event::Again,
        ) => Some(Phase::Draft),
        (phase, Event::See(seen)) if is_out(phase) => Some(match seen {
            Seen::Sent => Phase::Sending,
            Seen::Open => Phase::Open,
            Seen::Quoted => Phase::Quoted,
            Seen::Taking => Phase::Taking,
            Seen::Done => Phase::Done,
            Seen::Refused => Phase::Refused,
            Seen::Expired => Phase::Expired,
            Seen::Ended | Seen::Gone => Phase::Ended,
            Seen::Lost => Phase::Unknown,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 12] = [
        Phase::Draft,
        Phase::Pending,
        Phase::Sending,
        Phase::Open,
        Phase::Quoted,
        Phase::Taking,
        Phase::Done,
        Phase::Refused,
        Phase::Expired,
        Phase::Ended,
        Phase::Stopped,
        Phase::Unknown,
    ];
    const EVENTS: [Event; 5] =
        [Event::Queue, Event::Send, Event::Refuse, Event::Stop, Event::Again];
    const SEEN: [(Seen, Phase); 10] = [
        (Seen::Sent, Phase::Sending),
        (Seen::Open, Phase::Open),
        (Seen::Quoted, Phase::Quoted),
        (Seen::Taking, Phase::Taking),
        (Seen::Done, Phase::Done),
        (Seen::Refused, Phase::Refused),
        (Seen::Expired, Phase::Expired),
        (Seen::Ended, Phase::Ended),
        (Seen::Gone, Phase::Ended),
        (Seen::Lost, Phase::Unknown),
    ];

    /// One line for each phase: what Queue, Send, Refuse, Stop and Again do.
    #[test]
    fn every_phase_and_every_event() {
        let table: [(Phase, [Option<Phase>; 5]); 12] = [
            (Phase::Draft, [Some(Phase::Pending), None, None, None, Some(Phase::Draft)]),
            (
                Phase::Pending,
                [None, Some(Phase::Sending), Some(Phase::Refused), Some(Phase::Stopped), None],
            ),
            (Phase::Sending, [None; 5]),
            (Phase::Open, [None; 5]),
            (Phase::Quoted, [None; 5]),
            (Phase::Taking, [None; 5]),
            (Phase::Done, [None; 5]),
            (Phase::Refused, [None, None, None, None, Some(Phase::Draft)]),
            (Phase::Expired, [None, None, None, None, Some(Phase::Draft)]),
            (Phase::Ended, [None, None, None, None, Some(Phase::Draft)]),
            (Phase::Stopped, [None, None, None, None, Some(Phase::Draft)]),
            (Phase::Unknown, [None, None, None, None, Some(Phase::Draft)]),
        ];
        assert_eq!(table.map(|(p, _)| p), PHASES);
        for (phase, row) in table {
            for (event, want) in EVENTS.into_iter().zip(row) {
                assert_eq!(next(phase, event), want, "{phase:?} {event:?}");
            }
        }
    }

    #[test]
    fn what_is_seen_moves_only_what_is_out() {
        let out = [Phase::Sending, Phase::Open, Phase::Quoted, Phase::Taking];
        for phase in PHASES {
            assert_eq!(is_out(phase), out.contains(&phase), "{phase:?}");
            for (seen, to) in SEEN {
                let want = is_out(phase).then_some(to);
                assert_eq!(next(phase, Event::See(seen)), want, "{phase:?} {seen:?}");
            }
        }
    }

    #[test]
    fn a_trade_is_never_sent_again() {
        for event in EVENTS.into_iter().chain(SEEN.map(|(s, _)| Event::See(s))) {
            assert_eq!(next(Phase::Done, event), None, "{event:?}");
        }
    }
}
