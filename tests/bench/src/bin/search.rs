//! Type-ahead over the largest catalogue there may be: from a key to the list that the ticket shows.

use signet_desk_core::{InstrumentIndex, Listed};
use signet_rfq::MAX_INSTRUMENTS;
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 500;
const TICKERS: [&str; 6] = ["DBR", "FRTR", "UKT", "T", "BTPS", "SPGB"];
/// What is typed, key by key; the last ones find nothing, which costs most.
const TYPED: [&str; 7] = [
    "bund 2035",
    "feb 35",
    "dbr 35",
    "xs0000012345",
    "issuer senior notes 2.5",
    "eurusd",
    "zzzz q",
];

fn main() {
    let rows: Vec<[String; 3]> = (0..MAX_INSTRUMENTS).map(row).collect();
    let listed = || {
        rows.iter().map(|[id, symbol, name]| Listed {
            id,
            symbol,
            name,
            government: TICKERS.iter().any(|t| symbol.starts_with(&format!("{t} "))),
        })
    };
    let began = Instant::now();
    let index = InstrumentIndex::new(listed());
    println!(
        "   {} instruments; the index is made once, off the thread that draws: {:.0} ms",
        index.len(),
        began.elapsed().as_secs_f64() * 1e3
    );
    let mut all = Vec::new();
    for typed in TYPED {
        let ends = typed.char_indices().map(|(at, c)| at + c.len_utf8());
        let mut keys: Vec<f64> = Vec::new();
        for end in ends {
            for _ in 0..ROUNDS {
                let began = Instant::now();
                black_box(index.find(&typed[..end], 8));
                black_box(index.meant(&typed[..end]));
                keys.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        println!("   {typed:24} each key, ms: {}", signet_bench::percentiles(&mut keys));
        all.append(&mut keys);
    }
    println!("   every key, ms: {}", signet_bench::percentiles(&mut all));
}

fn row(n: usize) -> [String; 3] {
    let (month, year) = (n % 12 + 1, n / 12 % 60 + 26);
    let coupon = format!("{}.{}", n % 7, n % 10);
    let ticker = match n % 3 {
        0 => TICKERS[n / 3 % TICKERS.len()].to_owned(),
        _ => format!("ISS{}", n % 700),
    };
    [
        format!("XS{n:010}"),
        format!("{ticker} {coupon} {month:02}/{year}"),
        format!("Issuer number {} {coupon}% 15 Feb 20{year} senior notes", n % 700),
    ]
}
