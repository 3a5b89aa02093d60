//! Sequence numbers that were lost, restored or counted twice: nobody is locked out by them, and
//! what numbers cannot agree on by themselves an operator can mend.

use crate::support::{
    Screen, World,
    raw::{DealerPlace, Raw},
};
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_gateway::{
    admin::{self, NewNumbers},
    config::ResetSchedule,
};
use signet_stepup::client::NoKeys;
use std::{fs, path::Path, sync::Arc};

const N: &str = "NORTHBANK";

/// The trader asks, is quoted and trades.
fn trade(w: &World, s: &mut Screen) {
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let armed = w.arm(s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(s, "filled", |s| s.rfq(&id).state == RfqState::Done);
}

/// The trader's other laptop, or the same one with another folder.
fn moves_to(w: &mut World, folder: &Path) -> Screen {
    w.runtime.block_on(w.desk.shut_down());
    let config = DeskConfig { data_dir: folder.into(), ..w.practice.desk_config("test") };
    w.desk = Desk::start(config, w.keychain.clone(), Arc::new(NoKeys)).unwrap();
    w.connect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_new_laptop_of_a_known_desk_logs_on_and_trades() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    trade(&w, &mut s);
    trade(&w, &mut s);
    let new = w.dir.path().join("new-laptop");
    let mut s = moves_to(&mut w, &new);
    trade(&w, &mut s);
    assert!(!s.notices.iter().any(|n| n.text.contains("sequence")), "{:?}", s.notices);
}

#[test]
fn two_laptops_of_one_trader_take_turns() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let laptops = [w.dir.path().join("office"), w.dir.path().join("home")];
    trade(&w, &mut s);
    for round in 0..6 {
        let mut s = moves_to(&mut w, &laptops[round % 2]);
        // One of them is used more, so that their numbers run apart.
        for _ in 0..=(round % 2) * 2 {
            trade(&w, &mut s);
        }
    }
}

#[test]
fn an_old_backup_of_the_desks_folder_logs_on_and_trades() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let (folder, backup) = (w.dir.path().join("laptop"), w.dir.path().join("backup"));
    trade(&w, &mut s);
    let mut s = moves_to(&mut w, &folder);
    trade(&w, &mut s);
    w.runtime.block_on(w.desk.shut_down());
    copy(&folder, &backup);
    let mut s = moves_to(&mut w, &folder);
    trade(&w, &mut s);
    trade(&w, &mut s);
    let mut s = moves_to(&mut w, &backup);
    trade(&w, &mut s);
}

#[test]
fn an_old_backup_of_the_gateways_sessions_with_desks_logs_on_and_trades() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    trade(&w, &mut s);
    w.practice.stop_gateway();
    let (folder, backup) = (w.dir.path().join("gateway/desks"), w.dir.path().join("backup"));
    copy(&folder, &backup);
    w.practice.restart_gateway().unwrap();
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
    w.eventually("dealers are back", || w.desk.reference().dealers.iter().all(|d| d.online));
    trade(&w, &mut s);
    trade(&w, &mut s);
    // The old numbers, and then none at all.
    for restore in [true, false] {
        w.practice.stop_gateway();
        w.until(&mut s, "the link noticed", |s| s.link() != Some(LinkState::Online));
        fs::remove_dir_all(&folder).unwrap();
        if restore {
            copy(&backup, &folder);
        }
        w.practice.restart_gateway().unwrap();
        w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
        w.eventually("dealers are back", || w.desk.reference().dealers.iter().all(|d| d.online));
        trade(&w, &mut s);
    }
}

#[test]
fn two_venues_with_one_comp_id_share_no_numbers() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    trade(&w, &mut s);
    let stores = || {
        let folder = w.dir.path().join("desk");
        let traders = fs::read_dir(folder).unwrap().flatten().filter(|e| e.path().is_dir());
        let files = traders.flat_map(|t| fs::read_dir(t.path()).unwrap().flatten());
        files.filter(|f| f.path().extension().is_some_and(|e| e == "fix")).count()
    };
    assert_eq!(stores(), 1);
    w.runtime.block_on(w.desk.shut_down());
    let mut config = w.practice.desk_config("test");
    config.venues[0].name = "The same gateway by another name".into();
    let other = config.venues[0].name.clone();
    w.desk = Desk::start(config, w.keychain.clone(), Arc::new(NoKeys)).unwrap();
    w.runtime.block_on(w.desk.connect(signet_practice::TRADER.into(), other)).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
    let stores = {
        let folder = w.dir.path().join("desk");
        let traders = fs::read_dir(folder).unwrap().flatten().filter(|e| e.path().is_dir());
        let files = traders.flat_map(|t| fs::read_dir(t.path()).unwrap().flatten());
        files.filter(|f| f.path().extension().is_some_and(|e| e == "fix")).count()
    };
    assert_eq!(stores, 2);
}

async fn answers_a_test_request(raw: &mut Raw) {
    raw.says("35=1|112=are-you-there|").await;
    raw.hears(&["35=0|", "112=are-you-there|"]).await;
}

/// F9: a dealer that starts at 1 each day and does not say so with 141=Y.
#[test]
fn a_dealer_that_starts_at_one_again_is_mended_by_an_operator() {
    let place = DealerPlace::new("RESTARTED");
    let mut w = World::start_with(|p| {
        p.other_dealers = vec![place.address()];
        p.enrolment = true;
    });
    let rt = tokio::runtime::Runtime::new().unwrap();
    let _inside = rt.enter();
    let mut dealer = place.opened(w.practice.pki());
    rt.block_on(async {
        let mut raw = dealer.answers().await;
        answers_a_test_request(&mut raw).await;
        drop(raw);
        for _ in 0..2 {
            let mut raw = dealer.answers().await;
            raw.hears(&["35=5|", "58=MsgSeqNum too low"]).await;
            raw.hung_up().await;
        }
    });
    let config = w.practice.gateway_config().clone();
    let change = |party: &str, new| rt.block_on(admin::session_change(&config, party, new));
    let refused = change("RESTARTED", NewNumbers::Reset).unwrap_err();
    assert_eq!(refused.code(), "session.in_use");
    assert!(admin::session_show(&config, None).unwrap().contains("in use by the running gateway"));
    w.practice.stop_gateway();
    assert_eq!(change("NOBODY", NewNumbers::Reset).unwrap_err().code(), "session.unknown");
    assert_eq!(change("../RESTARTED", NewNumbers::Reset).unwrap_err().code(), "session.unknown");
    let zero = NewNumbers::Set { next_out: Some(0), next_in: None };
    assert_eq!(change("RESTARTED", zero).unwrap_err().code(), "session.number");
    change("RESTARTED", NewNumbers::Set { next_out: Some(40), next_in: Some(30) }).unwrap();
    let shown = admin::session_show(&config, Some("RESTARTED")).unwrap();
    assert!(shown.contains("40") && shown.contains("30"), "{shown}");
    change("RESTARTED", NewNumbers::Reset).unwrap();
    let events = rt.block_on(admin::events(&config, 100)).unwrap();
    let noted = |kind: &str| events.lines().any(|l| l.contains(kind) && l.contains("RESTARTED"));
    assert!(
        noted("session.reset") && noted("next out 40, next in 30 -> next out 1, next in 1"),
        "{events}"
    );
    w.practice.restart_gateway().unwrap();
    rt.block_on(async {
        let mut raw = dealer.answers().await;
        assert!(raw.heard.iter().any(|f| f.contains("|35=A|34=1|")), "{:?}", raw.heard);
        answers_a_test_request(&mut raw).await;
    });
}

#[test]
fn a_dealer_whose_numbers_start_again_at_each_logon_is_told_so() {
    let place = DealerPlace::new("EACHLOGON");
    let w = World::start_with(|p| {
        p.other_dealers = vec![place.address()];
        p.other_dealers_reset = ResetSchedule::Logon;
    });
    let rt = tokio::runtime::Runtime::new().unwrap();
    let _inside = rt.enter();
    let mut dealer = place.opened(w.practice.pki());
    rt.block_on(async {
        for _ in 0..3 {
            let mut raw = dealer.answers_with("35=A|98=0|108=60|141=Y|").await;
            assert!(
                raw.heard.iter().any(|f| f.contains("|35=A|34=1|") && f.contains("|141=Y|")),
                "{:?}",
                raw.heard
            );
            answers_a_test_request(&mut raw).await;
        }
    });
}
