//! The files that answers name, read.

use super::{InitError, bank::Bank};
use crate::{config::certificates, enrol::key_in_request};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The instruments to begin with.
const INSTRUMENTS: &str = include_str!("../../instruments.example.toml");
/// Largest file that an answer names.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// What the files hold that answers name.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The instruments file.
    pub instruments: String,
    /// Certificates of dealers' own authorities, PEM.
    pub dealer_cas: Vec<String>,
    /// The public keys (DER SubjectPublicKeyInfo) in dealers' requests, by CompID.
    pub requests: BTreeMap<String, Vec<u8>>,
    /// The outside authority of gateways, PEM.
    pub gateways: Option<String>,
    /// The outside authority of administrators, PEM.
    pub admins: Option<String>,
}

impl Given {
    /// Reads them; relative names are relative to `base`.
    ///
    /// # Errors
    /// A file is not there or does not hold what the answer says.
    pub fn read(bank: &Bank, base: &Path) -> Result<Self, InitError> {
        let authority = |answer: String, path: &PathBuf| {
            let path = base.join(path);
            certificates(&path).map_err(|why| InitError::Given {
                answer: answer.clone(),
                path: path.clone(),
                why,
            })?;
            text(&answer, &path)
        };
        let mut given = Self { instruments: INSTRUMENTS.into(), ..Self::default() };
        if let Some(path) = &bank.instruments {
            given.instruments = text("instruments", &base.join(path))?;
        }
        for d in &bank.dealers {
            let answer = |key: &str| format!("dealer {}: {key}", d.comp_id);
            if let Some(path) = &d.ca {
                let ca = authority(answer("ca"), path)?;
                // Two dealers may have one authority.
                if !given.dealer_cas.contains(&ca) {
                    given.dealer_cas.push(ca);
                }
            }
            if let Some(path) = &d.request {
                let path = base.join(path);
                let body = text(&answer("request"), &path)?;
                let key = key_in_request(body.as_bytes()).map_err(|e| InitError::Given {
                    answer: answer("request"),
                    path,
                    why: e.to_string(),
                })?;
                given.requests.insert(d.comp_id.as_str().to_owned(), key);
            }
        }
        let outside = |answer: &str, path: &Option<PathBuf>| {
            path.as_ref().map(|p| authority(answer.to_owned(), p)).transpose()
        };
        given.gateways = outside("outside: gateways", &bank.outside_gateways)?;
        given.admins = outside("outside: admins", &bank.outside_admins)?;
        Ok(given)
    }
}

fn text(answer: &str, path: &Path) -> Result<String, InitError> {
    let fail = |why: String| InitError::Given { answer: answer.into(), path: path.into(), why };
    match fs::metadata(path) {
        Ok(m) if m.len() > FILE_MAX => return Err(fail(format!("larger than {FILE_MAX} bytes"))),
        Ok(_) => {}
        Err(e) => return Err(fail(e.to_string())),
    }
    fs::read_to_string(path).map_err(|e| fail(e.to_string()))
}
