//! What is done with a frame, by its number, its kind and where the session is: a pure decision.
//!
//! The rule behind the table: the engine is given the next expected number and nothing else, so
//! that it has nothing to queue. The exceptions are those that FIX itself makes: the first Logon, a
//! Logout and a SequenceReset in reset mode count whatever their number is.

use super::envelope::{Envelope, Fault, Kind, Number};

/// How far the session on this connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No Logon of the peer has been taken yet.
    BeforeLogon,
    On,
}

/// What is done with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The engine judges it and acts on it.
    Engine,
    /// The engine acts on it, and the number expected stays: the gap before it is still to be
    /// filled.
    EngineKeepingNumber,
    /// It waits until its number is expected, and the peer is asked for what is missing.
    Hold(u64),
    /// It is a Logon that opens the session.
    Logon,
    /// It is a Logon although the session is open.
    LogonInSession,
    /// It is a ResendRequest to be answered; `expected`: its number was the next one.
    Resend { expected: bool },
    /// It is refused by a Reject; its number counts as received when it was the next one.
    Reject { fault: Fault, expected: bool },
    /// It is a SequenceReset that goes further than this end lets it.
    RejectJump,
    /// It was handled before, or has no effect.
    Ignore,
    /// The connection ends, with a Logout that gives this reason; `None`: without a Logout.
    End(Option<&'static str>),
}

const NO_NUMBER: &str = "MsgSeqNum (34) is missing, or is not a number that this end takes";

/// `expected`: the number expected next. `jump_max`: how far a SequenceReset may move it.
pub(super) fn decide(e: &Envelope, phase: Phase, expected: u64, jump_max: u64) -> Turn {
    match phase {
        Phase::BeforeLogon => before_logon(e, expected),
        Phase::On => match e.number {
            Number::Of(number) => in_session(e, number, expected, jump_max),
            Number::Missing | Number::Bad => Turn::End(Some(NO_NUMBER)),
        },
    }
}

fn before_logon(e: &Envelope, expected: u64) -> Turn {
    match (e.kind, e.number) {
        _ if e.fault.is_some() => Turn::End(None),
        (Kind::Logon, _) => Turn::Logon,
        // The answer to a Logon of ours that the peer does not take.
        (Kind::Logout, Number::Of(_)) => Turn::EngineKeepingNumber,
        (Kind::Reject, Number::Of(n)) if n == expected => Turn::Engine,
        (Kind::Reject, _) => Turn::Ignore,
        _ => Turn::End(None),
    }
}

fn in_session(e: &Envelope, number: u64, expected: u64, jump_max: u64) -> Turn {
    let too_far = e.new_number.is_some_and(|n| n > expected.saturating_add(jump_max));
    let next = number == expected;
    match e.kind {
        // Its number is ahead, whatever it holds.
        _ if e.fault.is_some() && number > expected => Turn::Hold(number),
        // A repetition of what was refused before.
        _ if e.fault.is_some() && number < expected && e.poss_dup => Turn::Ignore,
        _ if let Some(fault) = e.fault => Turn::Reject { fault, expected: next },
        Kind::Logon if e.poss_dup && number < expected => Turn::Ignore,
        Kind::Logon => Turn::LogonInSession,
        Kind::Logout if next => Turn::Engine,
        Kind::Logout => Turn::EngineKeepingNumber,
        Kind::SequenceReset if too_far && (next || !e.gap_fill) => Turn::RejectJump,
        Kind::SequenceReset if !e.gap_fill => Turn::Engine,
        Kind::ResendRequest if number >= expected => Turn::Resend { expected: next },
        Kind::ResendRequest if e.poss_dup => Turn::Ignore,
        _ if number > expected => Turn::Hold(number),
        // The next one; or a lower number, which the engine passes over (PossDup) or ends the
        // session for.
        _ => Turn::Engine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(kind: Kind, number: u64) -> Envelope {
        Envelope {
            kind,
            number: Number::Of(number),
            poss_dup: false,
            gap_fill: false,
            new_number: None,
            fault: None,
        }
    }

    const KINDS: [Kind; 8] = [
        Kind::Heartbeat,
        Kind::TestRequest,
        Kind::ResendRequest,
        Kind::Reject,
        Kind::SequenceReset,
        Kind::Logout,
        Kind::Logon,
        Kind::Application,
    ];

    #[test]
    fn before_the_logon_only_an_answer_to_ours_is_heard() {
        let turn = |kind, n| decide(&envelope(kind, n), Phase::BeforeLogon, 5, 100);
        for n in [1, 5, 9] {
            assert_eq!(turn(Kind::Logon, n), Turn::Logon);
            assert_eq!(turn(Kind::Logout, n), Turn::EngineKeepingNumber);
            for kind in [
                Kind::Heartbeat,
                Kind::TestRequest,
                Kind::ResendRequest,
                Kind::SequenceReset,
                Kind::Application,
            ] {
                assert_eq!(turn(kind, n), Turn::End(None), "{kind:?}");
            }
        }
        assert_eq!((turn(Kind::Reject, 5), turn(Kind::Reject, 6)), (Turn::Engine, Turn::Ignore));
        let bad = Envelope { fault: Some(Fault::BadTag), ..envelope(Kind::Logon, 5) };
        assert_eq!(decide(&bad, Phase::BeforeLogon, 5, 100), Turn::End(None));
    }

    #[test]
    fn in_session_the_number_decides_but_for_what_fix_excepts() {
        let turn = |e: &Envelope| decide(e, Phase::On, 5, 100);
        let dup = |e: Envelope| Envelope { poss_dup: true, ..e };
        for kind in [Kind::Heartbeat, Kind::TestRequest, Kind::Reject, Kind::Application] {
            assert_eq!(turn(&envelope(kind, 5)), Turn::Engine, "{kind:?}");
            assert_eq!(turn(&envelope(kind, 6)), Turn::Hold(6), "{kind:?}");
            assert_eq!(turn(&envelope(kind, 4)), Turn::Engine, "{kind:?}: the engine says too low");
            assert_eq!(
                turn(&dup(envelope(kind, 4))),
                Turn::Engine,
                "{kind:?}: the engine passes over it"
            );
        }
        assert_eq!(turn(&envelope(Kind::Logout, 5)), Turn::Engine);
        for n in [4, 6] {
            assert_eq!(turn(&envelope(Kind::Logout, n)), Turn::EngineKeepingNumber);
            assert_eq!(turn(&envelope(Kind::Logon, n)), Turn::LogonInSession);
        }
        assert_eq!(turn(&dup(envelope(Kind::Logon, 4))), Turn::Ignore);
        assert_eq!(turn(&envelope(Kind::ResendRequest, 5)), Turn::Resend { expected: true });
        assert_eq!(turn(&envelope(Kind::ResendRequest, 9)), Turn::Resend { expected: false });
        assert_eq!(turn(&dup(envelope(Kind::ResendRequest, 4))), Turn::Ignore);
        for number in [Number::Missing, Number::Bad] {
            assert_eq!(
                turn(&Envelope { number, ..envelope(Kind::Heartbeat, 1) }),
                Turn::End(Some(NO_NUMBER))
            );
        }
    }

    #[test]
    fn a_sequence_reset_goes_so_far_and_no_further() {
        let reset = |n, gap_fill, to| Envelope {
            gap_fill,
            new_number: Some(to),
            ..envelope(Kind::SequenceReset, n)
        };
        for (e, want) in [
            (reset(5, true, 105), Turn::Engine),
            (reset(5, true, 106), Turn::RejectJump),
            (reset(9, true, 106), Turn::Hold(9)),
            (reset(9, true, 20), Turn::Hold(9)),
            (reset(5, false, 105), Turn::Engine),
            (reset(9, false, 20), Turn::Engine),
            (reset(1, false, 20), Turn::Engine),
            (reset(9, false, 106), Turn::RejectJump),
            (reset(5, false, u64::MAX), Turn::RejectJump),
            (reset(5, false, 2), Turn::Engine),
        ] {
            assert_eq!(decide(&e, Phase::On, 5, 100), want, "{e:?}");
        }
    }

    #[test]
    fn what_must_not_reach_the_engine_is_rejected_when_its_turn_comes() {
        let bad = |n, poss_dup| Envelope {
            fault: Some(Fault::TooLong),
            poss_dup,
            ..envelope(Kind::Application, n)
        };
        let reject = |expected| Turn::Reject { fault: Fault::TooLong, expected };
        for (e, want) in [
            (bad(5, false), reject(true)),
            (bad(5, true), reject(true)),
            (bad(6, false), Turn::Hold(6)),
        ] {
            assert_eq!(decide(&e, Phase::On, 5, 100), want);
        }
        assert_eq!(decide(&bad(4, false), Phase::On, 5, 100), reject(false));
        assert_eq!(decide(&bad(4, true), Phase::On, 5, 100), Turn::Ignore);
    }

    proptest! {
        /// Whatever a peer sends, the engine is never given what it would queue: a number ahead of
        /// its turn, but for the kinds that it acts on at once.
        #[test]
        fn the_engine_is_given_nothing_that_it_would_queue(
            kind in prop::sample::select(&KINDS[..]), number in 1u64..20, poss_dup: bool, gap_fill: bool,
            new_number in prop::option::of(0u64..1_000),
        ) {
            let e = Envelope { poss_dup, gap_fill, new_number, ..envelope(kind, number) };
            let turn = decide(&e, Phase::On, 10, 100);
            if turn == Turn::Engine && number > 10 {
                prop_assert!(kind == Kind::SequenceReset && !gap_fill);
            }
            if turn == Turn::EngineKeepingNumber {
                prop_assert_eq!(kind, Kind::Logout);
            }
        }
    }
}
