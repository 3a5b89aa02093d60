//! What the system says of its clock.

use super::Kernel;

/// `None`: the system does not say.
#[cfg(target_os = "linux")]
pub fn read() -> Option<Kernel> {
    // SAFETY: all bytes zero is a value of this C struct of numbers; `modes` 0 changes nothing.
    let mut t: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a struct of ours that lives through the call.
    let state = unsafe { libc::adjtimex(&raw mut t) };
    (state >= 0).then_some(Kernel {
        synchronised: state != libc::TIME_ERROR && t.status & libc::STA_UNSYNC == 0,
        max_error_us: t.maxerror,
    })
}

/// `None`: the system does not say.
#[cfg(not(target_os = "linux"))]
pub fn read() -> Option<Kernel> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_system_answers() {
        let kernel = super::read().expect("Linux says");
        assert!(kernel.max_error_us >= 0, "{kernel:?}");
    }
}
