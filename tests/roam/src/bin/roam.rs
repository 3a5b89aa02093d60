//! `roam desk DIR`, `roam gateway CONFIG`: the processes of a test or measurement.
//! `roam row NAME ROUNDS`: one row, in a network namespace of its own (`unshare -rn`).
//! `roam bench [ROUNDS]`: what docs/benchmarks.md shows.

#[cfg(target_os = "linux")]
fn main() {
    use std::path::Path;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["desk", data] => signet_roam::desk::run(Path::new(data)),
        ["gateway", config] => signet_roam::firm::run_gateway(Path::new(config)),
        ["row", name, rounds] => {
            signet_roam::rows::run(name, rounds.parse().expect("a number"));
        }
        ["bench"] => signet_roam::bench::all(100),
        ["bench", rounds] => signet_roam::bench::all(rounds.parse().expect("a number")),
        ["cell" | "quickfix" | "storm", ..] => signet_roam::bench::part(&words),
        _ => panic!("desk DIR | gateway CONFIG | row NAME ROUNDS | bench [ROUNDS]"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("roam: needs the network namespaces of Linux");
}
