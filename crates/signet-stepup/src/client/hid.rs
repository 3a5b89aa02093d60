//! Keys on USB, by raw HID: Linux and macOS. (Windows keeps FIDO HID to administrators:
//! `windows.rs`.)
//!
//! The crate's own state machine watches for keys, lets several blink, and runs the ceremony on the
//! one that was touched. It does not say whether there is any key; on Linux the system's device
//! tree does.
//!
//! Executed so far: start, time-out and cancel on Linux without a key. Ceremonies with a key in a
//! port, and anything on macOS, were only type-checked here.

use super::{
    Ceremony, CeremonyError, Order, Stage, Status, StepUp,
    ctap::{CEREMONY_MAX, command::Command, on_a_thread, talk},
    options::Asked,
};
use authenticator::StateMachine;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// How long a key that is there may take until its first status, with a margin.
const QUIET: Duration = Duration::from_millis(600);

/// Keys in this computer's USB ports.
#[derive(Debug, Clone, Copy, Default)]
pub struct HidKeys;

impl StepUp for HidKeys {
    fn begin(&self, order: Order) -> Ceremony {
        on_a_thread("signet-hid", order, run)
    }
}

fn run(order: &Order, stage: &Stage) -> Result<String, CeremonyError> {
    let asked = Asked::of(order)?;
    let timeout = order.timeout.min(CEREMONY_MAX);
    let deadline = Instant::now() + timeout;
    let command = Command::new(&asked, asked.client_data(order), "usb")?;
    let (wires, status, answers) = talk::Wires::new();
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let mut machine = StateMachine::new();
    match command {
        Command::Register { args, finish } => {
            machine.register(timeout_ms, args, status, finish.registered(answers))
        }
        Command::Sign { args, finish } => {
            machine.sign(timeout_ms, args, status, finish.signed(answers))
        }
    }
    let look_again = Cell::new(Instant::now() + QUIET);
    let outcome = talk::converse(stage, deadline, &wires, &|| true, || {
        let due = Instant::now() >= look_again.get();
        if due {
            look_again.set(Instant::now() + QUIET);
        }
        due.then(explain_silence)
    });
    // Joins the machine's threads; whoever waits for a PIN was let go when the conversation ended.
    drop(wires);
    machine.cancel();
    outcome
}

/// No key was found, or its driver sends no status yet: the person must insert or touch one.
#[cfg(not(target_os = "linux"))]
fn explain_silence() -> Result<Status, CeremonyError> {
    Ok(Status::Insert)
}

#[cfg(target_os = "linux")]
fn explain_silence() -> Result<Status, CeremonyError> {
    use linux::Ports;
    match linux::look("/sys/class/hidraw".as_ref(), "/dev".as_ref()) {
        Ports::Empty => Ok(Status::Insert),
        Ports::Key => Ok(Status::Touch),
        Ports::Closed => Err(CeremonyError::Backend(
            "a security key is inserted, but this user may not open it (the udev rule is missing)"
                .into(),
        )),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, io, path::Path};

    /// Usage page FIDO Alliance, 0xf1d0, in a report descriptor (CTAP 2.1 §11.2.8.1).
    const USAGE_PAGE: [u8; 3] = [0x06, 0xd0, 0xf1];
    const DEVICES_MAX: usize = 64;

    #[derive(Debug, PartialEq, Eq)]
    pub(crate) enum Ports {
        Empty,
        Key,
        /// A key is there, but this user may not open it.
        Closed,
    }

    pub(crate) fn look(class: &Path, dev: &Path) -> Ports {
        let mut ports = Ports::Empty;
        for entry in fs::read_dir(class).into_iter().flatten().take(DEVICES_MAX).flatten() {
            let descriptor =
                fs::read(entry.path().join("device/report_descriptor")).unwrap_or_default();
            if !descriptor.windows(USAGE_PAGE.len()).any(|w| w == USAGE_PAGE) {
                continue;
            }
            match fs::File::options().read(true).write(true).open(dev.join(entry.file_name())) {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => ports = Ports::Closed,
                Err(_) => {}
                Ok(_) => return Ports::Key,
            }
        }
        ports
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::os::unix::fs::PermissionsExt as _;

        fn device(class: &Path, dev: &Path, name: &str, descriptor: &[u8], mode: u32) {
            let at = class.join(name).join("device");
            fs::create_dir_all(&at).expect("folder");
            fs::write(at.join("report_descriptor"), descriptor).expect("file");
            fs::write(dev.join(name), "").expect("file");
            fs::set_permissions(dev.join(name), fs::Permissions::from_mode(mode)).expect("mode");
        }

        #[test]
        fn keys_are_told_from_mice_and_from_closed_doors() {
            let root = tempfile::tempdir().expect("folder");
            let (class, dev) = (root.path().join("class"), root.path().join("dev"));
            fs::create_dir(&dev).expect("folder");
            assert_eq!(look(&class, &dev), Ports::Empty);
            device(&class, &dev, "hidraw0", &[0x05, 0x01, 0x09, 0x02], 0o600);
            assert_eq!(look(&class, &dev), Ports::Empty);
            device(&class, &dev, "hidraw1", &[0x06, 0xd0, 0xf1, 0x09, 0x01], 0o000);
            // Root opens everything.
            let root_user =
                fs::File::options().read(true).write(true).open(dev.join("hidraw1")).is_ok();
            assert_eq!(look(&class, &dev), if root_user { Ports::Key } else { Ports::Closed });
            device(&class, &dev, "hidraw2", &[0x06, 0xd0, 0xf1, 0x09, 0x01], 0o600);
            assert_eq!(look(&class, &dev), Ports::Key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{KeyOperation, Step};

    fn order(timeout: Duration) -> Order {
        let json = r#"{"publicKey":{"rpId":"stepup.bank.example","challenge":"AAECAwQFBgcICQoLDA0ODw","userVerification":"required","allowCredentials":[{"type":"public-key","id":"AQ"}]}}"#;
        Order {
            operation: KeyOperation::Sign(json.into()),
            origin: "https://stepup.bank.example".into(),
            context: None,
            timeout,
            window: None,
        }
    }

    /// Whatever is in the ports: without a PIN or a touch nothing but these ends can come.
    #[tokio::test]
    async fn the_real_driver_starts_times_out_and_is_cancelled() {
        let mut ceremony = HidKeys.begin(order(Duration::from_secs(1)));
        let mut first = None;
        let end = loop {
            match ceremony.next().await {
                Step::Status(status) => first = first.or(Some(status)),
                Step::Done(end) => break end,
            }
        };
        assert_eq!(end, Err(CeremonyError::TimedOut));
        #[cfg(target_os = "linux")]
        if linux::look("/sys/class/hidraw".as_ref(), "/dev".as_ref()) == linux::Ports::Empty {
            assert_eq!(first, Some(Status::Insert));
        }

        let mut ceremony = HidKeys.begin(order(Duration::from_secs(300)));
        ceremony.cancel();
        loop {
            if let Step::Done(end) = ceremony.next().await {
                assert_eq!(end, Err(CeremonyError::Cancelled));
                break;
            }
        }
    }
}
