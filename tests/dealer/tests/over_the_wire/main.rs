//! The simulator seen from outside: TLS, FIX bytes made by hand, and what comes back.

mod gateway;

use std::time::Duration;

use gateway::{DEALER, Gateway, World};
use rust_decimal::Decimal;
use signet_dealer::Force;
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, Refusal, Stage};
use time::OffsetDateTime;
use tokio::net::TcpStream;

const QUIET: Duration = Duration::from_millis(300);

#[tokio::test]
async fn request_quote_accept_fill() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    let answer = gateway.log_on().await;
    assert_eq!((answer.get(49), answer.get(56), answer.get(141)), (DEALER, "SIGNET", ""));

    gateway.ask("Q1", "").await;
    let quote = gateway.read_type("S").await;
    assert_eq!((quote.get(131), quote.get(537), quote.get(48)), ("Q1", "1", "DE000BU2Z049"));
    gateway.lift(&quote, "C1").await;
    let pending = gateway.read_type("8").await;
    assert_eq!((pending.get(150), pending.get(39)), ("A", "A"));
    let fill = gateway.read_type("8").await;
    assert_eq!((fill.get(150), fill.get(39), fill.get(11)), ("F", "2", "C1"));
    assert_eq!((fill.get(31), fill.get(32)), (quote.get(133), "5000000"));

    // The same accept again: the same report, word for word, and no second fill.
    gateway.lift(&quote, "C1").await;
    let repeated = gateway.read_type("8").await;
    assert_eq!(repeated.get(17), fill.get(17));
    assert_eq!(gateway.ask_status("C1").await.get(39), "2");
    let logout = gateway.part(simulator).await;
    assert_eq!(logout.get(49), DEALER);
}

#[tokio::test]
async fn side_decides_which_price_is_quoted() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    gateway.ask("Q1", "54=1|").await;
    let quote = gateway.read_type("S").await;
    assert!(quote.get(132).is_empty() && !quote.get(133).is_empty());
    gateway.part(simulator).await;
}

#[tokio::test]
async fn what_a_dealer_refuses_and_how() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;

    gateway.send("R", "131=Q1|146=1|55=NOPE|48=XS0000000000|22=4|38=5000000").await;
    let unknown = gateway.read().await;
    assert_eq!((unknown.get(35), unknown.get(658)), ("AG", "1"));
    gateway.send("R", "131=Q2|146=1|55=EUR/USD|38=-5000000").await;
    assert_eq!(gateway.read().await.get(35), "AG");
    // A required field is missing: the session's Reject names it.
    gateway.send("R", "146=1|55=EUR/USD|38=1000000").await;
    let reject = gateway.read().await;
    assert_eq!((reject.get(35), reject.get(371), reject.get(373)), ("3", "131", "1"));
    gateway.send("D", "11=C1|55=EUR/USD|54=1|38=1|40=1|60=20261120-13:00:00").await;
    let business = gateway.read().await;
    assert_eq!((business.get(35), business.get(372), business.get(380)), ("j", "D", "3"));
    assert_eq!(business.get(45), (gateway.next_out - 1).to_string());
    // The session has survived all that.
    gateway.send("R", "131=Q3|146=1|55=EUR/USD|38=1000000").await;
    let quote = gateway.read().await;
    assert_eq!((quote.get(35), quote.get(15)), ("S", "EUR"));
    gateway.part(simulator).await;
}

#[tokio::test]
async fn sequence_numbers_and_orders_survive_a_restart() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    gateway.ask("Q1", "").await;
    let quote = gateway.read_type("S").await;
    gateway.lift(&quote, "C1").await;
    gateway.read_type("8").await;
    let fill = gateway.read_type("8").await;
    let last: u64 = gateway.part(simulator).await.get(34).parse().unwrap();

    let simulator = world.start().await;
    let mut again = world.dial(&simulator).await;
    again.next_out = gateway.next_out;
    let answer = again.log_on().await;
    assert_eq!(answer.get(34).parse::<u64>().unwrap(), last + 1, "no reset");
    again.lift(&quote, "C1").await;
    let repeated = again.read_type("8").await;
    assert_eq!((repeated.get(39), repeated.get(17)), ("2", fill.get(17)), "not filled twice");
    again.part(simulator).await;
}

#[tokio::test]
async fn a_lost_answer_is_found_by_asking() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    gateway.ask("Q1", "").await;
    let quote = gateway.read_type("S").await;
    simulator.force(DEALER, Force::Silent).await.unwrap();
    gateway.lift(&quote, "C1").await;
    assert!(gateway.hears_nothing_for(QUIET).await);
    simulator.force(DEALER, Force::Resume).await.unwrap();
    assert_eq!(gateway.ask_status("C1").await.get(39), "2");
    assert_eq!(gateway.ask_status("C2").await.get(103), "5");
    gateway.part(simulator).await;
}

#[tokio::test]
async fn dead_and_back_with_the_fill_that_was_made_meanwhile() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    gateway.ask("Q1", "").await;
    let quote = gateway.read_type("S").await;
    // Long enough that it is dead before it fills, and asked again after that.
    let held = Duration::from_secs(2);
    let held_ms = u64::try_from(held.as_millis()).unwrap();
    simulator.force(DEALER, Force::HoldNextAccept(held_ms)).await.unwrap();
    gateway.lift(&quote, "C1").await;
    assert_eq!(gateway.read_type("8").await.get(39), "A");
    simulator.force(DEALER, Force::Die).await.unwrap();
    assert!(gateway.is_closed().await);
    let address = simulator.addresses()[DEALER];
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens");
    tokio::time::sleep(held + QUIET).await;
    simulator.force(DEALER, Force::Resume).await.unwrap();

    let mut again = world.dial(&simulator).await;
    again.next_out = gateway.next_out;
    again.log_on().await;
    let fill = again.read_type("8").await;
    assert_eq!((fill.get(39), fill.get(11)), ("2", "C1"));
    again.part(simulator).await;
}

#[tokio::test]
async fn forced_quotes_and_withdrawals() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    let exactly = Force::QuoteExactly {
        bid: Some(Decimal::new(98, 0)),
        offer: Some(Decimal::new(985, 1)),
        size: Decimal::new(2_000_000, 0),
        valid_ms: 60_000,
    };
    simulator.force(DEALER, exactly).await.unwrap();
    gateway.ask("Q1", "").await;
    let quote = gateway.read_type("S").await;
    assert_eq!((quote.get(132), quote.get(133), quote.get(135)), ("98.000", "98.500", "2000000"));
    simulator.force(DEALER, Force::Withdraw).await.unwrap();
    let cancel = gateway.read_type("Z").await;
    assert_eq!((cancel.get(117), cancel.get(298)), (quote.get(117), "1"));
    simulator.force(DEALER, Force::Resume).await.unwrap();
    simulator.force(DEALER, Force::RejectNextAccept("not today".into())).await.unwrap();
    gateway.ask("Q2", "").await;
    let quote = gateway.read_type("S").await;
    gateway.lift(&quote, "C1").await;
    gateway.read_type("8").await;
    assert_eq!(gateway.read_type("8").await.get(58), "not today");
    gateway.part(simulator).await;
}

#[tokio::test]
async fn the_newest_connection_displaces_the_old_one() {
    let world = World::new();
    let simulator = world.start().await;
    let mut first = world.dial(&simulator).await;
    first.log_on().await;
    let mut second = world.dial(&simulator).await;
    second.next_out = first.next_out;
    second.log_on().await;
    assert!(first.is_closed().await);
    second.ask("Q1", "").await;
    second.read_type("S").await;
    second.part(simulator).await;
}

#[tokio::test]
async fn quotes_are_not_sent_again_but_reports_are() {
    let world = World::new();
    let simulator = world.start().await;
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    gateway.ask("Q1", "").await;
    let quote = gateway.read_type("S").await;
    gateway.lift(&quote, "C1").await;
    let pending = gateway.read_type("8").await;
    let fill = gateway.read_type("8").await;
    gateway.send("2", &format!("7={}|16=0", quote.get(34))).await;
    let gap = gateway.read().await;
    assert_eq!((gap.get(35), gap.get(123), gap.get(36)), ("4", "Y", pending.get(34)));
    for original in [&pending, &fill] {
        let resent = gateway.read().await;
        assert_eq!((resent.get(35), resent.get(43)), ("8", "Y"));
        assert_eq!((resent.get(34), resent.get(17)), (original.get(34), original.get(17)));
    }
    gateway.part(simulator).await;
}

/// Dials and logs on; tells how that fails.
async fn refusal(
    world: &World,
    simulator: &signet_dealer::Simulator,
    order: &Order,
) -> Option<Refusal> {
    let address = simulator.addresses()[DEALER];
    match Gateway::dial(address, world.client(order)).await {
        Err(error) => Some(Refusal::seen_by_client(&error, Stage::Handshake)),
        Ok(mut gateway) => {
            gateway.send("A", "98=0|108=30").await;
            if gateway.is_closed().await { None } else { panic!("let in") }
        }
    }
}

#[tokio::test]
async fn only_its_gateway_is_let_in() {
    let world = World::new();
    let simulator = world.start().await;
    // Genuine, of another name; genuine, of another firm's domain; not of the gateways' authority.
    assert_eq!(refusal(&world, &simulator, &Order::gateway("OTHER")).await, None);
    let elsewhere = Order::gateway("SIGNET").with_uri("spiffe://elsewhere.example/gateway/SIGNET");
    assert_eq!(refusal(&world, &simulator, &elsewhere).await, None);
    let desk = Order::gateway("SIGNET").with_uri("spiffe://practice.signet.example/desk/SIGNET");
    assert_eq!(refusal(&world, &simulator, &desk).await, None);

    let foreign = DevPki::generate("elsewhere.example", OffsetDateTime::now_utc()).unwrap();
    let key = foreign.issue(&Order::gateway("SIGNET")).unwrap().certified_key().unwrap();
    let config = ClientProfile::new(world.pki.dealer_roots().unwrap(), key).config().unwrap();
    let mut stranger = Gateway::dial(simulator.addresses()[DEALER], config).await.unwrap();
    assert!(stranger.is_closed().await, "TLS 1.3: refused after the client's handshake");

    // A client that says nothing costs nobody anything.
    let _idle = TcpStream::connect(simulator.addresses()[DEALER]).await.unwrap();
    let mut gateway = world.dial(&simulator).await;
    gateway.log_on().await;
    gateway.part(simulator).await;
}
