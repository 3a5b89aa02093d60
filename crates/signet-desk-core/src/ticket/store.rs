//! Drafts, templates, favourites, lists of dealers and the last requests of one identity, in a
//! sealed file. Nothing in it commits anybody: a file that is damaged is put aside, and the trader
//! goes on.

use super::{
    lists::{DealerList, LISTS_MAX},
    stored::{Form, Line, ListedDealer},
};
use crate::view::{AskedView, KeptTickets, TemplateView, TicketForm};
use signet_journal::{LogError, SealedLog, StoreKey};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

/// Templates, at most.
pub(crate) const TEMPLATES_MAX: usize = 50;
/// Favourites, at most; the list of dealers is shorter.
pub(crate) const FAVOURITES_MAX: usize = 200;
/// Requests that are kept, at most; the oldest go.
pub(crate) const ASKED_MAX: usize = 500;
/// Requests that the page is given.
const ASKED_SHOWN: usize = 12;
/// With more records than this the file is written again. Each pause in typing adds one.
const TIDY_ABOVE: usize = 2_000;

/// What is kept for the ticket.
#[derive(Debug, Default)]
pub(crate) struct TicketStore {
    draft: Option<TicketForm>,
    templates: BTreeMap<String, TemplateView>,
    favourites: BTreeSet<String>,
    /// Of every venue; by the venue's name and that of the list, whatever its letters' case.
    lists: BTreeMap<(String, String), DealerList>,
    /// The venue whose lists are in use.
    venue: String,
    /// Oldest first.
    asked: VecDeque<AskedView>,
    log: Option<SealedLog>,
    records: usize,
}

/// Why something is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// The disk refuses. At fault: this laptop.
    #[error("it cannot be written to this laptop's disk: {0}")]
    Disk(#[from] LogError),
    /// [`TEMPLATES_MAX`], [`FAVOURITES_MAX`] or [`LISTS_MAX`]. At fault: the trader.
    #[error("there are {0} already")]
    Full(usize),
    /// At fault: the trader.
    #[error("another list of dealers has that name")]
    Taken,
    /// It was deleted or renamed meanwhile.
    #[error("no list of dealers has that name")]
    NoList,
}

impl TicketStore {
    /// Opens the file of an identity.
    pub(crate) fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (log, recovered) = match SealedLog::open(path, key) {
            Err(e) if e.is_damage() => {
                let (salvaged, _) = SealedLog::salvage(path, key)?;
                let kept = salvaged.kept_aside.display();
                tracing::error!(error = %e, kept_aside = %kept, "the file of tickets was damaged");
                SealedLog::open(path, key)?
            }
            opened => opened?,
        };
        let mut store = Self::default();
        for record in &recovered.records {
            match serde_json::from_slice(record) {
                Ok(line) => store.take(line),
                Err(e) => tracing::warn!(error = %e, "a kept ticket cannot be read"),
            }
        }
        store.records = recovered.records.len();
        store.log = Some(log);
        store.tidy();
        Ok(store)
    }

    /// What the page shows.
    pub(crate) fn view(&self) -> KeptTickets {
        KeptTickets {
            draft: self.draft.clone(),
            templates: self.templates.values().cloned().collect(),
            asked: self.asked.iter().rev().take(ASKED_SHOWN).cloned().collect(),
        }
    }

    /// The form of a request that this desk sent.
    pub(crate) fn form(&self, rfq: &str) -> Option<&TicketForm> {
        self.asked.iter().rev().find(|a| a.rfq_id == rfq).map(|a| &a.form)
    }

    /// The requests that are kept, newest first.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &AskedView> {
        self.asked.iter().rev()
    }

    pub(crate) fn is_favourite(&self, dealer: &str) -> bool {
        self.favourites.contains(dealer)
    }

    /// Keeps the ticket as it is now; `None` when there is nothing in it.
    pub(crate) fn keep_draft(&mut self, draft: Option<TicketForm>) -> Result<(), NotKept> {
        if self.draft == draft {
            return Ok(());
        }
        self.write(Line::Draft(draft.as_ref().map(Form::of)), false)
    }

    /// Keeps a template; one of the same name is replaced.
    pub(crate) fn keep_template(&mut self, t: &TemplateView) -> Result<(), NotKept> {
        let known = self.templates.contains_key(&t.name.to_lowercase());
        if !known && self.templates.len() >= TEMPLATES_MAX {
            return Err(NotKept::Full(TEMPLATES_MAX));
        }
        self.write(Line::Template { name: t.name.clone(), form: Form::of(&t.form) }, true)
    }

    pub(crate) fn drop_template(&mut self, name: &str) -> Result<(), NotKept> {
        self.write(Line::Dropped { name: name.into() }, true)
    }

    pub(crate) fn favour(&mut self, dealer: &str, on: bool) -> Result<(), NotKept> {
        if on == self.is_favourite(dealer) {
            return Ok(());
        }
        if on && self.favourites.len() >= FAVOURITES_MAX {
            return Err(NotKept::Full(FAVOURITES_MAX));
        }
        self.write(Line::Favourite { dealer: dealer.into(), on }, true)
    }

    /// The lists of dealers are those of this venue from now on.
    pub(crate) fn at_venue(&mut self, name: &str) {
        self.venue = name.to_owned();
    }

    /// The lists of dealers of the venue, by name.
    pub(crate) fn dealer_lists(&self) -> impl Iterator<Item = &DealerList> {
        self.lists.iter().filter(|((venue, _), _)| *venue == self.venue).map(|(_, list)| list)
    }

    fn has_list(&self, name: &str) -> bool {
        self.lists.contains_key(&list_key(&self.venue, name))
    }

    /// Keeps a list of dealers; one of the same name is replaced.
    pub(crate) fn keep_dealer_list(&mut self, list: &DealerList) -> Result<(), NotKept> {
        if !self.has_list(&list.name) && self.dealer_lists().count() >= LISTS_MAX {
            return Err(NotKept::Full(LISTS_MAX));
        }
        self.write(Line::dealer_list(&self.venue, list), true)
    }

    pub(crate) fn rename_dealer_list(&mut self, name: &str, to: &str) -> Result<(), NotKept> {
        if !self.has_list(name) {
            return Err(NotKept::NoList);
        }
        if self.has_list(to) && list_key("", name) != list_key("", to) {
            return Err(NotKept::Taken);
        }
        let venue = self.venue.clone();
        self.write(Line::DealerListRenamed { venue, name: name.into(), to: to.into() }, true)
    }

    pub(crate) fn drop_dealer_list(&mut self, name: &str) -> Result<(), NotKept> {
        let venue = self.venue.clone();
        self.write(Line::DealerListDropped { venue, name: name.into() }, true)
    }

    /// Keeps a request that was sent. It counts for this run even if the disk refuses it.
    pub(crate) fn keep_asked(&mut self, asked: &AskedView) -> Result<(), NotKept> {
        let line = |asked: &AskedView| Line::Asked {
            rfq: asked.rfq_id.clone(),
            at_ms: asked.at_ms,
            form: Form::of(&asked.form),
        };
        self.write(line(asked), true).inspect_err(|_| remember(&mut self.asked, asked.clone()))
    }

    fn write(&mut self, line: Line, sync: bool) -> Result<(), NotKept> {
        if let Some(log) = &mut self.log {
            log.append(&line.to_bytes())?;
            if sync {
                log.sync()?;
            }
            self.records += 1;
        }
        self.take(line);
        self.tidy();
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Draft(form) => self.draft = form.map(Form::into_view),
            Line::Template { name, form } => {
                let key = name.to_lowercase();
                self.templates.insert(key, TemplateView { name, form: form.into_view() });
            }
            Line::Dropped { name } => drop(self.templates.remove(&name.to_lowercase())),
            Line::Favourite { dealer, on: true } => drop(self.favourites.insert(dealer)),
            Line::Favourite { dealer, on: false } => drop(self.favourites.remove(&dealer)),
            Line::DealerList { venue, name, dealers } => {
                let dealers = dealers.into_iter().map(ListedDealer::into_listed).collect();
                self.lists.insert(list_key(&venue, &name), DealerList { name, dealers });
            }
            Line::DealerListRenamed { venue, name, to } => {
                if let Some(list) = self.lists.remove(&list_key(&venue, &name)) {
                    self.lists.insert(list_key(&venue, &to), DealerList { name: to, ..list });
                }
            }
            Line::DealerListDropped { venue, name } => {
                drop(self.lists.remove(&list_key(&venue, &name)));
            }
            Line::Asked { rfq, at_ms, form } => {
                let form = form.into_view();
                remember(&mut self.asked, AskedView { rfq_id: rfq, at_ms, form });
            }
        }
    }

    /// Writes a long file again. Where the disk refuses that, everything is kept all the same.
    fn tidy(&mut self) {
        if self.records <= TIDY_ABOVE {
            return;
        }
        let draft = self.draft.iter().map(|d| Line::Draft(Some(Form::of(d))));
        let templates = self.templates.values();
        let templates =
            templates.map(|t| Line::Template { name: t.name.clone(), form: Form::of(&t.form) });
        let favourites = self.favourites.iter();
        let favourites = favourites.map(|d| Line::Favourite { dealer: d.clone(), on: true });
        let asked = self.asked.iter().map(|a| Line::Asked {
            rfq: a.rfq_id.clone(),
            at_ms: a.at_ms,
            form: Form::of(&a.form),
        });
        let lists = self.lists.iter().map(|((venue, _), list)| Line::dealer_list(venue, list));
        let all = draft.chain(templates).chain(favourites).chain(lists).chain(asked);
        let all: Vec<Vec<u8>> = all.map(|l| l.to_bytes()).collect();
        let Some(log) = &mut self.log else { return };
        match log.rewrite(all.iter().map(Vec::as_slice)) {
            Ok(()) => self.records = all.len(),
            Err(e) => tracing::warn!(error = %e, "the file of tickets cannot be made shorter"),
        }
    }
}

/// Names of lists are the same whatever their letters' case.
fn list_key(venue: &str, name: &str) -> (String, String) {
    (venue.to_owned(), name.to_lowercase())
}

fn remember(asked: &mut VecDeque<AskedView>, one: AskedView) {
    if asked.len() >= ASKED_MAX {
        asked.pop_front();
    }
    asked.push_back(one);
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
