//! Keeping key material in this process: no core dumps, no debugger of the same user.
//!
//! Called by every binary that holds keys, first thing in `main`.

/// The protections that are on, and the reasons for those that are not, for a warning in the log. A
/// program continues without them, since a hardened system may forbid the calls themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardened {
    /// A crash writes no image of the memory to disk.
    pub core_dumps_off: bool,
    /// Other processes of the same user cannot read this one's memory.
    pub memory_closed: bool,
    /// What could not be done, in words.
    pub problems: Vec<String>,
}

/// Switches core dumps off and closes this process's memory to others, as far as the system can.
#[must_use]
pub fn harden_process() -> Hardened {
    let mut done = Hardened::default();
    platform::harden(&mut done);
    done
}

#[cfg(unix)]
fn no_core_dumps(done: &mut Hardened) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // The hard limit too, so that nothing in this process can raise it again.
    match setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        Ok(()) => done.core_dumps_off = true,
        Err(error) => done.problems.push(format!("core dumps could not be switched off: {error}")),
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use super::Hardened;
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    pub(super) fn harden(done: &mut Hardened) {
        super::no_core_dumps(done);
        // PR_SET_DUMPABLE also covers dumps that go to a program through a pipe, which no limit
        // stops, and makes /proc/<pid>/mem and ptrace a matter for root.
        match set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            Ok(()) => done.memory_closed = true,
            Err(error) => {
                done.problems.push(format!("the process's memory could not be closed: {error}"))
            }
        }
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use super::Hardened;

    /// A debugger is kept out by the hardened runtime of a signed build, not by a call.
    pub(super) fn harden(done: &mut Hardened) {
        super::no_core_dumps(done);
        done.problems
            .push("debuggers are kept out by a signed build's hardened runtime only".into());
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
mod platform {
    use super::Hardened;

    pub(super) fn harden(done: &mut Hardened) {
        super::no_core_dumps(done);
        done.problems.push("this system has no call to close a process's memory".into());
    }
}

#[cfg(windows)]
mod platform {
    use super::Hardened;
    use windows_sys::Win32::System::Diagnostics::Debug::{
        SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode,
    };
    use windows_sys::Win32::System::ErrorReporting::{
        WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags,
    };

    pub(super) fn harden(done: &mut Hardened) {
        // SAFETY: takes a number and returns one.
        unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX) };
        // SAFETY: takes a number and returns one.
        let reported = unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) };
        if reported == 0 {
            done.core_dumps_off = true;
        } else {
            done.problems
                .push(format!("error reports may hold memory (WerSetFlags: {reported:#x})"));
        }
        // Here a process of the same user can always open another one, except protected processes,
        // which need Microsoft's signature.
        done.problems.push("Windows lets other programs of the same user read this process".into());
    }
}
