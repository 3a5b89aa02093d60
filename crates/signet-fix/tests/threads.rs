//! Sessions of several threads use the engine at once. Each session belongs to one thread; what they
//! share is the engine's: its list of sessions and the dictionaries.

mod ends;

use ends::{End, connect};
use signet_fix::{AppMessage, message::QuoteRequest, session::Role};
use signet_rfq::*;
use std::{process::Command, sync::Barrier, thread};

const THREADS: usize = 8;
/// A dictionary is used for the first time once in a process, so each try takes a process of its own.
const PROCESSES: usize = 60;
const CHILD: &str = "SIGNET_TEST_FIRST_USE";

fn request() -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: PriceType::Price,
        legs: vec![],
        id: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::new("DE0001102580").unwrap(),
        isin: true,
        ask: Ask::Buy,
        quantity: 5.into(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![DealerId::new("NORTHBANK").unwrap(), DealerId::new("EASTBANK").unwrap()],
        expires: UtcMillis(60_000),
        at: UtcMillis(0),
    })
}

fn first_use() {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        for n in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                let (here, there) = (format!("DESK-{n}"), format!("GATE-{n}"));
                let mut desk = End::new(Role::Initiator, &here, &there);
                let mut gate = End::new(Role::Acceptor, &there, &here);
                connect(&mut desk, &mut gate);
                barrier.wait();
                desk.session.send(&request()).unwrap();
                let sent = desk.frames().concat();
                let sent = String::from_utf8(sent).unwrap().replace('\u{1}', "|");
                // The group's own order (FIX 4.4, QuoteRequest): symbol first, parties last.
                let group = "|146=1|55=DE0001102580|48=DE0001102580|22=4|";
                assert!(sent.contains(group) && sent.contains("|453=2|448="), "{sent}");
            });
        }
    });
}

#[test]
fn threads_that_use_a_dictionary_for_the_first_time_at_once_agree_about_it() {
    if std::env::var_os(CHILD).is_some() {
        return first_use();
    }
    let name = "threads_that_use_a_dictionary_for_the_first_time_at_once_agree_about_it";
    let itself = std::env::current_exe().unwrap();
    for n in 0..PROCESSES {
        let run = Command::new(&itself).args([name, "--exact"]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "process {n}: {:?}\n{said}", run.status);
    }
}
