//! `roam desk DIR`, `roam gateway CONFIG`: the processes of a test or measurement.
//! `roam row fixs|quic NAME ROUNDS [FIRST]`: one row, in a network namespace of its own (`unshare -rn`).
//! `roam rows ROUNDS [FIRST [BESIDE]]`: every row, some beside each other, and their figures.
//! `roam bench [--only NAME[,NAME]] [ROUNDS [QUICKFIX_ROUNDS [DESKS]]]`: what docs/benchmarks.md shows,
//! or some of it: `fixs/switch`, or `quickfix` for all of its cells. A wrong name lists the right ones.

#[cfg(target_os = "linux")]
fn main() {
    use signet_roam::world::Transport;
    use std::path::Path;
    let number = |text: &str| text.parse().expect("a number");
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["desk", data] => signet_roam::desk::run(Path::new(data)),
        ["gateway", config] => signet_roam::firm::run_gateway(Path::new(config)),
        ["row", over, name, rounds, first @ ..] => {
            let over = match *over {
                "fixs" => Transport::Fixs,
                "quic" => Transport::Quic,
                other => panic!("{other}: fixs or quic"),
            };
            let first = first.first().map_or(0, |n| number(n));
            signet_roam::rows::run(over, name, number(rounds), first);
        }
        ["rows", rounds, rest @ ..] => {
            let given = |n: usize, usual| rest.get(n).map_or(usual, |text| number(text));
            signet_roam::rows::all(number(rounds), given(0, 0), given(1, 6));
        }
        ["bench", rest @ ..] => {
            let (only, numbers): (Vec<&str>, &[&str]) = match rest {
                ["--only", names, numbers @ ..] => (names.split(',').collect(), numbers),
                numbers => (vec![], numbers),
            };
            let given = |n: usize| numbers.get(n).map(|text| number(text));
            signet_roam::bench::all(&only, given(0).unwrap_or(100), given(1), given(2));
        }
        ["cell" | "quickfix" | "storm", ..] => signet_roam::bench::part(&words),
        _ => panic!("desk DIR | gateway CONFIG | row fixs|quic NAME ROUNDS | rows N | bench [N]"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("roam: needs the network namespaces of Linux");
}
