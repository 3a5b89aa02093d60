//! A colleague's request, seen, taken over and traded with the keyboard alone. The colleague's desk
//! is a real one at the same venue, without a window.

use super::{PATIENCE, Stage, TERMS_READ, read};
use std::time::{Duration, Instant};

const ENTER: &str = "\u{e007}";

#[tokio::test(flavor = "multi_thread")]
async fn a_colleagues_request_is_taken_over_and_traded_with_the_keyboard_alone() {
    let stage = Stage::new();
    let w = stage.open_with(Some(("SIGNET_PRACTICE_COLLEAGUE", "1"))).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.keyboard_is("ticket-instrument").await;

    // The palette leads to the list of the group's requests.
    w.held("k", true, false).await;
    w.keyboard_is("palette-text").await;
    w.press("requests of your group").await;
    w.find("[data-testid='action-group'][aria-selected='true']").await;
    w.press(ENTER).await;
    w.id("group").await;
    let began = Instant::now();
    loop {
        w.find("[data-testid='group-look'][aria-disabled='false']").await;
        if w.count("[data-testid='group-row']").await > 0 {
            let row = w.id("group-row").await.text().await.unwrap();
            assert!(row.contains("colleague") && row.contains("300,000 EUR"), "{row}");
            if row.contains("4 of 4 quote") {
                break;
            }
        }
        assert!(began.elapsed() < PATIENCE, "the colleague asks nobody\n{}", read(&w.log));
        w.run("document.querySelector('[data-testid=group-look]').focus()").await;
        w.press(ENTER).await;
    }
    assert_eq!(w.count("[data-testid^='rfq-panel-']").await, 0, "it is the colleague's still");

    // The first Enter chooses it and says what it means, the second takes it over.
    w.run("document.querySelector('[data-testid=group-take]').focus()").await;
    w.press(ENTER).await;
    w.keyboard_is("group-confirm-take").await;
    let said = w.id("group-confirm").await.text().await.unwrap();
    assert!(said.contains("300,000") && said.contains("colleague"), "{said}");
    w.shot("hand-over").await;
    w.press(ENTER).await;
    w.gone("group").await;

    // It is a request like any other: its quotes are there, and the keyboard is at it.
    let panel = w.find("[data-panel][data-state='open']:has([data-best-offer='true'])").await;
    let panel = panel.attr("data-testid").await.unwrap().unwrap();
    w.keyboard_is(&panel).await;
    let told = w.find("[data-testid='notice'][data-code='rfq.took_over']").await;
    // WebKit's driver leaves the words out of the element's text, because they may be cut.
    let told = told.attr("title").await.unwrap().unwrap();
    assert!(told.contains("Taken over from colleague"), "{told}");
    // The name that the gateway made for dealers, and not the colleague's.
    let name = told.split("Dealers know it as ").nth(1).and_then(|rest| rest.strip_suffix('.'));
    let of_random_bits = |name: &str| {
        name.len() == 16 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    assert!(name.is_some_and(of_random_bits), "{told}");
    w.shot("taken-over").await;
    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    tokio::time::sleep(TERMS_READ).await;
    w.press(ENTER).await;
    w.find(&format!("[data-testid='{panel}'][data-state='done']")).await;
    w.keyboard_is(&panel).await;
    w.click("blotter-tab-trades").await;
    w.find("[data-testid='blotter-row'][data-status='Filled']").await;
    assert_eq!(w.count("[data-testid='blotter-row']").await, 1, "it was traded once");

    // The gateway let it through once, and the colleague, who does not have it now, asks for another.
    let began = Instant::now();
    while read(&w.log).matches("an RFQ changes hands").count() != 1 {
        assert!(began.elapsed() < PATIENCE, "the event is missing\n{}", read(&w.log));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log = read(&w.log);
    assert!(!log.contains("panicked"), "{log}");
    w.close(&stage).await;
}
