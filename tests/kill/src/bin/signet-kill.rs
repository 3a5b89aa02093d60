//! `signet-kill campaign KILLS SEED [DIR]`: kills, and says what held; the files stay in DIR if it is
//! given.
//! `signet-kill siem DIR PORT`: a receiver of syslog.
//! `signet-kill gateway CONFIG`, `signet-kill desk DIR NAME PORT SEED`: the processes that are
//! killed.

use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match words.as_slice() {
        ["gateway", config] => signet_kill::firm::run_gateway(Path::new(config)),
        ["desk", dir, name, port, seed] => {
            let port = u16::try_from(number(port)).expect("a port");
            signet_kill::desk::run(Path::new(dir), name, port, number(seed));
        }
        ["siem", dir, port] => {
            let port = u16::try_from(number(port)).expect("a port");
            signet_kill::siem::run(Path::new(dir), port);
        }
        ["campaign", kills, seed, rest @ ..] => {
            let dir = tempfile::tempdir().expect("a folder");
            let dir = rest.first().map_or(dir.path(), |d| Path::new(d));
            std::fs::create_dir_all(dir).expect("a folder");
            let program = std::env::current_exe().expect("a path");
            match signet_kill::campaign::run(dir, &program, number(kills), number(seed)) {
                Ok(report) => print!("{report}"),
                Err(e) => {
                    eprintln!("{e}");
                    std::process::exit(1);
                }
            }
        }
        _ => panic!("campaign KILLS SEED [DIR] | gateway CONFIG | desk DIR NAME PORT SEED"),
    }
}
