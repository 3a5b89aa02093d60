//! Values of fields, written digit by digit.

use rust_decimal::Decimal;
use signet_identity::CompId;
use signet_rfq::{AcceptId, DealerId, InstrumentId, QuoteId, RfqId, UtcMillis};
use time::OffsetDateTime;

/// A type that can be the value of a field, and how FIX writes it.
pub trait Value {
    /// Appends the value in FIX's form, without tag and SOH.
    fn write(&self, out: &mut Vec<u8>);
}

impl<T: Value + ?Sized> Value for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Value for str {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Value for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl Value for char {
    fn write(&self, out: &mut Vec<u8>) {
        self.encode_utf8(&mut [0; 4]).write(out);
    }
}

macro_rules! text_values {
    ($($name:ident),*) => {$(
        impl Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                self.as_str().write(out);
            }
        }
    )*};
}
text_values!(RfqId, QuoteId, AcceptId, DealerId, CompId, InstrumentId);

macro_rules! unsigned_values {
    ($($name:ident),*) => {$(
        impl Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                write_digits(out, *self as u64, 1);
            }
        }
    )*};
}
unsigned_values!(u8, u16, u32, u64, usize);

impl Value for i32 {
    fn write(&self, out: &mut Vec<u8>) {
        if *self < 0 {
            out.push(b'-');
        }
        write_digits(out, self.unsigned_abs().into(), 1);
    }
}

impl Value for Decimal {
    /// As `Display` writes it: the scale is kept, trailing zeros included.
    fn write(&self, out: &mut Vec<u8>) {
        let Ok(mantissa) = u64::try_from(self.mantissa().unsigned_abs()) else {
            return self.to_string().write(out);
        };
        if self.is_sign_negative() {
            out.push(b'-');
        }
        let scale = self.scale() as usize;
        write_digits(out, mantissa, scale + 1);
        if scale > 0 {
            out.insert(out.len() - scale, b'.');
        }
    }
}

/// UTCTimestamp with milliseconds, as [`format_utc`].
impl Value for UtcMillis {
    fn write(&self, out: &mut Vec<u8>) {
        let clamped = self.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let d = OffsetDateTime::from_unix_timestamp(clamped.div_euclid(1_000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        write_digits(out, d.year().unsigned_abs().into(), 4);
        write_digits(out, u8::from(d.month()).into(), 2);
        write_digits(out, d.day().into(), 2);
        for (separator, n) in [(b'-', d.hour()), (b':', d.minute()), (b':', d.second())] {
            out.push(separator);
            write_digits(out, n.into(), 2);
        }
        out.push(b'.');
        write_digits(out, clamped.rem_euclid(1_000) as u64, 3);
    }
}

/// `n` in decimal, with leading zeros up to `width`.
fn write_digits(out: &mut Vec<u8>, mut n: u64, width: usize) {
    // The longest u64, or a decimal's 28 places and the digit before them.
    let mut buffer = [b'0'; 32];
    let mut at = buffer.len();
    while n > 0 {
        at -= 1;
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    at = at.min(buffer.len().saturating_sub(width));
    out.extend_from_slice(&buffer[at..]);
}

/// `YYYYMMDD-HH:MM:SS.sss`. Outside the years 0-9999, which no clock shows, the nearest end.
pub fn format_utc(t: UtcMillis) -> String {
    let mut out = Vec::with_capacity(21);
    t.write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}
