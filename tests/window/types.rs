//! Yields, and a pass on one dealer, with the keyboard.

use super::{Stage, TERMS_READ};

const ENTER: &str = "\u{e007}";
/// What the numbers count; WebKit's driver says nothing of a text that may end in dots.
const UNIT: &str = "return document.querySelector('[data-testid=ticket-unit]').textContent";

#[tokio::test(flavor = "multi_thread")]
async fn a_yield_is_asked_for_a_dealer_is_passed_on_and_another_trades() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.click("ttl-600").await;
    w.click("ticket-instrument").await;

    // The choice is there for an instrument that has it, and says what the number counts.
    w.type_here(&format!("bund feb 35{ENTER}")).await;
    w.reads("ticket-isin", "DE000BU2Z049").await;
    w.until("% of par", &format!("{UNIT} === '% of par'")).await;
    w.run("document.querySelector('[data-testid=ticket-numbers-yield] input').click()").await;
    w.until("% yield", &format!("{UNIT} === '% yield'")).await;
    w.shot("ticket-yield").await;

    let id = w.ask_for("DE000BU2Z049", "buy", "300k").await;
    let panel = format!("[data-testid='rfq-panel-{id}']");
    w.find(&format!("{panel}[data-state='open'] [data-best-offer='true']")).await;
    let head = w.find(&panel).await.text().await.unwrap();
    assert!(head.contains("% yield"), "{head}");
    w.keyboard_is(&format!("rfq-panel-{id}")).await;
    w.shot("ladder-yield").await;

    // P passes on the dealer on top; the others go on.
    w.press("p").await;
    w.keyboard_is("pass-reason-text").await;
    w.shot("pass-reason").await;
    w.press(&format!("too slow{ENTER}")).await;
    w.gone("pass-reason").await;
    w.find(&format!("{panel} [data-state='turnedDown']")).await;
    w.find(&format!("{panel}[data-state='open'] [data-best-offer='true']")).await;
    w.keyboard_is(&format!("rfq-panel-{id}")).await;

    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    tokio::time::sleep(TERMS_READ).await;
    w.shot("yield-confirm").await;
    w.press(ENTER).await;
    w.find(&format!("[data-testid='rfq-panel-{id}'][data-state='done']")).await;
    let done = w.find(&panel).await.text().await.unwrap();
    assert!(done.contains(" % from "), "{done}");
    w.shot("yield-done").await;
    w.close(&stage).await;
}
