//! The records of one RFQ, out of those files of the evidence that name it.

use super::{
    BundleError,
    collect::{Found, Kind, Subject, asked_under, collect},
};
use crate::signed::{
    EvidenceStore, IndexKey, Segments, SignedLogError, Step, issuer_of, walk_files,
};
use signet_tlog::Checkpoint;
use std::collections::BTreeSet;

/// What [`collect`] finds, from fewer files. `whole`: all are read all the same.
pub(super) fn find(
    store: &EvidenceStore,
    wanted: &Subject,
    checkpoint: &Checkpoint,
    whole: bool,
) -> Result<Found, BundleError> {
    if !whole {
        let (found, first_leaf) = by_index(store, wanted, checkpoint.size)?;
        if found.leads_to(checkpoint) {
            return found.judged(wanted, first_leaf);
        }
        tracing::warn!("the indexes do not lead to the checkpoint; all of the evidence is read");
    }
    collect(store, wanted, checkpoint.size)
}

/// What was found, and the first leaf that there is where the first file was not read.
fn by_index(
    store: &EvidenceStore,
    wanted: &Subject,
    size: u64,
) -> Result<(Found, Option<u64>), SignedLogError> {
    let mut segments = Segments::open(store)?;
    let mut named = segments.naming(&[IndexKey::Rfq(&wanted.rfq)]);
    named.extend(segments.ending_within(size));
    // What is read names further files: those with what dealers call the RFQ, and with what its
    // records follow from. Files are only added, so this ends.
    loop {
        let read = segments.to_read(&named);
        let mut found = Found::proved_in(size);
        walk_files(&segments.files(&read), &store.key, |step: &Step<'_>| {
            found.take(step, wanted);
            Ok::<_, SignedLogError>(())
        })?;
        found.close_file();
        // Of what is in every second file, the further files are not asked for one by one.
        if !segments.are_all(&read) {
            named.extend(named_by(&found, &mut segments));
        }
        if segments.to_read(&named) == read {
            segments.spans_beside(&read).for_each(|span| found.tree.add_span(span));
            return Ok((found, segments.first_leaf()));
        }
    }
}

/// The files that hold what the records that were found need or are needed by.
fn named_by(found: &Found, segments: &mut Segments<'_>) -> BTreeSet<usize> {
    let names: Vec<_> = found.names.names().map(IndexKey::Rfq).collect();
    let mut files = segments.naming(&names);
    let (mut lists, mut documents) = (BTreeSet::new(), BTreeSet::new());
    let mut uncertified = BTreeSet::new();
    for p in &found.picked {
        match &p.kind {
            Kind::Message(m) => {
                if !m.certified {
                    uncertified.insert(&m.certificate);
                }
                let certificate = found.certificates.get(&m.certificate);
                let issuer = certificate.and_then(|der| issuer_of(der));
                lists.extend(issuer.map(|issuer| (p.file, issuer)));
            }
            Kind::Decision(all) => {
                let missing = all.iter().filter(|(_, d)| !found.documents.contains_key(d));
                documents.extend(missing.map(|(_, digest)| (p.file, *digest)));
            }
            Kind::Journal => {}
        }
    }
    let certificates: Vec<_> = uncertified.into_iter().map(IndexKey::Certificate).collect();
    files.extend(segments.naming(&certificates));
    for (file, issuer) in lists {
        files.extend(segments.last_before(file, &IndexKey::Lists(&issuer)));
    }
    for (file, digest) in documents {
        files.extend(segments.nearest(file, &IndexKey::Document(&digest)));
    }
    let missing = |digest: &[u8; 32]| !found.certificates.contains_key(digest);
    files.extend(segments.authorities().filter(|&(d, _)| missing(d)).map(|(_, at)| at));
    files
}

/// The request that dealers call so: its desk, and what the desk calls it.
pub(super) fn find_asked(
    store: &EvidenceStore,
    name: &str,
    whole: bool,
) -> Result<Option<(String, String)>, SignedLogError> {
    if !signet_router::is_name(name) {
        return Ok(None);
    }
    if whole {
        return asked_under(store, &store.files()?, name);
    }
    let mut segments = Segments::open(store)?;
    let named = segments.naming(&[IndexKey::Rfq(name)]);
    let files = segments.files(&segments.to_read(&named));
    asked_under(store, &files, name)
}
