//! Network namespaces, TUN devices, and the command `ip`.

use rustix::{
    fs::{Mode, OFlags},
    thread::{LinkNameSpaceType, UnshareFlags, gettid, move_into_link_name_space, unshare_unsafe},
};
use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    process::{Command, Stdio},
    sync::mpsc,
};

type Job = Box<dyn FnOnce() + Send>;

/// A namespace of its own: a thread that is in it and runs what it is given.
#[derive(Debug)]
pub(crate) struct Namespace {
    jobs: mpsc::Sender<Job>,
    path: String,
}

impl Namespace {
    pub(crate) fn new() -> io::Result<Self> {
        let (jobs, work) = mpsc::channel::<Job>();
        let (made, is_made) = mpsc::channel();
        std::thread::Builder::new().name("namespace".into()).spawn(move || {
            // SAFETY: only the network namespace of this thread changes; descriptors stay shared.
            let moved = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
            let path =
                format!("/proc/{}/task/{}/ns/net", std::process::id(), gettid().as_raw_nonzero());
            let _ = made.send(moved.map(|()| path).map_err(io::Error::from));
            for job in work {
                job();
            }
        })?;
        let path = is_made.recv().map_err(io::Error::other)??;
        Ok(Self { jobs, path })
    }

    /// For `setns`, while this process lives.
    pub(crate) fn path(&self) -> String {
        self.path.clone()
    }

    /// Runs it inside, and waits.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, is_done) = mpsc::channel();
        let job: Job = Box::new(move || {
            let _ = done.send(what());
        });
        self.jobs.send(job).map_err(|_| io::Error::other("the namespace's thread has ended"))?;
        is_done.recv().map_err(io::Error::other)?
    }
}

/// Moves the calling thread, and those that it starts from now on, into a namespace.
pub(crate) fn enter(path: &str) -> io::Result<()> {
    let file = File::open(path)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// `linux/if_tun.h`: TUNSETIFF.
const TUNSETIFF: rustix::ioctl::Opcode = 0x4004_54ca;
/// IP packets, and nothing before them.
const IFF_TUN_NO_PI: u16 = 0x0001 | 0x1000;

/// `struct ifreq`, as far as TUNSETIFF reads it.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// A device of the calling thread's namespace, whose packets this descriptor reads and writes.
pub(crate) fn tun(name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open("/dev/net/tun", flags, Mode::empty())?;
    let mut request = Request { name: [0; 16], flags: IFF_TUN_NO_PI, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF reads one `struct ifreq`, and `Request` is one.
    unsafe { rustix::ioctl::ioctl(&fd, rustix::ioctl::Setter::<TUNSETIFF, _>::new(request)) }?;
    Ok(fd)
}

/// Runs `ip` in the calling thread's namespace.
pub(crate) fn ip(arguments: &str) -> io::Result<()> {
    ip_batch(&[arguments.to_owned()])
}

pub(crate) fn ip_batch(lines: &[String]) -> io::Result<()> {
    let mut ip = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn()?;
    let mut input = ip.stdin.take().ok_or_else(|| io::Error::other("no input"))?;
    input.write_all((lines.join("\n") + "\n").as_bytes())?;
    drop(input);
    match ip.wait()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("ip {lines:?}"))),
    }
}
