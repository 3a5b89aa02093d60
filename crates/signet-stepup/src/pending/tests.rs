use super::*;
use crate::{
    AcceptTerms, Action, Approval, RequestTerms,
    asking::{AskedBy, wanted},
    rules::Wanted,
};
use rust_decimal::Decimal;
use signet_fix::message::{Answer, QuoteRequest, QuoteResponse, Response};
use signet_rfq::{AcceptId, Ask, DealerId, InstrumentId, QuoteId, RfqId, Side};

pub(super) const T: UtcMillis = UtcMillis(1_000_000_000);
const ANSWER_MS: i64 = 60_000;

pub(super) fn id(s: &str) -> CompId {
    CompId::new(s).unwrap()
}

fn asked(wanted: Wanted) -> Asked {
    Asked { wanted, policies: Vec::new() }
}

fn request(rfq: &str) -> (AppMessage, Action) {
    let m = QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(rfq).unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        ask: Ask::Buy,
        quantity: Decimal::from(5_000_000),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![DealerId::new("NORTHBANK").unwrap()],
        expires: T + 60_000,
        at: T,
    };
    let terms = RequestTerms {
        min_quantity: None,
        price_type: None,
        legs: vec![],
        rfq: rfq.into(),
        instrument: "EUR/USD".into(),
        ask: "buy".into(),
        quantity: "5000000".into(),
        currency: "EUR".into(),
        settlement: "20261124".into(),
        ttl_s: "60".into(),
        dealers: vec!["NORTHBANK".into()],
    };
    (AppMessage::QuoteRequest(m), Action::Request(terms))
}

pub(super) fn accept(accept: &str) -> (AppMessage, Action) {
    let m = QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new(accept).unwrap(),
        response: Response::HitOrLift,
        rfq: Some(RfqId::new("r").unwrap()),
        quote: QuoteId::new("q1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        dealer: Some(DealerId::new("NORTHBANK").unwrap()),
        side: Side::Buy,
        quantity: Decimal::from(5_000_000),
        price: Decimal::new(108, 2),
        currency: Some("EUR".into()),
        settlement_date: Some("20261124".into()),
        deadline: None,
        at: T,
        limit: None,
    };
    let terms = AcceptTerms {
        price_type: None,
        legs: vec![],
        rfq: "r".into(),
        accept: accept.into(),
        dealer: "NORTHBANK".into(),
        quote: "q1".into(),
        instrument: "EUR/USD".into(),
        side: "buy".into(),
        price: "1.08".into(),
        quantity: "5000000".into(),
        currency: "EUR".into(),
        settlement: "20261124".into(),
        limit: None,
    };
    (AppMessage::QuoteResponse(m), Action::Accept(terms))
}

/// The state machine with a service that answers at once.
pub(super) struct World {
    pub(super) w: PendingApprovals,
    pub(super) now: UtcMillis,
    /// What the risk of the next logon says.
    watched: bool,
    authenticated: usize,
    notes: Vec<String>,
    /// What asked for the touches that the notes are about.
    noted_by: Vec<AskedBy>,
    /// Of the next challenge.
    next: u32,
    told: Vec<(String, AppMessage)>,
    /// The same and refusals, shortened.
    said: Vec<(String, String)>,
    refused: Vec<ApprovalRefusal>,
    released: Vec<AppMessage>,
    dropped: Vec<String>,
    registered: Vec<(String, i64)>,
    verifying: Vec<(HeldId, CompId, String)>,
}

impl World {
    pub(super) fn new(rules: &str) -> Self {
        let rules = toml::from_str(rules).unwrap();
        let w = PendingApprovals::new(rules, &id("SIGNET"), ANSWER_MS);
        let (told, released, dropped, registered, verifying) = Default::default();
        let (said, refused) = Default::default();
        Self {
            w,
            now: T,
            watched: false,
            authenticated: 0,
            notes: Vec::new(),
            noted_by: Vec::new(),
            next: 1,
            told,
            said,
            refused,
            released,
            dropped,
            registered,
            verifying,
        }
    }

    pub(super) fn up(&mut self, desk: &str, user: &str) {
        let todo = self.w.desk_up(&id(desk), user, self.watched, self.now);
        self.run(todo);
        let todo = self.w.keys(&id(desk), 1, self.now);
        self.run(todo);
    }

    fn send(&mut self, desk: &str, (m, action): (AppMessage, Action), ends: Option<UtcMillis>) {
        let verdict = wanted(self.w.rules(), &action, &self.w.state(&id(desk)), self.now);
        let todo = self.w.hold(&id(desk), m, action, asked(verdict), ends, self.now);
        self.run(todo);
    }

    pub(super) fn run(&mut self, todo: Vec<ApprovalStep>) {
        for d in todo {
            match d {
                ApprovalStep::Challenge { held, desk, approval, deadline } => {
                    let name = format!("c{}", self.next);
                    self.next += 1;
                    let todo = self.w.challenged(
                        held,
                        &desk,
                        &approval,
                        Ok((name, "{}".into(), deadline)),
                    );
                    self.run(todo);
                }
                ApprovalStep::Drop(c) => self.dropped.push(c),
                ApprovalStep::Verify { held, desk, challenge, .. } => {
                    self.verifying.push((held, desk, challenge))
                }
                ApprovalStep::Tell(desk, m) => {
                    self.said.push((desk.to_string(), short(&m)));
                    self.told.push((desk.to_string(), m));
                }
                ApprovalStep::Refuse { desk, what, why } => {
                    self.said.push((desk.to_string(), refusal(&what, &why)));
                    self.refused.push(why);
                }
                ApprovalStep::Release { message, .. } | ApprovalStep::Resume { message, .. } => {
                    self.released.push(message)
                }
                ApprovalStep::Register { name, evidence, .. } => {
                    self.registered.push((name, evidence))
                }
                ApprovalStep::Authenticated(_) => self.authenticated += 1,
                ApprovalStep::Note(_, _, noted) => {
                    self.notes.push(noted.words);
                    self.noted_by.push(noted.by);
                }
            }
        }
    }

    pub(super) fn answer(&mut self, desk: &str, challenge: &str, answer: Answer) {
        let todo = self.w.answered(&id(desk), challenge, answer);
        self.run(todo);
    }

    fn sign(&mut self, desk: &str, challenge: &str) {
        self.answer(desk, challenge, Answer::Signed("{}".into()));
    }

    fn verified(&mut self, result: Result<i64, ApprovalRefusal>) {
        let (held, desk, challenge) = self.verifying.remove(0);
        let todo = self.w.verified(held, &desk, &challenge, result, self.now);
        self.run(todo);
    }

    pub(super) fn touch(&mut self, desk: &str, challenge: &str) {
        self.sign(desk, challenge);
        self.verified(Ok(7));
    }

    pub(super) fn pass_time(&mut self, ms: i64) {
        self.now = self.now + ms;
        let todo = self.w.tick(&[], self.now);
        self.run(todo);
    }

    /// What a desk was told since, shortened.
    pub(super) fn heard(&mut self, desk: &str) -> Vec<String> {
        let (mine, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.said).into_iter().partition(|(d, _)| d == desk);
        self.said = others;
        self.told.retain(|(d, _)| d != desk);
        mine.into_iter().map(|(_, words)| words).collect()
    }

    pub(super) fn forget(&mut self) {
        self.told.clear();
        self.said.clear();
        self.refused.clear();
    }
}

fn refusal(what: &Matter, why: &ApprovalRefusal) -> String {
    let what = match what {
        Matter::Message(AppMessage::QuoteRequest(_)) => "request",
        Matter::Message(_) => "accept",
        Matter::Register(_) => "registration",
        Matter::Session(_) => "session",
        Matter::Ahead(_) => "approval ahead",
    };
    format!("{what} refused: {}", why.text)
}

fn short(m: &AppMessage) -> String {
    match m {
        AppMessage::StepUpChallenge(c) => format!("challenge {}", c.id),
        AppMessage::StepUpOutcome(o) => format!(
            "{:?} {}{}",
            o.status,
            o.id,
            o.code.as_ref().map_or(String::new(), |c| format!(" {c}"))
        ),
        AppMessage::AccessState(a) => {
            format!("access lease={} owes={}", a.lease_until.is_some(), a.text.is_some())
        }
        AppMessage::KeyReport(k) => format!("{k:?}"),
        m => m.msg_type().to_owned(),
    }
}

const TOUCH: &str =
    "logon = 'never'\nrequest_above = { default = '1m' }\naccept_above = { default = '1m' }";
const TWO: &str = "logon = 'never'\naccept_above = { default = '1m' \
    }\n[second_person]\naccept_above = { default = '4m' }\napprovers = ['BOB', 'CAROL', 'ALICE']";

#[test]
fn a_touch_sends_on_exactly_what_waited_for_it() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.heard("ALICE");
    w.send("ALICE", request("r1"), None);
    assert_eq!((w.heard("ALICE"), w.released.len()), (vec!["challenge c1".to_owned()], 0));
    w.touch("ALICE", "c1");
    assert_eq!(w.released, [request("r1").0]);
    assert_eq!(w.heard("ALICE"), ["Passed c1", "access lease=true owes=false"]);
    // Within the lease a request goes on; an accept gets a touch of its own.
    w.send("ALICE", request("r2"), None);
    assert_eq!(w.released.len(), 2);
    w.send("ALICE", accept("a1"), Some(T + 9_000));
    assert_eq!((w.heard("ALICE"), w.released.len()), (vec!["challenge c2".to_owned()], 2));
    w.touch("ALICE", "c2");
    assert_eq!(w.released.len(), 3);
}

#[test]
fn an_answer_counts_once_at_its_own_desk_only() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.up("MALLORY", "mallory");
    w.send("ALICE", request("r1"), None);
    w.sign("MALLORY", "c1");
    assert_eq!(w.heard("MALLORY").last().unwrap(), "Refused c1 stepup.not_open");
    w.sign("ALICE", "c1");
    w.sign("ALICE", "c1");
    assert_eq!(w.verifying.len(), 1, "while one answer is looked at, no other is");
    w.verified(Ok(1));
    w.sign("ALICE", "c1");
    assert_eq!((w.verifying.len(), w.released.len()), (0, 1));
    assert_eq!(w.heard("ALICE").last().unwrap(), "Refused c1 stepup.not_open");
}

#[test]
fn whatever_goes_wrong_the_message_goes_nowhere() {
    let bad = || Err(ApprovalRefusal::new("stepup.approval_differs", "no", "x"));
    for case in 0..4 {
        let mut w = World::new(TOUCH);
        w.up("ALICE", "alice");
        w.send("ALICE", accept("a1"), Some(T + 9_000));
        w.heard("ALICE");
        match case {
            0 => {
                w.sign("ALICE", "c1");
                w.verified(bad());
            }
            1 => w.answer("ALICE", "c1", Answer::Declined(None)),
            2 => w.answer("ALICE", "c1", Answer::Failed(Some("no key".into()))),
            _ => w.pass_time(9_000),
        }
        let heard = w.heard("ALICE");
        assert!(heard.iter().any(|h| h.starts_with("accept refused")), "{case} {heard:?}");
        assert!(w.released.is_empty(), "{case}");
        w.sign("ALICE", "c1");
        assert!(
            w.verifying.is_empty() && w.released.is_empty(),
            "{case}: a late answer finds nothing"
        );
    }
}

#[test]
fn a_verification_counts_for_its_own_challenge_only() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    w.sign("ALICE", "c1");
    // The connection is lost and made again: another challenge, answered with rubbish.
    let todo = w.w.desk_down(&id("ALICE"));
    w.run(todo);
    w.up("ALICE", "alice");
    w.sign("ALICE", "c2");
    assert_eq!(w.verifying.iter().map(|v| v.2.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
    // The first answer was good, for a connection that is gone.
    w.verified(Ok(1));
    assert!(w.released.is_empty() && w.standing_is_bare("ALICE"));
    // The answer to the second is still awaited, and counts.
    w.verified(Ok(2));
    assert_eq!(w.released.len(), 1);
}

#[test]
fn a_request_that_waits_has_one_deadline_and_the_desk_knows_it() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    let latest = T + ANSWER_MS + 60_000;
    let held = w.w.requests(&id("ALICE"));
    assert_eq!(
        held.iter().map(|(q, until)| (q.id.as_str(), *until)).collect::<Vec<_>>(),
        [("r1", latest)]
    );
    // Its own length is what was approved.
    assert_eq!((held[0].0.expires, held[0].0.at), (T + 60_000, T));
}

#[test]
fn an_answer_in_checking_when_time_runs_out_executes_nothing() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", accept("a1"), Some(T + 9_000));
    w.sign("ALICE", "c1");
    w.pass_time(9_000);
    w.verified(Ok(1));
    assert!(w.released.is_empty());
    assert!(w.standing_is_bare("ALICE"));
}

impl World {
    fn standing_is_bare(&self, desk: &str) -> bool {
        self.w.state(&id(desk)).lease.is_none()
    }
}

#[test]
fn a_quote_that_is_gone_is_said_to_be_gone() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    let held: Vec<HeldId> = w.w.accepts().map(|(id, ..)| id).collect();
    w.heard("ALICE");
    let todo = w.w.tick(&held, T + 1);
    w.run(todo);
    assert_eq!(w.heard("ALICE"), ["Withdrawn c1 stepup.withdrawn"]);
    // The router gets it and says what became of the quote.
    assert_eq!((w.released.len(), w.dropped.clone()), (1, vec!["c1".to_owned()]));
}

#[test]
fn a_lost_link_gets_a_new_challenge_and_the_old_one_is_dead() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    let todo = w.w.desk_down(&id("ALICE"));
    w.run(todo);
    assert_eq!(w.dropped, ["c1"]);
    w.heard("ALICE");
    w.up("ALICE", "alice");
    assert_eq!(w.heard("ALICE")[0], "challenge c2");
    w.sign("ALICE", "c1");
    assert!(w.verifying.is_empty());
    w.touch("ALICE", "c2");
    assert_eq!(w.released.len(), 1);
    // A connection that takes over without the old one having ended does the same.
    w.send("ALICE", accept("a2"), Some(T + 30_000));
    w.up("ALICE", "alice");
    assert_eq!(w.dropped, ["c1", "c3"]);
    assert!(w.heard("ALICE").contains(&"challenge c4".to_owned()));
    assert!(w.standing_is_bare("ALICE"), "a lease ends with its connection");
}

#[test]
fn an_answer_in_checking_when_the_link_goes_releases_nothing() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.sign("ALICE", "c1");
    let todo = w.w.desk_down(&id("ALICE"));
    w.run(todo);
    w.verified(Ok(1));
    assert!(w.released.is_empty());
}

#[test]
fn the_trader_may_take_it_back_and_ask_about_it() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    assert_eq!(w.w.requests(&id("ALICE")).len(), 1);
    w.heard("ALICE");
    let todo = w.w.cancelled(&id("ALICE"), &RfqId::new("r1").unwrap()).unwrap();
    w.run(todo);
    assert_eq!(w.heard("ALICE"), ["Withdrawn c1 stepup.withdrawn", "AI"]);
    assert!(w.w.cancelled(&id("ALICE"), &RfqId::new("r1").unwrap()).is_none());
    let a1 = AcceptId::new("a1").unwrap();
    assert_eq!(w.w.accept(&id("ALICE"), &a1).map(|r| r.id.clone()), Some(a1.clone()));
    assert!(w.w.accept(&id("BOB"), &a1).is_none());
}

#[test]
fn a_message_twice_waits_once_and_there_is_a_limit() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.heard("ALICE");
    w.send("ALICE", request("r1"), None);
    w.send("ALICE", request("r1"), None);
    assert_eq!(w.heard("ALICE"), ["challenge c1"]);
    for n in 2..=MAX_HELD_PER_DESK {
        w.send("ALICE", request(&format!("r{n}")), None);
    }
    assert_eq!(
        w.heard("ALICE").iter().filter(|h| h.starts_with("challenge")).count(),
        MAX_HELD_PER_DESK - 1
    );
    w.send("ALICE", request("one more"), None);
    assert!(w.heard("ALICE")[0].starts_with("request refused: too many"));
}

#[test]
fn a_logon_that_owes_lets_nothing_through() {
    let mut w = World::new("logon = 'risk'");
    w.watched = true;
    w.up("ALICE", "alice");
    assert_eq!(w.heard("ALICE"), ["challenge c1", "access lease=false owes=true"]);
    // What is sent meanwhile asks for itself, and settles both.
    w.send("ALICE", request("r1"), None);
    assert_eq!(w.heard("ALICE"), ["Withdrawn c1 stepup.withdrawn", "challenge c2"]);
    assert!(w.released.is_empty());
    w.touch("ALICE", "c2");
    assert_eq!(w.heard("ALICE"), ["Passed c2", "access lease=true owes=false"]);
    assert_eq!(w.authenticated, 1);
    w.send("ALICE", request("r2"), None);
    assert_eq!(w.released.len(), 2);
    // A good score owes nothing; a time-out of the question leaves the debt.
    w.watched = false;
    w.up("ALICE", "alice");
    assert_eq!(w.heard("ALICE"), ["access lease=false owes=false"]);
    let mut w = World::new("logon = 'always'");
    w.up("ALICE", "alice");
    w.pass_time(ANSWER_MS);
    assert!(w.heard("ALICE").contains(&"Expired c1 stepup.timed_out".to_owned()));
    w.send("ALICE", request("r1"), None);
    assert!(w.released.is_empty());
}

/// A touch that was given is not thrown away because an RFQ comes while it is checked.
#[test]
fn an_rfq_that_comes_while_the_sessions_answer_is_checked_needs_no_second_touch() {
    let mut w = World::new("logon = 'always'\nrequest_above = { default = '1m' }");
    w.up("ALICE", "alice");
    w.sign("ALICE", "c1");
    w.heard("ALICE");
    w.send("ALICE", request("r1"), None);
    w.send("ALICE", request("r1"), None);
    assert!(w.heard("ALICE").is_empty());
    assert_eq!((w.released.len(), w.w.held_count()), (0, 2));
    w.verified(Ok(7));
    assert_eq!(w.heard("ALICE"), ["Passed c1", "access lease=true owes=false"]);
    assert_eq!((w.released.len(), w.authenticated, w.w.held_count()), (1, 1, 0));
}

/// Whatever becomes of that answer, and whatever else an RFQ wants: it goes on after a touch only.
#[test]
fn what_an_answer_about_the_session_does_not_settle_asks_for_itself() {
    const FREE: &str = "logon = 'always'";
    const ONCE: &str = "logon = 'always'\nlease_minutes = 0\nrequest_above = { default = '1m' }";
    let policy = || vec!["p".to_owned()];
    for (name, rules, policies, message) in [
        ("an accept", FREE, vec![], accept("a1")),
        ("above a limit, without leases", ONCE, vec![], request("r1")),
        ("a policy", FREE, policy(), request("r1")),
    ] {
        let mut w = World::new(rules);
        w.up("ALICE", "alice");
        w.sign("ALICE", "c1");
        w.heard("ALICE");
        let asked = Asked { wanted: Wanted::Touch("x".into()), policies };
        let todo = w.w.hold(&id("ALICE"), message.0, message.1, asked, None, w.now);
        w.run(todo);
        let heard = w.heard("ALICE");
        assert_eq!(heard, ["Withdrawn c1 stepup.withdrawn", "challenge c2"], "{name}");
        w.verified(Ok(7));
        assert!(w.released.is_empty(), "{name}");
        w.touch("ALICE", "c2");
        assert_eq!(w.released.len(), 1, "{name}");
    }

    type Ends = fn(&mut World);
    let ends: [(&str, Ends); 6] = [
        ("it was wrong", |w| w.verified(Err(ApprovalRefusal::new("x", "no", "")))),
        ("its time is over", |w| w.pass_time(ANSWER_MS - 1)),
        ("it is asked again", |w| {
            let todo = w.w.verify_again(&id("ALICE"), SessionReason::Wake, w.now);
            w.run(todo);
        }),
        ("an accept asks for itself", |w| w.send("ALICE", accept("a1"), None)),
        ("another move", |w| {
            let todo = w.w.moved(&id("ALICE"), false, w.now);
            w.run(todo);
        }),
        ("another connection", |w| w.up("ALICE", "alice")),
    ];
    for (name, ends) in ends {
        let mut w = World::new(FREE);
        w.up("ALICE", "alice");
        w.sign("ALICE", "c1");
        w.now = w.now + 1;
        w.send("ALICE", request("r1"), None);
        w.heard("ALICE");
        ends(&mut w);
        let heard = w.heard("ALICE");
        assert!(heard.contains(&"challenge c2".to_owned()), "{name} {heard:?}");
        assert!(w.released.is_empty(), "{name}");
        w.verifying.clear();
        w.touch("ALICE", "c2");
        let released = matches!(w.released[..], [AppMessage::QuoteRequest(_)]);
        assert!(released, "{name} {:?}", w.released);
    }
}

#[test]
fn a_score_that_rises_takes_the_lease_and_one_that_falls_gives_nothing_back() {
    let mut w = World::new("logon = 'never'\nlease_minutes = 1");
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    assert_eq!(w.released.len(), 1);
    let risen = w.w.risk(&id("ALICE"), true, w.now);
    w.run(risen);
    assert!(w.heard("ALICE").iter().any(|h| h == "challenge c1"));
    assert!(w.w.risk(&id("ALICE"), true, w.now).is_empty(), "the same again says nothing");
    w.touch("ALICE", "c1");
    // The touch was not for the logon: how the session authenticated is what it was.
    assert_eq!(w.authenticated, 0);
    w.send("ALICE", request("r2"), None);
    assert_eq!(w.released.len(), 2);
    // The lease ends, the risk does not: whatever is sent next wants a touch.
    w.pass_time(60_000);
    w.send("ALICE", request("r3"), None);
    assert_eq!(w.released.len(), 2);
    w.touch("ALICE", "c2");
    assert_eq!(w.released.len(), 3);
    let fallen = w.w.risk(&id("ALICE"), false, w.now);
    w.run(fallen);
    w.pass_time(60_000);
    w.send("ALICE", request("r4"), None);
    assert_eq!(w.released.len(), 4);
}

/// Over QUIC a connection goes on at another address.
#[test]
fn a_move_owes_what_a_logon_from_there_owes() {
    for (rules, watched, owes) in [
        ("logon = 'never'", false, false),
        ("logon = 'risk'", false, false),
        ("logon = 'risk'", true, true),
        ("logon = 'never'", true, true),
        ("logon = 'always'", false, true),
    ] {
        let mut w = World::new(&format!("{rules}\nlease_minutes = 1"));
        w.watched = true;
        w.up("ALICE", "alice");
        w.touch("ALICE", "c1");
        let calmed = w.w.risk(&id("ALICE"), false, w.now);
        w.run(calmed);
        w.send("ALICE", request("r1"), None);
        assert_eq!((w.released.len(), w.authenticated), (1, 1), "{rules}");
        assert!(w.w.state(&id("ALICE")).lease.is_some());
        w.heard("ALICE");

        let moved = w.w.moved(&id("ALICE"), watched, w.now);
        w.run(moved);
        let heard = w.heard("ALICE");
        assert_eq!(heard.contains(&"challenge c2".to_owned()), owes, "{rules} {watched} {heard:?}");
        // What a touch at the address before gave is gone, or it stays.
        assert_eq!(w.w.state(&id("ALICE")).lease.is_none(), owes, "{rules} {watched}");
        w.send("ALICE", request("r2"), None);
        assert_eq!(w.released.len(), if owes { 1 } else { 2 }, "{rules} {watched}");
        if owes {
            // What was sent meanwhile asks for itself, and settles both.
            w.touch("ALICE", "c3");
            // This touch is how the session authenticated.
            assert_eq!((w.authenticated, w.released.len()), (2, 2), "{rules} {watched}");
        }
    }
}

/// A second move before the touch owes one touch; one of a desk that is not on owes nothing.
#[test]
fn a_touch_for_a_move_is_asked_for_once_and_only_of_a_desk_that_is_on() {
    let mut w = World::new("logon = 'risk'");
    assert!(w.w.moved(&id("ALICE"), true, w.now).is_empty());
    w.up("ALICE", "alice");
    w.heard("ALICE");
    for challenge in ["c1", "c2"] {
        let moved = w.w.moved(&id("ALICE"), true, w.now);
        w.run(moved);
        let heard = w.heard("ALICE");
        assert!(heard.contains(&format!("challenge {challenge}")), "{heard:?}");
    }
    w.touch("ALICE", "c2");
    assert!(w.w.state(&id("ALICE")).owes.is_none());
}

#[test]
fn a_touch_owed_for_the_risk_of_the_logon_is_waived_when_the_risk_falls() {
    let fall = |rules: &str| {
        let mut w = World::new(rules);
        w.watched = true;
        w.up("ALICE", "alice");
        w.heard("ALICE");
        let fallen = w.w.risk(&id("ALICE"), false, w.now);
        w.run(fallen);
        let heard = w.heard("ALICE");
        w.send("ALICE", request("r1"), None);
        (heard, w.released.len())
    };
    let waived = ["Withdrawn c1 stepup.withdrawn", "access lease=false owes=false"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(fall("logon = 'risk'"), (waived, 1));
    assert_eq!(fall("logon = 'always'"), (vec![], 0));
}

#[test]
fn what_was_not_approved_names_the_rule_that_asked() {
    let mut w = World::new("logon = 'never'\nrequest_above = { default = '1m' }");
    w.up("ALICE", "alice");
    let (m, action) = request("r1");
    let wanted = Asked {
        wanted: Wanted::Touch("Big tickets.".into()),
        policies: vec!["big-tickets".into(), "new-dealer".into()],
    };
    let todo = w.w.hold(&id("ALICE"), m, action, wanted, None, w.now);
    w.run(todo);
    w.send("ALICE", request("r2"), None);
    w.pass_time(ANSWER_MS);
    assert!(
        w.notes[0].contains("RFQ r1")
            && w.notes[0].ends_with("because: Big tickets. Policies: big-tickets, new-dealer"),
        "{:?}",
        w.notes
    );
    assert!(
        w.notes[1].ends_with("because: RFQs of this size need a touch of your key. Policies: none"),
        "{:?}",
        w.notes
    );
    let rule = "step_up.when.request_above";
    let rules = |n: usize| w.noted_by[n].rules().collect::<Vec<_>>();
    assert_eq!(rules(0), [rule, "big-tickets", "new-dealer"]);
    assert_eq!(rules(1), [rule]);
    assert!(w.noted_by.iter().all(|by| by.kind == Some("amount")), "{:?}", w.noted_by);
}

#[test]
fn a_clock_that_is_set_ends_every_lease() {
    let mut w = World::new("logon = 'never'\nrequest_above = { default = '1m' }");
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    w.touch("ALICE", "c1");
    assert!(!w.standing_is_bare("ALICE"));
    let todo = w.w.clock_stepped(w.now);
    w.run(todo);
    assert!(w.standing_is_bare("ALICE"));
    w.send("ALICE", request("r2"), None);
    assert_eq!(w.released.len(), 1);
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_waiting_for_hours() {
    let mut w = World::new("logon = 'never'\nrequest_above = { default = '1m' }");
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    w.now = w.now - 3_600_000;
    let todo = w.w.clock_stepped(w.now);
    w.run(todo);
    w.pass_time(ANSWER_MS - 1);
    assert_eq!(w.w.held_count(), 1);
    w.pass_time(1);
    assert_eq!((w.w.held_count(), w.released.len()), (0, 0));
    assert_eq!(w.refused.last().map(|why| why.code.as_str()), Some("stepup.timed_out"));
}

#[test]
fn waking_up_ends_the_lease_and_asking_does_not() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    w.touch("ALICE", "c1");
    let todo = w.w.verify_again(&id("ALICE"), SessionReason::OnDemand, w.now);
    w.run(todo);
    assert!(!w.standing_is_bare("ALICE"));
    w.touch("ALICE", "c2");
    let todo = w.w.verify_again(&id("ALICE"), SessionReason::Wake, w.now);
    w.run(todo);
    assert!(w.standing_is_bare("ALICE"));
    w.send("ALICE", (request("r2").0, Action::Session(SessionReason::Wake)), None);
    assert_eq!(w.released.len(), 1);
    let mut off = World::new("logon = 'never'\non_wake = false");
    off.up("ALICE", "alice");
    off.heard("ALICE");
    let todo = off.w.verify_again(&id("ALICE"), SessionReason::Wake, off.now);
    assert!(todo.is_empty());
}

#[test]
fn a_new_connection_is_no_way_round_what_is_owed() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    let todo = w.w.verify_again(&id("ALICE"), SessionReason::Unlock, w.now);
    w.run(todo);
    for down in [true, false] {
        if down {
            let todo = w.w.desk_down(&id("ALICE"));
            w.run(todo);
        }
        w.forget();
        w.up("ALICE", "alice");
        assert!(w.heard("ALICE")[0].starts_with("challenge"), "asked again, {down}");
        assert_eq!(w.w.state(&id("ALICE")).owes, Some(SessionReason::Unlock));
    }
    w.send("ALICE", request("r1"), None);
    assert!(w.released.is_empty());
    let challenge = w
        .heard("ALICE")
        .iter()
        .rev()
        .find_map(|h| h.strip_prefix("challenge ").map(str::to_owned))
        .unwrap();
    w.touch("ALICE", &challenge);
    assert_eq!((w.released.len(), w.w.state(&id("ALICE")).owes), (1, None));
    let todo = w.w.desk_down(&id("ALICE"));
    w.run(todo);
    w.forget();
    w.up("ALICE", "alice");
    assert_eq!(w.heard("ALICE"), ["access lease=false owes=false"], "paid is paid");
}

#[test]
fn a_lease_runs_out_and_the_desk_is_told() {
    let mut w = World::new(
        "logon = 'never'\nrequest_above = { default = '1m' }\nlease_minutes = 15\nidle_minutes = \
            10",
    );
    w.up("ALICE", "alice");
    w.send("ALICE", request("r1"), None);
    w.touch("ALICE", "c1");
    w.pass_time(9 * 60_000);
    w.w.active(&id("ALICE"), w.now);
    w.heard("ALICE");
    w.pass_time(5 * 60_000);
    assert_eq!(w.heard("ALICE"), Vec::<String>::new());
    w.pass_time(60_000);
    assert_eq!(w.heard("ALICE"), ["access lease=false owes=false"]);
    w.send("ALICE", request("r2"), None);
    assert_eq!(w.released.len(), 1);
}

#[test]
fn a_long_pause_owes_a_touch_whatever_the_size_where_the_firm_wants_it() {
    let mut w = World::new("logon = 'never'\nidle_minutes = 10\non_idle = true");
    w.up("ALICE", "alice");
    w.heard("ALICE");
    w.pass_time(9 * 60_000);
    w.w.active(&id("ALICE"), w.now);
    w.pass_time(9 * 60_000);
    w.send("ALICE", request("r1"), None);
    assert_eq!((w.released.len(), w.heard("ALICE")), (1, vec![]));
    w.pass_time(60_000);
    assert_eq!(
        w.heard("ALICE"),
        ["access lease=false owes=true"],
        "told, not asked: nobody may be there"
    );
    // What the trader then does is asked about before it counts as an act.
    w.send("ALICE", request("r2"), None);
    assert_eq!((w.released.len(), w.heard("ALICE")), (1, vec!["challenge c1".to_owned()]));
    w.touch("ALICE", "c1");
    assert_eq!(w.released.len(), 2);
    w.send("ALICE", request("r3"), None);
    assert_eq!(w.released.len(), 3);
}

#[test]
fn four_eyes_need_another_person_who_may() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.up("DAVE", "dave");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.forget();
    w.touch("ALICE", "c1");
    assert!(w.released.is_empty());
    assert_eq!(
        w.heard("ALICE"),
        ["SecondWanted c1 stepup.second_wanted", "access lease=true owes=false"]
    );
    assert_eq!(w.heard("BOB"), ["challenge c2"]);
    assert_eq!(w.heard("DAVE"), Vec::<String>::new());
    // An approver who comes later is asked too; the same person on a second desk is not.
    w.up("CAROL", "alice");
    w.touch("BOB", "c2");
    assert_eq!((w.released.len(), w.heard("BOB")), (1, vec!["Passed c2".to_owned()]));
    assert!(!w.heard("CAROL").iter().any(|h| h.starts_with("challenge")));
}

#[test]
fn a_second_person_who_says_no_ends_it() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.touch("ALICE", "c1");
    w.up("BOB", "bob");
    w.up("CAROL", "carol");
    w.heard("ALICE");
    w.answer("BOB", "c2", Answer::Declined(Some("too large today".into())));
    let heard = w.heard("ALICE");
    assert_eq!(heard, ["accept refused: BOB did not approve it: too large today"]);
    assert!(w.heard("CAROL").contains(&"Refused c3 stepup.declined".to_owned()));
    w.sign("CAROL", "c3");
    assert!(w.released.is_empty() && w.verifying.is_empty());
}

#[test]
fn nobody_there_to_approve_ends_in_time_and_says_so() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.touch("ALICE", "c1");
    w.heard("ALICE");
    w.pass_time(30_000);
    assert_eq!(w.heard("ALICE"), ["accept refused: no second person approved it in time"]);
}

#[test]
fn a_further_key_is_approved_with_one_there_is() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    let todo = w.w.hold_registration(&id("ALICE"), "blue".into(), w.now);
    w.run(todo);
    let todo = w.w.hold_registration(&id("ALICE"), "red".into(), w.now);
    w.run(todo);
    w.touch("ALICE", "c2");
    assert_eq!((w.registered.clone(), w.released.len()), (vec![("red".to_owned(), 7)], 0));
    w.sign("ALICE", "c1");
    assert!(w.verifying.is_empty());
}

#[test]
fn a_challenge_that_cannot_be_made_refuses_what_waits() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.heard("ALICE");
    let (m, action) = request("r1");
    let todo = w.w.hold(&id("ALICE"), m, action, asked(Wanted::Touch("x".into())), None, T);
    let [ApprovalStep::Challenge { held, desk, approval, .. }] = &todo[..] else {
        panic!("{todo:?}")
    };
    let todo = w.w.challenged(
        *held,
        desk,
        approval,
        Err(ApprovalRefusal::new("stepup.no_key", "you have no security key registered", "")),
    );
    w.run(todo);
    assert_eq!(w.heard("ALICE"), ["request refused: you have no security key registered"]);
}

#[path = "asked_tests.rs"]
mod asked_by;
#[path = "edge_tests.rs"]
mod edge;
