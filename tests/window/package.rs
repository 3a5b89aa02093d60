//! A butterfly, with the keyboard alone: made on the ticket, quoted, accepted and filled.

use super::{KEY_PIN, Stage, TERMS_READ, Window, read};
use serde_json::json;

const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const SPACE: &str = " ";

/// Tab, until the keyboard is there.
async fn tab_to(w: &Window, test_id: &str) {
    for _ in 0..60 {
        let here = w.run("return document.activeElement.dataset.testid ?? ''").await;
        if here == json!(test_id) {
            return;
        }
        w.type_here(TAB).await;
    }
    panic!("no way to {test_id} with Tab\n{}", read(&w.log));
}

async fn says(w: &Window, test_id: &str) -> String {
    w.id(test_id).await.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_butterfly_is_made_with_the_keyboard_and_filled_with_every_leg() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.keyboard_is("ticket-instrument").await;

    // A butterfly is what a package begins as.
    w.run("document.querySelector('[data-testid=ticket-package]').focus()").await;
    w.type_here(SPACE).await;
    w.keyboard_is("package-kind").await;
    w.type_here(TAB).await;
    w.keyboard_is("package-size").await;
    w.type_here("2m").await;
    tab_to(&w, "leg-0-instrument").await;
    for (i, id) in ["DE000BU2Z023", "DE000BU2Z049", "DE0001102614"].iter().enumerate() {
        w.keyboard_is(&format!("leg-{i}-instrument")).await;
        w.type_here(id).await;
        w.type_here(ENTER).await;
        w.until("the leg has its instrument",
            &format!(
                "return document.querySelector('[data-testid=leg-{i}-about]').textContent.includes('{id}')"
            ),
        )
        .await;
    }
    // Every leg has its size by its ratio, and the whole is named.
    w.keyboard_is("package-turn").await;
    w.until(
        "the sums",
        "return document.querySelector('[data-testid=package-sums]').textContent\
         .includes('Butterfly, 3 legs')",
    )
    .await;
    let sums = says(&w, "package-sums").await;
    assert!(sums.contains("gross EUR 8,000,000") && sums.contains("net EUR 0"), "{sums}");
    assert!(says(&w, "leg-1-about").await.contains("4,000,000"));
    // Turned, and turned back.
    w.type_here(SPACE).await;
    w.until(
        "turned",
        "return document.querySelector('[data-testid=leg-0-side]').textContent === 'Sell'",
    )
    .await;
    w.type_here(SPACE).await;
    w.until(
        "turned back",
        "return document.querySelector('[data-testid=leg-0-side]').textContent === 'Buy'",
    )
    .await;
    tab_to(&w, "dealers-all").await;
    w.type_here(SPACE).await;
    w.shot("package-ticket").await;
    let press = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
                 {key: 'Enter', ctrlKey: true, bubbles: true, cancelable: true}))";
    w.run(press).await;

    // The panel has the keyboard; it names the package and its legs, with a dealer's prices.
    let panel = "[data-panel][data-state='open']";
    let id = w.find(panel).await.attr("data-testid").await.unwrap().unwrap();
    let id = id.trim_start_matches("rfq-panel-").to_owned();
    w.find(&format!("{panel} [data-best-offer='true']")).await;
    let head = w.find(panel).await.text().await.unwrap();
    assert!(head.contains("Butterfly, 3 legs") && !head.contains("[N/A]"), "{head}");
    let table = format!("legs-{id}");
    w.until(
        "each leg has a price",
        &format!(
            "return [...document.querySelectorAll('[data-testid=\"{table}\"] td[data-price]')]\
             .filter(e => e.textContent.trim() !== '').length === 3"
        ),
    )
    .await;
    w.shot("package-quoted").await;
    w.keyboard_is(&format!("rfq-panel-{id}")).await;
    w.type_here(ENTER).await;
    w.id("confirm-accept").await;
    let legs = says(&w, "accept-legs").await;
    assert_eq!(legs.matches(" at ").count(), 3, "every leg with its price: {legs}");
    assert!(says(&w, "accept-terms").await.contains("at net"));
    w.id("accept-limit").await;
    tokio::time::sleep(TERMS_READ).await;
    w.shot("package-armed").await;
    w.keyboard_is("confirm-accept").await;
    w.type_here(ENTER).await;
    // The key is asked for the whole of it, leg by leg.
    w.keyboard_is("key-pin").await;
    let asked = says(&w, "step-up").await;
    assert!(asked.contains("Butterfly, 3 legs"), "{asked}");
    assert_eq!(asked.matches(" settling ").count(), 3, "{asked}");
    w.shot("package-approve").await;
    w.type_here(&format!("{KEY_PIN}{ENTER}")).await;
    w.keyboard_is("step-up-simulated").await;
    w.type_here(ENTER).await;
    w.find("[data-testid='accept-state'][data-state='filled']").await;
    let legs = says(&w, "accept-legs").await;
    assert_eq!(legs.matches(" at ").count(), 3, "{legs}");
    w.shot("package-filled").await;
    // The blotter names it too.
    w.until(
        "a row of the blotter",
        "return [...document.querySelectorAll('[data-testid=blotter-row]')]\
         .some(e => e.textContent.includes('Butterfly, 3 legs'))",
    )
    .await;
    let all = w.find("body").await.text().await.unwrap();
    assert!(!all.contains("[N/A]"), "{all}");
    let log = read(&w.log);
    assert!(!log.contains("panicked"), "{log}");
    w.close(&stage).await;
}
