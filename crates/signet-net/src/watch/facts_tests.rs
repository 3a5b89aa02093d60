use super::*;

fn state(network: Option<&str>, metered: bool, portal: Option<&str>) -> SystemState {
    SystemState {
        network: network.map(str::to_owned),
        metered,
        portal: portal.map(str::to_owned),
        found_open: false,
        sleeping: false,
    }
}

#[test]
fn network_manager() {
    let page = "http://check.example/";
    // NMConnectivityState 0 to 4, and one that does not exist.
    for (connectivity, portal) in [
        (None, None),
        (Some(0), None),
        (Some(1), None),
        (Some(2), Some(page)),
        (Some(3), None),
        (Some(4), None),
        (Some(u32::MAX), None),
    ] {
        // NMMetered 0 to 4, and one that does not exist.
        for (metered, is_metered) in [
            (None, false),
            (Some(0), false),
            (Some(1), true),
            (Some(2), false),
            (Some(3), true),
            (Some(4), false),
            (Some(u32::MAX), false),
        ] {
            for connection in [None, Some("Hotel")] {
                // "Full" without a check is a guess.
                for checks in [None, Some(false), Some(true)] {
                    let is = NetworkManager {
                        connectivity,
                        checks,
                        metered,
                        check_page: Some(page.into()),
                        connection: connection.map(str::to_owned),
                    };
                    let found_open = (connectivity, checks) == (Some(4), Some(true));
                    let want = SystemState { found_open, ..state(connection, is_metered, portal) };
                    assert_eq!(of_network_manager(&is), want, "{is:?}");
                }
            }
        }
    }
    let unnamed = NetworkManager { connectivity: Some(2), ..NetworkManager::default() };
    assert_eq!(of_network_manager(&unnamed), state(None, false, Some("")));
}

#[test]
fn windows_profile() {
    for (level, portal) in [
        (None, None),
        (Some(0), None),
        (Some(1), None),
        (Some(2), Some(WINDOWS_PORTAL_PAGE)),
        (Some(3), None),
        (Some(-1), None),
        (Some(i32::MAX), None),
    ] {
        for (cost, paid) in [
            (None, false),
            (Some(0), false),
            (Some(1), false),
            (Some(2), true),
            (Some(3), true),
            (Some(-1), false),
            (Some(i32::MAX), false),
        ] {
            for roaming in [false, true] {
                for (name, network) in [(None, None), (Some(""), None), (Some("LAN"), Some("LAN"))]
                {
                    let name = name.map(str::to_owned);
                    let is = WindowsProfile { name, level, cost, roaming };
                    assert_eq!(of_windows(&is), state(network, paid || roaming, portal), "{is:?}");
                }
            }
        }
    }
}

#[test]
fn windows_power_broadcasts() {
    for event in (0..64).chain([0x8013, u32::MAX]) {
        let means = match event {
            4 => Some(Power::Sleeps),
            6 | 7 | 18 => Some(Power::Woke),
            _ => None,
        };
        assert_eq!(windows_power(event), means, "{event}");
    }
}

#[test]
fn macos_power_messages() {
    let all = [
        (0xe000_0240, None, false), // CanDevicePowerOff
        (0xe000_0250, None, false), // DeviceWillPowerOff
        (0xe000_0270, None, true),
        (0xe000_0280, Some(Power::Sleeps), true),
        (0xe000_0290, Some(Power::Woke), false),
        (0xe000_0300, Some(Power::Woke), false),
        (0xe000_0310, None, false), // SystemWillRestart
        (0xe000_0320, None, false), // SystemWillPowerOn: the network is not up yet
        (0, None, false),
        (u32::MAX, None, false),
    ];
    for (message, power, allow) in all {
        assert_eq!(mac_power(message), MacPower { power, allow }, "{message:#x}");
    }
}

#[test]
fn macos_store() {
    for (key, means) in [
        ("State:/Network/Global/IPv4", Some(StoreChange::Network)),
        ("State:/Network/Global/IPv6", Some(StoreChange::Network)),
        ("State:/Network/Global/DNS", Some(StoreChange::Dns)),
        ("State:/Network/Global/Proxies", None),
        ("State:/Network/Global/DNS/x", None),
        ("", None),
    ] {
        assert_eq!(store_change(key), means, "{key}");
    }
    for (ipv4, ipv6, network) in [
        (None, None, None),
        (Some("Wi-Fi"), None, Some("Wi-Fi")),
        (None, Some("iPhone USB"), Some("iPhone USB")),
        (Some(""), Some("Ethernet"), Some("Ethernet")),
        (Some("Wi-Fi"), Some("Ethernet"), Some("Wi-Fi")),
        (Some(""), Some(""), None),
    ] {
        assert_eq!(of_macos(ipv4, ipv6), state(network, false, None));
    }
}

#[test]
fn macos_paths() {
    // nw_path_status_t 0 to 3, and two that do not exist.
    for (status, usable) in [(0, false), (1, true), (2, false), (3, true), (4, false), (-1, false)]
    {
        for expensive in [false, true] {
            for constrained in [false, true] {
                let path = MacPath { status, expensive, constrained };
                let metered = usable && (expensive || constrained);
                assert_eq!(is_metered(path), metered, "{path:?}");
            }
        }
    }
}

#[test]
fn names_and_pages_are_bounded() {
    let long = "ä".repeat(10_000);
    let network = Some(long.clone());
    let manager = NetworkManager {
        connectivity: Some(2),
        check_page: network.clone(),
        connection: network.clone(),
        ..NetworkManager::default()
    };
    let windows = WindowsProfile { name: network, ..WindowsProfile::default() };
    for s in [of_network_manager(&manager), of_windows(&windows), of_macos(Some(&long), None)] {
        for text in [s.network, s.portal].into_iter().flatten() {
            assert_eq!(text.chars().count(), NAME_MAX);
        }
    }
}

#[test]
fn properties_of_resolved() {
    let (manager, link) = ("org.freedesktop.resolve1.Manager", "org.freedesktop.resolve1.Link");
    for (interface, changed, dns) in [
        (manager, &["DNS"][..], true),
        (manager, &["CurrentDNSServer"], true),
        (manager, &["CacheStatistics", "DNSEx"], true),
        (manager, &["CacheStatistics", "LLMNRHostname"], false),
        (manager, &[], false),
        (link, &["DNS"], true),
        (link, &["Domains"], true),
        (link, &["DefaultRoute"], true),
        (link, &["ScopesMask"], false),
        ("org.freedesktop.resolve1.DnssdService", &["DNS"], false),
        ("", &["DNS"], false),
    ] {
        assert_eq!(is_dns(interface, changed.iter().copied()), dns, "{interface} {changed:?}");
    }
}

#[test]
fn lines_of_resolv_conf() {
    for (text, lines) in [
        ("", &[][..]),
        ("# nameserver 192.0.2.1\n; search example\n", &[]),
        ("  nameserver\t192.0.2.1  \n\n", &["nameserver 192.0.2.1"]),
        ("nameservers 192.0.2.1\nsortlist 10.0.0.0\n", &[]),
        (
            "domain a\nsearch b  c\noptions edns0\nnameserver ::1",
            &["domain a", "search b c", "options edns0", "nameserver ::1"],
        ),
    ] {
        assert_eq!(resolver_lines(text), lines, "{text:?}");
    }
}
