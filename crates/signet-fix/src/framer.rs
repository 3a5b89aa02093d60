//! Cuts a byte stream into FIX frames, with a limit on everything.
//!
//! QuickFIX's own parser skips any garbage before `8=` and buffers without bound (trap B6 of the
//! engine study: an HTTP POST whose body is FIX was taken as a session). This one takes nothing but
//! FIX, from the first byte.

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

/// The peer does not speak FIX, or not within our limits. The stream cannot be trusted any more and
/// the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    #[error("the peer sent bytes that are not FIX")]
    NotFix,
    #[error("the peer sent a BodyLength (9) that is not a number")]
    BadLength,
    #[error("the peer sent a message longer than {MAX_FRAME_LEN} bytes")]
    TooLong,
    #[error("the peer sent a message whose BodyLength (9) does not lead to a CheckSum (10)")]
    NoTrailer,
}

/// Holds what has arrived and not yet made a whole frame: never more than one frame and one read.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes already handed out.
    taken: usize,
}

impl Framer {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` when more bytes are needed. The checksum is not looked at
    /// here: FIX wants a frame with a wrong one to be ignored, not the session to end, and that is
    /// the engine's business.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        match frame_len(&self.buffer[self.taken..])? {
            Some(n) => {
                let start = self.taken;
                self.taken += n;
                Ok(Some(&self.buffer[start..start + n]))
            }
            None => Ok(None),
        }
    }
}

impl Drop for Framer {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

/// Length of the frame that `b` begins with, `None` if it is not whole yet.
fn frame_len(b: &[u8]) -> Result<Option<usize>, FrameError> {
    let prefix = &b"8=FIX"[..];
    let n = b.len().min(prefix.len());
    if b[..n] != prefix[..n] {
        return Err(FrameError::NotFix);
    }
    let Some(begin_end) = position(b, MAX_BEGIN_LEN, FrameError::NotFix)? else { return Ok(None) };
    let rest = &b[begin_end + 1..];
    let n = rest.len().min(2);
    if rest[..n] != b"9="[..n] {
        return Err(FrameError::NotFix);
    }
    let Some(length_end) = position(rest, 2 + MAX_LENGTH_DIGITS, FrameError::BadLength)? else { return Ok(None) };
    let digits = &rest[2..length_end];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FrameError::BadLength);
    }
    let body = digits.iter().fold(0usize, |n, d| n * 10 + usize::from(d - b'0'));
    let total = begin_end + 1 + length_end + 1 + body + TRAILER_LEN;
    if total > MAX_FRAME_LEN {
        return Err(FrameError::TooLong);
    }
    let Some(frame) = b.get(..total) else { return Ok(None) };
    let trailer = &frame[total - TRAILER_LEN..];
    let whole = frame[total - TRAILER_LEN - 1] == SOH
        && trailer.starts_with(b"10=")
        && trailer[3..6].iter().all(u8::is_ascii_digit)
        && trailer[6] == SOH;
    if whole { Ok(Some(total)) } else { Err(FrameError::NoTrailer) }
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
            assert_eq!(f.next_frame().map(|_| ()), Err(want), "{:?}", String::from_utf8_lossy(bytes));
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

    proptest! {
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
