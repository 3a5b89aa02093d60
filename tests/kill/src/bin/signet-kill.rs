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
        _ => panic!("gateway CONFIG | desk DIR NAME PORT SEED"),
    }
}
