//! The key on a contactless reader: speaks vpcd's protocol, so that pcscd sees a reader with a card
//! in it (vsmartcard, "virtualsmartcard/src/vpcd": a length of two bytes, then a control byte or an
//! APDU).
//!
//! vpcd listens on every interface. (Told a host it connects instead, but then Debian's version
//! takes pcscd down with it when the card goes.) Whoever starts it does so in a network namespace,
//! or behind a firewall.

use crate::{
    VirtualKey, VkeyError,
    firmware::{MESSAGE_BYTES_MAX, Work},
    key::Line,
};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Answer to reset of a contactless card without historical bytes (PC/SC part 3 §3.1.3.2.3).
const ATR: &[u8] = &[0x3b, 0x80, 0x80, 0x01, 0x01];
const FIDO_APPLET: &[u8] = &[0xa0, 0, 0, 6, 0x47, 0x2f, 0, 1];
const VPCD_OFF: u8 = 0;
const VPCD_ON: u8 = 1;
const VPCD_RESET: u8 = 2;
const VPCD_ATR: u8 = 4;
const OK: [u8; 2] = [0x90, 0x00];
const NOT_FOUND: [u8; 2] = [0x6a, 0x82];
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const CONDITIONS: [u8; 2] = [0x69, 0x85];
const NOT_KNOWN: [u8; 2] = [0x6d, 0x00];
const POLL: Duration = Duration::from_millis(20);
/// A key lying on a reader; taken off when dropped.
#[derive(Debug)]
pub struct ReaderCard {
    off: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ReaderCard {
    /// Lays `key` on the reader whose vpcd listens at `vpcd`. A key pulled out of its port is off
    /// the reader, too.
    ///
    /// # Errors
    /// [`VkeyError::Files`] if nothing listens there, or the system gives no thread.
    pub fn lay(key: &VirtualKey, vpcd: SocketAddr) -> Result<Self, VkeyError> {
        let stream = TcpStream::connect(vpcd).map_err(VkeyError::Files)?;
        let (off, key) = (Arc::new(AtomicBool::new(false)), key.clone());
        let lifted = off.clone();
        let serve = move || {
            // An error ends the connection, and with it the card's lying there.
            let _ = serve(&key, stream, &lifted);
        };
        let thread = thread::Builder::new()
            .name("signet-vkey-card".into())
            .spawn(serve)
            .map_err(VkeyError::Files)?;
        Ok(Self { off, thread: Some(thread) })
    }
}

impl Drop for ReaderCard {
    fn drop(&mut self) {
        self.off.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the card remembers between APDUs.
#[derive(Default)]
struct Card {
    selected: bool,
    /// Data of the chained command so far (ISO/IEC 7816-4 §5.3.3).
    chain: Vec<u8>,
    /// What is left of the answer (ISO/IEC 7816-4 §5.3.4, GET RESPONSE).
    rest: Vec<u8>,
}

fn serve(key: &VirtualKey, mut vpcd: TcpStream, off: &AtomicBool) -> io::Result<()> {
    vpcd.set_nodelay(true)?;
    vpcd.set_read_timeout(Some(POLL))?;
    let mut card = Card::default();
    while let Some(message) = receive(&mut vpcd, off)? {
        let Some(line) = key.line() else { return Ok(()) };
        match message.as_slice() {
            [VPCD_OFF | VPCD_ON | VPCD_RESET] => card = Card::default(),
            [VPCD_ATR] => send(&mut vpcd, ATR)?,
            apdu => {
                let answer = card.answer(apdu, &line);
                send(&mut vpcd, &answer)?;
            }
        }
    }
    Ok(())
}

fn send(vpcd: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    vpcd.write_all(&[length.to_be_bytes().as_slice(), bytes].concat())
}

/// The next message; `None` once the card is taken off.
fn receive(vpcd: &mut TcpStream, off: &AtomicBool) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if !fill(vpcd, &mut length, off)? {
        return Ok(None);
    }
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    Ok(fill(vpcd, &mut message, off)?.then_some(message))
}

fn fill(vpcd: &mut TcpStream, buffer: &mut [u8], off: &AtomicBool) -> io::Result<bool> {
    let mut at = 0;
    while at < buffer.len() {
        if off.load(Ordering::SeqCst) {
            return Ok(false);
        }
        match vpcd.read(&mut buffer[at..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => at += n,
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::TimedOut
                        | io::ErrorKind::Interrupted
                ) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

impl Card {
    fn answer(&mut self, apdu: &[u8], line: &Line) -> Vec<u8> {
        let Some((&[class, instruction, p1, p2], tail)) = apdu.split_first_chunk::<4>() else {
            return WRONG_LENGTH.to_vec();
        };
        let Some(data) = data_of(tail) else { return WRONG_LENGTH.to_vec() };
        let chained = class & 0x10 != 0;
        match (class & !0x10, instruction) {
            (0x00, 0xa4) => self.select(data, line),
            (0x00 | 0x80, 0xc0) => self.next_part(),
            _ if !self.selected => CONDITIONS.to_vec(),
            (0x80, 0x10) if self.chain.len() + data.len() > MESSAGE_BYTES_MAX => {
                WRONG_LENGTH.to_vec()
            }
            (0x80, 0x10) if chained => {
                self.chain.extend_from_slice(data);
                OK.to_vec()
            }
            (0x80, 0x10) => {
                self.chain.extend_from_slice(data);
                let whole = std::mem::take(&mut self.chain);
                self.give(line, Work::Apdu(extended([class, instruction, p1, p2], &whole)))
            }
            // NFCCTAP_CONTROL, "end of the session" (CTAP 2.1 §11.3.7.3).
            (0x80, 0x12) => {
                *self = Self::default();
                OK.to_vec()
            }
            _ => NOT_KNOWN.to_vec(),
        }
    }

    fn select(&mut self, applet: &[u8], line: &Line) -> Vec<u8> {
        *self = Self::default();
        if applet != FIDO_APPLET {
            return NOT_FOUND.to_vec();
        }
        let answer = self.give(line, Work::Select);
        self.selected = answer.ends_with(&OK);
        answer
    }

    fn give(&mut self, line: &Line, work: Work) -> Vec<u8> {
        match line.ask(work, &|| true) {
            Ok(answer) if answer.ends_with(&OK) => {
                self.rest = answer[..answer.len() - OK.len()].to_vec();
                self.next_part()
            }
            Ok(status) => status,
            Err(_) => CONDITIONS.to_vec(),
        }
    }

    /// Up to 256 bytes, and how many more there are.
    fn next_part(&mut self) -> Vec<u8> {
        let n = self.rest.len().min(256);
        let mut part: Vec<u8> = self.rest.drain(..n).collect();
        part.extend(match self.rest.len() {
            0 => OK,
            more => [0x61, u8::try_from(more).unwrap_or(0)],
        });
        part
    }
}

/// The data of a command after its four-byte head (ISO/IEC 7816-4 §5.1), short or extended.
fn data_of(tail: &[u8]) -> Option<&[u8]> {
    match tail {
        [] | [_] | [0, _, _] => Some(&[]),
        [0, high, low, rest @ ..] => rest.get(..u16::from_be_bytes([*high, *low]).into()),
        [length, rest @ ..] => rest.get(..usize::from(*length)),
    }
}

fn extended(head: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes();
    [head.as_slice(), &[0], &length, data, &[0, 0]].concat()
}
