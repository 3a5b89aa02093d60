//! The desk's process, seen from outside: what it is told to do and what it says, and that it can
//! be stopped as a whole.

use crate::{
    stopped_clock::StoppedClock,
    talk::{Order, Told},
    world::PATIENCE,
};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
};

/// A desk's process. It ends with its owner.
#[derive(Debug)]
pub(crate) struct Laptop {
    child: Child,
    orders: ChildStdin,
    /// What it says.
    pub(crate) told: Receiver<Told>,
    clock: Option<StoppedClock>,
}

impl Laptop {
    /// The process, and the list of security keys that a gateway must trust. Its clock goes on
    /// while it is stopped unless there is one that does not.
    pub(crate) fn start(data: &Path, clock: Option<StoppedClock>) -> (Self, String) {
        let log = std::fs::File::create(data.with_extension("log")).expect("a log");
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        command.arg("desk").arg(data).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        if let Some(clock) = &clock {
            clock.load_into(&mut command);
        }
        let mut child = command.spawn().expect("started");
        let (orders, output) = (child.stdin.take().expect("input"), child.stdout.take());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output.expect("output")).lines() {
                let Ok(line) = line else { return };
                if tell.send(serde_json::from_str(&line).expect("JSON")).is_err() {
                    return;
                }
            }
        });
        let laptop = Self { child, orders, told, clock };
        match laptop.told.recv_timeout(PATIENCE).expect("a desk that runs") {
            Told::Ready { attestation } => (laptop, attestation),
            other => panic!("{other:?}"),
        }
    }

    /// Has it do something.
    pub(crate) fn say(&mut self, order: &Order) {
        let line = serde_json::to_string(order).expect("JSON");
        writeln!(self.orders, "{line}").expect("the desk's process");
    }

    /// Stops it, and returns when all of its threads stand still.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::STOP);
        // Its end is for whoever waits for that.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let how = waitid(WaitId::Pid(self.pid()), options).expect("a child").expect("a state");
        assert!(how.stopped(), "the desk's process ended: {how:?}");
        if let Some(clock) = &mut self.clock {
            clock.stands_still();
        }
    }

    /// It goes on.
    pub(crate) fn go_on(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.goes_on().expect("the file of its clock");
        }
        self.signal(Signal::CONT);
    }

    /// For how long its clock stood still in all, nanoseconds.
    pub(crate) fn stood_still(&self) -> u64 {
        self.clock.as_ref().map_or(0, StoppedClock::total)
    }

    /// Whether the process is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    fn signal(&self, what: Signal) {
        kill_process(self.pid(), what).expect("a signal");
    }

    fn pid(&self) -> Pid {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid")
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
