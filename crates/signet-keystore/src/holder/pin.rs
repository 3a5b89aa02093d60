//! Asking a person for a token's PIN.

use std::fmt;

use zeroize::Zeroizing;

/// A PIN on its way to a token. Wiped when dropped, never stored, never shown.
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Takes what a person typed. The caller's buffer becomes the PIN's own.
    #[must_use]
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    #[cfg_attr(not(feature = "pkcs11"), allow(dead_code))]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// How many tries a token says are left. PKCS#11 gives no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinTries {
    /// No wrong PIN since the last right one, as far as the token tells.
    Full,
    /// At least one wrong PIN was entered since the last right one.
    Low,
    /// One more wrong PIN locks the token.
    Last,
    /// Locked.
    None,
}

/// What a PIN dialog shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinRequest {
    /// The token's label, for people.
    pub token: String,
    /// How many tries are left.
    pub tries: PinTries,
    /// The PIN just given was wrong.
    pub wrong: bool,
    /// The shortest PIN that the token takes, in characters.
    pub chars_min: usize,
    /// The longest PIN that the token takes, in characters.
    pub chars_max: usize,
    /// The PIN is typed on the reader's own keys: show a notice, ask for nothing.
    pub on_reader: bool,
}

/// The desk's PIN dialog. Called on the token's own thread and may block until the person answers;
/// the caller of the key waits at most the holder's deadline.
pub trait PinPrompt: Send + Sync + fmt::Debug {
    /// The PIN, or `None` when the person declines. For a PIN typed on the reader any PIN means
    /// "go on"; its text is not used.
    fn ask(&self, request: &PinRequest) -> Option<Pin>;
}
