//! What the page asks to find an instrument.

use super::InstrumentView;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a typed text finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FoundInstruments {
    /// The instruments that hold every typed word, the likeliest first.
    pub hits: Vec<InstrumentView>,
    /// The instrument that the text means without a choice: by its id, or by a symbol that no other
    /// instrument has.
    pub meant: Option<InstrumentView>,
    /// How many instruments have the text as their symbol, if more than one has.
    pub several: u32,
}
