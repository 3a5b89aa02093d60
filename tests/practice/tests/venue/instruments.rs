//! A list of instruments that is larger than what may wait to leave for a desk, and one that the
//! desk has when it comes back.

use crate::support::World;
#[cfg(unix)]
use crate::support::{Screen, network::Network};
use signet_desk_core::view::*;
#[cfg(unix)]
use signet_gateway::operator::{Request, Sample, ask};
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

fn bonds(numbers: std::ops::Range<u32>) -> String {
    let mut toml = String::new();
    for n in numbers {
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
    let w = World::start_with(|p| p.more_instruments = bonds(0..COUNT));
    w.quotes(N, "99.500", 60_000);
    let mut s = w.connect();
    w.eventually("the whole list", || w.desk.reference().instruments > COUNT);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
}

/// How many lists, or parts of one, the gateway that runs has sent to the desk.
#[cfg(unix)]
fn parts_sent(w: &World) -> f64 {
    let v = ask(w.practice.gateway_config(), &Request::Metrics {}).unwrap();
    let sample = Sample::read(v["text"].as_str().unwrap());
    sample.value("signet_messages_sent_total{peer=\"desk\",type=\"y\"}").unwrap_or_default()
}

/// The trader asks and is quoted.
#[cfg(unix)]
fn quoted(w: &World, s: &mut Screen) {
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
}

#[cfg(unix)]
#[test]
fn a_list_that_the_desk_has_is_not_sent_to_it_again() {
    /// Forty parts.
    const MORE: u32 = 2_000;
    let (mut w, network) = World::start_over(
        |p| p.more_instruments = bonds(0..MORE),
        |runtime, config| {
            let venue = &mut config.venues[0];
            let network = Network::to(runtime, ([127, 0, 0, 1], venue.port).into());
            venue.port = network.port;
            network
        },
    );
    w.quotes(N, "99.500", 60_000);
    let before = parts_sent(&w);
    let mut s = w.connect();
    w.eventually("the whole list", || w.desk.reference().instruments > MORE);
    let count = w.desk.reference().instruments;
    assert_eq!(parts_sent(&w) - before, f64::from(count.div_ceil(50)));
    for _ in 0..3 {
        let (sent, since) = (parts_sent(&w), s.session.as_ref().map(|v| v.since_ms));
        network.resets();
        w.until(&mut s, "another connection", |s| {
            s.link() == Some(LinkState::Online) && s.session.as_ref().map(|v| v.since_ms) != since
        });
        w.eventually("the answer about the list", || parts_sent(&w) > sent);
        quoted(&w, &mut s);
        assert_eq!(parts_sent(&w) - sent, 1.0, "nothing but that it is the same");
        assert_eq!(w.desk.reference().instruments, count);
    }

    // A gateway that is started with one more sends the whole list.
    let file = w.practice.gateway_config().gateway.instruments.clone();
    let all = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{all}\n{}", bonds(MORE..MORE + 1))).unwrap();
    w.practice.restart_gateway().unwrap();
    w.eventually("the other list", || w.desk.reference().instruments == count + 1);
    s.pull(&w.desk);
    assert_eq!(s.notices.iter().filter(|n| n.code == "catalogue.unusable").count(), 0);
}
