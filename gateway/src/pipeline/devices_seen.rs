//! When devices were on, told to the registry not too often.

use super::Pipeline;
use crate::clock::now;
use signet_identity::CompId;
use signet_registry::DeviceSeen;
use signet_rfq::UtcMillis;
use std::{cell::RefCell, collections::HashMap};

/// The same is not told again earlier than this: a laptop whose network comes and goes logs on
/// again and again.
const AGAIN_MS: i64 = 5 * 60_000;
/// Devices remembered; what is older than [`AGAIN_MS`] makes room.
const REMEMBERED_MAX: usize = 50_000;

/// By user and device: version and platform, and when they were told.
type Told = HashMap<(String, String), (String, String, UtcMillis)>;

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct DevicesSeen(RefCell<Told>);

impl DevicesSeen {
    /// Whether it is to be told: something is new, or it was told some minutes ago.
    fn is_due(&self, d: &DeviceSeen) -> bool {
        let mut told = self.0.borrow_mut();
        let key = (d.user.clone(), d.device.clone());
        // A clock that was set back makes what was told as old as one that was set forward.
        let recent = |at: UtcMillis| (0..AGAIN_MS).contains(&d.at.since(at));
        if let Some((version, platform, at)) = told.get(&key)
            && recent(*at)
            && (version, platform) == (&d.version, &d.platform)
        {
            return false;
        }
        if told.len() >= REMEMBERED_MAX && !told.contains_key(&key) {
            told.retain(|_, (.., at)| recent(*at));
        }
        if told.len() < REMEMBERED_MAX || told.contains_key(&key) {
            told.insert(key, (d.version.clone(), d.platform.clone(), d.at));
        }
        true
    }
}

impl Pipeline {
    /// A desk logged on, or its session ended.
    pub(super) fn tell_device_seen(&self, desk: &CompId) {
        let Some(registry) = &self.registry else { return };
        let Some(access) = self.sessions.access(desk) else { return };
        let Some(device) = access.device.clone() else { return };
        let software = &access.software;
        let seen = DeviceSeen {
            user: access.user.clone(),
            device,
            version: software.version(),
            platform: software.platform().to_owned(),
            at: now(),
        };
        if self.devices_seen.is_due(&seen) {
            registry.device_seen(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_in_some_minutes_and_a_change_at_once() {
        let all = DevicesSeen::default();
        let seen = |device: &str, version: &str, at| DeviceSeen {
            user: "alice".into(),
            device: device.into(),
            version: version.into(),
            platform: "linux/x86_64".into(),
            at: UtcMillis(at),
        };
        for (device, version, at, want) in [
            ("laptop", "1.2.0", 0, true),
            ("laptop", "1.2.0", 1, false),
            ("laptop", "1.2.0", AGAIN_MS - 1, false),
            ("second", "1.2.0", 2, true),
            ("laptop", "1.2.0", AGAIN_MS, true),
            ("laptop", "1.2.1", AGAIN_MS + 1, true),
            ("laptop", "1.2.1", AGAIN_MS + 2, false),
            // The clock was set back.
            ("laptop", "1.2.1", 5, true),
        ] {
            assert_eq!(all.is_due(&seen(device, version, at)), want, "{device} {version} {at}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let all = DevicesSeen::default();
        let seen = |n: usize, at| DeviceSeen {
            user: n.to_string(),
            device: "laptop".into(),
            version: String::new(),
            platform: String::new(),
            at: UtcMillis(at),
        };
        for n in 0..REMEMBERED_MAX + 10 {
            assert!(all.is_due(&seen(n, 0)));
        }
        assert_eq!(all.0.borrow().len(), REMEMBERED_MAX);
        assert!(all.is_due(&seen(REMEMBERED_MAX + 10, AGAIN_MS)));
        assert_eq!(all.0.borrow().len(), 1, "the old ones made room");
    }
}
