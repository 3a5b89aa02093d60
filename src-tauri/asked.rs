//! What the page is asked from outside it: by the tray, and by links that other programs pass on.
//! It waits here until the page takes it, so that a page that is not there yet misses nothing.

use crate::Shell;
use signet_desk_core::view::{PageAsk, Problem};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tauri::State;

/// What waits at most, the latest; older is dropped, for nobody saw it.
const WAITING_MAX: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<VecDeque<PageAsk>>);

impl Waiting {
    pub(crate) fn put(&self, mut asked: PageAsk) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The same kind again replaces what waits: only the latest offer counts.
        let kind = std::mem::discriminant(&asked);
        let waited = all.len();
        all.retain(|one| std::mem::discriminant(one) != kind);
        if let PageAsk::Offer { replaced, .. } = &mut asked {
            *replaced |= all.len() < waited;
        }
        if all.len() >= WAITING_MAX {
            all.pop_front();
        }
        all.push_back(asked);
    }

    pub(crate) fn take(&self) -> Vec<PageAsk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

/// What is asked of the page since it asked last.
#[tauri::command(async)]
#[specta::specta]
pub fn take_asked(shell: State<'_, Shell>) -> Result<Vec<PageAsk>, Problem> {
    Ok(shell.asked())
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_desk_core::view::TicketOffer;

    fn offer(instrument: String, replaced: bool) -> PageAsk {
        PageAsk::Offer { offer: TicketOffer { instrument, ask: None, quantity: None }, replaced }
    }

    #[test]
    fn a_flood_of_offers_leaves_the_latest_and_nothing_is_told_twice() {
        let waiting = Waiting::default();
        waiting.put(PageAsk::Disconnect);
        for n in 0..10_000 {
            waiting.put(offer(n.to_string(), false));
        }
        assert_eq!(waiting.take(), [PageAsk::Disconnect, offer("9999".into(), true)]);
        assert!(waiting.take().is_empty());
        waiting.put(offer("1".into(), false));
        assert_eq!(waiting.take(), [offer("1".into(), false)], "the page had the one before");
    }
}
