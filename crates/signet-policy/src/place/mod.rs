//! Where an access comes from: the firm's networks, and whether somebody can have travelled that
//! fast.

mod countries;

use ipnetwork::IpNetwork;
use std::{fmt, net::IpAddr, str::FromStr};

/// ISO 3166-1 alpha-2, upper case.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// ISO 3166-1 alpha-2, the codes that are assigned (2026), and XK, which country files use for
/// Kosovo.
const ASSIGNED: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN \
    BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ \
    DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL \
    GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
    JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME \
    MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP \
    NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD \
    SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW \
    XK";

/// The text is not two capital letters; holds its first 20 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a country code of two capital letters (ISO 3166-1 alpha-2)")]
pub struct NotACountry(String);

impl FromStr for Country {
    type Err = NotACountry;

    fn from_str(s: &str) -> Result<Self, NotACountry> {
        match s.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([*a, *b])),
            _ => Err(NotACountry(s.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = NotACountry;

    fn try_from(s: String) -> Result<Self, NotACountry> {
        s.parse()
    }
}

impl From<Country> for String {
    fn from(c: Country) -> Self {
        c.as_str().to_owned()
    }
}

impl Country {
    /// Whether ISO 3166-1 assigns this code. "UK" is reserved and names nothing: the United Kingdom
    /// is GB.
    pub fn is_assigned(self) -> bool {
        ASSIGNED.split(' ').any(|code| code == self.as_str())
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        // Two ASCII letters by construction.
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A network of the firm. Private addresses are in no country file, so a network may say where it
/// is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorporateNetwork {
    /// Its addresses, IPv4 or IPv6.
    pub range: IpNetwork,
    /// Where it is; `None` leaves that to the country file.
    pub country: Option<Country>,
}

/// The network an address belongs to, the narrowest first. An IPv4 address written as IPv6
/// (`::ffff:192.0.2.1`) is an IPv4 address.
pub fn corporate(networks: &[CorporateNetwork], address: IpAddr) -> Option<&CorporateNetwork> {
    let address = address.to_canonical();
    networks.iter().filter(|n| n.range.contains(address)).max_by_key(|n| n.range.prefix())
}

/// How far the clocks of two gateways may differ, milliseconds.
pub const CLOCKS_DIFFER_MAX_MS: i64 = 60_000;

/// A sighting: a country and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The country the address was in.
    pub country: Country,
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl Sighting {
    /// Whether it was made while a clock was ahead: when that was cannot be told, so it says
    /// nothing of how fast somebody travelled.
    pub fn is_ahead(&self, now_ms: i64) -> bool {
        self.at_ms > now_ms.saturating_add(CLOCKS_DIFFER_MAX_MS)
    }
}

/// The fastest travel that is possible, and the distance from which it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TravelLimits {
    /// Fastest travel, kilometres per hour.
    pub speed_kmh: u32,
    /// Shorter distances are not judged, kilometres.
    pub distance_km: u32,
}

/// Whether the same person can have been at two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Travel {
    /// The same country, too near to look at, or time enough.
    Possible,
    /// The least distance, and the time between the two sightings.
    Impossible {
        /// Least distance between the two countries.
        km: u32,
        /// Time between the two sightings, whole minutes, rounded down.
        minutes: u32,
    },
    /// A country that this version has no place for.
    CannotTell,
}

/// Whether somebody seen at `from` can be at `to`. Countries only, so the distance is the least it
/// can be: between the middles, less how far each reaches. A clock that went back counts as no time
/// passed.
pub fn travel(from: Sighting, to: Sighting, limits: TravelLimits) -> Travel {
    if from.country == to.country {
        return Travel::Possible;
    }
    let (Some(a), Some(b)) = (countries::find(from.country), countries::find(to.country)) else {
        return Travel::CannotTell;
    };
    let km = (great_circle_km(a, b) - f64::from(a.reach_km) - f64::from(b.reach_km)).max(0.0);
    let ms = to.at_ms.saturating_sub(from.at_ms).max(0);
    // Hours as f64 are exact far beyond any career.
    let hours = ms as f64 / 3_600_000.0;
    let too_far = km >= f64::from(limits.distance_km) && km > hours * f64::from(limits.speed_kmh);
    if !too_far {
        return Travel::Possible;
    }
    Travel::Impossible { km: km as u32, minutes: u32::try_from(ms / 60_000).unwrap_or(u32::MAX) }
}

/// Haversine on a sphere of 6,371 km.
fn great_circle_km(a: &countries::Spot, b: &countries::Spot) -> f64 {
    let r = |degrees: f32| f64::from(degrees).to_radians();
    let (dlat, dlon) = (r(b.lat) - r(a.lat), r(b.lon) - r(a.lon));
    let h =
        (dlat / 2.0).sin().powi(2) + r(a.lat).cos() * r(b.lat).cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371.0 * h.sqrt().clamp(0.0, 1.0).asin()
}

/// Hours of the week in which the firm trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Minutes after midnight, local by `utc_offset_minutes`; `from` less than `to`.
    pub from_minute: u16,
    /// First minute after trading, counted like `from_minute`; at most 1440.
    pub to_minute: u16,
    /// Monday first.
    pub days: [bool; 7],
    /// Local time less UTC, minutes; it does not follow daylight saving.
    pub utc_offset_minutes: i16,
}

impl Hours {
    /// Whether a moment (milliseconds since 1970, UTC) lies in them.
    pub fn hold(&self, at_ms: i64) -> bool {
        let minutes = at_ms.div_euclid(60_000).saturating_add(i64::from(self.utc_offset_minutes));
        // 1970-01-01 was a Thursday.
        let weekday = (minutes.div_euclid(1_440) + 3).rem_euclid(7);
        let minute = minutes.rem_euclid(1_440);
        let day =
            usize::try_from(weekday).ok().and_then(|d| self.days.get(d)).copied().unwrap_or(false);
        day && (i64::from(self.from_minute)..i64::from(self.to_minute)).contains(&minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TravelLimits = TravelLimits { speed_kmh: 900, distance_km: 500 };
    const HOUR: i64 = 3_600_000;

    fn c(s: &str) -> Country {
        s.parse().unwrap()
    }

    #[test]
    fn table_of_clocks_that_are_ahead() {
        let s = Sighting { country: c("GB"), at_ms: 10 * HOUR };
        let now = s.at_ms - CLOCKS_DIFFER_MAX_MS;
        for (now, ahead) in
            [(i64::MIN, true), (now - 1, true), (now, false), (s.at_ms, false), (i64::MAX, false)]
        {
            assert_eq!(s.is_ahead(now), ahead, "{now}");
        }
    }

    #[test]
    fn the_narrowest_network_of_the_firm() {
        let net = |range: &str, country: Option<&str>| CorporateNetwork {
            range: range.parse().unwrap(),
            country: country.map(c),
        };
        let all = [
            net("10.0.0.0/8", Some("GB")),
            net("10.20.0.0/16", Some("FR")),
            net("2001:db8:1::/48", None),
        ];
        for (address, want) in [
            ("10.1.2.3", Some("10.0.0.0/8")),
            ("10.20.2.3", Some("10.20.0.0/16")),
            ("::ffff:10.20.2.3", Some("10.20.0.0/16")),
            ("2001:db8:1:9::1", Some("2001:db8:1::/48")),
            ("2001:db8:2::1", None),
            ("11.0.0.1", None),
            // Not an IPv4 address, whatever its last bytes are.
            ("::10.1.2.3", None),
        ] {
            let found = corporate(&all, address.parse().unwrap()).map(|n| n.range.to_string());
            assert_eq!(found.as_deref(), want, "{address}");
        }
    }

    #[test]
    fn nobody_is_in_london_and_an_hour_later_in_singapore() {
        let at = |country: &str, hours: i64| Sighting { country: c(country), at_ms: hours * HOUR };
        let impossible = |a, b| matches!(travel(a, b, LIMITS), Travel::Impossible { .. });
        assert!(impossible(at("GB", 0), at("SG", 1)));
        assert!(!impossible(at("GB", 0), at("SG", 13)));
        // A clock that went back does not prove a slow journey.
        assert!(impossible(at("GB", 9), at("SG", 1)));
        // Neighbours, however large: the border may be crossed on foot.
        for (a, b) in [
            ("US", "CA"),
            ("GB", "FR"),
            ("RU", "CN"),
            ("CH", "DE"),
            ("US", "MX"),
            ("GB", "IE"),
            ("NL", "GB"),
            ("CN", "HK"),
        ] {
            assert_eq!(travel(at(a, 0), at(b, 0), LIMITS), Travel::Possible, "{a} {b}");
        }
        for (a, b) in [("GB", "US"), ("DE", "AE"), ("JP", "AU"), ("CH", "HK"), ("BR", "ZA")] {
            assert!(impossible(at(a, 0), at(b, 1)), "{a} {b}");
            assert!(impossible(at(b, 0), at(a, 1)), "{b} {a}");
        }
        assert_eq!(travel(at("GB", 0), at("ZZ", 0), LIMITS), Travel::CannotTell);
        assert_eq!(travel(at("ZZ", 0), at("ZZ", 0), LIMITS), Travel::Possible);
        assert!(
            travel(at("GB", i64::MIN / HOUR), at("SG", i64::MAX / HOUR), LIMITS)
                == Travel::Possible
        );
    }

    /// What an event says: the least distance there can be, and the whole minutes that have passed.
    #[test]
    fn an_impossible_journey_is_told_in_kilometres_and_minutes() {
        let at = |country: &str, at_ms: i64| Sighting { country: c(country), at_ms };
        // 10,945 km between the middles; Great Britain reaches 600 km from its own and Singapore 30
        // km.
        assert_eq!(
            travel(at("GB", 0), at("SG", 119_999), LIMITS),
            Travel::Impossible { km: 10_314, minutes: 1 }
        );
        assert_eq!(
            travel(at("CH", 0), at("HK", HOUR), LIMITS),
            Travel::Impossible { km: 9_129, minutes: 60 }
        );
    }

    /// Countries that touch have no distance, so even a limit of zero finds nothing.
    #[test]
    fn no_distance_is_never_too_far() {
        let at = |country: &str| Sighting { country: c(country), at_ms: 0 };
        let strict = TravelLimits { speed_kmh: 0, distance_km: 0 };
        assert_eq!(travel(at("CH"), at("DE"), strict), Travel::Possible);
        assert!(matches!(travel(at("CH"), at("HK"), strict), Travel::Impossible { .. }));
    }

    /// A firm decides from which distance on it looks, whatever the speed.
    #[test]
    fn a_shorter_distance_than_the_limit_is_not_looked_at() {
        let at = |country: &str| Sighting { country: c(country), at_ms: 0 };
        for (distance_km, possible) in [(9_129, false), (9_130, true)] {
            let limits = TravelLimits { distance_km, ..LIMITS };
            assert_eq!(
                travel(at("CH"), at("HK"), limits) == Travel::Possible,
                possible,
                "{distance_km}"
            );
        }
    }

    #[test]
    fn a_known_distance() {
        // Zurich and New York, about 6,325 km.
        let spot = |lat, lon| countries::Spot { code: *b"XX", lat, lon, reach_km: 0 };
        let km = great_circle_km(&spot(47.37, 8.54), &spot(40.71, -74.01));
        assert!((6_250.0..6_400.0).contains(&km), "{km}");
        assert!(great_circle_km(&spot(0.0, 179.5), &spot(0.0, -179.5)) < 120.0);
    }

    #[test]
    fn country_codes() {
        assert_eq!(c("GB").to_string(), "GB");
        for bad in ["", "G", "gb", "GBR", "G1", "ÄÖ"] {
            assert!(bad.parse::<Country>().is_err(), "{bad}");
        }
        // Logs and files show the same two letters.
        assert_eq!(format!("{:?}", c("GB")), "GB");
        assert_eq!(serde_json::to_string(&c("GB")).unwrap(), "\"GB\"");
        assert_eq!(serde_json::from_str::<Country>("\"GB\"").unwrap(), c("GB"));
        assert!(serde_json::from_str::<Country>("\"gb\"").is_err());
    }

    /// A configuration that names a country which is none would expect somebody nowhere.
    #[test]
    fn only_some_codes_are_assigned() {
        for (code, assigned) in
            [("AD", true), ("GB", true), ("ZW", true), ("XK", true), ("UK", false), ("ZZ", false)]
        {
            assert_eq!(c(code).is_assigned(), assigned, "{code}");
        }
    }

    #[test]
    fn hours_of_the_week() {
        let weekdays = [true, true, true, true, true, false, false];
        let h = Hours {
            from_minute: 7 * 60,
            to_minute: 19 * 60,
            days: weekdays,
            utc_offset_minutes: 60,
        };
        // 2026-11-20 is a Friday; 1795132800000 is its midnight UTC.
        let friday = 1_795_132_800_000;
        for (minutes_utc, want) in [
            (359, false),
            (360, true),
            (1_079, true),
            (1_080, false),
            (1_440 + 600, false),
            (3 * 1_440 + 600, true),
        ] {
            assert_eq!(h.hold(friday + minutes_utc * 60_000), want, "{minutes_utc}");
        }
        let _ = (h.hold(i64::MIN), h.hold(i64::MAX));
    }
}
