//! A desk of a version that the gateway does not take, as its trader sees it.

use crate::support::{Screen, World};
use signet_desk_core::{Desk, DeskConfig, view::LinkState};
use signet_practice::{TRADER, VENUE_NAME};
use signet_stepup::client::NoKeys;
use std::{fs, sync::Arc, time::Duration};

fn start(w: &World, version: &str) -> Desk {
    let data_dir = w.dir.path().join("laptop");
    let config = DeskConfig { data_dir, ..w.practice.desk_config(version) };
    let desk = Desk::start(config, w.keychain.clone(), Arc::new(NoKeys)).unwrap();
    desk.connect_now(TRADER, VENUE_NAME).unwrap();
    desk
}

fn until(w: &World, desk: &Desk, s: &mut Screen, state: LinkState) {
    w.eventually("the state of the link", || {
        s.pull(desk);
        s.link() == Some(state)
    });
}

#[test]
fn an_old_desk_reads_which_version_to_ask_for_and_the_update_cures_it() {
    let w = World::start_with(|p| p.risk.push_str("\n[software]\nleast_version = '1.2.0'\n"));
    let (old, mut s) = (start(&w, "1.1.9"), Screen::default());
    until(&w, &old, &mut s, LinkState::Refused);
    let problem = s.session.as_ref().and_then(|s| s.problem.clone()).unwrap();
    assert_eq!(problem.code, "software.too_old");
    assert!(problem.message.contains("1.1.9") && problem.message.contains("1.2.0"), "{problem:?}");
    assert_eq!(problem.cure, "Ask your administrator for Signet Desk 1.2.0 or later.");
    // It does not try again by itself: nothing changes until somebody acts.
    std::thread::sleep(Duration::from_secs(3));
    s.pull(&old);
    let session = s.session.clone().unwrap();
    assert_eq!((s.link(), session.attempt <= 1), (Some(LinkState::Refused), true), "{session:?}");
    w.runtime.block_on(old.shut_down());
    drop(old);

    let (new, mut s) = (start(&w, "1.2.0"), Screen::default());
    until(&w, &new, &mut s, LinkState::Online);
    // A version that is withdrawn while its desk is on: cut off, and refused when it comes back.
    let settings = fs::read_to_string(w.practice.risk_file()).unwrap();
    let withdrawn = format!("{settings}refused_versions = ['1.2.0']\n");
    fs::write(w.practice.risk_file(), withdrawn).unwrap();
    until(&w, &new, &mut s, LinkState::Refused);
    let problem = s.session.as_ref().and_then(|s| s.problem.clone()).unwrap();
    assert_eq!(problem.code, "software.withdrawn", "{problem:?}");
    w.runtime.block_on(new.shut_down());
}
