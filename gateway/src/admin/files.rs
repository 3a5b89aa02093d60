//! The gateway's sealed files: whether each can be read, and mending one that cannot.

use super::{AdminError, actor, open};
use crate::{
    config::Config,
    state_dir::{existing_store_key, signed_folder},
};
use signet_journal::{LogError, Salvaged, SealedLog};
use signet_registry::NewEvent;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One sealed file, as a reader that changes nothing finds it.
#[derive(Debug)]
pub struct FileState {
    /// Where it lies.
    pub path: PathBuf,
    /// Whole records and the bytes of a torn tail, or why it cannot be read.
    pub found: Result<(usize, u64), LogError>,
}

/// Reads every sealed file of the state directory, also while a gateway runs.
pub fn files_check(config: &Config) -> Result<Vec<FileState>, AdminError> {
    let key = existing_store_key(config).map_err(|e| AdminError::StoreKey(e.to_string()))?;
    let state = &config.gateway.state_dir;
    let mut all = Vec::new();
    for (folder, endings) in [
        (state.clone(), &[".journal", ".history"][..]),
        (state.join("desks"), &[".fix"]),
        (state.join("dealers"), &[".fix"]),
        (signed_folder(config), &[".signed"]),
    ] {
        all.extend(sealed_files(&folder, endings)?);
    }
    let read = |path: PathBuf| {
        let found = SealedLog::read(&path, &key).map(|r| (r.records.len(), r.torn_bytes));
        FileState { path, found }
    };
    Ok(all.into_iter().map(read).collect())
}

fn sealed_files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, AdminError> {
    let fail = |source| AdminError::File { path: folder.into(), source };
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(fail)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if endings.iter().any(|e| name.ends_with(e)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Moves a damaged file aside and puts one in its place with every record that still authenticates.
/// The gateway has to be stopped: it holds its files. Evidence is never rewritten.
pub async fn files_salvage(config: &Config, path: &Path) -> Result<Salvaged, AdminError> {
    let key = existing_store_key(config).map_err(|e| AdminError::StoreKey(e.to_string()))?;
    let here = |p: &Path| {
        fs::canonicalize(p).map_err(|source| AdminError::File { path: p.into(), source })
    };
    let (file, state) = (here(path)?, here(&config.gateway.state_dir)?);
    if fs::canonicalize(signed_folder(config)).is_ok_and(|signed| file.starts_with(signed)) {
        return Err(AdminError::EvidenceIsNotSalvaged(file));
    }
    if !file.starts_with(&state) {
        return Err(AdminError::NotAStateFile(file));
    }
    match SealedLog::read(&file, &key) {
        Ok(_) => return Err(AdminError::NotDamaged(file)),
        Err(e) if e.is_damage() => {}
        Err(e) => return Err(AdminError::Sealed(e)),
    }
    let (salvaged, _) = SealedLog::salvage(&file, &key).map_err(AdminError::Sealed)?;
    if config.registry.is_some() {
        let registry = open(config).await?;
        let name = file.strip_prefix(&state).unwrap_or(&file).display().to_string();
        let detail = format!(
            "{} records kept, {} lost; damaged file kept as {}",
            salvaged.kept,
            lost(&salvaged),
            salvaged.kept_aside.display()
        );
        registry
            .note(NewEvent::new(crate::clock::now(), &actor(), "files.salvaged", name, detail))
            .await?;
        registry.close().await;
    }
    Ok(salvaged)
}

/// How many records were lost, as a person reads it.
pub fn lost(s: &Salvaged) -> String {
    if s.rest_unreadable { format!("{} or more", s.lost.len()) } else { s.lost.len().to_string() }
}
