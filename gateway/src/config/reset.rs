//! When the sequence numbers of a dealer's session start again at 1, as venues agree on it.

use serde::{Deserialize, Deserializer, de::Error as _};
use signet_rfq::UtcMillis;

/// `reset` of a `[[dealer]]`: `"never"`, `"logon"`, or `"daily HH:MM ZONE"`, where the zone is
/// `UTC` or a name of the IANA time zone database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ResetSchedule {
    /// Numbers go on for ever; `signet-gateway session reset` starts them again by hand.
    #[default]
    Never,
    /// With ResetSeqNumFlag (141=Y) in each Logon of ours.
    Logon,
    /// At this time of each day, without a word on the line: the dealer does the same.
    Daily(DailyReset),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyReset {
    hour: i8,
    minute: i8,
    zone: jiff::tz::TimeZone,
}

impl std::str::FromStr for ResetSchedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || format!("{text:?} is none of \"never\", \"logon\" and \"daily HH:MM ZONE\"");
        let daily = match text {
            "never" => return Ok(Self::Never),
            "logon" => return Ok(Self::Logon),
            _ => text.strip_prefix("daily ").ok_or_else(usage)?,
        };
        let (time, zone) = daily.split_once(' ').ok_or_else(usage)?;
        let digits = |d: &&str| d.len() == 2 && d.bytes().all(|b| b.is_ascii_digit());
        let two = |text: &str| Some(text).filter(digits).and_then(|d| d.parse::<u8>().ok());
        let (hour, minute) =
            time.split_once(':').and_then(|(h, m)| Some((two(h)?, two(m)?))).ok_or_else(usage)?;
        if hour > 23 || minute > 59 {
            return Err(usage());
        }
        let zone =
            jiff::tz::TimeZone::get(zone).map_err(|_| format!("{zone:?} is not a time zone"))?;
        Ok(Self::Daily(DailyReset { hour: hour as i8, minute: minute as i8, zone }))
    }
}

impl<'de> Deserialize<'de> for ResetSchedule {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

impl ResetSchedule {
    /// Whether numbers that count from `since` have a reset between then and `now`.
    pub fn is_due(&self, since: UtcMillis, now: UtcMillis) -> bool {
        match self {
            Self::Never | Self::Logon => false,
            Self::Daily(d) => d.latest(now).is_some_and(|at| since < at),
        }
    }
}

impl DailyReset {
    /// The latest reset that is not after `now`. On a day whose clock skips the time, it is as late
    /// as the clock is set on.
    fn latest(&self, now: UtcMillis) -> Option<UtcMillis> {
        let now_there = jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned(self.zone.clone());
        let time = jiff::civil::Time::new(self.hour, self.minute, 0, 0).ok()?;
        let today = now_there.date();
        [Some(today), today.yesterday().ok()].into_iter().flatten().find_map(|day| {
            let at = day
                .to_datetime(time)
                .to_zoned(self.zone.clone())
                .ok()?
                .timestamp()
                .as_millisecond();
            Some(UtcMillis(at)).filter(|at| *at <= now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcMillis {
        UtcMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn what_is_not_a_schedule_is_refused() {
        for good in [
            "never",
            "logon",
            "daily 17:00 UTC",
            "daily 00:00 America/New_York",
            "daily 23:59 Europe/London",
        ] {
            assert!(good.parse::<ResetSchedule>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Never",
            "daily",
            "daily 17:00",
            "daily 24:00 UTC",
            "daily 7:00 UTC",
            "daily 17:60 UTC",
            "daily +1:00 UTC",
            "daily 17:00 Nowhere/City",
        ] {
            assert!(bad.parse::<ResetSchedule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_daily_reset_is_due_once_a_day_in_its_zone() {
        let new_york: ResetSchedule = "daily 17:00 America/New_York".parse().unwrap();
        let utc: ResetSchedule = "daily 17:00 UTC".parse().unwrap();
        for (schedule, since, now, due) in [
            (&utc, "2026-11-27T17:00:00Z", "2026-11-28T16:59:59Z", false),
            (&utc, "2026-11-27T16:59:59Z", "2026-11-27T17:00:00Z", true),
            (&utc, "2026-11-27T17:00:00Z", "2026-11-28T17:00:00Z", true),
            (&utc, "2026-11-20T00:00:00Z", "2026-11-28T03:00:00Z", true),
            // 17:00 is 22:00 UTC in winter and 21:00 in summer.
            (&new_york, "2026-11-27T20:00:00Z", "2026-11-27T21:30:00Z", false),
            (&new_york, "2026-11-27T20:00:00Z", "2026-11-27T22:00:00Z", true),
            (&new_york, "2026-07-01T20:00:00Z", "2026-07-01T21:00:00Z", true),
            // A clock set back never makes numbers start again.
            (&utc, "2026-11-28T18:00:00Z", "2026-11-28T17:30:00Z", false),
            (&ResetSchedule::Never, "2026-01-01T00:00:00Z", "2026-11-28T17:30:00Z", false),
            (&ResetSchedule::Logon, "2026-01-01T00:00:00Z", "2026-11-28T17:30:00Z", false),
        ] {
            assert_eq!(schedule.is_due(at(since), at(now)), due, "{schedule:?} {since} {now}");
        }
        // In London this time does not exist on the day the clock goes on.
        let skipped: ResetSchedule = "daily 01:30 Europe/London".parse().unwrap();
        assert!(skipped.is_due(at("2026-03-28T12:00:00Z"), at("2026-03-29T02:00:00Z")));
    }
}
