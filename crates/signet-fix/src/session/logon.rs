//! Whether a Logon is taken, and on which sequence numbers its two ends agree: pure decisions, made
//! before the engine sees the frame, so that a Logon which is refused has changed nothing.

use super::{
    BEGIN_STRING, Binding,
    envelope::{any_number, sequence_number},
    options::{MAX_NUMBER, NumberMode, SessionOptions},
};
use crate::{
    tag,
    tagvalue::{Fields, parse_utc},
};

/// Why a Logon is refused. At fault: the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogonFault {
    /// MsgType (35) is not A.
    #[error("the first message must be a Logon")]
    NotALogon,
    /// A required tag is not there.
    #[error("tag {0} is missing from the Logon")]
    Missing(u32),
    /// A tag has a value that is malformed or not allowed.
    #[error("tag {0} of the Logon has a value that is not valid")]
    Bad(u32),
    /// A tag that must be there once is repeated.
    #[error("tag {0} comes twice in the Logon")]
    Twice(u32),
    /// A tag is not one the dictionary lists for a Logon; in strict sessions only.
    #[error("tag {0} does not belong in the Logon")]
    Unknown(u32),
    /// Another version of FIX.
    #[error("BeginString (8) must be {BEGIN_STRING}")]
    BeginString,
    /// HeartBtInt (108) is outside of [`SessionOptions::heartbeat_s`].
    #[error("HeartBtInt (108) must be from {min} to {max} seconds")]
    Heartbeat {
        /// Seconds.
        min: u32,
        /// Seconds.
        max: u32,
    },
    /// The peer is not the one this session is for.
    #[error("SenderCompID (49) and TargetCompID (56) are not those of this session")]
    CompId,
    /// A value the engine refuses, without saying which.
    #[error("the Logon holds something that this end does not take")]
    NotTaken,
    /// Tag 20000 is not the exporter (RFC 9266) of this connection.
    #[error("the Logon is not bound to this TLS connection")]
    NotBound,
    /// ResetSeqNumFlag (141) Y between desk and gateway.
    #[error("sequence numbers are not reset at logon")]
    ResetRefused,
    /// MsgSeqNum (34) is below the number expected: one of the two stores was lost or restored.
    #[error("MsgSeqNum too low, expecting {expected} but received {got}")]
    TooLow {
        /// The number expected.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// MsgSeqNum (34) is so far ahead that no resend fills the gap.
    #[error(
        "MsgSeqNum too high, expecting {expected} but received {got}: further ahead than a resend \
            could fill"
    )]
    TooFar {
        /// The number expected.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The peer expects a number that was never sent to it.
    #[error("NextExpectedMsgSeqNum (789) too high, expecting at most {highest} but received {got}")]
    NextExpectedTooHigh {
        /// The next number to be sent.
        highest: u64,
        /// The number that came.
        got: u64,
    },
}

/// What a well-formed Logon states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogonFacts {
    /// MsgSeqNum (34).
    pub number: u64,
    /// ResetSeqNumFlag (141).
    pub reset: bool,
    /// NextExpectedMsgSeqNum (789).
    pub next_expected: Option<u64>,
}

/// Fields that a Logon of ours may hold, by the dictionary: header, body, trailer.
const KNOWN: [u32; 31] = [
    8, 9, 35, 49, 56, 115, 128, 34, 50, 57, 43, 97, 52, 122, 369, 98, 108, 95, 96, 141, 789, 383,
    464, 58, 20000, 20134, 20135, 20136, 93, 89, 10,
];

/// Checks the fields of a Logon one by one; `strict`: only those of the dictionary are allowed.
///
/// # Errors
/// The first fault found.
pub fn read_logon(
    fields: &Fields<'_>,
    options: &SessionOptions,
    binding: &Binding,
    strict: bool,
) -> Result<LogonFacts, LogonFault> {
    if fields.text(tag::MSG_TYPE) != Some("A") {
        return Err(LogonFault::NotALogon);
    }
    if fields.text(8) != Some(BEGIN_STRING) {
        return Err(LogonFault::BeginString);
    }
    let tags: Vec<u32> = fields.as_slice().iter().map(|(t, _)| *t).collect();
    let looked_at = [tag::MSG_SEQ_NUM, 49, 56, 52, 98, 108, 141, 789, tag::CHANNEL_BINDING, 95, 96];
    for t in looked_at {
        if tags.iter().filter(|x| **x == t).count() > 1 {
            return Err(LogonFault::Twice(t));
        }
    }
    if strict {
        as_the_dictionary_says(fields)?;
    }
    let need = |t| fields.get(t).ok_or(LogonFault::Missing(t));
    let number =
        sequence_number(need(tag::MSG_SEQ_NUM)?).ok_or(LogonFault::Bad(tag::MSG_SEQ_NUM))?;
    need(tag::SENDER_COMP_ID)?;
    need(tag::TARGET_COMP_ID)?;
    parse_utc(need(tag::SENDING_TIME)?).ok_or(LogonFault::Bad(tag::SENDING_TIME))?;
    if any_number(need(98)?) != Some(0) {
        return Err(LogonFault::Bad(98));
    }
    let (min, max) = (*options.heartbeat_s.start(), *options.heartbeat_s.end());
    let heartbeat = any_number(need(108)?).and_then(|n| u32::try_from(n).ok());
    if !heartbeat.is_some_and(|n| options.heartbeat_s.contains(&n)) {
        return Err(LogonFault::Heartbeat { min, max });
    }
    let next_expected = match fields.get(789) {
        Some(value) => Some(sequence_number(value).ok_or(LogonFault::Bad(789))?),
        None => None,
    };
    let reset = match fields.get(tag::RESET_SEQ_NUM_FLAG) {
        None | Some(b"N") => false,
        Some(b"Y") => true,
        Some(_) => return Err(LogonFault::Bad(tag::RESET_SEQ_NUM_FLAG)),
    };
    match binding {
        Binding::Required(expected) if fields.text(tag::CHANNEL_BINDING) != Some(expected) => {
            Err(LogonFault::NotBound)
        }
        // Between desk and gateway it would throw away messages in flight unseen.
        Binding::Required(_) if reset => Err(LogonFault::ResetRefused),
        _ if reset && number != 1 => Err(LogonFault::Bad(tag::MSG_SEQ_NUM)),
        _ => Ok(LogonFacts { number, reset, next_expected }),
    }
}

/// How many of [`KNOWN`], from the front, are of the header.
const HEADER: usize = 15;

/// What the engine would refuse once it has the frame: fields that are not in the dictionary, that
/// come twice, or in the wrong part, and values of another type.
fn as_the_dictionary_says(fields: &Fields<'_>) -> Result<(), LogonFault> {
    let mut seen = Vec::new();
    let mut reached = 0;
    for (tag, value) in fields.as_slice() {
        let place = KNOWN.iter().position(|t| t == tag).ok_or(LogonFault::Unknown(*tag))?;
        if seen.contains(tag) {
            return Err(LogonFault::Twice(*tag));
        }
        seen.push(*tag);
        // Header, body, trailer.
        let part = if place < HEADER { 0 } else { 1 + usize::from(matches!(tag, 93 | 89 | 10)) };
        let good = match tag {
            97 | 43 | 464 => matches!(*value, b"Y" | b"N"),
            383 | 369 => any_number(value).is_some_and(|n| n <= i32::MAX as u64),
            122 => parse_utc(value).is_some(),
            _ => true,
        };
        if part < reached || !good {
            return Err(LogonFault::Bad(*tag));
        }
        reached = part;
    }
    Ok(())
}

/// The numbers of this end when the other's Logon comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnNumbers {
    pub next_sender: u64,
    pub next_target: u64,
    /// This end sent its Logon first, and the peer's is the answer.
    pub initiator: bool,
}

/// What happens to the numbers before the engine takes a Logon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreement {
    /// The number expected becomes this one.
    pub expect: Option<u64>,
    /// What was sent from this number on is sent again, unasked.
    pub resend_from: Option<u64>,
    /// What was sent before this connection may be sent again when the peer asks; otherwise it is
    /// gap-filled: the peer's store is another one, and the snapshot tells it the state.
    pub past_may_be_resent: bool,
}

/// The table of both modes; `docs/protocol.md` says the same in words.
pub(super) fn agree(
    mode: NumberMode,
    own: OwnNumbers,
    logon: LogonFacts,
    jump_max: u64,
) -> Result<Agreement, LogonFault> {
    let (expected, got) = (own.next_target, logon.number);
    // Half of it, so that what fills the gap, and what is sent meanwhile, stay within it.
    let reach = jump_max / 2;
    let go_on = Agreement { expect: None, resend_from: None, past_may_be_resent: true };
    match mode {
        // The engine starts both ends at 1.
        _ if logon.reset => Ok(go_on),
        NumberMode::Kept if got < expected => Err(LogonFault::TooLow { expected, got }),
        NumberMode::Kept if got - expected > reach => Err(LogonFault::TooFar { expected, got }),
        NumberMode::Kept => match logon.next_expected {
            Some(n) if n > own.next_sender => {
                Err(LogonFault::NextExpectedTooHigh { highest: own.next_sender, got: n })
            }
            Some(n) => {
                Ok(Agreement { resend_from: Some(n).filter(|n| *n < own.next_sender), ..go_on })
            }
            None => Ok(go_on),
        },
        NumberMode::Agreed => {
            debug_assert!(got <= MAX_NUMBER);
            // A store without a history, as on a new laptop.
            let new_store = logon.next_expected == Some(1) && own.next_sender > 1;
            let back = got < expected;
            // What a desk sent and lost is out of date and never resent, so the gateway asks for
            // nothing. A desk asks for the reports that it missed, unless its gateway is another
            // one than before.
            let skip = got > expected && (!own.initiator || got - expected > reach);
            Ok(Agreement {
                expect: Some(got).filter(|_| back || skip),
                resend_from: None,
                past_may_be_resent: !back && !new_store,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagvalue::seal;
    use proptest::prelude::*;

    const GOOD: &str = "35=A|34=7|49=D|52=20261121-02:22:00.125|56=G|98=0|108=10|20000=B|";

    fn read(text: &str, binding: &Binding) -> Result<LogonFacts, LogonFault> {
        let frame = seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes());
        read_logon(&Fields::parse(&frame).unwrap(), &SessionOptions::default(), binding, true)
    }

    #[test]
    fn every_fault_of_a_logon_is_named() {
        use LogonFault as F;
        let bound = Binding::Required("B".into());
        assert_eq!(
            read(GOOD, &bound),
            Ok(LogonFacts { number: 7, reset: false, next_expected: None })
        );
        let heartbeat = F::Heartbeat { min: 1, max: 120 };
        for (from, to, want) in [
            ("35=A", "35=0", F::NotALogon),
            ("34=7|", "", F::Missing(34)),
            ("34=7", "34=x", F::Bad(34)),
            ("34=7", "34=0", F::Bad(34)),
            ("34=7", "34=18446744073709551615", F::Bad(34)),
            ("34=7", "34=7|34=8", F::Twice(34)),
            ("49=D|", "", F::Missing(49)),
            ("56=G|", "", F::Missing(56)),
            ("52=20261121-02:22:00.125|", "", F::Missing(52)),
            ("52=20261121-02:22:00.125", "52=yesterday", F::Bad(52)),
            ("98=0|", "", F::Missing(98)),
            ("98=0", "98=1", F::Bad(98)),
            ("108=10|", "", F::Missing(108)),
            ("108=10", "108=0", heartbeat.clone()),
            ("108=10", "108=-5", heartbeat.clone()),
            ("108=10", "108=121", heartbeat.clone()),
            ("108=10", "108=999999999", heartbeat.clone()),
            ("108=10", "108=99999999999999999999", heartbeat.clone()),
            ("108=10", "108=ten", heartbeat.clone()),
            ("108=10", "108=10|108=10", F::Twice(108)),
            ("108=10", "108=10|141=Y", F::ResetRefused),
            ("108=10", "108=10|141=maybe", F::Bad(141)),
            ("108=10", "108=10|789=0", F::Bad(789)),
            ("108=10", "108=10|9999=x", F::Unknown(9999)),
            ("108=10", "58=a|58=b|108=10", F::Twice(58)),
            ("108=10", "108=10|50=LATE", F::Bad(50)),
            ("108=10", "108=10|383=lots", F::Bad(383)),
            ("108=10", "108=10|464=maybe", F::Bad(464)),
            ("20000=B|", "", F::NotBound),
            ("20000=B", "20000=C", F::NotBound),
        ] {
            assert!(GOOD.contains(from));
            assert_eq!(read(&GOOD.replacen(from, to, 1), &bound), Err(want), "{from} -> {to}");
        }
        let frame =
            String::from_utf8(seal("FIX.4.2", GOOD.replace('|', "\u{1}").as_bytes())).unwrap();
        let read = read_logon(
            &Fields::parse(frame.as_bytes()).unwrap(),
            &SessionOptions::default(),
            &bound,
            true,
        );
        assert_eq!(read, Err(F::BeginString));
    }

    #[test]
    fn a_peer_without_a_channel_binding_may_reset_at_number_one() {
        let reset = GOOD.replace("108=10", "108=10|141=Y");
        assert_eq!(read(&reset, &Binding::None), Err(LogonFault::Bad(34)));
        let facts = read(&reset.replace("34=7", "34=1"), &Binding::None).unwrap();
        assert!(facts.reset);
    }

    /// The dictionary is the list of what the engine takes; another list would displace a live
    /// session for a Logon that the engine then refuses.
    #[test]
    fn the_fields_taken_are_those_of_the_dictionary() {
        let dictionary = super::super::dictionary::WHOLE;
        let number = |name: &str| {
            let at = dictionary
                .find(&format!("name=\"{name}\" type="))
                .unwrap_or_else(|| panic!("{name}"));
            let line = &dictionary[dictionary[..at].rfind('<').unwrap()..at];
            line.split("number=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .parse::<u32>()
                .unwrap()
        };
        let part = |from: &str, to: &str| {
            dictionary.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned()
        };
        let parts = [
            part("<header>", "</header>"),
            part("name=\"Logon\"", "</message>"),
            part("<trailer>", "</trailer>"),
        ];
        let mut listed: Vec<u32> = parts
            .iter()
            .flat_map(|p| p.split("field name=\"").skip(1))
            .map(|f| number(f.split('"').next().unwrap()))
            .collect();
        listed.sort_unstable();
        let mut known = KNOWN.to_vec();
        known.sort_unstable();
        assert_eq!(known, listed);
    }

    fn own(next_sender: u64, next_target: u64, initiator: bool) -> OwnNumbers {
        OwnNumbers { next_sender, next_target, initiator }
    }

    fn logon(number: u64, next_expected: Option<u64>) -> LogonFacts {
        LogonFacts { number, reset: false, next_expected }
    }

    #[test]
    fn between_desk_and_gateway_every_logon_is_taken() {
        let of = |initiator, (s, t), (n, e)| {
            let a = agree(NumberMode::Agreed, own(s, t, initiator), logon(n, e), 2_000).unwrap();
            (a.expect, a.past_may_be_resent)
        };
        let (gateway, desk) = (false, true);
        for (what, end, own, peer, want) in [
            ("nothing lost", gateway, (50, 20), (20, Some(50)), (None, true)),
            ("reports lost on the way", gateway, (50, 20), (20, Some(45)), (None, true)),
            ("requests lost on the way", gateway, (50, 20), (25, Some(50)), (Some(25), true)),
            ("a new laptop", gateway, (50, 20), (1, Some(1)), (Some(1), false)),
            ("a new laptop that kept its own count", gateway, (50, 1), (1, Some(1)), (None, false)),
            ("an old backup of the laptop", gateway, (50, 20), (12, Some(30)), (Some(12), false)),
            ("an old backup of the gateway", gateway, (9, 5), (20, Some(50)), (Some(20), true)),
            (
                "a new state directory at the gateway",
                gateway,
                (1, 1),
                (20, Some(50)),
                (Some(20), true),
            ),
            ("a desk that does not say 789", gateway, (50, 20), (20, None), (None, true)),
            (
                "numbers at the end of all numbers",
                gateway,
                (50, 20),
                (MAX_NUMBER, Some(50)),
                (Some(MAX_NUMBER), true),
            ),
            ("and back again", gateway, (50, MAX_NUMBER), (1, Some(1)), (Some(1), false)),
            ("the desk: nothing lost", desk, (20, 50), (50, Some(20)), (None, true)),
            ("the desk: reports lost, it asks", desk, (20, 50), (60, Some(20)), (None, true)),
            (
                "the desk: a history that no resend fills",
                desk,
                (2, 1),
                (5_000, Some(2)),
                (Some(5_000), true),
            ),
            (
                "the desk: an old backup of the gateway",
                desk,
                (20, 50),
                (9, Some(21)),
                (Some(9), false),
            ),
        ] {
            assert_eq!(of(end, own, peer), want, "{what}");
        }
    }

    #[test]
    fn towards_dealers_numbers_are_kept_as_fix_says() {
        let of = |(n, e)| agree(NumberMode::Kept, own(50, 20, true), logon(n, e), 2_000);
        let taken =
            |resend_from| Ok(Agreement { expect: None, resend_from, past_may_be_resent: true });
        assert_eq!(of((20, None)), taken(None));
        assert_eq!(of((25, None)), taken(None), "the engine asks for the gap");
        assert_eq!(of((19, None)), Err(LogonFault::TooLow { expected: 20, got: 19 }));
        assert_eq!(of((1_020, None)), taken(None));
        assert_eq!(of((1_021, None)), Err(LogonFault::TooFar { expected: 20, got: 1_021 }));
        assert_eq!(of((20, Some(50))), taken(None));
        assert_eq!(of((20, Some(45))), taken(Some(45)));
        assert_eq!(
            of((20, Some(51))),
            Err(LogonFault::NextExpectedTooHigh { highest: 50, got: 51 })
        );
        let reset = LogonFacts { reset: true, ..logon(1, None) };
        assert_eq!(agree(NumberMode::Kept, own(50, 20, true), reset, 2_000), taken(None));
    }

    proptest! {
        /// Nothing that can be in two stores locks anybody out, and the number that comes is the
        /// one expected afterwards, or a gap that is small enough to be asked for.
        #[test]
        fn no_numbers_lock_a_desk_out(
            s in 1..=MAX_NUMBER, t in 1..=MAX_NUMBER, n in 1..=MAX_NUMBER, e in prop::option::of(1..=MAX_NUMBER), initiator: bool,
        ) {
            let a = agree(NumberMode::Agreed, own(s, t, initiator), logon(n, e), 2_000).unwrap();
            let expected = a.expect.unwrap_or(t);
            prop_assert!(expected <= n && n - expected <= 1_000);
        }
    }
}
