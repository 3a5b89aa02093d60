use super::*;
use crate::{
    export::{Selection, Source, export},
    record::Moment,
    tests::{FAR, RFQ, T0, Written, quote, request},
};
use proptest::prelude::*;

fn faults(text: &str) -> Vec<(Place, &'static str)> {
    verify(text).faults.into_iter().map(|f| (f.place, f.code)).collect()
}

#[test]
fn a_whole_export_and_a_part_of_it_verify() {
    let w = Written::traded();
    let v = verify(&w.export(&Selection::default()));
    assert_eq!(v.faults, []);
    assert_eq!((v.desk.as_str(), v.size, v.left_out, v.first), ("TRADER1", 12, 0, 0));
    assert_eq!((v.root, v.records.len()), (w.chain.root(), 12));
    // The request, the state, the accept and the trade; the quote is not signed.
    assert_eq!(v.messages, 4);
    assert_eq!(v.certified.len(), 1);
    assert_eq!(v.certified[0].holder, "desk TRADER1");

    for (wanted, whole) in [
        (Selection { rfq: Some(RFQ.into()), ..Selection::default() }, 12),
        (Selection { rfq: Some("R2".into()), ..Selection::default() }, 6),
        (Selection { from_ms: Some(T0 + 200), ..Selection::default() }, 7),
        (Selection { to_ms: Some(T0 + 200), ..Selection::default() }, 10),
    ] {
        let v = verify(&w.export(&wanted));
        assert_eq!(v.faults, [], "{wanted:?}");
        assert_eq!((v.records.len() as u64, v.size), (whole, 12), "{wanted:?}");
        assert_eq!(v.left_out, 12 - whole, "{wanted:?}");
    }
}

#[test]
fn a_note_goes_along_with_its_rfq_only() {
    let mut w = Written::traded();
    let note = What::Note { rfq: RFQ.into(), text: "for the pension fund".into() };
    w.add(T0 + 70_000, note.clone());
    for (rfq, there) in [(RFQ, true), ("R2", false)] {
        let wanted = Selection { rfq: Some(rfq.into()), ..Selection::default() };
        let v = verify(&w.export(&wanted));
        assert_eq!(v.faults, []);
        assert_eq!(v.records.iter().any(|r| r.what == note), there, "{rfq}");
    }
}

#[test]
fn what_cannot_be_an_export_is_said_and_nothing_panics() {
    let whole = Written::traded().export(&Selection::default());
    for (text, code) in [
        (String::new(), "record.missing"),
        ("another file\n".into(), "export.foreign"),
        (whole.replace("\nkey ", "\nkeys "), "export.line"),
        (whole.replace("\ncheckpoint ", "\ncheckpoint x"), "checkpoint.unusable"),
        (whole.replace("\nbase ", "\nbase A"), "export.base"),
        (format!("{whole}r 12 x y\n"), "export.line"),
        (whole.replace("\nend 12", "\nend 11"), "record.missing"),
        (whole.replace("\nr 4 ", "\nr 99999999999999999999 "), "export.line"),
        (whole.replace("\nr 4 ", "\nr 18446744073709551615 "), "record.missing"),
    ] {
        assert!(faults(&text).iter().any(|(_, c)| *c == code), "{code}: {:?}", faults(&text));
    }
    let (half, _) = whole.split_at(whole.len() / 2);
    assert!(!faults(half).is_empty());
}

/// Somebody who has the key of the history, but not the desk's own key, signs a history.
#[test]
fn a_key_that_the_desk_did_not_certify_is_found() {
    let mut w = Written::traded();
    let other =
        signet_tlog::note::SignerKey::new("TRADER1/history", &zeroize::Zeroizing::new([8; 32]));
    w.key = other.unwrap();
    let found = faults(&w.export(&Selection::default()));
    assert_eq!(found, [(Place::Record(1), "key.uncertified"), (Place::File, "key.uncertified")]);
}

/// The owner of the laptop writes a message into the history that its peer never signed.
#[test]
fn a_message_that_nobody_signed_is_found_though_chain_and_root_fit() {
    let mut w = Written::new();
    w.sends(T0, &request(5_000_000));
    let mut frame = crate::tests::ENDS.gateway.signs(&crate::tests::trade("E9", "1", false));
    let at = frame.windows(4).position(|b| b == b"31=1").unwrap();
    frame[at + 3] = b'2';
    let what = crate::observe(crate::Seen::Received { frame: &frame, signed: true });
    w.add(T0 + 1, what.unwrap());
    assert_eq!(faults(&w.export(&Selection::default())), [(Place::Record(5), "message.signature")]);
}

/// Whoever has kept a checkpoint finds a history that was written again, with all its keys.
#[test]
fn table_of_earlier_checkpoints() {
    let whole = Written::traded();
    let of_size = |size: usize| {
        let mut w = Written::new();
        w.records = whole.records[..size].to_vec();
        w.chain = Chain::default();
        w.records.iter().for_each(|r| w.chain.push(r));
        w.note()
    };
    let mut again = Written::new();
    again.sends(T0, &request(1_000_000));
    let other_key = {
        let mut w = Written::traded();
        let key = signet_tlog::note::SignerKey::new("TRADER1/history", &[8; 32].into());
        w.key = key.unwrap();
        w.note()
    };
    let mut base = Chain::default();
    whole.records[..6].iter().for_each(|r| base.push(r));
    let (note, key) = (whole.note(), whole.key.verifier());
    let s = Source { key, checkpoint: &note, base, records: &whole.records[6..] };
    let later = export(&s, &Selection::default()).unwrap();
    let export = whole.export(&Selection::default());
    let part = whole.export(&Selection { rfq: Some("R2".into()), ..Selection::default() });
    let mut longer = Written::traded();
    longer.add(T0 + 70_000, What::Stopped);
    for (name, text, earlier, good) in [
        ("now", &export, whole.note(), true),
        ("of a part", &part, of_size(7), true),
        ("in the middle", &export, of_size(7), true),
        ("the first", &export, of_size(1), true),
        ("rewritten", &export, again.note(), false),
        ("cut", &export, longer.note(), false),
        ("another key", &export, other_key, false),
        ("nothing", &export, String::new(), false),
        ("begins there", &later, of_size(6), true),
        ("begins later", &later, of_size(5), false),
    ] {
        let v = verify_since(text, Some(&earlier));
        let found = v.faults.iter().any(|f| f.code == "history.rewritten");
        assert_eq!(!found, good, "{name}: {:?}", v.faults);
        // What nobody vouches for may lack its end, and that is said.
        let size: Option<u64> = earlier.lines().nth(1).and_then(|n| n.parse().ok());
        assert_eq!(v.vouched, size.filter(|_| good), "{name}");
        let over = size.filter(|_| good).map(|n| format!("over the first {n} of {} rec", v.size));
        let words = v.end_in_words();
        assert!(words.contains(over.as_deref().unwrap_or("Without")), "{name}: {words}");
        assert!(words.ends_with("would not be seen."), "{name}: {words}");
    }
}

/// A desk that removed old records says so; records that are missing without a word are named.
#[test]
fn removed_records_need_a_record_that_says_so() {
    let whole = Written::traded();
    let export_from = |w: &Written, first: usize| {
        let mut base = Chain::default();
        w.records[..first].iter().for_each(|r| base.push(r));
        let (note, key) = (w.note(), w.key.verifier());
        let s = Source { key, checkpoint: &note, base, records: &w.records[first..] };
        export(&s, &Selection::default()).unwrap()
    };
    let found = faults(&export_from(&whole, 1));
    assert!(found.contains(&(Place::File, "record.missing")), "{found:?}");
    for (before, root, good) in
        [(1, true, true), (1, false, false), (2, true, true), (0, true, false)]
    {
        let mut w = Written::traded();
        let mut base = Chain::default();
        w.records[..before].iter().for_each(|r| base.push(r));
        let root = crate::encode(if root { base.root() } else { [9; 32] });
        w.add(T0 + 600, What::Removed { before: before as u64, root, keep_days: 1 });
        let found = faults(&export_from(&w, 1));
        assert_eq!(found.is_empty(), good, "{before} {found:?}");
    }
}

/// Every record of the text, with its line's number.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// A forger who makes everything fit in the lines that are changed, and cannot sign.
fn forged(n: usize, text: &str) -> String {
    let mut all = lines(text);
    let i = all.iter().position(|l| l.starts_with(&format!("r {n} "))).unwrap();
    let record = decode(all[i].rsplit(' ').next().unwrap()).unwrap();
    let record = String::from_utf8(record).unwrap();
    let run = format!("\"run_us\":{n},");
    let record = record.replace(&run, "\"run_us\":77,").into_bytes();
    all[i] = format!("r {n} {} {}", crate::encode(leaf_hash(&record)), crate::encode(&record));
    all.join("\n") + "\n"
}

#[test]
fn a_record_whose_hash_was_made_again_is_named_by_the_next_one_or_by_the_root() {
    let w = Written::traded();
    let whole = w.export(&Selection::default());
    for n in 0..12 {
        let found = faults(&forged(n, &whole));
        let here = Place::Record(n as u64);
        assert!(found.iter().any(|(p, _)| *p == here), "{n}: {found:?}");
        assert!(found.iter().any(|(_, c)| *c == "checkpoint.root"), "{n}: {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is done to a record of an export: it is found, and the record is named.
    #[test]
    fn any_changed_removed_moved_or_doubled_record_is_found_and_named(
        n in 0usize..12, other in 0usize..12, how in 0usize..5, at in any::<prop::sample::Index>(),
        bit in 0u8..6,
    ) {
        let whole = WHOLE.as_str();
        let mut all = lines(whole);
        let line = |n: usize| all.iter().position(|l| l.starts_with(&format!("r {n} "))).unwrap();
        let (i, j) = (line(n), line(other));
        let named = match how {
            // One character of the record or of its hash becomes another of base64.
            0 => {
                let mut bytes = all[i].clone().into_bytes();
                let from = format!("r {n} ").len();
                let at = from + at.index(bytes.len() - from);
                let old = bytes[at];
                bytes[at] = b"AbC9+/"[usize::from(bit)];
                prop_assume!(old != bytes[at] && old != b' ');
                all[i] = String::from_utf8(bytes).unwrap();
                vec![n]
            }
            1 => { all.remove(i); vec![n] }
            2 => { prop_assume!(n != other); all.swap(i, j); vec![n, other] }
            // Moved with the number of the place where it stands now.
            3 => {
                prop_assume!(n != other);
                let rest = all[j].splitn(3, ' ').nth(2).unwrap().to_owned();
                all[i] = format!("r {n} {rest}");
                vec![n]
            }
            _ => { let copy = all[i].clone(); all.insert(i, copy); vec![n] }
        };
        let found = faults(&(all.join("\n") + "\n"));
        prop_assert!(!found.is_empty());
        prop_assert!(
            named.iter().any(|n| found.iter().any(|(p, _)| *p == Place::Record(*n as u64))
                || found.iter().any(|(p, _)| matches!(p, Place::Line(l) if *l as usize == i + 1))),
            "{named:?} {found:?}"
        );
    }

    #[test]
    fn no_text_makes_it_panic(text in "(signet-desk-history 1\n)?((key|checkpoint|base|h|r|end) [ -~]{0,40}\n){0,8}") {
        let _ = verify(&text);
    }
}

static WHOLE: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| Written::traded().export(&Selection::default()));

#[test]
fn a_cut_end_is_found_even_when_the_end_line_is_made_to_fit() {
    let mut all = lines(&WHOLE);
    let last = all.iter().position(|l| l.starts_with("r 11 ")).unwrap();
    all.truncate(last);
    all.push("end 11".into());
    let found = faults(&(all.join("\n") + "\n"));
    assert_eq!(found, [(Place::Record(11), "record.missing")]);
}

#[test]
fn records_that_are_added_are_covered_by_no_checkpoint() {
    let mut w = Written::traded();
    let note = w.note();
    let late = w.chain.next(Moment::default(), What::Down);
    w.chain.push(&late);
    w.records.push(late);
    let s = Source {
        key: w.key.verifier(),
        checkpoint: &note,
        base: Chain::default(),
        records: &w.records,
    };
    let found = faults(&export(&s, &Selection::default()).unwrap());
    assert_eq!(found, [(Place::Record(12), "record.added")]);
}

#[test]
fn an_account_has_what_was_said_and_when_the_desk_was_connected() {
    let mut w = Written::traded();
    w.hears(T0 + 700, &quote("Q2", "99", FAR, false));
    let a = w.account();
    assert_eq!(a.online, [(T0 - 5_000, T0 + 60_000)]);
    let signed: Vec<bool> = a.facts.iter().map(|f| f.signer.is_some()).collect();
    assert_eq!(signed, [true, true, false, true, true, false]);
    assert!(a.facts.iter().all(|f| f.rfq == RFQ));
}

fn started() -> What {
    What::Started { desk: "TRADER1".into(), version: "1".into(), torn_bytes: 0 }
}

fn ends(w: &Written) -> Vec<(i64, i64)> {
    w.account().torn.iter().map(|t| (t.from_ms, t.to_ms)).collect()
}

/// A desk that starts has not measured the venue's clock yet, and whoever has the laptop sets its
/// clock.
#[test]
fn an_end_without_a_word_is_told_by_measured_clocks_only() {
    const DAY: i64 = 86_400_000;
    for ahead in [600_000, -600_000, 0] {
        for wall in [T0 + 5_000, T0 - DAY, T0 + 365 * DAY] {
            // When the next run first has the venue's clock, and until when the end explains.
            for (measured, to) in
                [(None, T0 + 100), (Some(T0 + 7_000), T0 + 7_000), (Some(T0 + 40), T0 + 100)]
            {
                let mut w = Written::new();
                w.add_by(T0 + 100 + ahead, Some(-ahead), What::Down);
                w.add_by(wall, None, started());
                w.add_by(wall + 1, None, What::Down);
                if let Some(at) = measured {
                    let offset = at - (wall + 2);
                    w.add_by(wall + 2, Some(offset), What::Down);
                    w.add_by(wall + 9_000, Some(offset), What::Down);
                }
                assert_eq!(ends(&w), [(T0 + 100, to)], "{ahead} {wall} {measured:?}");
            }
        }
    }
    // A run that never had it says nothing of when it ended.
    let mut w = Written::new();
    w.add(T0 + 100, What::Down);
    w.add_by(T0 - DAY, None, started());
    w.add_by(T0 - DAY + 1, None, What::Down);
    w.add_by(T0 + 5_000, None, started());
    w.add(T0 + 6_000, What::Down);
    assert_eq!(ends(&w), [(T0 + 100, T0 + 100), (T0 + 100, T0 + 6_000)]);
    // The first run that measures says it of what was before as well.
    let mut w = Written::new();
    w.records.clear();
    w.chain = Chain::default();
    w.add_by(T0 + 600_000, None, started());
    w.add_by(T0 + 600_100, None, started());
    w.add_by(T0 + 600_200, Some(-600_000), What::Down);
    let records = w.records.iter().map(|r| Record::read(r).unwrap()).collect();
    let account = account_of(&Verified { records, ..Verified::default() });
    let torn: Vec<_> = account.torn.iter().map(|t| (t.from_ms, t.to_ms)).collect();
    assert_eq!(torn, [(T0, T0 + 200)]);
}

/// The desk's own clock orders what one run sent. Somebody may have set it right before the next.
#[test]
fn what_an_earlier_run_sent_is_told_by_the_gateways_clock() {
    let frame = |second: u32| {
        let text = format!("35=R|52=20261118-12:00:{second}.000|131=R1|").replace('|', "\u{1}");
        signet_fix::tagvalue::seal("FIX.4.4", text.as_bytes())
    };
    // Another run between; what is missing by the gateway's clock; whether it had been written.
    for (again, missing_ms, after) in [
        (false, T0 + 2_000, true),
        (true, T0 + 2_000, false),
        (false, T0 - 1, true),
        (true, T0 - 1, true),
    ] {
        let mut w = Written::new();
        w.add(T0, What::Sent { msg: "R".into(), frame: crate::encode(frame(50)) });
        if again {
            w.add(T0 + 100, What::Stopped);
            w.add(T0 + 1_000, started());
        }
        w.add(T0 + 9_000, started());
        let records = w.records.iter().map(|r| Record::read(r).unwrap()).collect();
        let account = account_of(&Verified { records, ..Verified::default() });
        let last = account.torn.last().and_then(|t| t.sent).unwrap();
        let missing = SentAt::of(missing_ms, &frame(10));
        assert_eq!(last.is_after(&missing), after, "{again} {missing_ms}");
    }
}

/// How many records are lost may be written after the word of the end, and does not take it back.
#[test]
fn a_desk_that_told_of_its_end_has_no_end_without_a_word() {
    let mut w = Written::traded();
    w.add(T0 + 60_050, What::Lost { records: 2, from_ms: T0 + 60_000, to_ms: T0 + 60_050 });
    w.add(T0 + 90_000, started());
    assert_eq!(ends(&w), []);
    w.add(T0 + 95_000, started());
    assert_eq!(ends(&w), [(T0 + 90_000, T0 + 95_000)]);
}
