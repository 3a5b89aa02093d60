//! A process whose CLOCK_MONOTONIC stands still while it is stopped, as that of a laptop does while
//! the laptop sleeps; CLOCK_REALTIME and CLOCK_BOOTTIME go on. `stopped_clock.c` is the library that
//! is loaded into the process.

use crate::talk::nanos;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = include_str!("stopped_clock.c");
/// Names the file with the total, for the library.
const TOTAL: &str = "ROAM_STOPPED_NS";

/// The clock of one process.
#[derive(Debug)]
pub(crate) struct StoppedClock {
    library: PathBuf,
    path: PathBuf,
    /// Nanoseconds, as the library maps them.
    file: File,
    total: u64,
    /// Since when the process stands still.
    since: Option<u64>,
}

impl StoppedClock {
    /// Compiles the library in this folder.
    ///
    /// # Errors
    /// There is no C compiler (`cc`), or it refuses; the folder cannot be written.
    pub(crate) fn make(dir: &Path) -> io::Result<Self> {
        let source = dir.join("stopped_clock.c");
        fs::write(&source, SOURCE)?;
        let library = dir.join("stopped_clock.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let made = compiler
            .output()
            .map_err(|e| io::Error::other(format!("cc cannot be started; install gcc: {e}")))?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(io::Error::other(format!("stopped_clock.c: {said}")));
        }
        let path = dir.join("stopped_ns");
        let file = File::create(&path)?;
        file.write_all_at(&0u64.to_ne_bytes(), 0)?;
        Ok(Self { library, path, file, total: 0, since: None })
    }

    /// A process that is started with this command has this clock.
    pub(crate) fn load_into(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env(TOTAL, &self.path);
    }

    /// The whole process stands still.
    pub(crate) fn stands_still(&mut self) {
        self.since.get_or_insert_with(nanos);
    }

    /// The process is about to go on. Until then it reads no clock.
    ///
    /// # Errors
    /// The total cannot be written.
    pub(crate) fn goes_on(&mut self) -> io::Result<()> {
        let Some(since) = self.since.take() else { return Ok(()) };
        self.total = self.total.saturating_add(nanos().saturating_sub(since));
        self.file.write_all_at(&self.total.to_ne_bytes(), 0)
    }

    /// For how long it stood still in all, nanoseconds.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system's clock, and a stop of five seconds that comes right after the second look at it.
    const SYSTEM: &str = r#"
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *at)
{
    static const time_t seconds[] = {100, 101, 106, 107};
    static int looks;
    (void)id;
    at->tv_sec = seconds[looks < 3 ? looks : 3];
    at->tv_nsec = 0;
    if (++looks == 2) {
        uint64_t total = 5000000000u;
        int file = open(getenv("ROAM_STOPPED_NS"), O_WRONLY);
        if (pwrite(file, &total, sizeof(total), 0) != sizeof(total))
            abort();
        close(file);
    }
    return 0;
}
"#;

    const PROGRAM: &str = r#"
#include <stdio.h>
#include <time.h>

int main(void)
{
    for (int i = 0; i < 3; i++) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        printf("%ld ", (long)at.tv_sec);
    }
    return 0;
}
"#;

    fn compiled(dir: &Path, name: &str, source: &str, more: &[&str]) -> PathBuf {
        let (from, to) = (dir.join(format!("{name}.c")), dir.join(name));
        fs::write(&from, source).unwrap();
        let made = Command::new("cc").args(more).arg("-o").arg(&to).arg(&from).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        to
    }

    #[test]
    fn a_thread_that_is_stopped_while_it_reads_the_clock_has_one_that_only_goes_forward() {
        let dir = tempfile::tempdir().unwrap();
        let clock = StoppedClock::make(dir.path()).unwrap();
        let system = compiled(dir.path(), "system.so", SYSTEM, &["-shared", "-fPIC"]);
        let mut program = Command::new(compiled(dir.path(), "program", PROGRAM, &[]));
        clock.load_into(&mut program);
        let both = format!("{}:{}", clock.library.display(), system.display());
        let out = program.env("LD_PRELOAD", both).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stdout), "100 101 102 ", "{out:?}");
    }
}
