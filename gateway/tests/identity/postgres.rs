//! A PostgreSQL server of one's own for a test: a cluster in a temporary directory, loopback only.

use crate::{needs::left_out, ports::free_port};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

pub struct Postgres {
    dir: TempDir,
    bin: PathBuf,
    port: u16,
}

const PASSWORD: &str = "p@ss/word?";

impl Postgres {
    /// `None`: `SIGNET_WITHOUT_POSTGRES=1` leaves its tests out.
    pub fn start() -> Option<Self> {
        if left_out("SIGNET_WITHOUT_POSTGRES", "the registry in PostgreSQL") {
            return None;
        }
        let bin = installed().unwrap_or_else(|| {
            panic!(
                "PostgreSQL is not installed: no folder of /usr/lib/postgresql and none of PATH \
                 has initdb, pg_ctl, psql and postgres. Install it (scripts/deps.sh does; Debian \
                 package postgresql), or leave its tests out with SIGNET_WITHOUT_POSTGRES=1"
            )
        });
        let dir = tempfile::Builder::new().prefix("signet-pg-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = free_port();
        let pg = Self { dir, bin, port };
        fs::write(pg.dir.path().join("pw"), PASSWORD).unwrap();
        if is_root() {
            // The server refuses to run as root.
            let id = |flag| -> u32 {
                let out = Command::new("id").args([flag, "nobody"]).output().unwrap();
                String::from_utf8(out.stdout).unwrap().trim().parse().unwrap()
            };
            for p in [pg.dir.path().to_owned(), pg.dir.path().join("pw")] {
                chown(p, Some(id("-u")), Some(id("-g"))).unwrap();
            }
        }
        pg.run(
            "initdb",
            &[
                "-D",
                "data",
                "-U",
                "signet",
                "-A",
                "scram-sha-256",
                "--pwfile",
                "pw",
                "--no-sync",
                "-E",
                "UTF8",
            ],
        );
        let options = format!("-p {port} -k {} -h 127.0.0.1 -F", pg.dir.path().display());
        pg.run("pg_ctl", &["-D", "data", "-w", "-l", "log", "-o", &options, "start"]);
        Some(pg)
    }

    fn run(&self, program: &str, args: &[&str]) {
        let program = self.bin.join(program);
        let mut c = if is_root() {
            let mut c = Command::new("runuser");
            c.args(["-u", "nobody", "--"]).arg(program);
            c
        } else {
            Command::new(program)
        };
        let status = c
            .args(args)
            .current_dir(self.dir.path())
            .env("LC_ALL", "C")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(
            status.unwrap().success(),
            "{args:?}: {}",
            fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
        );
    }

    /// An empty database, reached with a password from a file; its URL and that file.
    pub fn database(&self, name: &str, keep_in: &Path) -> (String, PathBuf) {
        let psql = Command::new(self.bin.join("psql"))
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "signet",
                "-d",
                "postgres",
                "-c",
            ])
            .arg(format!("CREATE DATABASE {name}"))
            .env("PGPASSWORD", PASSWORD)
            .output();
        assert!(psql.unwrap().status.success());
        let file = keep_in.join("db-password");
        fs::write(&file, PASSWORD).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        (format!("postgres://signet@127.0.0.1:{}/{name}", self.port), file)
    }

    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", "data", "-m", "immediate", "stop"]);
    }

    pub fn again(&self) {
        let options = format!("-p {} -k {} -h 127.0.0.1 -F", self.port, self.dir.path().display());
        self.run("pg_ctl", &["-D", "data", "-w", "-l", "log", "-o", &options, "start"]);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.dir.path().join("data/postmaster.pid").exists() {
            self.stop();
        }
    }
}

pub fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all: Vec<PathBuf> = versions.chain(std::env::split_paths(&path)).collect();
    all.into_iter()
        .find(|d| ["initdb", "pg_ctl", "psql", "postgres"].iter().all(|p| d.join(p).exists()))
}

fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().unwrap();
    out.stdout == b"0\n"
}
