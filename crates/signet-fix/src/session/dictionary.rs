//! The dictionaries that the engine checks messages against.
//!
//! Towards desks the engine uses the whole dictionary and refuses what it does not list. Towards
//! dealers and venues the engine sees the session's part of a message only (header and check sum)
//! and checks no body: FIX 4.4 has hundreds of fields and groups that a counterparty may add to a
//! quote or a report, and none of them is a reason to refuse a trade. What we use of a body is
//! judged where it is read (`message`), and a message that is not understood there is answered by
//! BusinessMessageReject.

use crate::tagvalue::Field;
use std::sync::OnceLock;

/// Messages, fields and groups that Signet writes, and all that a desk may send.
pub(super) const WHOLE: &str = include_str!("../../dictionary/FIX44-signet.xml");

/// MsgType (35) of every application message of FIX 4.4 (Volume 6, MsgType), so that one that we do
/// not process is "unsupported" (380=3) and not "invalid" (373=11).
const APPLICATION_TYPES: &str = "6 7 8 9 B C D E F G H J K L M N P Q R S T V W X Y Z \
    a b c d e f g h i j k l m o p q r s t u v w x y z \
    AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV AW AX AY AZ \
    BA BB BC BD BE BF BG BH";

/// The dictionary of a session that is not strict: the whole one without the bodies of application
/// messages, and with every application message of FIX 4.4.
pub(super) fn lenient() -> &'static str {
    static LENIENT: OnceLock<String> = OnceLock::new();
    LENIENT.get_or_init(|| without_bodies(WHOLE))
}

fn without_bodies(whole: &str) -> String {
    let (mut out, mut in_body, mut known) = (String::new(), false, Vec::new());
    for line in whole.lines() {
        let application = line.contains("msgcat=\"app\"");
        if application {
            known.extend(attribute(line, "msgtype"));
            out.push_str(&line.replace("/>", ">").replace('>', "/>"));
            in_body = !line.contains("/>");
        } else if line.contains("</messages>") {
            let others = APPLICATION_TYPES.split_whitespace().filter(|t| !known.contains(t));
            others.for_each(|t| {
                out.push_str(&format!(
                    "<message name=\"Type{t}\" msgtype=\"{t}\" msgcat=\"app\"/>\n"
                ))
            });
            out.push_str(line);
        } else if !in_body {
            out.push_str(line);
        }
        out.push('\n');
        in_body &= !line.contains("</message>");
    }
    out
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// Header fields that a session decides by (FIX 4.4 Volume 2, Standard Message Header).
const SESSION_TAGS: [u32; 19] =
    [8, 9, 35, 34, 49, 56, 50, 57, 115, 116, 128, 129, 142, 143, 144, 145, 43, 97, 369];
const TIMES: [u32; 2] = [52, 122];
/// Fields of the session's own seven messages.
const SESSION_BODIES: [u32; 14] = [112, 7, 16, 45, 371, 372, 373, 58, 36, 123, 98, 108, 141, 464];
const CHECK_SUM: u32 = 10;
/// `YYYYMMDD-HH:MM:SS.sss`: a finer time (FIX has them down to picoseconds) is a time all the same.
const MILLISECONDS_LEN: u32 = 21;

/// The session's part of a message: what the engine is given of one from a counterparty.
pub(super) fn session_part(fields: &[Field], application: bool) -> Vec<Field> {
    let part = |f: &Field| match f.tag {
        tag if !application && SESSION_BODIES.contains(&tag) => Some(*f),
        tag if TIMES.contains(&tag) => Some(Field { len: f.len.min(MILLISECONDS_LEN), ..*f }),
        tag if SESSION_TAGS.contains(&tag) || tag == CHECK_SUM => Some(*f),
        _ => None,
    };
    let mut seen = Vec::new();
    // A header field may also stand in the body (in a hop, say); this end ignores it there.
    fields
        .iter()
        .filter_map(part)
        .filter(|f| {
            !seen.contains(&f.tag) && {
                seen.push(f.tag);
                true
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lenient_dictionary_has_every_type_once_and_no_body() {
        let text = lenient();
        for t in APPLICATION_TYPES.split_whitespace() {
            assert_eq!(text.matches(&format!("msgtype=\"{t}\"")).count(), 1, "{t}");
        }
        let messages =
            text.split("<messages>").nth(1).unwrap().split("</messages>").next().unwrap();
        let app: Vec<&str> = messages.lines().filter(|l| l.contains("msgcat=\"app\"")).collect();
        assert!(app.iter().all(|l| l.trim_end().ends_with("/>")), "{app:?}");
        assert_eq!(
            messages.matches("</message>").count(),
            7,
            "the seven of the session keep theirs"
        );
    }

    #[test]
    fn the_engine_is_given_the_header_and_the_check_sum() {
        let frame = b"8=FIX.4.4\x019=5\x0135=8\x0134=2\x0149=A\x0152=20261128-10:00:00.123456789012\x0156=B\x01454=2\x01455=X\x01456=4\x01455=Y\x0149=Z\x0110=000\x01";
        let mut fields = vec![];
        crate::tagvalue::cut(frame, &mut fields).unwrap();
        let part = session_part(&fields, true);
        assert_eq!(part.iter().map(|f| f.tag).collect::<Vec<_>>(), [8, 9, 35, 34, 49, 52, 56, 10]);
        assert_eq!(part[5].value(frame), b"20261128-10:00:00.123");
    }
}
