//! The list of requests as the window uses it.

use super::Desk;
use crate::{
    book::lock,
    laptop_clock::laptop_now,
    list::{self, Meaning, Pasted},
    view::{HiddenRows, ListIntent, ListPage, ListPasted, Problem},
};
use signet_rfq::Catalogue;
use std::sync::Arc;

impl Desk {
    /// Adds the rows of a pasted text to the list.
    pub fn list_paste(&self, text: &str) -> Result<ListPasted, Problem> {
        self.list_add(list::paste(text)?)
    }

    /// Adds the rows of a workbook (.xlsx) to the list; `file` in base64. If rows of it are hidden,
    /// nothing is added before `hidden` says what becomes of them.
    pub fn list_workbook(
        &self,
        file: &str,
        hidden: Option<HiddenRows>,
    ) -> Result<ListPasted, Problem> {
        self.list_add(list::paste_workbook(&list::from_base64(file)?, hidden)?)
    }

    fn list_add(&self, pasted: Pasted) -> Result<ListPasted, Problem> {
        let catalogue = lock(&self.book).catalogue();
        let meaning = |cell: &str| self.meaning(&catalogue, cell);
        // Asked before the book is locked, so that no quote waits for it.
        let named: Vec<Meaning> = pasted.rows.iter().map(|c| meaning(&c.instrument)).collect();
        lock(&self.book).list_paste(pasted, named, laptop_now())
    }

    /// Does what the trader wants of the list.
    pub fn list_act(&self, intent: &ListIntent) -> Result<(), Problem> {
        let catalogue = lock(&self.book).catalogue();
        let meaning = |cell: &str| self.meaning(&catalogue, cell);
        // The index is made now, and not while the book is locked.
        meaning("");
        lock(&self.book).list_act(intent, meaning, laptop_now())
    }

    fn meaning(&self, catalogue: &Arc<Catalogue>, cell: &str) -> Meaning {
        match self.finder.meant(catalogue.clone(), cell) {
            Ok(id) => Meaning::One(id),
            Err(0) => Meaning::Nothing,
            Err(several) => Meaning::Several(several),
        }
    }

    /// A window of the rows, and what is to be confirmed.
    pub fn list_page(&self, offset: u32, limit: u32) -> ListPage {
        lock(&self.book).list_page(offset, limit)
    }

    /// Shows what would be taken at once. Nothing is sent.
    pub fn list_take(&self) -> Result<(), Problem> {
        lock(&self.book).list_take(laptop_now())
    }

    /// Takes what is shown, one accept after the other.
    pub fn list_confirm(&self) -> Result<(), Problem> {
        lock(&self.book).list_confirm(laptop_now())
    }
}
