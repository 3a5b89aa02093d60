//! How many instructions the gateway's operations take, beside the committed baseline, so that a
//! slow-down is seen in review. Nothing is timed, and nothing fails because a count differs.
//!
//! `instructions` runs `instructions count OPERATION` under valgrind for each operation;
//! `UPDATE_BASELINE=1` writes the counts to `tests/bench/instructions.txt`.

mod baseline;
mod callgrind;
mod operations;

use baseline::{Baseline, FACTS, HEADER, SAID_FROM, row};
use operations::OPERATIONS;
use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let done = match &words[..] {
        [] => compare(),
        [count, name] if count == "count" => callgrind::count(name),
        _ => Err("usage: instructions [count OPERATION]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("instructions: {e}");
            ExitCode::FAILURE
        }
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

/// The committed baseline; `None` without a file.
fn committed() -> Result<Option<Baseline>, Box<dyn Error>> {
    match fs::read_to_string(path()) {
        Ok(text) => Ok(Some(Baseline::parse(&text)?)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("{}: {e}", path().display()).into()),
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    let valgrind = callgrind::version()?;
    let before = committed()?;
    let folder = tempfile::tempdir()?;
    let (mut counts, mut slower, mut processor) = (Vec::new(), 0, String::new());
    println!("{HEADER}");
    for operation in &OPERATIONS {
        let (counted, seen) = callgrind::run(operation.name, folder.path())?;
        let was = before.as_ref().and_then(|b| b.of(operation.name));
        println!("{}", row(operation.name, &counted, was));
        slower += usize::from(was.is_some_and(|was| counted.change(was) > SAID_FROM));
        counts.push((operation.name.to_owned(), counted.median));
        processor = seen;
    }
    let now = Baseline { facts: [compiler(), valgrind, processor], counts };
    if let Some(before) = &before {
        println!(
            "   {slower} operations are slower than the baseline by more than {:.0} %",
            SAID_FROM * 100.0
        );
        tell_differences(before, &now);
    } else {
        println!(
            "   the baseline is not written yet: UPDATE_BASELINE=1 make instructions writes it"
        );
    }
    if env::var_os("UPDATE_BASELINE").is_some() {
        fs::write(path(), now.to_text())?;
        println!("   {} is written; commit it", path().display());
    }
    Ok(())
}

/// What else differs from when the baseline was counted.
fn tell_differences(before: &Baseline, now: &Baseline) {
    for ((fact, was), is) in FACTS.iter().zip(&before.facts).zip(&now.facts) {
        if was != is {
            println!("   {fact} of the baseline: {was}; here: {is}. The ratios compare these too");
        }
    }
    for (name, _) in before.counts.iter().filter(|(name, _)| now.of(name).is_none()) {
        println!("   the baseline has {name}, and no operation has that name");
    }
}

/// By `rust-toolchain.toml`, as this program was compiled unless it is older than that file.
fn compiler() -> String {
    let said = Command::new("rustc")
        .arg("--version")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|said| said.status.success());
    said.map_or("unknown".into(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What is not counted in `make test` is at least carried out, so that no operation rots.
    #[test]
    fn every_operation_is_carried_out() {
        for operation in &OPERATIONS {
            let calls = 3;
            let mut call = (operation.prepare)(calls);
            (0..calls).for_each(|_| call());
        }
    }

    /// An operation that is added without a count, or dropped and left in the file, is found here.
    #[test]
    fn the_committed_baseline_has_every_operation_once_and_no_other() {
        let names: Vec<&str> = OPERATIONS.iter().map(|o| o.name).collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len());
        let baseline = committed().unwrap().expect("UPDATE_BASELINE=1 make instructions writes it");
        let counted: Vec<&str> = baseline.counts.iter().map(|(name, _)| &**name).collect();
        assert_eq!(counted, names, "UPDATE_BASELINE=1 make instructions");
        assert!(baseline.facts.iter().all(|f| !f.is_empty()), "{:?}", baseline.facts);
    }
}
