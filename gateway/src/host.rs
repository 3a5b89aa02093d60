//! The name of this host, for events.

/// As the kernel has it; `None` where it has none. By a system call, since the package's unit shows
/// the gateway nothing of /proc but processes.
#[cfg(unix)]
pub(crate) fn name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_owned();
    Some(name).filter(|n| !n.is_empty())
}

#[cfg(not(unix))]
pub(crate) fn name() -> Option<String> {
    // The gateway is a Unix server; it is built elsewhere for tests only.
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_name_that_the_kernel_has() {
        let file = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(name().as_deref(), Some(file.trim()));
    }
}
