//! One event as it waits on disk.

/// An event before it has a number.
#[derive(Debug, Clone)]
pub(in crate::siem) struct Draft {
    pub(in crate::siem) at_us: i64,
    /// `severity_id` of OCSF.
    pub(in crate::siem) severity: u8,
    pub(in crate::siem) uid: String,
    pub(in crate::siem) code: String,
    /// The whole event, OCSF.
    pub(in crate::siem) json: String,
}

/// An event with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::siem) struct Record {
    pub(in crate::siem) sequence: u64,
    pub(in crate::siem) at_us: i64,
    pub(in crate::siem) severity: u8,
    pub(in crate::siem) uid: String,
    pub(in crate::siem) code: String,
    pub(in crate::siem) json: String,
}

/// First field of a record: its format.
const FORMAT: &str = "1";

impl Record {
    pub(in crate::siem) fn new(sequence: u64, d: Draft) -> Self {
        let plain = |s: String| s.replace(char::is_control, " ");
        Self {
            sequence,
            at_us: d.at_us,
            severity: d.severity,
            uid: plain(d.uid),
            code: plain(d.code),
            json: plain(d.json),
        }
    }

    /// Fields between tabs, which none of them holds.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { sequence, at_us, severity, uid, code, json } = self;
        format!("{FORMAT}\t{sequence}\t{at_us}\t{severity}\t{uid}\t{code}\t{json}").into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = std::str::from_utf8(bytes).ok()?.splitn(7, '\t');
        let mut next = || fields.next();
        (next()? == FORMAT).then_some(())?;
        Some(Self {
            sequence: next()?.parse().ok()?,
            at_us: next()?.parse().ok()?,
            severity: next()?.parse().ok()?,
            uid: next()?.into(),
            code: next()?.into(),
            json: next()?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            uid: String, code: String, json: String, at_us: i64, severity: u8, sequence: u64,
        ) {
            let r = Record::new(sequence, Draft { at_us, severity, uid, code, json });
            prop_assert_eq!(Record::decode(&r.encode()), Some(r));
        }

        #[test]
        fn any_bytes_are_no_panic(bytes: Vec<u8>) {
            let _ = Record::decode(&bytes);
        }
    }
}
