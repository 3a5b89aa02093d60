//! Approximate places of countries: the middle, and how far the country reaches from it, both
//! generous. Only to judge whether a journey is impossible in a given time.

use super::Country;

pub(super) struct Spot {
    pub code: [u8; 2],
    /// Degrees, north and east positive.
    pub lat: f32,
    pub lon: f32,
    pub reach_km: u16,
}

pub(super) fn find(c: Country) -> Option<&'static Spot> {
    SPOTS.binary_search_by_key(&c.0, |s| s.code).ok().and_then(|i| SPOTS.get(i))
}

const fn s(code: &[u8; 2], lat: f32, lon: f32, reach_km: u16) -> Spot {
    Spot { code: *code, lat, lon, reach_km }
}

/// By code.
static SPOTS: &[Spot] = &[
    s(b"AD", 42.5, 1.5, 30),
    s(b"AE", 24.0, 54.0, 300),
    s(b"AF", 34.0, 66.0, 700),
    s(b"AL", 41.0, 20.0, 180),
    s(b"AM", 40.0, 45.0, 200),
    s(b"AO", -12.5, 18.5, 850),
    s(b"AR", -35.0, -65.0, 2000),
    s(b"AT", 47.5, 14.0, 320),
    s(b"AU", -25.0, 134.0, 2300),
    s(b"AZ", 40.5, 47.5, 280),
    s(b"BA", 44.0, 18.0, 200),
    s(b"BB", 13.2, -59.5, 30),
    s(b"BD", 24.0, 90.0, 400),
    s(b"BE", 50.8, 4.5, 170),
    s(b"BG", 43.0, 25.0, 300),
    s(b"BH", 26.0, 50.5, 40),
    s(b"BI", -3.5, 30.0, 150),
    s(b"BJ", 9.5, 2.2, 350),
    s(b"BM", 32.3, -64.8, 20),
    s(b"BN", 4.5, 114.7, 90),
    s(b"BO", -17.0, -65.0, 850),
    s(b"BR", -10.0, -55.0, 2500),
    s(b"BS", 24.5, -76.0, 500),
    s(b"BT", 27.5, 90.5, 180),
    s(b"BW", -22.0, 24.0, 550),
    s(b"BY", 53.0, 28.0, 350),
    s(b"BZ", 17.2, -88.7, 160),
    s(b"CA", 60.0, -95.0, 2900),
    s(b"CD", -2.5, 23.5, 1300),
    s(b"CF", 7.0, 21.0, 700),
    s(b"CG", -1.0, 15.0, 650),
    s(b"CH", 47.0, 8.0, 190),
    s(b"CI", 8.0, -5.0, 400),
    s(b"CL", -33.0, -71.0, 2400),
    s(b"CM", 6.0, 12.0, 650),
    s(b"CN", 35.0, 105.0, 2600),
    s(b"CO", 4.0, -72.0, 1000),
    s(b"CR", 10.0, -84.0, 250),
    s(b"CU", 21.5, -80.0, 600),
    s(b"CV", 16.0, -24.0, 200),
    s(b"CY", 35.0, 33.0, 130),
    s(b"CZ", 49.8, 15.5, 270),
    s(b"DE", 51.0, 10.0, 480),
    s(b"DJ", 11.5, 43.0, 120),
    s(b"DK", 56.0, 10.0, 250),
    s(b"DO", 19.0, -70.7, 210),
    s(b"DZ", 28.0, 3.0, 1200),
    s(b"EC", -2.0, -77.5, 500),
    s(b"EE", 59.0, 26.0, 200),
    s(b"EG", 27.0, 30.0, 700),
    s(b"ER", 15.0, 39.0, 500),
    s(b"ES", 40.0, -4.0, 700),
    s(b"ET", 8.0, 38.0, 800),
    s(b"FI", 64.0, 26.0, 650),
    s(b"FJ", -18.0, 178.0, 300),
    s(b"FR", 46.5, 2.5, 620),
    s(b"GA", -1.0, 11.8, 400),
    s(b"GB", 54.0, -2.5, 600),
    s(b"GE", 42.0, 43.5, 300),
    s(b"GG", 49.5, -2.5, 30),
    s(b"GH", 8.0, -2.0, 400),
    s(b"GI", 36.1, -5.4, 10),
    s(b"GL", 72.0, -40.0, 1500),
    s(b"GM", 13.5, -15.5, 220),
    s(b"GN", 11.0, -10.0, 450),
    s(b"GR", 39.0, 22.0, 500),
    s(b"GT", 15.5, -90.2, 280),
    s(b"GY", 5.0, -59.0, 450),
    s(b"HK", 22.3, 114.2, 40),
    s(b"HN", 15.0, -86.5, 350),
    s(b"HR", 45.2, 15.5, 300),
    s(b"HT", 19.0, -72.4, 180),
    s(b"HU", 47.0, 20.0, 280),
    s(b"ID", -5.0, 120.0, 2600),
    s(b"IE", 53.0, -8.0, 260),
    s(b"IL", 31.5, 35.0, 230),
    s(b"IM", 54.2, -4.5, 40),
    s(b"IN", 22.0, 79.0, 1700),
    s(b"IQ", 33.0, 44.0, 550),
    s(b"IR", 32.0, 53.0, 1100),
    s(b"IS", 65.0, -18.0, 300),
    s(b"IT", 42.8, 12.8, 720),
    s(b"JE", 49.2, -2.1, 20),
    s(b"JM", 18.2, -77.4, 120),
    s(b"JO", 31.0, 36.0, 300),
    s(b"JP", 36.0, 138.0, 1500),
    s(b"KE", 1.0, 38.0, 600),
    s(b"KG", 41.0, 75.0, 500),
    s(b"KH", 13.0, 105.0, 330),
    s(b"KR", 36.0, 128.0, 350),
    s(b"KW", 29.5, 47.7, 120),
    s(b"KY", 19.3, -81.0, 150),
    s(b"KZ", 48.0, 68.0, 1600),
    s(b"LA", 18.0, 105.0, 600),
    s(b"LB", 33.8, 35.8, 110),
    s(b"LI", 47.2, 9.5, 20),
    s(b"LK", 7.0, 81.0, 240),
    s(b"LR", 6.5, -9.5, 300),
    s(b"LS", -29.5, 28.5, 140),
    s(b"LT", 56.0, 24.0, 220),
    s(b"LU", 49.8, 6.1, 50),
    s(b"LV", 57.0, 25.0, 250),
    s(b"LY", 27.0, 17.0, 1000),
    s(b"MA", 32.0, -6.0, 900),
    s(b"MC", 43.7, 7.4, 10),
    s(b"MD", 47.0, 29.0, 200),
    s(b"ME", 42.5, 19.3, 110),
    s(b"MG", -20.0, 47.0, 850),
    s(b"MK", 41.8, 22.0, 130),
    s(b"ML", 17.0, -4.0, 1000),
    s(b"MM", 22.0, 98.0, 1050),
    s(b"MN", 46.0, 105.0, 1250),
    s(b"MO", 22.2, 113.5, 20),
    s(b"MR", 20.0, -12.0, 750),
    s(b"MT", 35.9, 14.4, 30),
    s(b"MU", -20.3, 57.6, 60),
    s(b"MV", 3.2, 73.0, 450),
    s(b"MW", -13.5, 34.0, 450),
    s(b"MX", 23.0, -102.0, 1700),
    s(b"MY", 4.0, 109.0, 1100),
    s(b"MZ", -18.0, 35.0, 1100),
    s(b"NA", -22.0, 17.0, 850),
    s(b"NE", 16.0, 8.0, 850),
    s(b"NG", 10.0, 8.0, 700),
    s(b"NI", 13.0, -85.0, 300),
    s(b"NL", 52.2, 5.5, 180),
    s(b"NO", 64.5, 13.0, 1150),
    s(b"NP", 28.0, 84.0, 450),
    s(b"NZ", -41.0, 174.0, 900),
    s(b"OM", 21.0, 57.0, 550),
    s(b"PA", 9.0, -80.0, 350),
    s(b"PE", -10.0, -76.0, 1200),
    s(b"PG", -6.0, 147.0, 900),
    s(b"PH", 13.0, 122.0, 950),
    s(b"PK", 30.0, 70.0, 950),
    s(b"PL", 52.0, 19.0, 400),
    s(b"PR", 18.2, -66.5, 100),
    s(b"PT", 39.5, -8.0, 350),
    s(b"PY", -23.0, -58.0, 600),
    s(b"QA", 25.3, 51.2, 100),
    s(b"RO", 46.0, 25.0, 400),
    s(b"RS", 44.0, 21.0, 260),
    s(b"RU", 60.0, 90.0, 4200),
    s(b"RW", -2.0, 30.0, 130),
    s(b"SA", 24.0, 45.0, 1200),
    s(b"SC", -4.6, 55.5, 300),
    s(b"SD", 15.0, 30.0, 1000),
    s(b"SE", 62.0, 15.0, 850),
    s(b"SG", 1.3, 103.8, 30),
    s(b"SI", 46.1, 14.8, 140),
    s(b"SK", 48.7, 19.5, 230),
    s(b"SL", 8.5, -11.5, 200),
    s(b"SN", 14.5, -14.5, 380),
    s(b"SO", 5.0, 46.0, 900),
    s(b"SR", 4.0, -56.0, 280),
    s(b"SV", 13.8, -88.9, 150),
    s(b"SY", 35.0, 38.0, 400),
    s(b"SZ", -26.5, 31.5, 100),
    s(b"TD", 15.0, 19.0, 950),
    s(b"TG", 8.5, 1.2, 300),
    s(b"TH", 15.0, 101.0, 850),
    s(b"TJ", 39.0, 71.0, 400),
    s(b"TL", -8.8, 125.8, 150),
    s(b"TM", 39.0, 60.0, 650),
    s(b"TN", 34.0, 9.0, 420),
    s(b"TO", -20.0, -175.0, 300),
    s(b"TR", 39.0, 35.0, 850),
    s(b"TT", 10.7, -61.3, 90),
    s(b"TW", 23.7, 121.0, 220),
    s(b"TZ", -6.0, 35.0, 750),
    s(b"UA", 49.0, 32.0, 700),
    s(b"UG", 1.0, 32.0, 380),
    s(b"US", 39.8, -98.6, 2700),
    s(b"UY", -33.0, -56.0, 350),
    s(b"UZ", 41.0, 64.0, 800),
    s(b"VE", 8.0, -66.0, 800),
    s(b"VG", 18.5, -64.5, 40),
    s(b"VN", 16.0, 107.0, 900),
    s(b"VU", -16.0, 167.0, 450),
    s(b"WS", -13.6, -172.4, 100),
    s(b"YE", 15.5, 48.0, 650),
    s(b"ZA", -29.0, 24.0, 950),
    s(b"ZM", -14.0, 28.0, 800),
    s(b"ZW", -19.0, 29.5, 450),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched_and_lies_on_the_earth() {
        assert!(SPOTS.is_sorted_by(|a, b| a.code < b.code));
        assert!(
            SPOTS.iter().all(|s| s.lat.abs() <= 90.0 && s.lon.abs() <= 180.0 && s.reach_km > 0)
        );
        assert!(find("GB".parse().unwrap()).is_some_and(|s| s.lat > 50.0));
    }

    /// A sign that is lost puts a country on the other side of the earth, and whoever is there
    /// cannot have travelled.
    #[test]
    fn the_middles_lie_south_or_west_where_they_should() {
        const SOUTH: &str = "AO AR AU BI BO BR BW CD CG CL EC FJ GA ID LS MG MU MW MZ NA NZ PE PG \
            PY RW SC SZ TL TO TZ UY VU WS ZA ZM ZW";
        const WEST: &str = "AR BB BM BO BR BS BZ CA CI CL CO CR CU CV DO EC ES GB GG GH GI GL GM GN GT GY HN HT IE IM IS JE JM KY LR \
            MA ML MR MX NI PA PE PR PT PY SL SN SR SV TO TT US UY VE VG WS";
        let codes = |which: fn(&Spot) -> bool| {
            SPOTS
                .iter()
                .filter(|s| which(s))
                .map(|s| str::from_utf8(&s.code).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(codes(|s| s.lat < 0.0).join(" "), SOUTH);
        assert_eq!(codes(|s| s.lon < 0.0).join(" "), WEST);
    }
}
