//! The real `signet-gateway` in a process of its own, and what the system says of a process.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A child that ends with its owner.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// The release binary beside this one; what it says is in `gateway.log` beside its
    /// configuration.
    pub fn gateway(config: &Path) -> Self {
        let binary = std::env::current_exe().expect("a path").with_file_name("signet-gateway");
        let mut command = Command::new(binary);
        command.args(["run", "--config"]).arg(config);
        let log = config.with_file_name("gateway.log");
        Self::start(command.stderr(fs::File::create(log).expect("a log")))
    }

    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().expect("the binary is built"))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Until somebody listens there.
    pub fn wait_for(&mut self, at: SocketAddr) {
        let began = Instant::now();
        while TcpStream::connect(at).is_err() {
            let ended = self.0.try_wait().expect("a child");
            assert!(
                ended.is_none() && began.elapsed() < Duration::from_secs(20),
                "nobody listens at {at}: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port")
}

/// Seconds of processor time a process has used, in itself and in the kernel; 0 where there is no
/// /proc.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    named_seconds(&stat).map_or(0.0, |(_, seconds)| seconds)
}

/// Name and processor time, seconds, of each thread, by the thread's id.
pub type Threads = BTreeMap<String, (String, f64)>;

/// What each thread of a process took so far; empty where there is no /proc.
pub fn threads(pid: u32) -> Threads {
    let all = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let one = |thread: fs::DirEntry| {
        // It may have ended meanwhile.
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), named_seconds(&stat)?))
    };
    all.filter_map(one).collect()
}

/// What its threads took between two looks, percent of one core, those of one name together, the
/// busiest first.
pub fn shares(before: &Threads, after: &Threads, seconds: f64) -> Vec<(String, f64)> {
    let mut by_name = BTreeMap::<&str, f64>::new();
    for (id, (name, used)) in after {
        let earlier = before.get(id).map_or(0.0, |(_, used)| *used);
        *by_name.entry(name).or_default() += (used - earlier) / seconds * 100.0;
    }
    let mut all: Vec<_> = by_name.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// The name and the processor time in a line of the kernel's about a process or a thread.
fn named_seconds(stat: &str) -> Option<(String, f64)> {
    // The name stands in brackets and may hold anything. After it: state is field 3, utime 14,
    // stime 15.
    let (begin, rest) = stat.rsplit_once(')')?;
    let (_, name) = begin.split_once('(')?;
    let fields: Vec<f64> = rest.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
    // USER_HZ is 100 on every Linux there is.
    let used = fields.get(11..13).map_or(0.0, |t| (t[0] + t[1]) / 100.0);
    Some((name.to_owned(), used))
}

/// Resident memory, kilobytes; 0 where there is no /proc.
pub fn rss_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// As many open files as the system lets this process and its children have.
pub fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).expect("a limit up to the hard one");
    }
}
