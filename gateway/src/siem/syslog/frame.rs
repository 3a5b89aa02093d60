//! One event as a frame of syslog.

use crate::{config::Facility, delivery::Record};
use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};

/// An id of structured data that is not registered is `name@number`. This number is the one that
/// RFC 5612 keeps for documents, since Signet has none of its own.
const DATA_ID: &str = "signet@32473";
/// RFC 5424 §6.2.3: six digits of a second at most.
const TIME: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// What is the same in every frame of a gateway.
#[derive(Debug)]
pub(in crate::siem) struct Header {
    facility: Facility,
    host: String,
    process: u32,
}

impl Header {
    pub(in crate::siem) fn of_this_host(facility: Facility) -> Self {
        let host = crate::host::name().unwrap_or_default();
        Self { facility, host: name(&host, 255), process: std::process::id() }
    }
}

/// Visible ASCII without blanks, of a length that the header allows; `-` when nothing is left.
fn name(text: &str, most: usize) -> String {
    let plain: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if plain.is_empty() { "-".into() } else { plain }
}

/// `"`, `\` and `]` are escaped (RFC 5424 §6.3.3).
fn parameter(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Severity of syslog for `severity_id` of OCSF.
fn severity(id: u8) -> u8 {
    match id {
        5.. => 2,
        4 => 3,
        3 => 4,
        2 => 5,
        _ => 6,
    }
}

fn caption(id: u8) -> &'static str {
    match id {
        5.. => "Critical",
        4 => "High",
        3 => "Medium",
        2 => "Low",
        _ => "Informational",
    }
}

/// Appends `LENGTH MESSAGE`: the length in bytes says where it ends, not a character.
pub(in crate::siem) fn frame(h: &Header, r: &Record, out: &mut Vec<u8>) {
    let priority = h.facility as u8 * 8 + severity(r.severity);
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(r.at_us) * 1_000);
    let at = at.ok().and_then(|t| t.format(TIME).ok()).unwrap_or_else(|| "-".into());
    let (code, uid) = (parameter(&r.code), parameter(&r.uid));
    let message = format!(
        "<{priority}>1 {at} {} signet-gateway {} {} [{DATA_ID} code=\"{code}\" severity=\"{}\" \
            uid=\"{uid}\" sequence=\"{}\"] {}",
        h.host,
        h.process,
        name(&r.code, 32),
        caption(r.severity),
        r.sequence,
        r.json
    );
    out.extend_from_slice(format!("{} ", message.len()).as_bytes());
    out.extend_from_slice(message.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(uid: &str, code: &str) -> Record {
        Record {
            sequence: 9,
            at_us: 1_700_000_000_123_456,
            severity: 4,
            uid: uid.into(),
            code: code.into(),
            json: "{\"a\":1}".into(),
        }
    }

    fn framed(r: &Record) -> String {
        let header = Header { facility: Facility::Authpriv, host: "gw1".into(), process: 7 };
        let mut out = Vec::new();
        frame(&header, r, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_frame_is_what_the_standard_says() {
        let message = "<83>1 2023-11-14T22:13:20.123456Z gw1 signet-gateway 7 risk.denied \
            [signet@32473 code=\"risk.denied\" severity=\"High\" uid=\"G.1.9\" sequence=\"9\"] \
            {\"a\":1}";
        assert_eq!(framed(&record("G.1.9", "risk.denied")), format!("{} {message}", message.len()));
    }

    #[test]
    fn table_of_severities() {
        for (ocsf, syslog) in [(0, 6), (1, 6), (2, 5), (3, 4), (4, 3), (5, 2), (6, 2), (255, 2)] {
            assert_eq!(severity(ocsf), syslog, "{ocsf}");
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_a_frame_or_its_structured_data(uid: String, code: String) {
            let text = framed(&record(&uid, &code));
            let (length, message) = text.split_once(' ').unwrap();
            prop_assert_eq!(length.parse::<usize>().unwrap(), message.len());
            prop_assert!(!message.contains(['\n', '\r', '\0']));
            // Header fields, then one element of structured data that ends where it should.
            let mut fields = message.splitn(7, ' ');
            prop_assert_eq!(fields.nth(5).unwrap().contains(['"', ']']), name(&code, 32).contains(['"', ']']));
            let json = " {\"a\":1}";
            prop_assert!(text.ends_with(json));
            let data = fields.next().unwrap().strip_suffix(json).unwrap();
            let mut escaped = false;
            let ends: Vec<_> = data.char_indices().filter(|(_, c)| {
                let bare = *c == ']' && !escaped;
                escaped = *c == '\\' && !escaped;
                bare
            }).collect();
            prop_assert_eq!(ends, vec![(data.len() - 1, ']')]);
        }
    }
}
