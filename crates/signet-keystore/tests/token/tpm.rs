//! A TPM 2.0 in software (swtpm) with a token of tpm2-pkcs11 in it. As on a laptop, a resource manager
//! stands before the TPM, which has room for three objects: tpm2-abrmd here, on a D-Bus of its own,
//! the kernel's there.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::child::{AWKWARD, MODULE, PIN, TOKEN};
use crate::needs::left_out;

const RESOURCE_MANAGER: &str = "/usr/sbin/tpm2-abrmd";
const TCTI: &str = "tabrmd:bus_type=session";

pub struct Tpm {
    home: TempDir,
    module: PathBuf,
    bus: String,
    /// In the order in which they end.
    processes: Vec<Child>,
}

impl Tpm {
    /// `None`: `SIGNET_WITHOUT_TPM=1` leaves its tests out.
    pub fn new() -> Option<Self> {
        if left_out("SIGNET_WITHOUT_TPM", "keys in a TPM") {
            return None;
        }
        let places = [
            "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
            "/usr/lib/aarch64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
            "/usr/lib64/pkcs11/libtpm2_pkcs11.so",
        ];
        let module = places.into_iter().map(PathBuf::from).find(|path| path.exists());
        let programs = ["/usr/bin/swtpm", "/usr/bin/tpm2_ptool", RESOURCE_MANAGER];
        let (Some(module), true) = (module, programs.iter().all(|p| Path::new(p).exists())) else {
            panic!(
                "a part of the TPM is missing. Install the packages swtpm, tpm2-abrmd, \
                 libtpm2-pkcs11-1 and libtpm2-pkcs11-tools, or leave its tests out with \
                 SIGNET_WITHOUT_TPM=1"
            );
        };
        let home = TempDir::with_prefix("signet-tpm-").unwrap();
        for folder in ["state", "store", "awkward"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
        }
        let mut tpm = Self { home, module, bus: String::new(), processes: Vec::new() };
        tpm.start();
        let store = tpm.home.path().join("store");
        let store = store.to_str().unwrap().to_owned();
        // The resource manager may not be there yet.
        let begin = Instant::now();
        while let Err(said) = tpm.tool(&["init", "--path", &store]) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{said}");
        }
        let (label, pin) = (format!("--label={TOKEN}"), format!("--userpin={PIN}"));
        let token = ["addtoken", "--pid=1", &label, &pin, "--sopin=87654321", "--path", &store];
        tpm.tool(&token).unwrap();
        Some(tpm)
    }

    fn start(&mut self) {
        let home = self.home.path().to_path_buf();
        let of = |name: &str| format!("type=unixio,path={}", home.join(name).display());
        let state = format!("dir={}", home.join("state").display());
        // libtss2 wants the second socket beside the first.
        let swtpm = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "startup-clear", "--tpmstate", &state])
            .args(["--server", &of("socket"), "--ctrl", &of("socket.ctrl")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("swtpm");
        let begin = Instant::now();
        while !(home.join("socket").exists() && home.join("socket.ctrl").exists()) {
            assert!(begin.elapsed() < Duration::from_secs(20), "swtpm did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon");
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut self.bus).unwrap();
        self.bus.truncate(self.bus.trim_end().len());
        let tcti = format!("--tcti=swtpm:path={}", home.join("socket").display());
        let manager = Command::new(RESOURCE_MANAGER)
            .args(["--session", "--allow-root", &tcti])
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tpm2-abrmd");
        self.processes = vec![manager, bus, swtpm];
    }

    fn tool(&self, arguments: &[&str]) -> Result<(), String> {
        let out = Command::new("tpm2_ptool").args(arguments).envs(self.env()).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        if out.status.success() { Ok(()) } else { Err(format!("{arguments:?}: {said}")) }
    }

    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        let home = self.home.path();
        vec![
            ("DBUS_SESSION_BUS_ADDRESS", self.bus.clone().into()),
            ("TPM2_PKCS11_TCTI", TCTI.into()),
            ("TPM2TOOLS_TCTI", TCTI.into()),
            ("TPM2_PKCS11_STORE", home.join("store").into()),
            ("TPM2_PKCS11_LOG_LEVEL", "0".into()),
            ("TSS2_LOG", "all+NONE".into()),
            (MODULE, self.module.clone().into()),
            (AWKWARD, home.join("awkward").into()),
        ]
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
