//! Receivers of events that nobody here wrote, and a gateway in a process of its own.

pub(crate) use crate::ports::free_port;
use crate::{needs::left_out, support::World};
use serde_json::Value;
use signet_devca::Order;
use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    Rsyslog,
    SyslogNg,
    Otlp,
}

/// A process that ends with the test.
pub struct Process(Child);

impl Process {
    pub fn of(child: Child) -> Self {
        Self(child)
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and waits.
    pub fn terminate(mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the receivers are unpacked; `None`: `SIGNET_WITHOUT_SIEM=1` leaves their tests out.
///
/// # Panics
/// When they cannot be unpacked.
pub fn unpacked() -> Option<PathBuf> {
    if left_out("SIGNET_WITHOUT_SIEM", "events at rsyslog, syslog-ng and receivers of OTLP") {
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let made = Command::new(root.join("scripts/siem-deps.sh"))
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    assert!(
        made.status.success(),
        "there are no receivers of events here: {}SIGNET_WITHOUT_SIEM=1 leaves their tests out",
        String::from_utf8_lossy(&made.stderr)
    );
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Some(target.join("siem"))
}

/// The certificate of a receiver: a dealer's, since the development authority makes no other kind of
/// server.
pub fn receiver_certificate(w: &World) {
    if !w.path("siem.pem").exists() {
        let order = Order::dealer(&format!("SIEM{}", w.n)).with_dns(["localhost"]);
        w.pki.issue(&order).unwrap().write_to(w.dir.path(), "siem").unwrap();
    }
}

impl Receiver {
    /// Starts it in the world's folder, once more perhaps.
    pub fn start(self, w: &World, port: u16) -> Option<Process> {
        let tools = unpacked()?;
        receiver_certificate(w);
        let command = match self {
            Self::Rsyslog => rsyslog(w, port, &tools),
            Self::SyslogNg => syslog_ng(w, port, &tools),
            Self::Otlp => otlp(w, port, &tools),
        };
        Some(listening(w, port, command))
    }

    /// `[[siem.sink]]` for it.
    pub fn section(self, port: u16) -> String {
        match self {
            Self::Rsyslog | Self::SyslogNg => format!(
                "[[siem.sink]]\nkind = \"syslog\"\nname = \"soc\"\naddress = \"localhost:{port}\"\n\
                trust = \"dealers-ca.pem\"\n"
            ),
            Self::Otlp => format!(
                "[[siem.sink]]\nkind = \"otlp\"\nname = \"soc\"\n\
                url = \"https://localhost:{port}/v1/logs\"\ntrust = \"dealers-ca.pem\"\n\
                token_file = \"token\"\n"
            ),
        }
    }

    /// What it has, event by event.
    pub fn received(self, w: &World) -> Vec<Value> {
        let all = lines(&w.path("received.jsonl"));
        match self {
            Self::Otlp => all.into_iter().map(|v| v["body"].clone()).collect(),
            _ => all,
        }
    }
}

/// Starts a receiver in the world's folder, and waits until it listens.
pub fn listening(w: &World, port: u16, mut command: Command) -> Process {
    let log = fs::OpenOptions::new().create(true).append(true).open(w.path("receiver.log"));
    let log = log.unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let child = Process(command.current_dir(w.dir.path()).spawn().unwrap());
    w.eventually("the receiver listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    child
}

/// Whole lines of a file; the last may be half written.
pub fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

/// Debian 12 has some libraries in `/lib` and some in `/usr/lib`.
pub fn library_path(tools: &Path) -> String {
    let triple = format!("{}-linux-gnu", env::consts::ARCH);
    let places = [format!("lib/{triple}"), format!("usr/lib/{triple}"), "usr/lib/syslog-ng".into()];
    let debian = places.map(|p| tools.join("root").join(p).display().to_string());
    // Python's library, for the collector, where the system has none.
    let python = tools.join("python/root/usr/lib").join(triple).display().to_string();
    format!("{}:{python}", debian.join(":"))
}

fn rsyslog(w: &World, port: u16, tools: &Path) -> Command {
    let d = w.dir.path().display();
    let text = format!(
        r#"global(workDirectory="{d}" maxMessageSize="64k"
  defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{d}/gateways-ca.pem"
  defaultNetstreamDriverCertFile="{d}/siem.pem" defaultNetstreamDriverKeyFile="{d}/siem-key.pem")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"
  streamDriver.authMode="x509/certvalid")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="data" type="string" string="%pri% %app-name% %msgid% %structured-data%\n")
template(name="json" type="string" string="%msg%\n")
action(type="omfile" file="{d}/data.log" template="data")
action(type="omfile" file="{d}/received.jsonl" template="json")
"#
    );
    fs::write(w.path("rsyslog.conf"), text).unwrap();
    let modules = tools.join(format!("root/usr/lib/{}-linux-gnu/rsyslog", env::consts::ARCH));
    let mut c = Command::new(tools.join("root/usr/sbin/rsyslogd"));
    c.env("LD_LIBRARY_PATH", library_path(tools)).arg("-n").arg("-M").arg(modules);
    c.arg("-f").arg(w.path("rsyslog.conf")).arg("-i").arg(w.path("rsyslog.pid"));
    c
}

fn syslog_ng(w: &World, port: u16, tools: &Path) -> Command {
    let d = w.dir.path().display();
    let text = format!(
        r#"@version: 3.38
options {{ log-msg-size(65536); flush-lines(1); }};
source s {{ syslog(transport("tls") ip("127.0.0.1") port({port}) tls(
  key-file("{d}/siem-key.pem") cert-file("{d}/siem.pem") ca-file("{d}/gateways-ca.pem")
  peer-verify(required-trusted))); }};
destination data {{ file("{d}/data.log" template("$PRI $PROGRAM $MSGID $SDATA\n")); }};
destination json {{ file("{d}/received.jsonl" template("$MSG\n")); }};
log {{ source(s); destination(data); destination(json); flags(flow-control); }};
"#
    );
    fs::write(w.path("syslog-ng.conf"), text).unwrap();
    let version = fs::read_dir(tools.join("root/usr/lib/syslog-ng"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.is_dir() && p.file_name().unwrap().to_string_lossy().starts_with("3."))
        .unwrap();
    let mut c = Command::new(tools.join("root/usr/sbin/syslog-ng"));
    c.env("LD_LIBRARY_PATH", library_path(tools)).args(["--foreground", "--no-caps"]);
    c.arg("--module-path").arg(version).arg("--cfgfile").arg(w.path("syslog-ng.conf"));
    for (option, file) in [
        ("--persist-file", "syslog-ng.persist"),
        ("--pidfile", "syslog-ng.pid"),
        ("--control", "syslog-ng.ctl"),
    ] {
        c.arg(option).arg(w.path(file));
    }
    c
}

fn otlp(w: &World, port: u16, tools: &Path) -> Command {
    fs::write(w.path("token"), "s3cret\n").unwrap();
    let mut c = python("otlp_receiver.py", port, tools);
    c.args(["siem.pem", "siem-key.pem", "gateways-ca.pem", "received.jsonl", "2"]);
    c
}

/// A program of `tests/interop` that listens at a port.
pub fn python(program: &str, port: u16, tools: &Path) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut c = Command::new(tools.join("python/bin/python"));
    c.arg(root.join("tests/interop").join(program)).arg(port.to_string());
    c
}

/// A gateway in a process of its own, which can be killed; and where desks connect.
pub fn gateway(w: &World) -> (Process, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
        .args(["run", "--json", "--config"])
        .arg(&w.config)
        .current_dir(w.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (said, heard) = std::sync::mpsc::channel();
    for stream in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
        let said = said.clone();
        // Read to the end, so that the gateway never waits for its log.
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if env::var_os("SIEM_TEST_LOG").is_some() {
                    eprintln!("{line}");
                }
                let _ = said.send(line);
            }
        });
    }
    let mut all = Vec::new();
    let address = loop {
        let line = heard.recv_timeout(crate::support::PATIENCE * 3).unwrap_or_else(|_| {
            panic!("the gateway did not start: {all:#?}");
        });
        if line.contains("gateway is up") {
            let v: Value = serde_json::from_str(&line).unwrap();
            let fields = if v["fields"].is_object() { &v["fields"] } else { &v };
            break fields["address"].as_str().unwrap().parse().unwrap();
        }
        all.push(line);
    };
    (Process(child), address)
}
