//! Which messages are kept. A pure function from what passed to what is written down.

use crate::{encode, record::What};

/// A whole application message that passed.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// It left.
    Sent(&'a [u8]),
    /// It came, with a signature that was good or without one.
    Received {
        /// As it travelled.
        frame: &'a [u8],
        /// It carries a good signature.
        signed: bool,
    },
    /// It came and did nothing.
    Refused {
        /// As it travelled.
        frame: &'a [u8],
        /// Why.
        why: &'a str,
    },
}

/// Whether messages of this type (35) are kept: everything about RFQs, quotes, accepts, trades,
/// touches and access.
///
/// Not kept: reference data (`x`, `y`, `U1`), which is large and commits nobody; the registration
/// of security keys (`U9`, `UA`), which carries one-time codes; reports about the laptop (`UC`,
/// `UD`); lists of colleagues' RFQs (`UG`, `UI`), which commit nobody. A type that is not known is
/// kept: it may commit somebody.
pub fn keeps(msg_type: &str) -> bool {
    let session = matches!(msg_type, "0" | "1" | "2" | "3" | "4" | "5" | "A");
    !session && !matches!(msg_type, "x" | "y" | "U1" | "U9" | "UA" | "UC" | "UD" | "UG" | "UI")
}

/// What is written down of a message that passed; `None`: nothing.
pub fn observe(seen: Seen<'_>) -> Option<What> {
    let (Seen::Sent(frame) | Seen::Received { frame, .. } | Seen::Refused { frame, .. }) = seen;
    let msg = msg_type(frame);
    if !keeps(&msg) {
        return None;
    }
    let frame = encode(frame);
    Some(match seen {
        Seen::Sent(_) => What::Sent { msg, frame },
        Seen::Received { signed, .. } => What::Received { msg, signed, frame },
        Seen::Refused { why, .. } => What::Refused { msg, why: why.into(), frame },
    })
}

/// MsgType (35), which is the third field of every message that the session let through.
fn msg_type(frame: &[u8]) -> String {
    let field = frame.split(|b| *b == 1).nth(2).and_then(|f| f.strip_prefix(b"35="));
    String::from_utf8_lossy(field.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    /// Every type of application message that there is, and whether it is kept.
    const TYPES: [(&str, bool); 29] = [
        ("R", true),
        ("AG", true),
        ("S", true),
        ("Z", true),
        ("AJ", true),
        ("AI", true),
        ("8", true),
        ("H", true),
        ("j", true),
        ("x", false),
        ("y", false),
        ("U1", false),
        ("U2", true),
        ("U3", true),
        ("U4", true),
        ("U5", true),
        ("U6", true),
        ("U7", true),
        ("U8", true),
        ("U9", false),
        ("UA", false),
        ("UB", true),
        ("UC", false),
        ("UD", false),
        ("UE", true),
        ("UG", false),
        ("UH", true),
        ("UI", false),
        ("UJ", true),
    ];

    #[test]
    fn each_type_and_each_way_is_decided() {
        let others = [("D", true), ("U?", true), ("", true), ("0", false), ("A", false)];
        for (msg, kept) in TYPES.into_iter().chain(others) {
            let frame = format!("8=FIX.4.4\u{1}9=5\u{1}35={msg}\u{1}10=000\u{1}").into_bytes();
            let frame = frame.as_slice();
            for seen in [
                Seen::Sent(frame),
                Seen::Received { frame, signed: true },
                Seen::Received { frame, signed: false },
                Seen::Refused { frame, why: "bad" },
            ] {
                let wanted = kept.then(|| (msg.to_owned(), frame.to_vec()));
                let found = observe(seen).map(|what| match (what, seen) {
                    (What::Sent { msg, frame }, Seen::Sent(_)) => (msg, frame),
                    (What::Received { msg, signed, frame }, Seen::Received { signed: s, .. })
                        if s == signed =>
                    {
                        (msg, frame)
                    }
                    (What::Refused { msg, why, frame }, Seen::Refused { why: w, .. })
                        if w == why =>
                    {
                        (msg, frame)
                    }
                    (what, seen) => panic!("{seen:?} became {what:?}"),
                });
                let found = found.map(|(msg, frame)| (msg, decode(&frame).unwrap()));
                assert_eq!(found, wanted, "{msg}");
            }
        }
    }

    /// A new message does not compile without a line in `TYPES`.
    #[test]
    fn the_table_has_every_message() {
        let source = include_str!("../../signet-fix/src/message/mod.rs");
        let types = source.split("pub fn msg_type").nth(1).unwrap();
        let types = types.split("pub fn may_be_resent").next().unwrap();
        let written: Vec<&str> =
            types.split("=> \"").skip(1).map(|t| t.split('"').next().unwrap()).collect();
        let table: Vec<&str> = TYPES.iter().map(|(t, _)| *t).collect();
        assert_eq!(written, table);
    }

    #[test]
    fn a_frame_without_a_type_is_kept_as_refused() {
        let what = observe(Seen::Refused { frame: b"garbage", why: "unreadable" });
        assert!(matches!(what, Some(What::Refused { msg, .. }) if msg.is_empty()));
    }
}
