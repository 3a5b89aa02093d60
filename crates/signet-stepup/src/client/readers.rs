//! Keys in PC/SC readers: contactless keys and cards, and cards with chips.
//!
//! Windows lets only administrators reach FIDO cards this way (1903 and later), so this back end is
//! for Linux and macOS. There the reader's service must run (`pcscd`).

use super::{
    Ceremony, CeremonyError, Order, StepUp, apdu,
    ctap::{self, Found, Link, LinkError, Slots},
};
use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use std::{
    cell::Cell,
    collections::HashMap,
    ffi::{CStr, CString},
    fmt,
    time::{Duration, Instant},
};

/// Most readers that are looked at.
const READERS_MAX: usize = 16;
/// The longest answer to a short APDU, and the most a reader adds.
const APDU_BYTES_MAX: usize = 1024;
/// How often the back end checks whether the card is still there.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Keys in this system's PC/SC readers.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReaderKeys;

impl StepUp for ReaderKeys {
    fn begin(&self, order: Order) -> Ceremony {
        ctap::begin(Readers::default(), order)
    }
}

#[derive(Default)]
struct Readers {
    context: Option<Context>,
    /// Readers whose card is not a key, by the count of events when that was found: a person's
    /// other cards are tried once only.
    others: HashMap<CString, u32>,
}

impl Slots for Readers {
    type Link = ReaderLink;

    fn look(&mut self) -> Result<Vec<Found<ReaderLink>>, CeremonyError> {
        let context = self.context()?;
        let mut found = Vec::new();
        for reader in filled(&context)? {
            let name = reader.name().to_owned();
            if self.others.get(&name) == Some(&reader.event_count()) {
                continue;
            }
            // Another program may be at it just now: asked again next time.
            let Ok(card) = context.connect(&name, ShareMode::Exclusive, Protocols::ANY) else {
                continue;
            };
            let mut link = ReaderLink { name: name.clone(), card: Some(card) };
            match apdu::select(&mut link) {
                Ok(true) => found.push(Found {
                    link,
                    present: watch(context.clone(), name, reader.event_count()),
                    transport: transport_of(reader.atr()),
                }),
                Ok(false) => _ = self.others.insert(name, reader.event_count()),
                Err(_) => {}
            }
        }
        Ok(found)
    }
}

impl Readers {
    /// The service's context, made again if the service was restarted.
    fn context(&mut self) -> Result<Context, CeremonyError> {
        if let Some(context) = self.context.as_ref().filter(|c| c.is_valid().is_ok()) {
            return Ok(context.clone());
        }
        let context = Context::establish(Scope::User).map_err(unreachable)?;
        Ok(self.context.insert(context).clone())
    }
}

fn unreachable(error: Error) -> CeremonyError {
    CeremonyError::Backend(format!("the smart card service: {error}"))
}

/// The readers with a card in them.
fn filled(context: &Context) -> Result<Vec<ReaderState>, CeremonyError> {
    let names = match context.list_readers_owned() {
        Ok(names) => names,
        Err(Error::NoReadersAvailable) => Vec::new(),
        Err(e) => return Err(unreachable(e)),
    };
    let mut states: Vec<_> = names
        .into_iter()
        .take(READERS_MAX)
        .map(|name| ReaderState::new(name, State::UNAWARE))
        .collect();
    if states.is_empty() {
        return Ok(states);
    }
    match context.get_status_change(Duration::ZERO, &mut states) {
        // A reader was pulled out in between: there is a next look.
        Ok(()) | Err(Error::Timeout | Error::UnknownReader) => {}
        Err(e) => return Err(unreachable(e)),
    }
    states.retain(|s| {
        s.event_state().contains(State::PRESENT)
            && !s.event_state().intersects(State::MUTE | State::EXCLUSIVE)
    });
    Ok(states)
}

/// PC/SC part 3 §3.1.3.2.3: how readers write the answer to reset of a contactless card.
fn transport_of(atr: &[u8]) -> &'static str {
    match atr {
        [0x3b, count, 0x80, 0x01, ..] if count & 0xf0 == 0x80 => "nfc",
        _ => "smart-card",
    }
}

/// Whether the card still lies there, asked of the service now and then.
fn watch(context: Context, name: CString, events: u32) -> Box<dyn Fn() -> bool + Send> {
    let last = Cell::new((Instant::now(), true));
    Box::new(move || {
        let (at, present) = last.get();
        if !present || at.elapsed() < LOOK_EVERY {
            return present;
        }
        let present = lies_there(&context, &name, events);
        last.set((Instant::now(), present));
        present
    })
}

fn lies_there(context: &Context, name: &CStr, events: u32) -> bool {
    let mut states = [ReaderState::new(name, State::UNAWARE)];
    match context.get_status_change(Duration::ZERO, &mut states) {
        Ok(()) => {
            states[0].event_state().contains(State::PRESENT) && states[0].event_count() == events
        }
        Err(_) => false,
    }
}

/// A card with the FIDO applet selected; reset when dropped, so that no PIN token outlives the
/// ceremony.
pub(crate) struct ReaderLink {
    name: CString,
    card: Option<Card>,
}

impl fmt::Debug for ReaderLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReaderLink({:?})", self.name)
    }
}

impl Drop for ReaderLink {
    fn drop(&mut self) {
        if let Some(card) = self.card.take() {
            let _ = card.disconnect(Disposition::ResetCard);
        }
    }
}

impl apdu::Card for ReaderLink {
    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>, LinkError> {
        let card = self.card.as_ref().ok_or(LinkError::Gone)?;
        let mut answer = vec![0; APDU_BYTES_MAX];
        match card.transmit(apdu, &mut answer) {
            Ok(answer) => Ok(answer.to_vec()),
            Err(Error::InsufficientBuffer) => Err(LinkError::Garbled),
            Err(_) => Err(LinkError::Gone),
        }
    }
}

impl Link for ReaderLink {
    fn exchange(&mut self, request: &[u8], alive: &dyn Fn() -> bool) -> Result<Vec<u8>, LinkError> {
        apdu::exchange(self, request, alive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contactless_cards_are_known_by_their_answer_to_reset() {
        for (atr, transport) in [
            (&[0x3b, 0x80, 0x80, 0x01, 0x01][..], "nfc"),
            (&[0x3b, 0x8c, 0x80, 0x01, 0x50], "nfc"),
            (&[0x3b, 0xfd, 0x13, 0x00], "smart-card"),
            (&[], "smart-card"),
        ] {
            assert_eq!(transport_of(atr), transport, "{atr:02x?}");
        }
    }
}
