//! A list of instruments that is larger than what may wait to leave for a desk.

use crate::support::World;
use signet_desk_core::view::*;
use std::fmt::Write as _;

const N: &str = "NORTHBANK";
/// With these names about five megabytes, where four may wait.
const COUNT: u32 = 16_000;

/// `XS` with a number and its check digit (ISO 6166).
fn isin(n: u32) -> String {
    let body = format!("XS{n:09}");
    let digits: Vec<u32> = body
        .chars()
        .filter_map(|c| c.to_digit(36))
        .flat_map(|d| if d > 9 { vec![d / 10, d % 10] } else { vec![d] })
        .collect();
    let counted = digits.iter().rev().enumerate().map(|(i, d)| match i % 2 {
        0 => d * 2 / 10 + d * 2 % 10,
        _ => *d,
    });
    format!("{body}{}", (10 - counted.sum::<u32>() % 10) % 10)
}

fn bonds() -> String {
    let mut toml = String::new();
    for n in 0..COUNT {
        let (id, name) = (isin(n), format!("Issuer {n} {}", "senior notes ".repeat(8)));
        write!(
            toml,
            "[[instrument]]\nid = \"{id}\"\nsymbol = \"ISS{n} 4.5 02/44\"\nname = \"{}\"\n\
             asset_class = \"Corporate bond\"\ncurrency = \"EUR\"\nprice_decimals = 3\n\
             price_unit = \"% of par\"\ntick = \"0.005\"\nlot = \"1000\"\n\
             min_quantity = \"100000\"\nmax_quantity = \"100000000\"\nsettlement = \"T+2\"\n\n",
            name.trim_end()
        )
        .unwrap();
    }
    toml
}

#[test]
fn a_list_larger_than_what_may_wait_arrives_whole() {
    let w = World::start_with(|p| p.more_instruments = bonds());
    w.quotes(N, "99.500", 60_000);
    let mut s = w.connect();
    w.eventually("the whole list", || w.desk.reference().instruments > COUNT);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
}
