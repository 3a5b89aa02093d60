//! `SIGNET_PRACTICE_CHECK=1 make run`: trades one RFQ from the ticket to a fill, then ends the
//! program.
//!
//! It is for machines without a person, such as CI, and only in practice builds. The window is open
//! meanwhile, on the same desk.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use signet_desk_core::{
    Desk,
    view::{
        AcceptState, ArmIntent, Ask, Frame, LineView, LinkState, Problem, RfqView, Side, Ticket,
    },
};
use tauri::AppHandle;

/// Switches the check on.
const SWITCH: &str = "SIGNET_PRACTICE_CHECK";
/// A bond of the practice venue, by its ISIN.
const INSTRUMENT: &str = "DE000BU2Z049";
/// Below the quantity for which practice asks a touch.
const QUANTITY: &str = "500k";
/// A dealer may pass, re-quote meanwhile, or decline after a last look, so it tries several times.
const TRIES_MAX: u32 = 10;
/// How long it waits for the desk to be online, and in each try.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(100);
/// Refusals of a confirmation after which it is pressed again, as a person does.
const AGAIN: [&str; 2] = ["accept.off_market", "accept.too_soon"];
const PRESSES_MAX: u32 = 4;

/// Starts the check beside the window when the environment asks for it. Why there is no desk, the
/// window shows; on a display that nobody sees, standard error does.
pub fn start_if_asked(app: &AppHandle, desk: &Result<Desk, Problem>) {
    if let Err(why) = desk {
        eprintln!("signet-desk: {} {} ({})", why.message, why.cure, why.code);
    }
    if std::env::var_os(SWITCH).is_none() {
        return;
    }
    let (app, desk) = (app.clone(), desk.clone());
    std::thread::spawn(move || {
        let done = desk.map_err(|p| p.message).and_then(|desk| run(&desk));
        let code = match done {
            Ok(said) => {
                println!("practice check: {said}");
                0
            }
            Err(why) => {
                eprintln!("practice check failed: {why}");
                1
            }
        };
        app.exit(code);
    });
}

fn run(desk: &Desk) -> Result<String, String> {
    let mut seen = Seen::default();
    seen.until(desk, "the desk is online", |s| s.online.then_some(()))?;
    println!("practice check: the desk is online");
    // The instruments come after the snapshot.
    seen.until(desk, "the instrument and a dealer are there", |_| {
        let there = desk.reference();
        let known = desk.find_instruments(INSTRUMENT).meant.is_some();
        (known && there.dealers.iter().any(|d| d.online)).then_some(())
    })?;
    let mut last = String::new();
    for _ in 0..TRIES_MAX {
        match trade(desk, &mut seen) {
            Ok(filled) => return Ok(filled),
            Err(why) => last = why,
        }
    }
    Err(format!("no fill in {TRIES_MAX} requests; the last: {last}"))
}

/// Sends one request and accepts the best offer as soon as there is one.
fn trade(desk: &Desk, seen: &mut Seen) -> Result<String, String> {
    let dealers = desk.reference().dealers.iter().map(|d| d.id.clone()).collect();
    let ticket = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: INSTRUMENT.into(),
        ask: Ask::Buy,
        quantity: QUANTITY.into(),
        dealers,
        ttl_s: 60,
        settlement_date: None,
    };
    let rfq = desk.send_rfq(ticket).map_err(|p| p.message)?;
    let best = seen.until(desk, "a price can be taken", |s| {
        s.lines.values().find(|l| l.rfq_id == rfq && l.best_offer && l.can_lift).cloned()
    })?;
    let price = best.offer.as_ref().map(|o| o.price.clone()).unwrap_or_default();
    let intent = ArmIntent {
        rfq_id: rfq.clone(),
        dealer: best.dealer.clone(),
        quote_id: best.quote_id.clone().unwrap_or_default(),
        side: Side::Buy,
        price,
    };
    let accept = desk.arm(intent).map_err(|p| p.message)?;
    confirm(desk, seen, &rfq, &accept.id)?;
    let outcome = seen.until(desk, "the dealer has answered", |s| {
        let accept = s.rfqs.get(&rfq)?.accept.clone()?;
        matches!(
            accept.state,
            AcceptState::Filled | AcceptState::PartlyFilled | AcceptState::Declined
        )
        .then_some(accept)
    })?;
    if outcome.state == AcceptState::Declined {
        return Err(outcome.text);
    }
    Ok(format!(
        "filled: {} {} at {} with {}",
        outcome.quantity, INSTRUMENT, outcome.price, outcome.dealer_name
    ))
}

/// Reads the terms as long as the desk wants them to be read, then confirms; a price that the desk
/// warns of is confirmed twice.
fn confirm(desk: &Desk, seen: &mut Seen, rfq: &str, accept: &str) -> Result<(), String> {
    let mut presses = 0;
    loop {
        let armed =
            seen.until(desk, "the terms are shown", |s| Some(s.rfqs.get(rfq)?.guard.clone()))?;
        let read_ms = armed.map_or(0, |g| u64::from(g.after_ms));
        std::thread::sleep(Duration::from_millis(read_ms) + STEP);
        match desk.accept(rfq, accept) {
            Ok(()) => return Ok(()),
            Err(p) if presses < PRESSES_MAX && AGAIN.contains(&p.code.as_str()) => presses += 1,
            Err(p) => return Err(p.message),
        }
    }
}

/// What the page would show.
#[derive(Default)]
struct Seen {
    seq: f64,
    online: bool,
    rfqs: HashMap<String, RfqView>,
    lines: HashMap<(String, String), LineView>,
}

impl Seen {
    fn until<T>(
        &mut self,
        desk: &Desk,
        what: &str,
        found: impl Fn(&Self) -> Option<T>,
    ) -> Result<T, String> {
        let began = Instant::now();
        loop {
            self.take(desk.pull(signet_desk_core::view::as_seq(self.seq), &[]));
            if let Some(t) = found(self) {
                return Ok(t);
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("not within {} s: {what}", PATIENCE.as_secs()));
            }
            std::thread::sleep(STEP);
        }
    }

    fn take(&mut self, f: Frame) {
        self.seq = f.seq;
        if let Some(s) = f.session {
            self.online = s.state == LinkState::Online;
        }
        self.rfqs.extend(f.rfqs.into_iter().map(|r| (r.id.clone(), r)));
        self.lines.extend(f.lines.into_iter().map(|l| ((l.rfq_id.clone(), l.dealer.clone()), l)));
    }
}
