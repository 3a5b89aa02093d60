//! Passes PINs from the desk to the crate and statuses back, and watches the deadline.

use super::{TICK, show};
use crate::client::{CeremonyError, Pin, Stage, Status, Told};
use authenticator::{StatusPinUv, StatusUpdate};
use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    time::Instant,
};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// CTAP 2.1 §6.5.1: at least four characters, at most 63 bytes.
const PIN_CHARS_MIN: usize = 4;
const PIN_BYTES_MAX: usize = 63;

pub(crate) type CeremonyResult = Result<String, CeremonyError>;

/// A message of a command on a key while it runs.
pub(crate) struct Wires {
    statuses: Receiver<StatusUpdate>,
    answers: Receiver<CeremonyResult>,
}

impl Wires {
    pub(crate) fn new() -> (Self, Sender<StatusUpdate>, Sender<CeremonyResult>) {
        let (status, statuses) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        (Self { statuses, answers }, status, answer)
    }
}

/// The command waits for a PIN. Dropping this ends the command.
struct Asking {
    to: Sender<authenticator::Pin>,
    left: Option<u8>,
}

/// Carries a command to its end. `quiet` says what to show as long as the command has said nothing.
pub(crate) fn converse(
    stage: &Stage,
    deadline: Instant,
    wires: &Wires,
    present: &dyn Fn() -> bool,
    quiet: impl Fn() -> Option<Result<Status, CeremonyError>>,
) -> CeremonyResult {
    let mut asking = None;
    let mut silent = true;
    let mut shown = None;
    loop {
        while let Ok(update) = wires.statuses.try_recv() {
            silent = false;
            if let Some(asks) = say(update, stage) {
                asking = Some(asks);
            }
        }
        match wires.answers.try_recv() {
            Ok(answer) => return answer,
            Err(TryRecvError::Disconnected) => {
                return Err(CeremonyError::Backend(
                    "the key's thread ended without an answer".into(),
                ));
            }
            Err(TryRecvError::Empty) => {}
        }
        if !present() {
            return Err(CeremonyError::Removed);
        }
        if Instant::now() >= deadline {
            return Err(CeremonyError::TimedOut);
        }
        if silent && let Some(status) = quiet().transpose()?.filter(|s| shown != Some(*s)) {
            shown = Some(status);
            show(stage, status);
        }
        match stage.told.recv_timeout(TICK) {
            Ok(Told::Cancel) | Err(RecvTimeoutError::Disconnected) => {
                return Err(CeremonyError::Cancelled);
            }
            Ok(Told::Pin(pin)) => asking = pass_on(asking, &pin, stage),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Passes a PIN to the command that asked. A PIN that no key can have is asked for again and costs
/// no try.
fn pass_on(asking: Option<Asking>, pin: &Pin, stage: &Stage) -> Option<Asking> {
    let asks = asking?;
    let text = normal_form(pin);
    if text.chars().count() < PIN_CHARS_MIN || text.len() > PIN_BYTES_MAX {
        show(stage, Status::Pin { wrong: true, left: asks.left });
        return Some(asks);
    }
    let _ = asks.to.send(authenticator::Pin::new(&text));
    show(stage, Status::Verifying);
    None
}

/// The PIN as a key wants it, in Normalization Form C (CTAP 2.1 §6.5.1): a keyboard that types
/// letter and accent apart must not cost tries. The form is at most three times as long in UTF-8,
/// so the buffer never moves and leaves no copy.
fn normal_form(pin: &Pin) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4 * pin.expose().len()));
    text.extend(pin.expose().nfc());
    text
}

fn say(update: StatusUpdate, stage: &Stage) -> Option<Asking> {
    let (status, asking) = match update {
        StatusUpdate::PresenceRequired => (Status::Touch, None),
        StatusUpdate::SelectDeviceNotice => (Status::ChooseByTouch, None),
        StatusUpdate::PinUvError(StatusPinUv::PinRequired(to)) => {
            (Status::Pin { wrong: false, left: None }, Some(Asking { to, left: None }))
        }
        StatusUpdate::PinUvError(StatusPinUv::InvalidPin(to, left)) => {
            (Status::Pin { wrong: true, left }, Some(Asking { to, left }))
        }
        // The finger was not recognised: the key wants it again.
        StatusUpdate::PinUvError(StatusPinUv::InvalidUv(_)) => (Status::Touch, None),
        // The rest ends the command, with an error of its own; choosing among accounts never
        // happens, because every request names its credentials.
        StatusUpdate::PinUvError(_)
        | StatusUpdate::InteractiveManagement(_)
        | StatusUpdate::SelectResultNotice(..) => return None,
    };
    show(stage, status);
    asking
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Ceremony, Step};
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn statuses(ceremony: &mut Ceremony) -> Vec<Status> {
        let mut seen = Vec::new();
        while let Ok(Step::Status(status)) = ceremony.steps.try_recv() {
            seen.push(status);
        }
        seen
    }

    #[test]
    fn a_pin_is_given_to_the_key_in_normalization_form_c() {
        for (typed, wanted) in [
            ("1234", "1234"),
            ("e\u{301}te\u{301}9", "\u{e9}t\u{e9}9"),
            ("\u{212b}123", "\u{c5}123"),
            ("\u{958}123", "\u{915}\u{93c}123"),
        ] {
            assert_eq!(normal_form(&Pin::new(typed.into())).as_str(), wanted, "{typed}");
        }
        // Four characters as typed, two of them accents: two as a key counts.
        let (to, pins) = mpsc::channel();
        let (mut ceremony, stage) = Ceremony::new();
        assert!(
            pass_on(Some(Asking { to, left: None }), &Pin::new("a\u{301}b\u{301}".into()), &stage)
                .is_some()
        );
        assert!(pins.try_recv().is_err());
        assert_eq!(statuses(&mut ceremony), [Status::Pin { wrong: true, left: None }]);
    }

    #[test]
    fn an_impossible_pin_costs_no_try() {
        let (ceremony, stage) = Ceremony::new();
        let (wires, status, answer) = Wires::new();
        let (to, pins) = mpsc::channel();
        status.send(StatusUpdate::PinUvError(StatusPinUv::InvalidPin(to, Some(5)))).expect("wired");
        let desk = std::thread::spawn(move || {
            for pin in ["123", &"x".repeat(64), "1234"] {
                ceremony.give_pin(Pin::new(pin.into()));
            }
            let first = pins.recv().expect("a PIN");
            assert_eq!(first.as_bytes(), b"1234");
            assert!(pins.try_recv().is_err());
            answer.send(Ok("done".into())).expect("wired");
            ceremony
        });
        // The question must stand before the PINs come.
        assert_eq!(converse(&stage, soon(), &wires, &|| true, || None), Ok("done".into()));
        let wrong = Status::Pin { wrong: true, left: Some(5) };
        assert_eq!(
            statuses(&mut desk.join().expect("desk")),
            [wrong, wrong, wrong, Status::Verifying]
        );
    }

    #[test]
    fn every_way_out_is_told_apart() {
        let case =
            |present: bool, deadline: Instant, act: fn(&Ceremony, &Sender<CeremonyResult>)| {
                let (ceremony, stage) = Ceremony::new();
                let (wires, _status, answer) = Wires::new();
                act(&ceremony, &answer);
                converse(&stage, deadline, &wires, &|| present, || None)
            };
        assert_eq!(case(true, soon(), |c, _| c.cancel()), Err(CeremonyError::Cancelled));
        assert_eq!(case(false, soon(), |_, _| {}), Err(CeremonyError::Removed));
        assert_eq!(case(true, Instant::now(), |_, _| {}), Err(CeremonyError::TimedOut));
        // An answer that is there wins over the clock and over a key just pulled.
        assert_eq!(
            case(false, Instant::now(), |_, a| a.send(Ok("x".into())).expect("wired")),
            Ok("x".into())
        );
        let (ceremony, stage) = Ceremony::new();
        drop(ceremony);
        let (wires, _status, _answer) = Wires::new();
        assert_eq!(
            converse(&stage, soon(), &wires, &|| true, || None),
            Err(CeremonyError::Cancelled)
        );
        let (_ceremony, stage) = Ceremony::new();
        let (wires, _status, answer) = Wires::new();
        drop(answer);
        assert!(matches!(
            converse(&stage, soon(), &wires, &|| true, || None),
            Err(CeremonyError::Backend(_))
        ));
    }

    #[test]
    fn silence_is_explained_once_and_only_until_the_key_speaks() {
        let (mut ceremony, stage) = Ceremony::new();
        let (wires, status, answer) = Wires::new();
        let (asked, later) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let quiet = || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                status.send(StatusUpdate::PresenceRequired).expect("wired");
            }
            Some(Ok(Status::Insert))
        };
        // Called once a round: the answer comes three rounds after the key spoke.
        let present = || {
            later.set(later.get() + i32::from(asked.get() >= 3));
            if later.get() == 3 {
                answer.send(Ok("end".into())).expect("wired");
            }
            true
        };
        assert_eq!(converse(&stage, soon(), &wires, &present, quiet), Ok("end".into()));
        assert_eq!(statuses(&mut ceremony), [Status::Insert, Status::Touch]);
        assert_eq!(asked.get(), 3);
    }
}
