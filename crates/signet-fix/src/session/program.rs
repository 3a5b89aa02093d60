//! What a desk says in its Logon of the program that it runs.

use crate::{message::Capabilities, tag, tagvalue::Fields};
use quickfix::{FieldMap as _, Message};
use std::cell::RefCell;

/// Longest value of a field of [`Program`], bytes.
pub const PROGRAM_TEXT_MAX: usize = 64;

/// The program at one end, as a Logon states it (20134, 20135). A claim: nothing proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    version: String,
    platform: String,
}

/// What a Logon of a peer says about its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated<'a> {
    /// The field is not there, or empty.
    Nothing,
    /// Longer than [`PROGRAM_TEXT_MAX`], or not of printable ASCII characters.
    Unreadable,
    /// The text.
    Text(&'a str),
}

impl Program {
    /// `version` as in a release (`1.2.0`), `platform` as `linux/x86_64`. `None` when a peer could
    /// not read one of them.
    pub fn new(version: &str, platform: &str) -> Option<Self> {
        let good = |s: &str| matches!(stated(Some(s.as_bytes())), Stated::Text(_));
        let made = || Self { version: version.to_owned(), platform: platform.to_owned() };
        (good(version) && good(platform)).then(made)
    }

    /// DeskVersion (20134).
    pub fn version(&self) -> &str {
        &self.version
    }

    /// DeskPlatform (20135).
    pub fn platform(&self) -> &str {
        &self.platform
    }
}

/// DeskVersion (20134) and DeskPlatform (20135) of a Logon.
pub fn stated_program<'a>(logon: &Fields<'a>) -> (Stated<'a>, Stated<'a>) {
    (stated(logon.get(tag::DESK_VERSION)), stated(logon.get(tag::DESK_PLATFORM)))
}

fn stated(value: Option<&[u8]>) -> Stated<'_> {
    let value = value.unwrap_or_default();
    if value.is_empty() {
        return Stated::Nothing;
    }
    let printable =
        |s: &&str| s.len() <= PROGRAM_TEXT_MAX && s.bytes().all(|b| b.is_ascii_graphic());
    std::str::from_utf8(value).ok().filter(printable).map_or(Stated::Unreadable, Stated::Text)
}

/// What our next Logon says beside what the session needs, once.
#[derive(Debug, Default)]
pub(super) struct LogonSays {
    /// RawData (96).
    data: RefCell<Option<String>>,
    program: RefCell<Option<Program>>,
}

impl LogonSays {
    pub(super) fn data(&self, data: Option<String>) {
        let good = |d: &String| !d.is_empty() && !d.bytes().any(|b| b.is_ascii_control());
        self.data.replace(data.filter(good));
    }

    pub(super) fn program(&self, program: Option<Program>) {
        self.program.replace(program);
    }

    /// Into the Logon that leaves.
    pub(super) fn put(&self, m: &mut Message) {
        if let Some(data) = self.data.take() {
            // One without the other would not be read.
            let length = m.set_field(tag::RAW_DATA_LENGTH as i32, data.len().to_string().as_str());
            let _ = length.and_then(|()| m.set_field(tag::RAW_DATA as i32, data.as_str()));
        }
        if let Some(p) = self.program.take() {
            // A peer that misses them takes the program for an unknown one that knows nothing
            // newer.
            let _ = m.set_field(tag::DESK_VERSION as i32, p.version());
            let _ = m.set_field(tag::DESK_PLATFORM as i32, p.platform());
            let known = Capabilities::all().to_string();
            let _ = m.set_field(tag::DESK_KNOWS as i32, known.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagvalue::seal;

    #[test]
    fn one_logon_says_what_the_program_is_and_knows() {
        let says = LogonSays::default();
        says.program(Program::new("1.2.0", "linux/x86_64"));
        let known = Capabilities::all().to_string();
        for want in [[Some("1.2.0"), Some("linux/x86_64"), Some(known.as_str())], [None; 3]] {
            let mut m = Message::new();
            says.put(&mut m);
            let said = [20_134, 20_135, 20_136].map(|t| m.get_field(t));
            assert_eq!(said.each_ref().map(Option::as_deref), want);
        }
    }

    #[test]
    fn what_a_peer_says_of_its_program_is_bounded_and_printable() {
        let longest = "1".repeat(PROGRAM_TEXT_MAX);
        let too_long = "1".repeat(PROGRAM_TEXT_MAX + 1);
        for (value, want) in [
            (None, Stated::Nothing),
            (Some("1.2.0"), Stated::Text("1.2.0")),
            (Some(longest.as_str()), Stated::Text(&longest)),
            (Some(too_long.as_str()), Stated::Unreadable),
            (Some("1.2.0 "), Stated::Unreadable),
            (Some("1\u{7f}"), Stated::Unreadable),
            (Some("1.2.\u{660}"), Stated::Unreadable),
        ] {
            let field = |t| value.map_or_else(String::new, |v| format!("{t}={v}\u{1}"));
            let body = format!("35=A\u{1}{}{}", field(20_134), field(20_135));
            let frame = seal("FIX.4.4", body.as_bytes());
            let fields = Fields::parse(&frame).unwrap();
            assert_eq!(stated_program(&fields), (want, want), "{value:?}");
            let own = value.and_then(|v| Program::new(v, "linux/x86_64"));
            let text = own.as_ref().map(Program::version);
            assert!(text.map_or(want != Stated::Text("1.2.0"), |t| want == Stated::Text(t)));
        }
    }
}
