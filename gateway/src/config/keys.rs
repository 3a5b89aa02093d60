//! Where private keys of the gateway are: in PEM files, or in a PKCS#11 token such as an HSM.

use super::{Config, ConfigError, value};
use crate::stamp::{self, Stamp};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use signet_identity::{DeviceKey, ServerIdentity};
use signet_keystore::{
    HolderError, KeyHolder as _, KeyLabel, LabelError, Pin, PinPrompt, PinRequest, PinTries,
    pkcs11::{Pkcs11Holder, Pkcs11Settings, TokenFacts},
};
use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};
use zeroize::Zeroizing;

/// RFC 7512 §2.3.
const SCHEME: &str = "pkcs11:";
/// How long a command that a person waits for gives the token, at least.
const ANSWER_OF_A_PERSON_S: u64 = 60;
/// No token takes a longer PIN.
const PIN_BYTES_MAX: usize = 256;

/// A private key of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum KeySource {
    /// A PEM file with a key in PKCS#8 form.
    File(PathBuf),
    /// A key in the token that `[pkcs11]` reaches.
    Token(TokenKey),
}

/// A key in a token, by its PKCS#11 URI (RFC 7512): `pkcs11:token=LABEL;object=NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// The token's label or serial number; `None` takes the only one.
    pub token: Option<String>,
    /// The key's own label.
    pub label: KeyLabel,
}

/// A text is not the address of a key in a token. At fault: the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyUriError {
    #[error("a key in a token is named by pkcs11:token=LABEL;object=NAME")]
    NoObject,
    #[error("{0} is named twice")]
    Twice(&'static str),
    #[error("{0:?} is not understood here; token or serial, object and type=private are")]
    Attribute(String),
    #[error("it has a query; [pkcs11] names the module and the PIN's file")]
    Query,
    #[error(transparent)]
    Label(#[from] LabelError),
}

impl TryFrom<String> for KeySource {
    type Error = KeyUriError;

    fn try_from(text: String) -> Result<Self, KeyUriError> {
        match text.strip_prefix(SCHEME) {
            Some(rest) => token_key(rest).map(Self::Token),
            None => Ok(Self::File(text.into())),
        }
    }
}

fn token_key(rest: &str) -> Result<TokenKey, KeyUriError> {
    if rest.contains('?') {
        return Err(KeyUriError::Query);
    }
    let (mut token, mut object) = (None, None);
    for pair in rest.split(';').filter(|p| !p.is_empty()) {
        // Without its value: somebody may have put a PIN there.
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let unknown = || KeyUriError::Attribute(name.to_owned());
        let text = percent_decode_str(value).decode_utf8().map_err(|_| unknown())?.into_owned();
        let (place, what) = match name {
            "token" | "serial" => (&mut token, "the token"),
            "object" => (&mut object, "the object"),
            "type" if text == "private" => continue,
            _ => return Err(unknown()),
        };
        if place.replace(text).is_some() {
            return Err(KeyUriError::Twice(what));
        }
    }
    let label = object.ok_or(KeyUriError::NoObject)?.parse()?;
    Ok(TokenKey { token, label })
}

impl fmt::Display for TokenKey {
    /// For people; an unusual label of a token is not escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.token {
            Some(token) => write!(f, "{SCHEME}token={token};object={}", self.label.as_str()),
            None => write!(f, "{SCHEME}object={}", self.label.as_str()),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Token(key) => key.fmt(f),
        }
    }
}

impl KeySource {
    /// A relative path is relative to the configuration.
    pub(super) fn rebase(&mut self, base: &Path) {
        if let Self::File(path) = self {
            *path = base.join(&*path);
        }
    }

    /// Tells a file from its successor. A key in a token has none: another key has another name.
    pub(crate) fn stamp(&self) -> Stamp {
        match self {
            Self::File(path) => stamp::of(path),
            Self::Token(_) => Some((SystemTime::UNIX_EPOCH, 0)),
        }
    }

    fn token_key(&self) -> Option<&TokenKey> {
        match self {
            Self::File(_) => None,
            Self::Token(key) => Some(key),
        }
    }
}

/// The token with keys of the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11Section {
    /// The library of the token's maker. Its code runs in the gateway's process.
    pub module: PathBuf,
    /// Holds the token's PIN and nothing else. Left out for a token that wants none.
    pub pin_file: Option<PathBuf>,
    /// How long an answer of the token may take, seconds. A handshake or a message waits for it.
    #[serde(default = "default_answer")]
    pub answer_s: u64,
    #[serde(skip)]
    holders: Holders,
}

fn default_answer() -> u64 {
    2
}

/// One for each token, whatever names it, so that the PIN is given once.
#[derive(Debug, Clone, Default)]
struct Holders(Arc<Mutex<HashMap<Option<String>, Pkcs11Holder>>>);

impl Pkcs11Section {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [Some(&mut self.module), self.pin_file.as_mut()].into_iter().flatten()
    }

    fn check(&self) -> Result<(), ConfigError> {
        if !(1..=60).contains(&self.answer_s) {
            return Err(value("pkcs11.answer_s", "1 to 60"));
        }
        let Some(file) = &self.pin_file else { return Ok(()) };
        let failed = |e: io::Error| value("pkcs11.pin_file", format!("{}: {e}", file.display()));
        read_pin(file).map(drop).map_err(failed)
    }

    /// The token of this label or serial number.
    #[must_use]
    pub fn holder(&self, token: Option<&str>) -> Pkcs11Holder {
        let mut holders = self.holders.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || self.new_holder(token, Insists::No);
        holders.entry(token.map(str::to_owned)).or_insert_with(new).clone()
    }

    /// The same for a person who has put the PIN's file right: the PIN is given to the token
    /// although a wrong one was before.
    #[must_use]
    pub fn holder_of_a_person(&self, token: Option<&str>) -> Pkcs11Holder {
        // Making a key takes longer than a signature, and nobody trades meanwhile.
        let answer_s = self.answer_s.max(ANSWER_OF_A_PERSON_S);
        Self { answer_s, ..self.clone() }.new_holder(token, Insists::Yes)
    }

    /// Why the token does not give the use of a key, in the words of a server, where nobody sits.
    pub(crate) fn refused(
        &self,
        name: &'static str,
        key: &TokenKey,
        e: &HolderError,
    ) -> ConfigError {
        let why = match e {
            HolderError::PinDeclined if self.pin_file.is_none() => {
                "the token wants a PIN, and pkcs11.pin_file names none".to_owned()
            }
            HolderError::PinDeclined | HolderError::PinWrong { .. } => {
                "the token does not take the PIN in pkcs11.pin_file, or a wrong one was given to \
                    it before; correct the file and run signet-gateway token check"
                    .to_owned()
            }
            e => format!("{e}. {}", e.cure()),
        };
        value(name, format!("{key}: {why}"))
    }

    fn new_holder(&self, token: Option<&str>, insists: Insists) -> Pkcs11Holder {
        let settings =
            Pkcs11Settings { module: self.module.clone(), token: token.map(str::to_owned) };
        let prompt = Arc::new(PinFile::new(self.pin_file.clone(), insists));
        Pkcs11Holder::new(settings, prompt, Duration::from_secs(self.answer_s))
    }

    /// The tokens that are there.
    ///
    /// # Errors
    /// The module cannot be loaded.
    pub fn tokens(&self) -> Result<Vec<TokenFacts>, HolderError> {
        self.holder(None).tokens()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Insists {
    No,
    Yes,
}

/// Gives the PIN from its file, once: a gateway that starts again and again with a wrong one must
/// not lock the token.
#[derive(Debug)]
struct PinFile {
    file: Option<PathBuf>,
    insists: Insists,
    /// The token refused it. Not every token tells of that later, and strangers can begin
    /// handshakes that ask for a signature.
    refused: AtomicBool,
}

/// Whether a PIN is given to a token that says so much of itself.
fn gives(insists: Insists, wrong: bool, tries: PinTries) -> bool {
    match (insists, tries) {
        _ if wrong => false,
        (_, PinTries::Full) | (Insists::Yes, PinTries::Low) => true,
        (Insists::No, PinTries::Low) | (_, PinTries::Last | PinTries::None) => false,
    }
}

impl PinFile {
    fn new(file: Option<PathBuf>, insists: Insists) -> Self {
        Self { file, insists, refused: AtomicBool::new(false) }
    }
}

impl PinPrompt for PinFile {
    fn ask(&self, request: &PinRequest) -> Option<Pin> {
        let PinRequest { token, tries, wrong, .. } = request;
        if *wrong {
            self.refused.store(true, Relaxed);
        }
        if self.refused.load(Relaxed) || !gives(self.insists, *wrong, *tries) {
            let code = "pkcs11.pin";
            tracing::error!(
                code,
                token,
                ?tries,
                "a wrong PIN was given to this token before, so \
                it is not given one again"
            );
            return None;
        }
        // Whoever typed it on the reader is not asked again.
        if request.on_reader {
            return Some(Pin::new(String::new()));
        }
        let file = self.file.as_ref()?;
        match read_pin(file) {
            Ok(pin) => Some(pin),
            Err(e) => {
                tracing::error!(file = %file.display(), error = %e, "the PIN cannot be read");
                None
            }
        }
    }
}

fn read_pin(path: &Path) -> io::Result<Pin> {
    let file = File::open(path)?;
    require_private(path, &file.metadata()?)?;
    let mut text = Zeroizing::new(String::with_capacity(PIN_BYTES_MAX + 1));
    file.take(PIN_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    let pin = text.trim_end_matches(['\r', '\n']);
    if pin.is_empty() || pin.contains(['\r', '\n']) || text.len() > PIN_BYTES_MAX {
        let why = "it holds one line with the PIN, of at most 256 bytes";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Pin::new(pin.to_owned()))
}

#[cfg(unix)]
fn require_private(path: &Path, of: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let open = of.permissions().mode() & 0o077;
    // A credential of systemd has an access list for the account of its unit, and the mask of the
    // list stands where the rights of the group are.
    let credential = open == 0o040 && of.uid() == 0 && path.starts_with("/run/credentials");
    if open == 0 || credential {
        return Ok(());
    }
    let why = "others than its owner may read it; chmod 600 it";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Other systems protect files by access lists that the standard library cannot read.
#[cfg(not(unix))]
fn require_private(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

impl Config {
    pub(crate) fn check_keys(&self) -> Result<(), ConfigError> {
        if let Some(section) = &self.pkcs11 {
            return section.check();
        }
        let named = self.token_keys().next();
        named
            .map_or(Ok(()), |(key, _)| Err(value(key, "names a token, and no [pkcs11] reaches it")))
    }

    /// Every key that is in a token, with the setting that names it.
    pub fn token_keys(&self) -> impl Iterator<Item = (&'static str, &TokenKey)> {
        let issuing = self.enrolment.as_ref().and_then(|e| e.ca_key.as_ref());
        let console = self.console().and_then(|c| c.key.as_ref());
        let all = [
            ("tls.key", Some(&self.tls.key)),
            ("enrolment.ca_key", issuing),
            ("admin.console.key", console),
        ];
        all.into_iter().filter_map(|(name, key)| Some((name, key?.token_key()?)))
    }

    /// A key in the token, which setting `name` asks for.
    ///
    /// # Errors
    /// The token does not give its use.
    pub fn token_key(
        &self,
        name: &'static str,
        key: &TokenKey,
    ) -> Result<Arc<dyn DeviceKey>, ConfigError> {
        let section = self.pkcs11.as_ref();
        let section = section.ok_or_else(|| value(name, "names a token without [pkcs11]"))?;
        let opened = section.holder(key.token.as_deref()).open(&key.label);
        opened.map_err(|e| section.refused(name, key, &e))
    }

    /// A certificate with its key, wherever that is; setting `name` names the key.
    pub(crate) fn server_identity(
        &self,
        name: &'static str,
        certificate: &Path,
        key: &KeySource,
    ) -> Result<ServerIdentity, ConfigError> {
        Ok(match key {
            KeySource::File(file) => ServerIdentity::from_pem_files(certificate, file)?,
            KeySource::Token(held) => {
                let named = PathBuf::from(held.to_string());
                ServerIdentity::with_held_key(certificate, self.token_key(name, held)?, &named)?
            }
        })
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
