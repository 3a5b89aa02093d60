//! What the session layer reads of a frame before the engine and the decoder do.

use super::options::MAX_NUMBER;
use crate::tagvalue::{Field, ParseError, cut, parse_number};

/// Kinds of message that the session layer treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Heartbeat,
    TestRequest,
    ResendRequest,
    Reject,
    SequenceReset,
    Logout,
    Logon,
    Application,
}

impl Kind {
    fn of(msg_type: &[u8]) -> Self {
        match msg_type {
            b"0" => Self::Heartbeat,
            b"1" => Self::TestRequest,
            b"2" => Self::ResendRequest,
            b"3" => Self::Reject,
            b"4" => Self::SequenceReset,
            b"5" => Self::Logout,
            b"A" => Self::Logon,
            _ => Self::Application,
        }
    }
}

/// Why a whole frame must not reach the engine: our reading and the engine's could differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A tag that is not a number, or begins with zero.
    BadTag,
    /// Something between separators that is not tag=value.
    NotTagValue,
    TooManyFields,
    DataLength(u32),
    /// MsgSeqNum (34) or MsgType (35) comes twice.
    Twice(u32),
    /// Longer than a frame may be; only its beginning was kept.
    TooLong,
}

impl Fault {
    /// SessionRejectReason (373), RefTagID (371) and words of the Reject that answers it.
    pub(crate) fn reject(self) -> (u16, Option<u32>, &'static str) {
        match self {
            Self::BadTag => (0, None, "a tag is not a number, or begins with zero"),
            Self::NotTagValue => (99, None, "a field is not tag=value"),
            Self::TooManyFields => (99, None, "the message has too many fields"),
            Self::DataLength(tag) => (5, Some(tag), "the length before a data field is wrong"),
            Self::Twice(tag) => (13, Some(tag), "the tag appears more than once"),
            Self::TooLong => (99, None, "the message is longer than this end takes"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Missing,
    /// Not a number, zero, or above [`MAX_NUMBER`].
    Bad,
    Of(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub kind: Kind,
    pub number: Number,
    pub poss_dup: bool,
    /// GapFillFlag (123) of a SequenceReset.
    pub gap_fill: bool,
    /// NewSeqNo (36), when it can be read.
    pub new_number: Option<u64>,
    pub fault: Option<Fault>,
}

impl Envelope {
    /// `None`: garbled, and FIX wants it ignored. `fields` are left as [`cut`] finds them.
    pub(crate) fn read(frame: &[u8], fields: &mut Vec<Field>) -> Option<Self> {
        let error = cut(frame, fields).err();
        if !is_whole(frame) {
            return None;
        }
        let fault = match error {
            // The engine rejects it as FIX wants, and reads no tag otherwise than we do.
            None | Some(ParseError::Empty(_)) => None,
            Some(ParseError::BadTag) => Some(Fault::BadTag),
            Some(ParseError::NotTagValue) => Some(Fault::NotTagValue),
            Some(ParseError::TooManyFields) => Some(Fault::TooManyFields),
            Some(ParseError::BadDataLength(tag)) => Some(Fault::DataLength(tag)),
        };
        Some(match error {
            None => Self::of(fields.iter().map(|f| (Some(f.tag), f.value(frame))), fault),
            Some(_) => Self::of(pieces(frame), fault),
        })
    }

    /// From the beginning of a frame that is too long to be taken; its last field may be torn.
    pub(crate) fn of_beginning(head: &[u8]) -> Self {
        let end = head.iter().rposition(|b| *b == 1).map_or(0, |i| i + 1);
        Self::of(pieces(&head[..end]), Some(Fault::TooLong))
    }

    fn of<'a>(fields: impl Iterator<Item = (Option<u32>, &'a [u8])>, fault: Option<Fault>) -> Self {
        let mut e = Self {
            kind: Kind::Application,
            number: Number::Missing,
            poss_dup: false,
            gap_fill: false,
            new_number: None,
            fault,
        };
        let mut seen_type = false;
        for (tag, value) in fields {
            match tag {
                Some(35) if seen_type => e.fault = e.fault.or(Some(Fault::Twice(35))),
                Some(35) => {
                    seen_type = true;
                    e.kind = Kind::of(value);
                }
                Some(34) if e.number != Number::Missing => {
                    e.fault = e.fault.or(Some(Fault::Twice(34)))
                }
                Some(34) => e.number = sequence_number(value).map_or(Number::Bad, Number::Of),
                Some(43) => e.poss_dup = value == b"Y",
                Some(123) => e.gap_fill = value == b"Y",
                Some(36) => e.new_number = any_number(value),
                _ => {}
            }
        }
        e
    }
}

/// Fields as they come between separators, one after another, without a limit of their number: the
/// frame itself is bounded. A data field that holds a separator is torn, which only a frame that is
/// refused can hold.
fn pieces(frame: &[u8]) -> impl Iterator<Item = (Option<u32>, &[u8])> {
    frame.split(|b| *b == 1).map(|piece| {
        let at = piece.iter().position(|b| *b == b'=').unwrap_or(piece.len());
        let tag = parse_number(&piece[..at]).and_then(|t| u32::try_from(t).ok());
        (tag, piece.get(at + 1..).unwrap_or_default())
    })
}

/// A MsgSeqNum: from 1 to [`MAX_NUMBER`].
pub(super) fn sequence_number(value: &[u8]) -> Option<u64> {
    any_number(value).filter(|n| (1..=MAX_NUMBER).contains(n))
}

/// Digits that make a `u64`.
pub(super) fn any_number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// BeginString, BodyLength and MsgType come first, CheckSum last, length and sum are right. What is
/// not so is garbled to FIX.
fn is_whole(frame: &[u8]) -> bool {
    let Some(begin) = frame.iter().position(|b| *b == 1) else { return false };
    let Some(length) = frame[begin + 1..].iter().position(|b| *b == 1) else { return false };
    let start = begin + length + 2;
    let digits = frame[begin + 1..begin + 1 + length].strip_prefix(b"9=");
    let Some(body) = digits.and_then(any_number).and_then(|n| usize::try_from(n).ok()) else {
        return false;
    };
    let Some(end) = start.checked_add(body).filter(|end| end.checked_add(7) == Some(frame.len()))
    else {
        return false;
    };
    let sum = frame[..end].iter().fold(0u8, |n, b| n.wrapping_add(*b));
    frame.starts_with(b"8=")
        && frame[start..].starts_with(b"35=")
        && frame[end..] == *format!("10={sum:03}\u{1}").as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagvalue::{MAX_FIELDS, seal};
    use proptest::prelude::*;

    fn read(body: &str) -> Option<Envelope> {
        Envelope::read(&seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes()), &mut vec![])
    }

    #[test]
    fn what_the_session_layer_reads_of_a_frame() {
        let e = read("35=4|34=7|43=Y|123=Y|36=18446744073709551615|").unwrap();
        assert_eq!(
            (e.kind, e.number, e.poss_dup, e.gap_fill),
            (Kind::SequenceReset, Number::Of(7), true, true)
        );
        assert_eq!((e.new_number, e.fault), (Some(u64::MAX), None));
        for (body, number, fault) in [
            ("35=0|", Number::Missing, None),
            ("35=0|34=|", Number::Bad, None),
            ("35=0|34=0|", Number::Bad, None),
            ("35=0|34=-1|", Number::Bad, None),
            ("35=0|34=18446744073709551615|", Number::Bad, None),
            ("35=0|34=99999999999999999999|", Number::Bad, None),
            (
                "35=0|49=A|52=B|56=C|50=D|57=E|115=F|128=G|97=N|369=1|122=H|43=N|129=I|116=J|34=9|",
                Number::Of(9),
                None,
            ),
            ("35=0|34=3|34=9|", Number::Of(3), Some(Fault::Twice(34))),
            ("35=0|34=3|35=D|", Number::Of(3), Some(Fault::Twice(35))),
            ("35=0|34=3|0058=x|", Number::Of(3), Some(Fault::BadTag)),
            ("35=0|0058=x|34=3|", Number::Of(3), Some(Fault::BadTag)),
            ("35=0|34=3|58|", Number::Of(3), Some(Fault::BadTag)),
            ("35=0|34=3|95=9|96=x|", Number::Of(3), Some(Fault::DataLength(96))),
            ("35=0|34=3|58=|", Number::Of(3), None),
        ] {
            let e = read(body).unwrap();
            assert_eq!((e.number, e.fault), (number, fault), "{body}");
        }
        let many = format!("35=D|34=3|{}", "1=x|".repeat(MAX_FIELDS));
        assert_eq!(read(&many).unwrap().fault, Some(Fault::TooManyFields));
        assert_eq!(read("34=3|35=D|"), None, "MsgType is not third");
    }

    #[test]
    fn a_frame_whose_length_or_sum_is_wrong_is_garbled() {
        let good = seal("FIX.4.4", b"35=0\x0134=2\x01");
        assert!(Envelope::read(&good, &mut vec![]).is_some());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(Envelope::read(&bad, &mut vec![]), None, "byte {at}");
            assert_eq!(Envelope::read(&good[..at], &mut vec![]), None, "cut at {at}");
        }
    }

    #[test]
    fn the_number_of_a_message_that_is_too_long_is_read_from_its_beginning() {
        let e = Envelope::of_beginning(b"8=FIX.4.4\x019=99999\x0135=y\x0134=12\x0149=A\x0134");
        assert_eq!(
            (e.kind, e.number, e.fault),
            (Kind::Application, Number::Of(12), Some(Fault::TooLong))
        );
        assert_eq!(
            Envelope::of_beginning(b"8=FIX.4.4\x019=99999\x0135=y\x0134=12").number,
            Number::Missing,
            "torn"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(b in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Envelope::read(&b, &mut vec![]);
            let _ = Envelope::of_beginning(&b);
            let _ = Envelope::read(&seal("FIX.4.4", &[b"35=", &b[..]].concat()), &mut vec![]);
        }
    }
}
