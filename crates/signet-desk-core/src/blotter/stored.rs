//! The format of blotter records in the file, with its versions.
//!
//! | version | form |
//! | --- | --- |
//! | 1 | `{"tab", "row": {..}}` with the page's camel-case names and no `v`; read only |
//! | 2 | one flat object with `"v": 2`; a member that a later Signet adds has a default |
//!
//! To add a member, add it here with `#[serde(default)]` and to both conversions. To change one,
//! add a version, and keep reading every earlier one.

use crate::view::{BlotterRow, BlotterTab};
use serde::{Deserialize, Serialize};
use signet_journal::MAX_RECORD_LEN;
use signet_rfq::Known;

const VERSION: u32 = 2;

/// A record, as far as this version can read it.
pub(super) enum Read {
    Row(Box<StoredRow>),
    /// Written by a later version.
    Newer,
    Unreadable(serde_json::Error),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tab {
    Rfqs,
    Trades,
    Attention,
}

/// Version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredRow {
    v: u32,
    tab: Tab,
    id: String,
    rfq_id: String,
    at_ms: f64,
    symbol: String,
    instrument: String,
    side: String,
    quantity: String,
    currency: String,
    price: Option<String>,
    dealer: String,
    status: String,
    cover: Option<String>,
    settlement_date: String,
    exec_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_quantity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quoted: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    better: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    attended: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dealer_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    executions: Option<Vec<Known>>,
}

fn is_false(b: &bool) -> bool {
    !*b
}

/// Version 1.
#[derive(Deserialize)]
struct Version1 {
    tab: Tab,
    row: Version1Row,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version1Row {
    id: String,
    rfq_id: String,
    at_ms: f64,
    symbol: String,
    instrument: String,
    side: String,
    quantity: String,
    currency: String,
    price: Option<String>,
    dealer: String,
    status: String,
    cover: Option<String>,
    settlement_date: String,
    exec_id: Option<String>,
}

#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "version_1")]
    v: u32,
}

fn version_1() -> u32 {
    1
}

pub(super) fn read(record: &[u8]) -> Read {
    let row = match serde_json::from_slice(record) {
        Ok(Versioned { v: 1 }) => serde_json::from_slice(record).map(StoredRow::from_version_1),
        Ok(Versioned { v: VERSION }) => serde_json::from_slice(record),
        Ok(_) => return Read::Newer,
        Err(e) => Err(e),
    };
    row.map_or_else(Read::Unreadable, |row| Read::Row(Box::new(row)))
}

impl StoredRow {
    pub(super) fn of(tab: BlotterTab, r: &BlotterRow) -> Self {
        // Every member is named, so that a new one does not compile until it is stored.
        let BlotterRow {
            id,
            rfq_id,
            at_ms,
            symbol,
            instrument,
            side,
            quantity,
            min_quantity,
            quoted,
            currency,
            price,
            dealer,
            status,
            cover,
            settlement_date,
            exec_id,
            better,
            reason,
            text,
            attended,
            accepted,
            dealer_id,
            executions,
        } = r.clone();
        let tab = match tab {
            BlotterTab::Rfqs => Tab::Rfqs,
            BlotterTab::Trades => Tab::Trades,
            BlotterTab::Attention => Tab::Attention,
        };
        Self {
            v: VERSION,
            tab,
            id,
            rfq_id,
            at_ms,
            symbol,
            instrument,
            side,
            quantity,
            min_quantity,
            quoted,
            currency,
            price,
            dealer,
            status,
            cover,
            settlement_date,
            exec_id,
            better,
            reason,
            text,
            attended,
            accepted,
            dealer_id,
            executions,
        }
    }

    fn from_version_1(old: Version1) -> Self {
        let r = old.row;
        Self {
            v: VERSION,
            tab: old.tab,
            id: r.id,
            rfq_id: r.rfq_id,
            at_ms: r.at_ms,
            symbol: r.symbol,
            instrument: r.instrument,
            side: r.side,
            quantity: r.quantity,
            currency: r.currency,
            price: r.price,
            dealer: r.dealer,
            status: r.status,
            cover: r.cover,
            settlement_date: r.settlement_date,
            exec_id: r.exec_id,
            min_quantity: None,
            quoted: None,
            better: None,
            reason: None,
            text: None,
            attended: false,
            accepted: None,
            dealer_id: None,
            executions: None,
        }
    }

    pub(super) fn tab(&self) -> BlotterTab {
        match self.tab {
            Tab::Rfqs => BlotterTab::Rfqs,
            Tab::Trades => BlotterTab::Trades,
            Tab::Attention => BlotterTab::Attention,
        }
    }

    pub(super) fn into_row(self) -> BlotterRow {
        BlotterRow {
            id: self.id,
            rfq_id: self.rfq_id,
            at_ms: self.at_ms,
            symbol: self.symbol,
            instrument: self.instrument,
            side: self.side,
            quantity: self.quantity,
            min_quantity: self.min_quantity,
            quoted: self.quoted,
            currency: self.currency,
            price: self.price,
            dealer: self.dealer,
            status: self.status,
            cover: self.cover,
            settlement_date: self.settlement_date,
            exec_id: self.exec_id,
            better: self.better,
            reason: self.reason,
            text: self.text,
            attended: self.attended,
            accepted: self.accepted,
            dealer_id: self.dealer_id,
            executions: self.executions,
        }
    }

    /// The record, which is never longer than the file takes: a dealer may correct a package with
    /// many legs many times.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        let bytes = self.written();
        let excess = bytes.len().saturating_sub(MAX_RECORD_LEN);
        if excess == 0 {
            return bytes;
        }
        self.leave_out_legs(excess);
        self.written()
    }

    fn written(&self) -> Vec<u8> {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Leaves so many bytes of legs out: first those of executions that were busted or corrected,
    /// and the older first. Every ExecID stays with its price and quantity, so that a report which
    /// comes again after a restart is known.
    fn leave_out_legs(&mut self, mut excess: usize) {
        let all = self.executions.as_deref_mut().unwrap_or_default();
        for stands in [false, true] {
            for known in all.iter_mut().filter(|k| k.stands == stands) {
                if excess == 0 {
                    return;
                }
                let legs = std::mem::take(&mut known.legs);
                let length = serde_json::to_vec(&legs).map_or(0, |written| written.len());
                excess = excess.saturating_sub(length);
            }
        }
    }
}
