//! The file of approved key models, which a person has reviewed.
//!
//! ```toml
//! [[authority]]
//! name = "Yubico"
//! ca = "yubico-root.pem"      # or: pem = """-----BEGIN CERTIFICATE-----..."""
//!
//! [[authority.model]]
//! aaguid = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
//! name = "YubiKey 5 NFC"
//! ```

use crate::{
    approval::Digest,
    evidence::{dashed, hex},
};
use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};
use uuid::Uuid;
use webauthn_rs::prelude::{AttestationCaList, AttestationCaListBuilder};

/// Longest list and longest certificate file, bytes.
const LIST_LEN_MAX: usize = 1024 * 1024;
const PEM_LEN_MAX: u64 = 64 * 1024;
const AUTHORITIES_MAX: usize = 64;
const MODELS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 80;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Why there is no list. At fault: whoever wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// More than 1 MiB of text.
    #[error("the list is larger than {LIST_LEN_MAX} bytes")]
    TooLarge,
    /// Not TOML, or not of a list's shape; the parser's words.
    #[error("{0}")]
    Syntax(String),
    /// No `[[authority]]`.
    #[error("the list approves no model")]
    Empty,
    /// Too much for a person to review.
    #[error("the list holds more than {AUTHORITIES_MAX} authorities or {MODELS_MAX} models")]
    TooMany,
    /// The name of an authority or of a model.
    #[error("{0:?} is not a name: 1 to {NAME_CHARS_MAX} printable characters")]
    Name(String),
    /// Both, or neither, are there.
    #[error("{authority}: exactly one of `ca` (a file) and `pem` (the text) must be there")]
    Certificate {
        /// `name` of the authority.
        authority: String,
    },
    /// The certificate's file cannot be read, or is larger than 64 KiB.
    #[error("{authority}: {path}: {why}", path = path.display())]
    File {
        /// `name` of the authority.
        authority: String,
        /// The file as it was looked for.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The PEM text has no certificate, or several.
    #[error("{authority}: holds {found} certificates; one authority has one")]
    Count {
        /// `name` of the authority.
        authority: String,
        /// How many it has.
        found: usize,
    },
    /// Not base64, or not an X.509 certificate.
    #[error("{authority}: no certificate that can be read")]
    Pem {
        /// `name` of the authority.
        authority: String,
    },
    /// It has no `[[authority.model]]`.
    #[error("{authority}: approves no model")]
    NoModel {
        /// `name` of the authority.
        authority: String,
    },
    /// Not a UUID of 36 characters, with its dashes.
    #[error(
        "{authority}: {aaguid:?} is not an AAGUID, such as 2fc0579f-8113-47ea-b116-bb5a8db9202a"
    )]
    Aaguid {
        /// `name` of the authority.
        authority: String,
        /// The AAGUID as written.
        aaguid: String,
    },
    /// Keys that do not tell their model answer with it, so it cannot be approved.
    #[error("{authority}: an AAGUID of zeros names no model")]
    NoAaguid {
        /// `name` of the authority.
        authority: String,
    },
    /// One authority attests this AAGUID in two lines.
    #[error("{authority}: the model {aaguid} is listed twice")]
    Twice {
        /// `name` of the authority.
        authority: String,
        /// The AAGUID.
        aaguid: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    authority: Vec<Authority>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authority {
    name: String,
    ca: Option<PathBuf>,
    pem: Option<String>,
    #[serde(default)]
    model: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    aaguid: String,
    name: String,
}

/// Approved models, by the authority that attests them.
#[derive(Debug, Clone)]
pub struct AttestationList {
    pub(super) authorities: AttestationCaList,
    models: BTreeMap<[u8; 16], String>,
    digest: Digest,
}

impl AttestationList {
    /// Reads a list; files it names are relative to `base_dir`.
    pub fn from_toml(text: &str, base_dir: &Path) -> Result<Self, ListError> {
        if text.len() > LIST_LEN_MAX {
            return Err(ListError::TooLarge);
        }
        let file: File = toml::from_str(text).map_err(|e| ListError::Syntax(e.to_string()))?;
        if file.authority.is_empty() {
            return Err(ListError::Empty);
        }
        if file.authority.len() > AUTHORITIES_MAX
            || file.authority.iter().map(|a| a.model.len()).sum::<usize>() > MODELS_MAX
        {
            return Err(ListError::TooMany);
        }
        let mut builder = AttestationCaListBuilder::new();
        let (mut models, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for a in &file.authority {
            a.add(base_dir, &mut builder, &mut models, &mut lines)?;
        }
        let mut all = Context::new(&SHA256);
        for ((certificate, aaguid), name) in &lines {
            all.update(format!("{certificate} {aaguid} {name}\n").as_bytes());
        }
        let mut sum = [0u8; 32];
        sum.copy_from_slice(all.finish().as_ref());
        Ok(Self { authorities: builder.build(), models, digest: Digest(sum) })
    }

    /// What the list calls a model; `None` when it is not approved.
    pub fn model(&self, aaguid: &[u8; 16]) -> Option<&str> {
        self.models.get(aaguid).map(String::as_str)
    }

    /// SHA-256 over what it says, however it is written: lines
    /// `<SHA-256 of the certificate> <AAGUID> <name>`, sorted.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many models are approved.
    pub fn models(&self) -> usize {
        self.models.len()
    }
}

type Lines = BTreeMap<(String, String), String>;

impl Authority {
    fn add(
        &self,
        base_dir: &Path,
        builder: &mut AttestationCaListBuilder,
        models: &mut BTreeMap<[u8; 16], String>,
        lines: &mut Lines,
    ) -> Result<(), ListError> {
        let authority = || self.name.clone();
        check_name(&self.name)?;
        if self.model.is_empty() {
            return Err(ListError::NoModel { authority: authority() });
        }
        let der =
            der(&self.pem(base_dir)?).ok_or_else(|| ListError::Pem { authority: authority() })?;
        let print = hex(digest(&SHA256, &der).as_ref());
        for m in &self.model {
            check_name(&m.name)?;
            let bad = || ListError::Aaguid { authority: authority(), aaguid: m.aaguid.clone() };
            // Only with dashes: what is reviewed should look like what makers publish.
            let aaguid =
                Uuid::try_parse(&m.aaguid).ok().filter(|_| m.aaguid.len() == 36).ok_or_else(bad)?;
            if aaguid.is_nil() {
                return Err(ListError::NoAaguid { authority: authority() });
            }
            let dashed = dashed(*aaguid.as_bytes());
            if lines.insert((print.clone(), dashed.clone()), m.name.clone()).is_some() {
                return Err(ListError::Twice { authority: authority(), aaguid: dashed });
            }
            models.entry(*aaguid.as_bytes()).or_insert_with(|| m.name.clone());
            let added = builder.insert_device_der(&der, aaguid, m.name.clone(), BTreeMap::new());
            added.map_err(|_| ListError::Pem { authority: authority() })?;
        }
        Ok(())
    }

    fn pem(&self, base_dir: &Path) -> Result<String, ListError> {
        let text = match (&self.pem, &self.ca) {
            (Some(text), None) => text.clone(),
            (None, Some(path)) => {
                let path = base_dir.join(path);
                read_pem(&path).map_err(|why| ListError::File {
                    authority: self.name.clone(),
                    path,
                    why,
                })?
            }
            _ => return Err(ListError::Certificate { authority: self.name.clone() }),
        };
        match text.matches(BEGIN).count() {
            1 => Ok(text),
            found => Err(ListError::Count { authority: self.name.clone(), found }),
        }
    }
}

/// The one certificate in a PEM text; what stands around it does not matter.
fn der(pem: &str) -> Option<Vec<u8>> {
    let body = pem.split_once(BEGIN)?.1.split_once(END)?.0;
    BASE64.decode(body.split_whitespace().collect::<String>()).ok()
}

fn read_pem(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(PEM_LEN_MAX + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if text.len() as u64 > PEM_LEN_MAX {
        Err(format!("is larger than {PEM_LEN_MAX} bytes"))
    } else {
        Ok(text)
    }
}

fn check_name(name: &str) -> Result<(), ListError> {
    let good = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if good { Ok(()) } else { Err(ListError::Name(name.chars().take(NAME_CHARS_MAX).collect())) }
}
