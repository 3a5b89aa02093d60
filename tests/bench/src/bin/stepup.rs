//! What a step-up costs beside the person: from an accept to its challenge, from the signed answer
//! to the fill, against an accept of the same desk that needs no touch. Prints; asserts nothing.

use signet_bench::percentiles;
use signet_desk_core::{Desk, view::*};
use signet_keystore::MemoryKeychain;
use signet_practice::{Plan, Practice, VENUE_NAME};
use signet_stepup::client::{Ceremony, Order, Step, StepUp, Told};
use signet_vkey::{Settings, VirtualKey, VirtualKeys};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const PIN: &str = "123456";
const DEALER: &str = "NORTHBANK";
const ROUNDS: usize = 40;

/// The simulated keys with a clock beside them.
#[derive(Debug)]
struct Timed {
    keys: VirtualKeys,
    /// When the last ceremony began and ended.
    times: Arc<Mutex<(Option<Instant>, Option<Instant>)>>,
}

impl StepUp for Timed {
    fn begin(&self, order: Order) -> Ceremony {
        *self.times.lock().expect("not poisoned") = (Some(Instant::now()), None);
        let mut real = self.keys.begin(order);
        let (ceremony, stage) = Ceremony::new();
        let times = self.times.clone();
        std::thread::spawn(move || {
            let rt = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            rt.block_on(async {
                loop {
                    tokio::select! {
                        step = real.next() => {
                            let over = matches!(step, Step::Done(_));
                            if over {
                                times.lock().expect("not poisoned").1 = Some(Instant::now());
                            }
                            let _ = stage.steps.send(step);
                            if over {
                                return;
                            }
                        }
                        () = tokio::time::sleep(Duration::from_millis(2)) => while let Ok(t) = stage.told.try_recv() {
                            match t {
                                Told::Pin(p) => real.give_pin(p),
                                Told::Cancel => real.cancel(),
                            }
                        },
                    }
                }
            });
        });
        ceremony
    }
}

fn wait(desk: &Desk, what: &str, mut done: impl FnMut(&Frame) -> bool) {
    let began = Instant::now();
    while !done(&desk.pull(0, &[])) {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Asks, waits for the quote, accepts: when the accept was sent, and the RFQ.
fn accept(desk: &Desk, instrument: &str, quantity: &str) -> (Instant, String) {
    let ticket = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: instrument.into(),
        ask: Ask::Buy,
        quantity: quantity.into(),
        dealers: vec![DEALER.into()],
        ttl_s: 60,
        settlement_date: None,
    };
    let id = desk.send_rfq(ticket).expect("sent");
    wait(desk, "a quote", |f| f.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let line = desk.pull(0, &[]).lines.into_iter().find(|l| l.rfq_id == id).expect("a line");
    let intent = ArmIntent {
        rfq_id: id.clone(),
        dealer: DEALER.into(),
        quote_id: line.quote_id.expect("a quote"),
        side: Side::Buy,
        price: line.offer.expect("an offer").price,
    };
    let armed = desk.arm(intent).expect("armed");
    let at = Instant::now();
    desk.accept(&id, &armed.id).expect("accepted");
    (at, id)
}

fn filled(desk: &Desk, rfq: &str) -> Instant {
    wait(desk, "filled", |f| {
        f.rfqs.iter().any(|r| {
            r.id == rfq && r.accept.as_ref().is_some_and(|a| a.state == AcceptState::Filled)
        })
    });
    let at = Instant::now();
    desk.dismiss_rfq(rfq).expect("dismissed");
    at
}

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut plan = Plan::calm(dir.path()).expect("a plan");
    plan.enrolment = true;
    plan.desks.clear();
    plan.step_up = Some("logon = 'never'\naccept_above = { default = '1m' }".into());
    let keychain = Arc::new(MemoryKeychain::new());
    let practice = Practice::start(&plan, keychain.as_ref()).expect("a venue");
    let key = VirtualKey::plug_in(practice.authority(), Settings::named("bench").pin(PIN))
        .expect("a key");
    let config = practice.desk_config("bench");
    let identity = practice
        .onboard(&config, keychain.clone(), "bench", "BENCH1", &key, PIN)
        .expect("onboarded");
    let times = Arc::new(Mutex::new((None, None)));
    let keys = Timed { keys: VirtualKeys::new(vec![key.clone()]), times: times.clone() };
    let desk = Desk::start(config, keychain, Arc::new(keys)).expect("a desk");
    desk.connect_now(&identity, VENUE_NAME).expect("a link");
    wait(&desk, "online", |f| f.session.as_ref().is_some_and(|s| s.state == LinkState::Online));
    wait(&desk, "instruments and the dealer", |_| {
        let r = desk.reference();
        r.instruments > 0 && r.dealers.iter().any(|d| d.id == DEALER && d.online)
    });
    let instrument = desk.find_instruments("").hits[0].id.clone();
    key.hold_finger(true);
    let ms = |from: Instant, to: Instant| to.duration_since(from).as_secs_f64() * 1e3;
    let (mut plain, mut asked, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (sent, rfq) = accept(&desk, &instrument, "1m");
        plain.push(ms(sent, filled(&desk, &rfq)));
        let (sent, rfq) = accept(&desk, &instrument, "2m");
        wait(&desk, "the PIN", |f| {
            let open = f.step_up.iter().flatten().find(|d| d.phase == StepUpPhase::Pin).cloned();
            open.is_some_and(|d| desk.give_key_pin(&d.id, d.pin_question, PIN.into()).is_ok())
        });
        let at = filled(&desk, &rfq);
        let (began, ended) = *times.lock().expect("not poisoned");
        asked.push(ms(sent, began.expect("a ceremony")));
        answered.push(ms(ended.expect("an answer"), at));
    }
    let median = |v: &[f64]| {
        let mut v = v.to_vec();
        v.sort_by(f64::total_cmp);
        v[v.len() / 2]
    };
    let added = median(&asked) + median(&answered) - median(&plain);
    println!("accept to fill without a touch, ms:                    {}", percentiles(&mut plain));
    println!("accept to the ceremony's begin (challenge made), ms:   {}", percentiles(&mut asked));
    println!(
        "signed answer to fill (checked, evidence on disk), ms: {}",
        percentiles(&mut answered)
    );
    println!("added by gateway and wire to one stepped-up accept, p50, ms: {added:.2}");
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    rt.block_on(desk.shut_down());
}
