//! Cuts a byte stream into FIX frames, with a limit on everything.
//!
//! QuickFIX's own parser skips any garbage before `8=` and buffers without bound (trap B6 of the
//! engine study: an HTTP POST whose body is FIX was taken as a session). This framer takes nothing
//! but FIX, from the first byte; only a peer that has spoken FIX may garble a message, a limited
//! number of times and no more.

use zeroize::Zeroize;

/// Largest FIX frame accepted from a peer, bytes, all three standard fields included.
pub const MAX_FRAME_LEN: usize = 64 * 1024;

/// `8=FIXT.1.1<SOH>` is the longest BeginString there is.
const MAX_BEGIN_LEN: usize = 11;
/// `9=65536<SOH>` with leading zeros, as some engines pad.
const MAX_LENGTH_DIGITS: usize = 7;
/// `10=nnn<SOH>`.
const TRAILER_LEN: usize = 7;
const SOH: u8 = 1;

/// The beginning of a message that is too long: its header is in it.
const BEGINNING_LEN: usize = 2 * 1024;
/// What a peer may send that is garbled before the connection ends: a number of messages, and a
/// number of bytes. Both counts start again after [`FORGIVEN_AFTER`] good messages.
const MAX_GARBLED: u32 = 64;
const MAX_GARBLED_BYTES: usize = 256 * 1024;
const FORGIVEN_AFTER: u32 = 256;

/// The peer does not speak FIX, or not within our limits, and the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A message does not begin with BeginString (8) and BodyLength (9).
    #[error("the peer sent bytes that are not FIX")]
    NotFix,
    /// BodyLength (9) has other characters than digits, or too many.
    #[error("the peer sent a BodyLength (9) that is not a number")]
    BadLength,
    /// BodyLength (9) names more than [`MAX_FRAME_LEN`] allows.
    #[error("the peer sent a message longer than {MAX_FRAME_LEN} bytes")]
    TooLong,
    /// No `10=nnn` stands where BodyLength (9) says.
    #[error("the peer sent a message whose BodyLength (9) does not lead to a CheckSum (10)")]
    NoTrailer,
    /// More garbled messages, or bytes of them, than one connection is forgiven.
    #[error("the peer sent too much that is garbled")]
    TooMuchGarbled,
}

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    /// One whole message, from BeginString (8) to CheckSum (10).
    Frame(&'a [u8]),
    /// A message longer than [`MAX_FRAME_LEN`] has gone by; this is its beginning.
    TooLong(&'a [u8]),
}

/// Holds what has arrived and not yet made a whole frame: never more than one frame and one read.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes already handed out.
    taken: usize,
    /// Whether the peer has sent a whole frame: from then on it speaks FIX, and what is garbled is
    /// passed over.
    speaks_fix: bool,
    /// Bytes of a message that is too long, still to go by.
    skip: usize,
    beginning: Vec<u8>,
    garbled: u32,
    garbled_bytes: usize,
    good: u32,
}

impl Framer {
    /// A framer that has seen no bytes; one for each connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes from the peer, after which everything that they make whole has to be fetched.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` when more bytes are needed. The checksum is not looked at
    /// here.
    ///
    /// # Errors
    /// The stream is not FIX from this byte on. For the first frame of a connection; later ones are
    /// read by [`Framer::next_framed`].
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        match frame_len(&self.buffer[self.taken..])? {
            Length::Whole(n) => Ok(Some(self.hand_out(n))),
            Length::TooLong(_) => Err(FrameError::TooLong),
            Length::Unknown => Ok(None),
        }
    }

    /// The next whole frame, or what became of one that is too long. Before the peer's first whole
    /// frame nothing but FIX is taken, as by [`Framer::next_frame`]. After it what is garbled is
    /// passed over up to the next BeginString, as FIX wants: the gap that it leaves is filled by a
    /// resend.
    ///
    /// # Errors
    /// The peer has never spoken FIX, or has sent too much that is garbled.
    pub fn next_framed(&mut self) -> Result<Option<Framed<'_>>, FrameError> {
        loop {
            if self.skip > 0 {
                self.pass_by();
                return Ok(if self.skip == 0 {
                    Some(Framed::TooLong(&self.beginning))
                } else {
                    None
                });
            }
            match frame_len(&self.buffer[self.taken..]) {
                Ok(Length::Whole(n)) => return Ok(Some(Framed::Frame(self.hand_out(n)))),
                Ok(Length::Unknown) => return Ok(None),
                Ok(Length::TooLong(n)) if self.speaks_fix => {
                    self.passes_over(0)?;
                    self.beginning.clear();
                    self.skip = n;
                }
                Ok(Length::TooLong(_)) => return Err(FrameError::TooLong),
                Err(_) if self.speaks_fix => self.find_begin()?,
                Err(e) => return Err(e),
            }
        }
    }

    /// The whole frame that begins `offset` bytes behind what was handed out. It stays where it is.
    /// `None`: what stands there is none, or is not whole yet.
    pub fn peek(&self, offset: usize) -> Option<&[u8]> {
        if self.skip > 0 {
            return None;
        }
        let rest = self.buffer.get(self.taken.checked_add(offset)?..)?;
        match frame_len(rest) {
            Ok(Length::Whole(n)) => rest.get(..n),
            Ok(Length::TooLong(_) | Length::Unknown) | Err(_) => None,
        }
    }

    /// Counts a frame whose checksum is wrong among what is garbled.
    ///
    /// # Errors
    /// There has been too much of it.
    pub fn was_garbled(&mut self, len: usize) -> Result<(), FrameError> {
        self.passes_over(len)
    }

    fn hand_out(&mut self, n: usize) -> &[u8] {
        self.speaks_fix = true;
        self.good += 1;
        if self.good >= FORGIVEN_AFTER {
            (self.good, self.garbled, self.garbled_bytes) = (0, 0, 0);
        }
        let start = self.taken;
        self.taken += n;
        &self.buffer[start..start + n]
    }

    fn pass_by(&mut self) {
        let here = &self.buffer[self.taken..];
        let n = here.len().min(self.skip);
        let room = BEGINNING_LEN - self.beginning.len();
        self.beginning.extend_from_slice(&here[..n.min(room)]);
        self.taken += n;
        self.skip -= n;
    }

    /// Goes to the next BeginString after what is here; keeps what may become one.
    fn find_begin(&mut self) -> Result<(), FrameError> {
        let rest = &self.buffer[self.taken + 1..];
        let next = rest.windows(BEGIN.len()).position(|w| w == BEGIN);
        let kept = (0..BEGIN.len()).rev().find(|n| rest.ends_with(&BEGIN[..*n])).unwrap_or(0);
        let n = 1 + next.unwrap_or(rest.len() - kept);
        self.taken += n;
        self.passes_over(n)
    }

    fn passes_over(&mut self, bytes: usize) -> Result<(), FrameError> {
        self.good = 0;
        self.garbled += 1;
        self.garbled_bytes = self.garbled_bytes.saturating_add(bytes);
        let too_much = self.garbled > MAX_GARBLED || self.garbled_bytes > MAX_GARBLED_BYTES;
        if too_much { Err(FrameError::TooMuchGarbled) } else { Ok(()) }
    }
}

impl Drop for Framer {
    fn drop(&mut self) {
        self.buffer.zeroize();
        self.beginning.zeroize();
    }
}

/// How every message begins.
const BEGIN: &[u8] = b"8=FIX";

/// What is known of the length of a frame.
enum Length {
    Whole(usize),
    TooLong(usize),
    Unknown,
}

/// Length of the frame that `b` begins with.
fn frame_len(b: &[u8]) -> Result<Length, FrameError> {
    let n = b.len().min(BEGIN.len());
    if b[..n] != BEGIN[..n] {
        return Err(FrameError::NotFix);
    }
    let Some(begin_end) = position(b, MAX_BEGIN_LEN, FrameError::NotFix)? else {
        return Ok(Length::Unknown);
    };
    let rest = &b[begin_end + 1..];
    let n = rest.len().min(2);
    if rest[..n] != b"9="[..n] {
        return Err(FrameError::NotFix);
    }
    let Some(length_end) = position(rest, 2 + MAX_LENGTH_DIGITS, FrameError::BadLength)? else {
        return Ok(Length::Unknown);
    };
    let digits = &rest[2..length_end];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FrameError::BadLength);
    }
    let body = digits.iter().fold(0usize, |n, d| n * 10 + usize::from(d - b'0'));
    let total = begin_end + 1 + length_end + 1 + body + TRAILER_LEN;
    if total > MAX_FRAME_LEN {
        return Ok(Length::TooLong(total));
    }
    let Some(frame) = b.get(..total) else { return Ok(Length::Unknown) };
    let trailer = &frame[total - TRAILER_LEN..];
    let whole = frame[total - TRAILER_LEN - 1] == SOH
        && trailer.starts_with(b"10=")
        && trailer[3..6].iter().all(u8::is_ascii_digit)
        && trailer[6] == SOH;
    if whole { Ok(Length::Whole(total)) } else { Err(FrameError::NoTrailer) }
}

/// Where the first SOH is, looking no further than `limit` bytes.
fn position(b: &[u8], limit: usize, error: FrameError) -> Result<Option<usize>, FrameError> {
    match b.iter().take(limit + 1).position(|&c| c == SOH) {
        Some(i) => Ok(Some(i)),
        None if b.len() > limit => Err(error),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fix(body: &str) -> Vec<u8> {
        crate::tagvalue::seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())
    }

    fn all(f: &mut Framer) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut out = vec![];
        while let Some(x) = f.next_frame()? {
            out.push(x.to_vec());
        }
        Ok(out)
    }

    #[test]
    fn frames_are_cut_wherever_the_network_cut_them() {
        let (a, b) = (fix("35=0|49=A|"), fix("35=S|58=text|"));
        let stream = [a.clone(), b.clone()].concat();
        for cut in 0..stream.len() {
            let mut f = Framer::new();
            f.push(&stream[..cut]);
            let mut got = all(&mut f).unwrap();
            f.push(&stream[cut..]);
            got.extend(all(&mut f).unwrap());
            assert_eq!(got, [a.clone(), b.clone()], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_fix_ends_the_connection_at_once() {
        for (bytes, want) in [
            (&b"G"[..], FrameError::NotFix),
            (b"POST / HTTP/1.1\r\n\r\n8=FIX.4.4\x019=5\x01", FrameError::NotFix),
            (b"\x16\x03\x01", FrameError::NotFix),
            (b"8=FIX.4.4.4.4\x01", FrameError::NotFix),
            (b"8=FIX.4.4\x0135=A\x01", FrameError::NotFix),
            (b"8=FIX.4.4\x019=\x01", FrameError::BadLength),
            (b"8=FIX.4.4\x019=-5\x01", FrameError::BadLength),
            (b"8=FIX.4.4\x019=123456789\x01", FrameError::BadLength),
            (b"8=FIX.4.4\x019=65536\x01", FrameError::TooLong),
            (b"8=FIX.4.4\x019=5\x0135=0\x0111=000\x01", FrameError::NoTrailer),
            (b"8=FIX.4.4\x019=4\x0135=0\x0110=000\x01", FrameError::NoTrailer),
            (b"8=FIX.4.4\x019=5\x0135=0\x0110=0x0\x01", FrameError::NoTrailer),
        ] {
            let mut f = Framer::new();
            f.push(bytes);
            assert_eq!(
                f.next_frame().map(|_| ()),
                Err(want),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn the_longest_frame_passes_and_one_byte_more_does_not() {
        let filler = |n: usize| fix(&format!("35=0|58={}|", "x".repeat(n)));
        let fits = MAX_FRAME_LEN - filler(60_000).len() + 60_000;
        let mut f = Framer::new();
        f.push(&filler(fits));
        assert_eq!(f.next_frame().unwrap().map(<[u8]>::len), Some(MAX_FRAME_LEN));
        let mut f = Framer::new();
        f.push(&filler(fits + 1));
        assert_eq!(f.next_frame(), Err(FrameError::TooLong));
    }

    #[test]
    fn a_zero_padded_body_length_is_fix_too() {
        // jspurefix writes 9=0087.
        let frame = b"8=FIX.4.4\x019=0005\x0135=0\x0110=161\x01";
        let mut f = Framer::new();
        f.push(frame);
        assert_eq!(f.next_frame().unwrap(), Some(&frame[..]));
    }

    /// Frames, and `long` for one that was too long, after a first good frame.
    fn after_a_frame(stream: &[u8], cut: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut f = Framer::new();
        f.push(&fix("35=0|34=1|"));
        f.next_frame().unwrap().unwrap();
        let mut out = vec![];
        for part in [&stream[..cut], &stream[cut..]] {
            f.push(part);
            while let Some(x) = f.next_framed()? {
                out.push(match x {
                    Framed::Frame(b) => b.to_vec(),
                    Framed::TooLong(b) => {
                        assert!(b.len() <= BEGINNING_LEN);
                        [b"long ", &b[..b.len().min(30)]].concat()
                    }
                });
            }
        }
        Ok(out)
    }

    /// FIX 4.4, volume 2, "Garbled messages": ignored, and the next good one is read.
    #[test]
    fn what_is_garbled_is_passed_over_up_to_the_next_message() {
        let (a, b) = (fix("35=0|34=2|58=8=FIX|"), fix("35=0|34=3|"));
        let text = String::from_utf8(a.clone()).unwrap();
        for bad in [
            text.replacen("9=19", "9=18", 1),
            text.replacen("9=19", "9=10", 1),
            text.replacen("9=19", "9=2x", 1),
            text.replacen("9=19\u{1}", "", 1),
            text.replacen("8=FIX.4.4\u{1}9=19\u{1}", "9=19\u{1}8=FIX.4.4\u{1}", 1),
            text.replacen("10=", "11=", 1),
            "GET / HTTP/1.1\r\n\r\n".into(),
            "8=FIX".into(),
            "8".into(),
        ] {
            assert_ne!(bad, text);
            let stream = [bad.as_bytes(), &b, &a, &b].concat();
            for cut in 0..stream.len() {
                assert_eq!(
                    after_a_frame(&stream, cut),
                    Ok(vec![b.clone(), a.clone(), b.clone()]),
                    "{bad:?} cut at {cut}"
                );
            }
        }
        // A length that reaches into the next message: what comes after that one is read.
        let bad = text.replacen("9=19", "9=45", 1);
        assert_eq!(after_a_frame(&[bad.as_bytes(), &b, &a].concat(), 7), Ok(vec![b.clone(), a]));
    }

    #[test]
    fn a_message_that_is_too_long_goes_by_and_its_beginning_is_known() {
        let next = fix("35=0|34=3|");
        for len in [MAX_FRAME_LEN, 1_000_000, 9_000_000] {
            let long = fix(&format!("35=y|34=2|58={}|", "x".repeat(len)));
            let stream = [&long[..], &next].concat();
            for cut in [0, 20, 3_000, long.len() - 1, long.len(), stream.len() - 1] {
                let got = after_a_frame(&stream, cut).unwrap();
                assert_eq!(
                    got,
                    [[b"long ", &long[..30]].concat(), next.clone()],
                    "{len} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn frames_are_looked_at_where_they_are_and_handed_out_all_the_same() {
        let (a, b) = (fix("35=0|49=A|"), fix("35=S|58=text|"));
        let long = fix(&format!("35=y|58={}|", "x".repeat(MAX_FRAME_LEN)));
        let mut f = Framer::new();
        f.push(&[&a[..], &b, &long[..100]].concat());
        for _ in 0..2 {
            assert_eq!((f.peek(0), f.peek(a.len())), (Some(&a[..]), Some(&b[..])));
            assert_eq!(
                (f.peek(1), f.peek(a.len() + b.len()), f.peek(usize::MAX)),
                (None, None, None)
            );
        }
        assert_eq!(f.next_framed(), Ok(Some(Framed::Frame(&a))));
        assert_eq!((f.peek(0), f.peek(b.len())), (Some(&b[..]), None));
        assert_eq!(f.next_framed(), Ok(Some(Framed::Frame(&b))));
        // A whole frame within one that is too long is part of its text.
        assert_eq!(f.next_framed(), Ok(None));
        f.push(&a);
        assert_eq!(f.next_framed(), Ok(None));
        assert_eq!(f.peek(0), None);
        f.push(&[&long[100 + a.len()..], &b].concat());
        assert_eq!(f.peek(0), None, "it is still to go by");
        assert!(matches!(f.next_framed(), Ok(Some(Framed::TooLong(_)))));
        assert_eq!(f.peek(0), Some(&b[..]));
    }

    #[test]
    fn so_much_may_be_garbled_and_no_more() {
        let junk = b"junk ".repeat(MAX_GARBLED_BYTES / 5);
        assert!(after_a_frame(&junk, 0).is_ok());
        assert_eq!(
            after_a_frame(&[&junk[..], b"junk more"].concat(), junk.len()),
            Err(FrameError::TooMuchGarbled)
        );
        let (bad, good) = (b"8=FIX.4.4\x0135=0\x01".to_vec(), fix("35=0|"));
        let times = |n: u32, good: &[u8]| {
            after_a_frame(&[&bad[..], good].concat().repeat(n as usize), 0).map(|f| f.len())
        };
        assert_eq!(times(MAX_GARBLED, &good), Ok(MAX_GARBLED as usize));
        assert_eq!(times(MAX_GARBLED + 1, &good), Err(FrameError::TooMuchGarbled));
        // With enough good messages between them garbled ones go on for ever.
        let many = good.repeat(FORGIVEN_AFTER as usize);
        assert!(times(3 * MAX_GARBLED, &many).is_ok());
        let mut f = Framer::new();
        assert!((0..MAX_GARBLED).all(|_| f.was_garbled(100).is_ok()) && f.was_garbled(1).is_err());
    }

    proptest! {
        #[test]
        fn after_a_frame_any_bytes_in_any_pieces_never_panic_nor_pile_up(
            pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"8=FIX.49\x0110x"[..]), 0..200), 0..30),
        ) {
            let mut f = Framer::new();
            f.push(&fix("35=0|34=1|"));
            f.next_frame().unwrap();
            'all: for p in pieces {
                f.push(&p);
                loop {
                    match f.next_framed() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'all,
                    }
                }
                prop_assert!(f.buffer.len() - f.taken <= MAX_FRAME_LEN);
            }
        }

        #[test]
        fn any_bytes_in_any_pieces_never_panic_nor_pile_up(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
            start in prop::bool::ANY,
        ) {
            let mut f = Framer::new();
            if start { f.push(b"8=FIX.4.4\x019="); }
            for p in pieces {
                f.push(&p);
                if all(&mut f).is_err() { break; }
                prop_assert!(f.buffer.len() <= MAX_FRAME_LEN + 200);
            }
        }

        #[test]
        fn a_flipped_byte_gives_the_same_frame_length_or_an_error(at in 0usize..40, with in any::<u8>()) {
            let mut frame = fix("35=0|49=SOMEBODY|56=ELSE|34=1|");
            let at = at % frame.len();
            frame[at] = with;
            let mut f = Framer::new();
            f.push(&frame);
            if let Ok(Some(got)) = f.next_frame() { prop_assert!(got.len() <= frame.len()); }
        }
    }
}
