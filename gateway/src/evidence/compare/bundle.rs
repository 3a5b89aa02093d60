//! A bundle, checked as `verify.sh` does, and the records in it. Whether its certificates were
//! valid is for `verify.sh`, which has the lists and the roots.

use super::CompareError;
use crate::checkpoint::read_found;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use signet_registry::hex_sha256;
use signet_tlog::{Checkpoint, Hash, leaf_hash, note::VerifierKey, verify_inclusion};
use std::{collections::BTreeMap, path::Path};

/// Longest file of a bundle that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most files of a bundle, and their bytes together.
const FILES_MAX: usize = 100_000;
const BYTES_MAX: u64 = 1024 * 1024 * 1024;

#[derive(Deserialize)]
struct Manifest {
    v: u32,
    rfq: String,
    desk: String,
    files: BTreeMap<String, String>,
}

/// A whole bundle.
pub(super) struct Bundle {
    pub(super) rfq: String,
    pub(super) desk: String,
    /// The key of the gateway's log.
    pub(super) key: VerifierKey,
    /// Records of the evidence with their places in the log.
    pub(super) records: Vec<(u64, Vec<u8>)>,
    /// DER.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Bundle {
    /// Reads a bundle. `wanted`: the key that a second party has.
    pub(super) fn read(folder: &Path, wanted: Option<&VerifierKey>) -> Result<Self, CompareError> {
        let bad = |why: &str| CompareError::Bundle(why.into());
        let read = |name: &str| read(folder, name, FILE_BYTES_MAX);
        let (text, signature) = (read("manifest.json")?, read("manifest.sig")?);
        let key = String::from_utf8(read("key.vkey")?).unwrap_or_default();
        let key: VerifierKey = key.trim_end().parse().map_err(|_| bad("key.vkey is not a key"))?;
        if wanted.is_some_and(|w| *w != key) {
            return Err(bad("key.vkey is not the key that was given"));
        }
        if !key.is_good(&text, &signature) {
            return Err(bad("manifest.json: the gateway did not sign it"));
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|_| bad("manifest.json cannot be read"))?;
        if manifest.v != 1 || manifest.files.len() > FILES_MAX {
            return Err(bad("manifest.json is of another version, or names too many files"));
        }
        let files = files(folder, &manifest)?;
        let get = |name: &str| files.get(name).ok_or_else(|| bad(&format!("{name}: is missing")));
        let checkpoint = Checkpoint::open(get("checkpoint.txt")?, &key)
            .map_err(|e| bad(&format!("checkpoint.txt: {e}")))?;
        let mut records: Vec<(u64, Vec<u8>)> = Vec::new();
        for line in String::from_utf8_lossy(get("index.txt")?).lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let ["leaf", number, record, proof] = fields[..] else { continue };
            let bytes = get(record)?;
            let fits = number.parse::<u64>().ok().zip(hashes(get(proof)?)).filter(|(n, p)| {
                let (leaf, size, root) = (leaf_hash(bytes), checkpoint.size, &checkpoint.root);
                verify_inclusion(&leaf, *n, size, p, root).is_ok()
            });
            let (number, _) =
                fits.ok_or_else(|| bad(&format!("{record}: is not record {number} of the log")))?;
            // Each once: an index is short, and what it names may be long.
            if records.last().is_some_and(|(last, _)| number <= *last) {
                return Err(bad("index.txt: its records are not in the order of the log"));
            }
            records.push((number, bytes.clone()));
        }
        let pem = |(name, bytes): (&String, &Vec<u8>)| {
            let named = name.starts_with("certificates/");
            named.then(|| CertificateDer::from_pem_slice(bytes).ok().map(|c| c.to_vec()))?
        };
        let certificates = files.iter().filter_map(pem).collect();
        let Manifest { rfq, desk, .. } = manifest;
        Ok(Self { rfq, desk, key, records, certificates })
    }
}

/// Every file that the manifest names, unchanged.
fn files(folder: &Path, m: &Manifest) -> Result<BTreeMap<String, Vec<u8>>, CompareError> {
    let (mut all, mut room) = (BTreeMap::new(), BYTES_MAX);
    for (name, digest) in &m.files {
        let bad = |why: &str| CompareError::Bundle(format!("{name}: {why}"));
        // A name of a bundle leads nowhere else.
        let plain =
            |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':']);
        if !name.split('/').all(plain) {
            return Err(bad("is outside the bundle"));
        }
        let bytes = read(folder, name, FILE_BYTES_MAX.min(room))?;
        room = room.saturating_sub(bytes.len() as u64);
        if hex_sha256(&bytes) != *digest {
            return Err(bad("was changed"));
        }
        all.insert(name.clone(), bytes);
    }
    Ok(all)
}

fn hashes(proof: &[u8]) -> Option<Vec<Hash>> {
    let text = std::str::from_utf8(proof).ok()?;
    text.lines().map(|l| BASE64.decode(l).ok()?.try_into().ok()).collect()
}

fn read(folder: &Path, name: &str, max: u64) -> Result<Vec<u8>, CompareError> {
    let path = folder.join(name);
    read_found(&path, max).map_err(|e| CompareError::Unreadable { path, why: e.to_string() })
}
