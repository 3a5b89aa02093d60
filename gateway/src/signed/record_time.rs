//! The time of a record: the millisecond by which the gateway decides, and the microseconds in it.

use crate::clock::UtcMicros;
use serde::{Deserialize, Serialize};
use signet_fix::tagvalue::format_utc;
use signet_rfq::UtcMillis;
use std::fmt;

/// Bytes of the microseconds in a record.
const DIGITS: usize = 3;
/// The largest number of microseconds within a millisecond.
const MAX: u16 = 999;

/// Microseconds since a millisecond began: 0 to 999. Shown as three digits, which follow those of
/// the milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct MicrosInMilli(u16);

/// So many microseconds are a millisecond or more. At fault: whoever wrote the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} microseconds are not within a millisecond: at most 999 are")]
pub struct BeyondMilli(pub u16);

impl TryFrom<u16> for MicrosInMilli {
    type Error = BeyondMilli;

    fn try_from(us: u16) -> Result<Self, BeyondMilli> {
        if us <= MAX { Ok(Self(us)) } else { Err(BeyondMilli(us)) }
    }
}

impl From<MicrosInMilli> for u16 {
    fn from(us: MicrosInMilli) -> Self {
        us.0
    }
}

impl MicrosInMilli {
    /// As they stand in a record. Three digits hold no larger number, and each number has one form.
    pub(super) fn to_digits(self) -> [u8; DIGITS] {
        [100_u16, 10, 1].map(|unit| b'0' + (self.0 / unit % 10) as u8)
    }

    /// Reads them from the beginning of `bytes`, and gives what follows; `None` when they are not
    /// three digits.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (digits, rest) = bytes.split_first_chunk::<DIGITS>()?;
        let us = digits.iter().try_fold(0, |n: u16, digit| {
            digit.is_ascii_digit().then(|| n * 10 + u16::from(*digit - b'0'))
        })?;
        Some((Self(us), rest))
    }
}

impl fmt::Display for MicrosInMilli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// When something was that a record tells of, by the gateway's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordTime {
    /// The millisecond by which the gateway decided.
    pub at: UtcMillis,
    /// Where in that millisecond. `None`: nobody knows, since the record was written by a gateway
    /// that counted in milliseconds, or at the start after a crash.
    pub us: Option<MicrosInMilli>,
}

impl From<UtcMillis> for RecordTime {
    /// A time of which no more is known than the millisecond.
    fn from(at: UtcMillis) -> Self {
        Self { at, us: None }
    }
}

impl From<UtcMicros> for RecordTime {
    /// Both parts of one reading.
    fn from(reading: UtcMicros) -> Self {
        Self { at: reading.millis(), us: Some(MicrosInMilli(reading.in_milli())) }
    }
}

/// `20261121-12:00:00.000123`, or three digits fewer where the microseconds are not known.
impl fmt::Display for RecordTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.us.map(|us| us.to_string()).unwrap_or_default();
        f.pad(&format!("{}{us}", format_utc(self.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: UtcMillis = UtcMillis(1_795_262_400_000); // 2026-11-21T12:00:00Z

    #[test]
    fn a_number_beyond_a_millisecond_is_refused() {
        assert_eq!(MicrosInMilli::try_from(999_u16).map(u16::from), Ok(999));
        assert_eq!(MicrosInMilli::try_from(1_000_u16), Err(BeyondMilli(1_000)));
        assert_eq!(serde_json::from_str::<MicrosInMilli>("999").unwrap().to_string(), "999");
        for bad in ["1000", "70000", "-1", "1.5", "\"7\""] {
            assert!(serde_json::from_str::<MicrosInMilli>(bad).is_err(), "{bad}");
        }
        for bad in [&b""[..], b"12", b"12x", b" 12", b"-12", b"+12"] {
            assert_eq!(MicrosInMilli::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_time_is_shown_as_far_as_it_is_known() {
        let known = RecordTime::from(UtcMicros(NOON.0 * 1_000 + 7));
        assert_eq!(known.to_string(), "20261121-12:00:00.000007");
        assert_eq!(RecordTime::from(NOON).to_string(), "20261121-12:00:00.000");
        assert_eq!(format!("{:<24}|", RecordTime::from(NOON)), "20261121-12:00:00.000   |");
    }

    proptest! {
        #[test]
        fn microseconds_are_read_as_they_were_written(us in 0..=MAX, rest in any::<Vec<u8>>()) {
            let us = MicrosInMilli::try_from(us).unwrap();
            let digits = us.to_digits();
            let bytes = [&digits[..], &rest[..]].concat();
            prop_assert_eq!(MicrosInMilli::read(&bytes), Some((us, &rest[..])));
            prop_assert_eq!(us.to_string().into_bytes(), digits.to_vec());
        }

        #[test]
        fn the_parts_of_a_time_make_the_reading_again(reading in 0..=i64::MAX) {
            let time = RecordTime::from(UtcMicros(reading));
            let us = time.us.map(u16::from).unwrap();
            prop_assert_eq!(time.at.0 * 1_000 + i64::from(us), reading);
        }
    }
}
