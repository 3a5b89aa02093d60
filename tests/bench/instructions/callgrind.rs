//! Counts the instructions of one function of this program with valgrind's callgrind.
//!
//! Nothing of the preparation is counted, because callgrind collects only inside
//! [`counted_operations`]. Nothing that happens once is counted (lazy statics, the first growth of
//! a buffer), because the operation is carried out a few times before.
//!
//! What depends on random numbers still varies between processes: the order and the collisions in
//! hash tables, whose keys the standard library draws, and the length of a signature in DER. So
//! each operation is counted in several processes, and the table says by how much they differ.

use crate::operations::{OPERATIONS, Operation};
use signet_router::MAX_OPEN_RFQS_PER_DESK;
use std::{
    env,
    error::Error,
    fs, io,
    path::Path,
    process::{Command, Output},
};

/// Calls before those that are counted.
const WARM_UP: usize = 10;
/// Calls that are counted in one process.
const COUNT: usize = 100;
/// What a process prepares for. The requests among them are of one desk.
const CALLS: usize = WARM_UP + COUNT;
const _: () = assert!(CALLS <= MAX_OPEN_RFQS_PER_DESK);
/// Processes for each operation; an odd number has a median.
const RUNS: usize = 3;

/// Callgrind collects while this runs: the pattern in [`once`] names it.
#[inline(never)]
fn counted_operations(call: &mut dyn FnMut()) {
    for _ in 0..COUNT {
        call();
    }
}

/// Instructions of one call, of several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) least: u64,
    pub(crate) median: u64,
    pub(crate) most: u64,
}

impl Counted {
    /// `None` of no process.
    pub(crate) fn of(mut runs: Vec<u64>) -> Option<Self> {
        runs.sort_unstable();
        let (least, most) = (*runs.first()?, *runs.last()?);
        Some(Self { least, median: *runs.get(runs.len() / 2)?, most })
    }

    /// How far the processes are apart, as a share of the median.
    pub(crate) fn spread(&self) -> f64 {
        (self.most - self.least) as f64 / self.median as f64
    }

    /// How much more there is than `baseline`, as a share of it.
    pub(crate) fn change(&self, baseline: u64) -> f64 {
        (self.median as f64 - baseline as f64) / baseline as f64
    }
}

/// In the process that valgrind runs. Says what it sees of the processor.
pub(crate) fn count(name: &str) -> Result<(), Box<dyn Error>> {
    let known = |o: &&Operation| o.name == name;
    let operation = OPERATIONS.iter().find(known).ok_or("no operation has this name")?;
    let mut call = (operation.prepare)(CALLS);
    (0..WARM_UP).for_each(|_| call());
    counted_operations(&mut *call);
    println!("{}", processor());
    Ok(())
}

/// The version of valgrind, as it says it.
pub(crate) fn version() -> Result<String, Box<dyn Error>> {
    let said = valgrind(Command::new("valgrind").arg("--version"))?;
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}

/// Counts an operation; with what the processes see of the processor.
pub(crate) fn run(name: &str, folder: &Path) -> Result<(Counted, String), Box<dyn Error>> {
    let (mut runs, mut processor) = (Vec::with_capacity(RUNS), String::new());
    for _ in 0..RUNS {
        let (total, seen) = once(name, &folder.join("profile"))?;
        runs.push(total / COUNT as u64);
        processor = seen;
    }
    let counted = Counted::of(runs).filter(|c| c.least > 0);
    let counted = counted.ok_or_else(|| {
        format!(
            "{name}: callgrind did not see the function counted_operations. Build the program with \
             its symbols (not strip = \"symbols\") and run this again"
        )
    })?;
    Ok((counted, processor))
}

/// The environment is left out, because settings of malloc or of logging in it would count.
fn once(name: &str, profile: &Path) -> Result<(u64, String), Box<dyn Error>> {
    let mut command = Command::new("valgrind");
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .args(["-q", "--vgdb=no", "--tool=callgrind", "--toggle-collect=*counted_operations*"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .args(["count", name]);
    let done = valgrind(&mut command)?;
    let text = fs::read_to_string(profile)?;
    let total = total(&text).ok_or_else(|| format!("{name}: callgrind wrote no total"))?;
    Ok((total, String::from_utf8(done.stdout)?.trim().to_owned()))
}

fn valgrind(command: &mut Command) -> Result<Output, Box<dyn Error>> {
    match command.output() {
        Ok(done) if done.status.success() => Ok(done),
        Ok(done) => Err(format!(
            "{command:?} ended with {}: {}",
            done.status,
            String::from_utf8_lossy(&done.stderr)
        )
        .into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err("valgrind is missing. Run scripts/deps.sh valgrind, then this again".into())
        }
        Err(e) => Err(e.into()),
    }
}

/// Instructions in a profile; its one event is `Ir`.
fn total(profile: &str) -> Option<u64> {
    profile.lines().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

/// Architecture, and what of the processor chooses other code in the libraries. Under valgrind that
/// is the processor that valgrind shows.
fn processor() -> String {
    [env::consts::ARCH].into_iter().chain(features()).collect::<Vec<_>>().join(" ")
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    use std::arch::is_x86_feature_detected as has;
    let all = [
        ("sse4.2", has!("sse4.2")),
        ("aes", has!("aes")),
        ("pclmulqdq", has!("pclmulqdq")),
        ("avx", has!("avx")),
        ("avx2", has!("avx2")),
        ("bmi2", has!("bmi2")),
        ("adx", has!("adx")),
        ("sha", has!("sha")),
        ("avx512f", has!("avx512f")),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_read() {
        let profile = |totals: &str| format!("events: Ir\nsummary: 7\n\nfn=(1) f\n3 4\n\n{totals}");
        assert_eq!(total(&profile("totals: 164370\n")), Some(164_370));
        assert_eq!(total(&profile("totals: 0\n")), Some(0));
        assert_eq!(total(&profile("")), None, "it was cut off");
        assert_eq!(total(&profile("totals: many\n")), None);
    }

    #[test]
    fn several_processes_have_a_median_and_a_spread() {
        let counted = Counted::of(vec![103, 99, 100]).unwrap();
        assert_eq!(counted, Counted { least: 99, median: 100, most: 103 });
        assert!((counted.spread() - 0.04).abs() < 1e-9);
        assert!((counted.change(80) - 0.25).abs() < 1e-9);
        assert_eq!(Counted::of(vec![]), None);
    }
}
