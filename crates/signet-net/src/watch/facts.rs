//! What facts of an operating system mean. Pure, and the same code on every system, so that the
//! tables of tests run on all of them.

use super::state::SystemState;

/// The most characters of a name or page that are kept.
pub(super) const NAME_MAX: usize = 64;

/// What the system says of its sleep.
#[cfg(any(windows, target_os = "macos", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    Sleeps,
    Woke,
}

/// Properties of NetworkManager, as far as they can be had.
#[cfg(any(target_os = "linux", test))]
#[derive(Debug, Clone, Default)]
pub(super) struct NetworkManager {
    /// NMConnectivityState.
    pub connectivity: Option<u32>,
    /// NetworkManager asks its page. One that does not says that everything can be reached.
    pub checks: Option<bool>,
    /// NMMetered.
    pub metered: Option<u32>,
    /// The page that NetworkManager asks to learn whether there is a portal. A portal redirects it.
    pub check_page: Option<String>,
    /// What the active connection is called.
    pub connection: Option<String>,
}

#[cfg(any(target_os = "linux", test))]
pub(super) fn of_network_manager(is: &NetworkManager) -> SystemState {
    const PORTAL: u32 = 2;
    const FULL: u32 = 4;
    const METERED: u32 = 1;
    const GUESSED_METERED: u32 = 3;
    let portal = is.connectivity == Some(PORTAL);
    SystemState {
        network: is.connection.as_deref().map(short),
        metered: matches!(is.metered, Some(METERED | GUESSED_METERED)),
        portal: portal.then(|| is.check_page.as_deref().map(short).unwrap_or_default()),
        found_open: is.connectivity == Some(FULL) && is.checks == Some(true),
        sleeping: false,
    }
}

/// Whether a change of these properties of systemd-resolved means other answers to names.
#[cfg(any(target_os = "linux", test))]
pub(super) fn is_dns<'a>(interface: &str, mut changed: impl Iterator<Item = &'a str>) -> bool {
    const INTERFACES: [&str; 2] =
        ["org.freedesktop.resolve1.Manager", "org.freedesktop.resolve1.Link"];
    const PROPERTIES: [&str; 9] = [
        "DNS",
        "DNSEx",
        "CurrentDNSServer",
        "CurrentDNSServerEx",
        "FallbackDNS",
        "FallbackDNSEx",
        "Domains",
        "DefaultRoute",
        "DNSOverTLS",
    ];
    INTERFACES.contains(&interface) && changed.any(|p| PROPERTIES.contains(&p))
}

/// The lines of `resolv.conf(5)` that decide how names are resolved, without comments and spaces.
#[cfg(any(target_os = "linux", test))]
pub(super) fn resolver_lines(text: &str) -> Vec<String> {
    const KEYWORDS: [&str; 4] = ["nameserver", "search", "domain", "options"];
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|w| KEYWORDS.contains(w)))
        .map(|words| words.join(" "))
        .collect()
}

/// What Windows says of the profile of the connection to the internet.
#[cfg(any(windows, test))]
#[derive(Debug, Clone, Default)]
pub(super) struct WindowsProfile {
    pub name: Option<String>,
    /// `NetworkConnectivityLevel`.
    pub level: Option<i32>,
    /// `NetworkCostType`.
    pub cost: Option<i32>,
    pub roaming: bool,
}

/// The page that Windows itself opens behind a portal.
#[cfg(any(windows, test))]
pub(super) const WINDOWS_PORTAL_PAGE: &str = "http://www.msftconnecttest.com/redirect";

#[cfg(any(windows, test))]
pub(super) fn of_windows(is: &WindowsProfile) -> SystemState {
    /// `NetworkConnectivityLevel.ConstrainedInternetAccess`: a captive portal.
    const CONSTRAINED: i32 = 2;
    /// `NetworkCostType`: a fixed amount is paid, or what is used.
    const FIXED: i32 = 2;
    const VARIABLE: i32 = 3;
    SystemState {
        network: is.name.as_deref().filter(|n| !n.is_empty()).map(short),
        metered: is.roaming || matches!(is.cost, Some(FIXED | VARIABLE)),
        portal: (is.level == Some(CONSTRAINED)).then(|| WINDOWS_PORTAL_PAGE.to_owned()),
        // A page is asked for on Windows only where the firm names one.
        found_open: false,
        sleeping: false,
    }
}

/// `PBT_*` of a power notification.
#[cfg(any(windows, test))]
pub(super) fn windows_power(event: u32) -> Option<Power> {
    const SUSPEND: u32 = 4;
    const RESUME_CRITICAL: u32 = 6;
    const RESUME_SUSPEND: u32 = 7;
    const RESUME_AUTOMATIC: u32 = 18;
    match event {
        SUSPEND => Some(Power::Sleeps),
        RESUME_CRITICAL | RESUME_SUSPEND | RESUME_AUTOMATIC => Some(Power::Woke),
        _ => None,
    }
}

/// What follows from a message of macOS' power management.
#[cfg(any(target_os = "macos", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MacPower {
    pub power: Option<Power>,
    /// The system waits up to 30 seconds for this answer.
    pub allow: bool,
}

/// `kIOMessage*` of `IOKit/IOMessage.h`.
#[cfg(any(target_os = "macos", test))]
pub(super) fn mac_power(message: u32) -> MacPower {
    const CAN_SYSTEM_SLEEP: u32 = 0xe000_0270;
    const SYSTEM_WILL_SLEEP: u32 = 0xe000_0280;
    const SYSTEM_WILL_NOT_SLEEP: u32 = 0xe000_0290;
    const SYSTEM_HAS_POWERED_ON: u32 = 0xe000_0300;
    match message {
        CAN_SYSTEM_SLEEP => MacPower { power: None, allow: true },
        SYSTEM_WILL_SLEEP => MacPower { power: Some(Power::Sleeps), allow: true },
        SYSTEM_WILL_NOT_SLEEP | SYSTEM_HAS_POWERED_ON => {
            MacPower { power: Some(Power::Woke), allow: false }
        }
        _ => MacPower { power: None, allow: false },
    }
}

/// What a changed key of macOS' dynamic store means.
#[cfg(any(target_os = "macos", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreChange {
    Network,
    Dns,
}

/// The keys of the dynamic store that are listened to.
#[cfg(any(target_os = "macos", test))]
pub(super) const STORE_KEYS: [&str; 3] =
    ["State:/Network/Global/IPv4", "State:/Network/Global/IPv6", "State:/Network/Global/DNS"];

#[cfg(any(target_os = "macos", test))]
pub(super) fn store_change(key: &str) -> Option<StoreChange> {
    match STORE_KEYS.iter().position(|k| *k == key)? {
        0 | 1 => Some(StoreChange::Network),
        _ => Some(StoreChange::Dns),
    }
}

/// macOS tells the name of the primary service in the order IPv4, IPv6. Whether it is metered its
/// path monitor tells ([`is_metered`]); of a portal it tells programs nothing.
#[cfg(any(target_os = "macos", test))]
pub(super) fn of_macos(ipv4: Option<&str>, ipv6: Option<&str>) -> SystemState {
    let named = |name: Option<&str>| name.filter(|n| !n.is_empty()).map(short);
    SystemState { network: named(ipv4).or_else(|| named(ipv6)), ..SystemState::default() }
}

/// What macOS' path monitor says of the way that a connection would take.
#[cfg(any(target_os = "macos", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MacPath {
    /// `nw_path_status_t`.
    pub status: i32,
    /// A mobile network, or the hot spot of a telephone.
    pub expensive: bool,
    /// Its user wants programs to send little ("Low Data Mode").
    pub constrained: bool,
}

#[cfg(any(target_os = "macos", test))]
pub(super) fn is_metered(path: MacPath) -> bool {
    /// `nw_path_status_satisfied`, and `nw_path_status_satisfiable`: there after a first attempt.
    const USABLE: [i32; 2] = [1, 3];
    USABLE.contains(&path.status) && (path.expensive || path.constrained)
}

fn short(text: &str) -> String {
    text.chars().take(NAME_MAX).collect()
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
