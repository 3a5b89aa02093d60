//! The ticket: found, filled in, limited, kept over a restart and asked again, with keys.

use super::{PATIENCE, Stage, Window, read};
use serde_json::json;
use std::time::{Duration, Instant};

const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const ESCAPE: &str = "\u{e00c}";

/// Presses Ctrl with a key, as the page hears it.
async fn ctrl(w: &Window, key: &str) {
    pressed(w, key, false).await;
}

async fn ctrl_shift(w: &Window, key: &str) {
    pressed(w, key, true).await;
}

async fn pressed(w: &Window, key: &str, shift: bool) {
    let press = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
                 {key: arguments[0], shiftKey: arguments[1], ctrlKey: true, bubbles: true, \
                 cancelable: true}))";
    w.client.execute(press, vec![json!(key), json!(shift)]).await.unwrap();
}

async fn panels(w: &Window) -> Vec<String> {
    let ids = "return [...document.querySelectorAll('[data-panel]')].map(e => \
               e.dataset.testid.slice(10))";
    serde_json::from_value(w.run(ids).await).unwrap()
}

async fn new_panel(w: &Window, before: &[String]) -> String {
    let began = Instant::now();
    loop {
        if let Some(new) = panels(w).await.into_iter().find(|id| !before.contains(id)) {
            return new;
        }
        assert!(began.elapsed() < PATIENCE, "no new panel\n{}", read(&w.log));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_found_limited_kept_over_a_restart_and_asked_again() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.keyboard_is("ticket-instrument").await;

    // A nickname and a maturity; Enter as fast as the fingers are.
    w.type_here(&format!("bund feb 35{ENTER}")).await;
    w.reads("ticket-isin", "DE000BU2Z049").await;
    w.keyboard_is("ticket-quantity").await;
    w.type_here("5m").await;
    w.until(
        "the usual day is there",
        "return document.querySelector('[data-testid=ticket-settles]').value !== ''",
    )
    .await;
    let day = "return document.querySelector('[data-testid=ticket-settles]').value";
    let usual = w.run(day).await;
    w.type_here(TAB).await;
    w.keyboard_is("ticket-settles").await;
    w.type_here(TAB).await;
    w.keyboard_is("ticket-settles-other").await;
    w.type_here(&format!("3m{ENTER}")).await;
    let other = format!("{day} > {usual}");
    w.until("a broken date is chosen", &other).await;
    let chosen = w.run(day).await;

    w.click("dealers-all").await;
    // What this desk has seen of each dealer is on the screen.
    let why = "return document.querySelector('[data-testid=dealer-why-NORTHBANK]').textContent";
    w.until("what is known of a dealer", &format!("{why} === 'never asked'")).await;
    w.shot("ticket-before-favourite").await;
    w.click("dealer-favourite-NORTHBANK").await;
    w.find("[data-testid='dealer-favourite-NORTHBANK'][aria-pressed='true']").await;

    // All of them are a list, by keys alone; the palette ticks it again.
    ctrl_shift(&w, "D").await;
    w.keyboard_is("dealer-list-name").await;
    w.type_here(&format!("Everybody{ENTER}")).await;
    w.reads("dealer-list-0", "Everybody").await;
    w.shot("ticket-dealer-lists").await;
    w.type_here(ESCAPE).await;
    w.gone("dealer-lists").await;
    w.click("dealers-none").await;
    w.find("[data-testid='dealer-NORTHBANK']:not(:checked)").await;
    ctrl(&w, "k").await;
    w.keyboard_is("palette-text").await;
    w.type_here(&format!("dealers everybody{ENTER}")).await;
    w.find("[data-testid='dealer-NORTHBANK']:checked").await;

    // What cannot be a price is refused at its field before anything is sent.
    w.run("document.querySelector('[data-testid=ticket-more]').focus()").await;
    w.type_here(ENTER).await;
    w.id("ticket-limit").await;
    w.run("document.querySelector('[data-testid=ticket-limit]').focus()").await;
    w.type_here("98,5").await;
    w.type_here(TAB).await;
    w.find("[data-testid='error-limit']").await;
    w.run("document.querySelector('[data-testid=ticket-limit]').select()").await;
    w.run("document.querySelector('[data-testid=ticket-limit]').focus()").await;
    // Far below the market.
    w.type_here("90").await;
    w.type_here(TAB).await;
    w.gone("error-limit").await;
    w.shot("ticket-limit").await;
    let before = panels(&w).await;
    ctrl(&w, "Enter").await;
    let id = new_panel(&w, &before).await;
    let panel = format!("[data-testid='rfq-panel-{id}']");
    let head = w.find(&panel).await.text().await.unwrap();
    assert!(head.contains(chosen.as_str().unwrap()), "settles on {chosen}: {head}");

    // No quote is taken beyond the limit.
    w.find(&format!("{panel}[data-state='open'] [data-best-offer='true']")).await;
    w.click(&format!("primary-buy-{id}")).await;
    let why = w.find(&format!("{panel} [data-testid='problem-code']")).await;
    assert_eq!(why.text().await.unwrap(), "accept.beyond_limit");
    assert_eq!(w.count("[data-testid='confirm-accept']").await, 0);
    w.shot("ticket-beyond-limit").await;

    // The same again, as it was typed; and into the ticket.
    let before = panels(&w).await;
    ctrl(&w, "r").await;
    let again = new_panel(&w, &before).await;
    w.find(&format!("[data-testid='rfq-panel-{again}'][data-state='open']")).await;
    ctrl(&w, "d").await;
    let limit = "return document.querySelector('[data-testid=ticket-limit]')?.value === '90'";
    w.until("its limit is in the ticket", limit).await;
    w.keyboard_is("ticket-quantity").await;
    w.run("document.activeElement.select()").await;
    w.type_here("7m").await;
    // It is kept a moment after the last key, which is long where other programs are built.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let log = read(&w.log);
    assert!(!log.contains("panicked"), "{log}");
    w.close(&stage).await;

    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.reads("ticket-isin", "DE000BU2Z049").await;
    let quantity = "return document.querySelector('[data-testid=ticket-quantity]').value === '7m'";
    w.until("the draft is there again", quantity).await;
    w.find("[data-testid='dealer-favourite-NORTHBANK'][aria-pressed='true']").await;
    w.click("dealers-lists").await;
    w.reads("dealer-list-0", "Everybody").await;
    // One Escape leaves the name, the next one the dialog.
    w.click("dealer-list-rename-0").await;
    w.keyboard_is("dealer-list-new-name").await;
    w.type_here(ESCAPE).await;
    w.keyboard_is("dealer-list-0").await;
    w.press(ESCAPE).await;
    w.gone("dealer-lists").await;
    w.until(
        "the last requests are offered",
        "return document.querySelectorAll('[data-testid=ticket-reuse] option').length >= 3",
    )
    .await;
    w.close(&stage).await;
}
