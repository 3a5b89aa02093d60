//! What the desk answers about its own records, after a day at a real gateway: the best-execution
//! page from the signed history, the reason for the choice, exports, and what was seen of dealers
//! in an earlier run.

use crate::support::{Screen, World};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_desk_core::view::*;
use signet_history::{Selection, What, verify};
use signet_practice::{TRADER, VENUE_NAME};
use std::{fs, process::Command};

const NORTH: &str = "NORTHBANK";
const EAST: &str = "HARBOUR";
const SOUTH: &str = "MERIDIAN";

/// Three dealers quoted; the trader took the second best.
fn traded(w: &World, s: &mut Screen) -> (String, String) {
    for (dealer, offer) in [(NORTH, "99.135"), (EAST, "99.145"), (SOUTH, "99.155")] {
        w.quotes(dealer, offer, 30_000);
    }
    let rfq = w.ask(Ask::Buy, &[NORTH, EAST, SOUTH], 60);
    w.until(s, "three quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == rfq && l.offer.is_some()).count() == 3
    });
    w.eventually("the clock is measured", || w.arm(s, &rfq, EAST, Side::Buy).is_ok());
    let armed = w.arm(s, &rfq, EAST, Side::Buy).unwrap();
    w.desk.accept(&rfq, &armed.id).unwrap();
    w.until(s, "a fill", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
    (rfq, armed.id)
}

fn trades() -> RowsQuery {
    RowsQuery {
        tab: BlotterTab::Trades,
        text: String::new(),
        filters: Vec::new(),
        from: None,
        to: None,
        zone: "Europe/London".into(),
        sort: Column::Time,
        descending: true,
        group: None,
        closed: Vec::new(),
        offset: 0,
        limit: 10,
    }
}

#[test]
fn a_choice_is_explained_on_a_page_that_the_signed_history_proves() {
    let (w, mut s) = World::connected();
    let (rfq, accept) = traded(&w, &mut s);
    let owes = |w: &World| {
        let lines = w.desk.rows(&trades()).unwrap().lines;
        matches!(&lines[0], RowsLine::Row { owes_reason: true, .. })
    };
    assert!(owes(&w));
    w.eventually("the history has it", || {
        w.desk
            .best_execution(&rfq)
            .is_ok_and(|p| p.accepts.first().is_some_and(|a| a.traded.is_some()))
    });
    let page = w.desk.best_execution(&rfq).unwrap();
    assert_eq!(page.owes_reason.as_deref(), Some(accept.as_str()));
    assert_eq!((page.desk.as_str(), page.venue.as_str()), (TRADER, VENUE_NAME));
    let asked: Vec<(&str, u32, bool)> =
        page.dealers.iter().map(|d| (d.dealer.as_str(), d.quotes, d.traded)).collect();
    assert_eq!(asked, [(NORTH, 1, false), (EAST, 1, true), (SOUTH, 1, false)]);
    let a = &page.accepts[0];
    assert!(!a.was_best && a.best.as_ref().is_some_and(|b| b.starts_with("99.135")), "{a:?}");
    assert_eq!((a.composite.as_deref(), a.slippage.as_deref()), (Some("99.145"), Some("none")));
    assert!(a.hold_ms.is_some_and(|ms| ms >= 0.0), "{a:?}");
    assert!(page.quotes.iter().all(|q| q.received_ms >= page.created_ms && q.record > 0.0));
    assert!(page.quotes.iter().all(|q| !q.repeated), "{:?}", page.quotes);

    w.desk.give_reason(&accept, "they settle with us").unwrap();
    assert!(!owes(&w));
    assert_eq!(w.desk.best_execution(&rfq).unwrap().owes_reason, None);
    let file = w.desk.best_execution_file(&rfq).unwrap();
    let html = String::from_utf8(file.bytes).unwrap();
    for part in ["they settle with us", "99.135", "99.155", &rfq, "99.145, none"] {
        assert!(html.contains(part), "{part}: {html}");
    }

    proved(&w, &rfq);

    // The reason is in the signed history, and goes along with its RFQ.
    w.runtime.block_on(w.desk.shut_down());
    let wanted = Selection { rfq: Some(rfq.clone()), ..Selection::default() };
    let config = w.practice.desk_config("test");
    let export =
        signet_desk_core::history_export(&config, w.keychain.as_ref(), TRADER, &wanted).unwrap();
    let v = verify(&export.text);
    assert_eq!(v.faults, []);
    let reason = What::Reason { rfq, accept, text: "they settle with us".into() };
    assert!(v.records.iter().any(|r| r.what == reason));
}

/// The archive convinces somebody who has OpenSSL and the gateway's authority, and a changed one
/// does not.
fn proved(w: &World, rfq: &str) {
    let file = w.desk.proof_file(rfq).unwrap();
    assert_eq!(file.ending, ".zip");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file.bytes)).unwrap();
    let folder = w.dir.path().join("proof");
    archive.extract(&folder).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["best-execution.html", "history.txt", "verify.sh", "READ-ME.txt"]);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let readme = read("READ-ME.txt");
    let key = readme.split("history.txt '").nth(1).unwrap().split('\'').next().unwrap();
    let keys = w.practice.gateway_config().tls.certificate.parent().unwrap().to_path_buf();
    let run = || {
        let mut sh = Command::new("sh");
        sh.args(["verify.sh", "history.txt", key]).arg(keys.join("gateways-ca.pem"));
        let out = sh.current_dir(&folder).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        (out.status.success(), text + &String::from_utf8_lossy(&out.stderr))
    };
    let (good, said) = run();
    assert!(good && said.contains("OK: history of "), "{said}");
    let report = said.lines().find(|l| l.contains("|35=8|")).expect(&said);
    assert!(report.contains("signed by the other end") && report.contains("99.145"), "{report}");
    // The price of the trade is another one: in the message, with everything that anybody could
    // compute again.
    let text = read("history.txt");
    let line = text.lines().find(|l| l.starts_with("r ") && executed(l)).expect("a report");
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let record = String::from_utf8(STANDARD.decode(&words[3]).unwrap()).unwrap();
    let frame = record.split("\"frame\":\"").nth(1).unwrap().split('"').next().unwrap();
    let lie = String::from_utf8(STANDARD.decode(frame).unwrap()).unwrap();
    let lie = STANDARD.encode(lie.replace("99.145", "99.135"));
    words[3] = STANDARD.encode(record.replace(frame, &lie));
    fs::write(folder.join("history.txt"), text.replace(line, &words.join(" "))).unwrap();
    let (good, said) = run();
    let number = &words[1];
    assert!(!good && said.contains(&format!("record {number}: was changed")), "{said}");
    assert!(!said.contains(&format!("Record {number},")), "shown as the other end's: {said}");
    fs::write(folder.join("history.txt"), text.replace(line, "")).unwrap();
    assert!(!run().0);
}

/// Whether a record's line has an ExecutionReport.
fn executed(line: &str) -> bool {
    let record = line.split(' ').nth(3).and_then(|r| STANDARD.decode(r).ok()).unwrap_or_default();
    String::from_utf8_lossy(&record).contains("\"msg\":\"8\"")
}

#[test]
fn rows_are_exported_and_dealers_are_remembered_over_a_restart() {
    let (w, mut s) = World::connected();
    traded(&w, &mut s);
    let columns = [Column::Dealer, Column::Price, Column::Quantity, Column::Status];
    let csv = w.desk.export_rows(&trades(), &columns, ExportFormat::Csv).unwrap();
    let text = String::from_utf8(csv.bytes).unwrap();
    assert!(text.ends_with(",99.145,5000000,\"Filled\"\r\n"), "{text}");
    assert_eq!((csv.rows, csv.ending), (1, ".csv"));
    let book = w.desk.export_rows(&trades(), &columns, ExportFormat::Excel).unwrap();
    assert!(book.bytes.starts_with(b"PK"));

    let seen = |w: &World| {
        let all = w.desk.dealer_insights();
        let of = |d: &str| all.iter().find(|i| i.dealer == d).cloned();
        of(EAST).map(|i| (i.asked, i.answered, i.hits, i.response_ms.is_some()))
    };
    assert_eq!(seen(&w), Some((1, 1, 1, true)));
    // Another identity, or the same again, begins with what the history says.
    w.runtime.block_on(w.desk.disconnect()).unwrap();
    w.until(&mut s, "offline", |s| s.link() == Some(LinkState::Offline));
    w.runtime.block_on(w.desk.connect(TRADER.into(), VENUE_NAME.into())).unwrap();
    w.until(&mut s, "online again", |s| s.link() == Some(LinkState::Online));
    w.eventually("the history was read", || seen(&w) == Some((1, 1, 1, true)));
}
