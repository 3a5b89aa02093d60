//! CTAP2 messages as APDUs (CTAP 2.1 §11.3, "ISO7816, ISO14443 and NFC"): for cards in a reader.

use super::ctap::LinkError;
use std::{thread, time::Duration};

/// The FIDO applet (CTAP 2.1 §11.3.3).
const SELECT: &[u8] =
    &[0x00, 0xa4, 0x04, 0x00, 0x08, 0xa0, 0x00, 0x00, 0x06, 0x47, 0x2f, 0x00, 0x01, 0x00];
const CLASS: u8 = 0x80;
/// ISO/IEC 7816-4 §5.4.1: more of this command follows.
const CHAINED: u8 = 0x10;
/// NFCCTAP_MSG (§11.3.7.1); this first parameter says that we understand "not yet".
const MESSAGE: [u8; 3] = [0x10, 0x80, 0x00];
/// NFCCTAP_GETRESPONSE (§11.3.7.2): asks whether the command is done.
const ASK_AGAIN: [u8; 3] = [0x11, 0x00, 0x00];
/// The same, with the bit that cancels the command.
const GIVE_UP: [u8; 3] = [0x11, 0x11, 0x00];
const DONE: [u8; 2] = [0x90, 0x00];
const NOT_YET: [u8; 2] = [0x91, 0x00];
/// Bytes that every reader takes in one short APDU, with a margin.
const PART_BYTES: usize = 240;
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const ASK_EVERY: Duration = Duration::from_millis(50);
/// A card that says "not yet" for longer than any deadline is broken.
const ASK_TIMES_MAX: usize = 20 * 60 * 20;

/// Carries one APDU to a card and its answer back, status word included.
pub(crate) trait Card {
    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>, LinkError>;
}

/// Whether the card holds a FIDO applet; selects it.
pub(crate) fn select(card: &mut impl Card) -> Result<bool, LinkError> {
    let (version, status) = split(card.transmit(SELECT)?)?;
    // §11.3.5.1: the one version both CTAP1 and CTAP2 applets announce, or the newer.
    Ok(status == DONE && (version == b"U2F_V2" || version == b"FIDO_2_0"))
}

/// Sends a CTAP2 message and waits for its answer.
pub(crate) fn exchange(
    card: &mut impl Card,
    message: &[u8],
    alive: &dyn Fn() -> bool,
) -> Result<Vec<u8>, LinkError> {
    let (mut answer, mut status) = command(card, MESSAGE, message)?;
    let mut given_up = false;
    for _ in 0..ASK_TIMES_MAX {
        if status == DONE {
            return if given_up { Err(LinkError::Cancelled) } else { Ok(answer) };
        }
        if status != NOT_YET {
            return Err(if given_up { LinkError::Cancelled } else { LinkError::Garbled });
        }
        thread::sleep(ASK_EVERY);
        let ask = if alive() {
            ASK_AGAIN
        } else {
            given_up = true;
            GIVE_UP
        };
        (answer, status) = command(card, ask, &[])?;
    }
    Err(LinkError::Garbled)
}

/// One command, in as many parts as it takes, and its answer, likewise.
fn command(
    card: &mut impl Card,
    [instruction, p1, p2]: [u8; 3],
    data: &[u8],
) -> Result<(Vec<u8>, [u8; 2]), LinkError> {
    let mut parts = data.chunks(PART_BYTES).peekable();
    let mut last: &[u8] = &[];
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            last = part;
            break;
        }
        let (_, status) =
            split(card.transmit(&apdu([CLASS | CHAINED, instruction, p1, p2], part))?)?;
        if status != DONE {
            return Err(LinkError::Garbled);
        }
    }
    let mut whole = apdu([CLASS, instruction, p1, p2], last);
    whole.push(0);
    let (mut answer, mut status) = split(card.transmit(&whole)?)?;
    while let [0x61, more] = status {
        let (part, next) = split(card.transmit(&[0x00, 0xc0, 0x00, 0x00, more])?)?;
        if part.is_empty() || answer.len() + part.len() > ANSWER_BYTES_MAX {
            return Err(LinkError::Garbled);
        }
        answer.extend(part);
        status = next;
    }
    Ok((answer, status))
}

/// A short APDU without the expected length; `data` is at most [`PART_BYTES`].
fn apdu(head: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut apdu = head.to_vec();
    if let Ok(length @ 1..) = u8::try_from(data.len()) {
        apdu.push(length);
        apdu.extend_from_slice(data);
    }
    apdu
}

fn split(mut answer: Vec<u8>) -> Result<(Vec<u8>, [u8; 2]), LinkError> {
    let at = answer.len().checked_sub(2).ok_or(LinkError::Garbled)?;
    let status = [answer[at], answer[at + 1]];
    answer.truncate(at);
    Ok((answer, status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    /// Answers in turn, and keeps what it was told.
    struct Script {
        told: Vec<Vec<u8>>,
        answers: Vec<Vec<u8>>,
    }

    impl Card for Script {
        fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>, LinkError> {
            self.told.push(apdu.to_vec());
            if self.answers.is_empty() { Err(LinkError::Gone) } else { Ok(self.answers.remove(0)) }
        }
    }

    fn script(answers: &[&[u8]]) -> Script {
        Script { told: Vec::new(), answers: answers.iter().map(|a| a.to_vec()).collect() }
    }

    #[test]
    fn long_messages_and_answers_go_in_parts() {
        let mut card = script(&[&DONE, &DONE, &[1, 2, 0x61, 0x02], &[3, 4, 0x90, 0x00]]);
        let message = vec![0xaa; 2 * PART_BYTES + 1];
        assert_eq!(exchange(&mut card, &message, &|| true), Ok(vec![1, 2, 3, 4]));
        assert_eq!(card.told[0][..5], [0x90, 0x10, 0x80, 0x00, 240]);
        assert_eq!(card.told[2], [0x80, 0x10, 0x80, 0x00, 1, 0xaa, 0]);
        assert_eq!(card.told[3], [0x00, 0xc0, 0x00, 0x00, 0x02]);
    }

    #[test]
    fn a_card_that_waits_for_a_touch_is_asked_until_it_is_done_or_given_up() {
        let mut card = script(&[&[2, 0x91, 0], &[2, 0x91, 0], &[0, 0x90, 0]]);
        assert_eq!(exchange(&mut card, &[4], &|| true), Ok(vec![0]));
        assert_eq!(card.told[1], [0x80, 0x11, 0x00, 0x00, 0]);

        let asked = Cell::new(0);
        let alive = || {
            asked.set(asked.get() + 1);
            asked.get() < 2
        };
        let mut card = script(&[&[2, 0x91, 0], &[2, 0x91, 0], &[0x2d, 0x90, 0]]);
        assert_eq!(exchange(&mut card, &[4], &alive), Err(LinkError::Cancelled));
        assert_eq!(card.told[2], [0x80, 0x11, 0x11, 0x00, 0]);
    }

    #[test]
    fn other_cards_and_broken_ones_are_told_apart_from_pulled_ones() {
        for (answers, result) in [
            (&[&b"U2F_V2\x90\x00"[..]][..], Ok(true)),
            (&[b"FIDO_2_0\x90\x00"], Ok(true)),
            (&[b"\x6a\x82"], Ok(false)),
            (&[b"other\x90\x00"], Ok(false)),
            (&[b"\x90"], Err(LinkError::Garbled)),
            (&[], Err(LinkError::Gone)),
        ] {
            assert_eq!(select(&mut script(answers)), result, "{answers:?}");
        }
        // More is promised than comes, for ever.
        assert_eq!(
            exchange(&mut script(&[&[0x61, 0xff], &[0x61, 0xff]]), &[4], &|| true),
            Err(LinkError::Garbled)
        );
        assert_eq!(
            exchange(&mut script(&[&[0x6f, 0x00]]), &[4], &|| true),
            Err(LinkError::Garbled)
        );
        assert_eq!(
            exchange(&mut script(&[&[1, 0x61, 0x00]]), &[4], &|| true),
            Err(LinkError::Gone)
        );
    }

    proptest! {
        #[test]
        fn no_card_panics_us(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..6), message in prop::collection::vec(any::<u8>(), 0..600)) {
            let waits = answers.iter().any(|a| a.ends_with(&NOT_YET));
            prop_assume!(!waits);
            let mut card = Script { told: Vec::new(), answers };
            if let Ok(answer) = exchange(&mut card, &message, &|| true) {
                prop_assert!(answer.len() <= ANSWER_BYTES_MAX);
            }
        }
    }
}
