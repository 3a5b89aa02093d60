//! Kills by SIGKILL under load. `KILLS` (default 10, or 300 in the ignored test) and `SIGNET_SEED`.

use signet_kill::campaign;
use std::{
    env,
    io::Write as _,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

fn number(key: &str) -> Option<u64> {
    env::var(key).ok()?.parse().ok()
}

fn kills(count: u64) {
    let seed = number("SIGNET_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let count = number("KILLS").unwrap_or(count);
    println!("SIGNET_SEED={seed} KILLS={count}");
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_signet-kill"));
    match campaign::run(dir.path(), program, count, seed) {
        // Beyond the harness, which keeps what a test that passes prints: the result of a campaign.
        Ok(report) => drop(std::io::stderr().write_all(format!("\n{report}").as_bytes())),
        Err(e) => {
            let kept = dir.keep();
            panic!("SIGNET_SEED={seed} KILLS={count}, files in {}: {e}", kept.display());
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_done_twice_by_a_kill() {
    kills(10);
}

#[test]
#[ignore = "hundreds of kills; `make kill`"]
fn hundreds_of_kills() {
    kills(300);
}
