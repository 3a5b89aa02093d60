//! Who carries out a command, for the event log.
//!
//! The operating system says who it is. Environment variables (`USER`, `SUDO_USER`) are set by
//! whoever starts the command, so they are not read.

/// The real user id's account, the account of the login session where the kernel knows one that
/// differs (sudo, su), and the host: `root(0) login alice(1000)@gw1`.
pub(crate) fn actor() -> String {
    format!("{}@{}", account(), host())
}

/// The same of another process on this machine, by what the kernel says of its end of a local
/// socket.
#[cfg(unix)]
pub(crate) fn account_of(uid: u32, process: Option<i32>) -> String {
    let real = nix::unistd::Uid::from_raw(uid);
    let login = process.and_then(|p| login_uid(&p.to_string())).filter(|login| *login != real);
    format!("{}@{}", named(real, login), host())
}

fn host() -> String {
    crate::host::name().unwrap_or_else(|| "unknown".into())
}

#[cfg(unix)]
fn account() -> String {
    let real = nix::unistd::getuid();
    named(real, login_uid("self").filter(|login| *login != real))
}

#[cfg(unix)]
fn named(real: nix::unistd::Uid, login: Option<nix::unistd::Uid>) -> String {
    let name = |uid: nix::unistd::Uid| {
        let account = nix::unistd::User::from_uid(uid).ok().flatten();
        format!("{}({uid})", account.map_or_else(|| "uid".to_owned(), |a| a.name))
    };
    match login {
        Some(login) => format!("{} login {}", name(real), name(login)),
        None => name(real),
    }
}

/// The audit login uid (`pam_loginuid`): set once at login and kept over sudo and su.
#[cfg(unix)]
fn login_uid(process: &str) -> Option<nix::unistd::Uid> {
    let file = format!("/proc/{process}/loginuid");
    let uid: u32 = std::fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (uid != u32::MAX).then(|| nix::unistd::Uid::from_raw(uid))
}

#[cfg(not(unix))]
fn account() -> String {
    // The gateway is a Unix server; commands are built elsewhere for tests only.
    "unknown".into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use nix::unistd::Uid;

    #[test]
    fn accounts_come_from_the_system_by_number() {
        assert_eq!(named(Uid::from_raw(0), None), "root(0)");
        assert_eq!(named(Uid::from_raw(4_000_123_456), None), "uid(4000123456)");
        assert_eq!(named(Uid::from_raw(0), Some(Uid::from_raw(0))), "root(0) login root(0)");
        let own = nix::unistd::getuid().as_raw();
        assert_eq!(account_of(own, Some(std::process::id() as i32)), actor());
        assert!(account_of(4_000_123_456, None).starts_with("uid(4000123456)@"));
        assert!(actor().starts_with(&named(nix::unistd::getuid(), None)), "{}", actor());
    }
}
