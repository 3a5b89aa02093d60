//! What this desk has seen of a dealer, in words beside its price.

use crate::{insight::DealerRecord, view::RecordView};
use signet_rfq::DealerId;

/// `None` for a dealer that was never asked.
pub(crate) fn words(dealer: &DealerId, r: &DealerRecord) -> Option<RecordView> {
    if r.asked == 0 {
        return None;
    }
    let accepts = r.hits.saturating_add(r.rejects);
    let mut short = Vec::new();
    let mut long =
        vec![format!("Seen by this desk: answered {} of {} requests", r.answered, r.asked)];
    // What decides between two prices comes first: a narrow panel shows the beginning only.
    if r.rejects > 0 {
        short.push(format!("{}/{accepts} refused", r.rejects));
    }
    if let Some(ms) = r.median_response_ms {
        long.push(format!("usually within {}", seconds(ms)));
    }
    if let Some(ms) = r.median_hold_ms {
        short.push(format!("holds {}", seconds(ms)));
        long.push(format!("usually holds an accept for {}", seconds(ms)));
    }
    short.extend(r.median_response_ms.map(|ms| format!("answers in {}", seconds(ms))));
    if accepts > 0 {
        long.push(format!("refused {} of {accepts} accepts", r.rejects));
    }
    if short.is_empty() {
        short.push(format!("answered {}/{}", r.answered, r.asked));
    }
    Some(RecordView {
        dealer: dealer.to_string(),
        text: short.join(" · "),
        title: format!("{}.", long.join("; ")),
    })
}

/// `0.4 s`, `12 s`.
fn seconds(ms: u32) -> String {
    if ms < 10_000 {
        let tenths = ms.div_ceil(100);
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} s", ms.div_ceil(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_said_shortly_beside_the_price_and_at_length_under_the_mouse() {
        let record = |asked, answered, response, hold, hits, rejects| DealerRecord {
            asked,
            answered,
            median_response_ms: response,
            median_hold_ms: hold,
            hits,
            rejects,
        };
        let north = DealerId::new("NORTH").unwrap();
        let said = |r: &DealerRecord| words(&north, r).map(|w| (w.text, w.title));
        for (r, text, title) in [
            (
                record(20, 18, Some(1_240), Some(310), 11, 1),
                "1/12 refused · holds 0.4 s · answers in 1.3 s",
                "Seen by this desk: answered 18 of 20 requests; usually within 1.3 s; usually \
                 holds an accept for 0.4 s; refused 1 of 12 accepts.",
            ),
            (
                record(3, 3, Some(12_001), None, 2, 0),
                "answers in 13 s",
                "Seen by this desk: answered 3 of 3 requests; usually within 13 s; refused 0 of 2 \
                 accepts.",
            ),
            (
                record(1, 0, None, None, 0, 0),
                "answered 0/1",
                "Seen by this desk: answered 0 of 1 requests.",
            ),
            (
                record(u32::MAX, u32::MAX, Some(u32::MAX), None, u32::MAX, u32::MAX),
                "4294967295/4294967295 refused · answers in 4294968 s",
                "Seen by this desk: answered 4294967295 of 4294967295 requests; usually within \
                 4294968 s; refused 4294967295 of 4294967295 accepts.",
            ),
        ] {
            assert_eq!(said(&r), Some((text.to_owned(), title.to_owned())));
        }
        assert_eq!(said(&DealerRecord::default()), None);
    }
}
