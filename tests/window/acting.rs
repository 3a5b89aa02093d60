//! Taking a price, ending and leaving, with the keyboard alone.

use super::{Stage, TERMS_READ, Window};
use serde_json::json;

const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";

impl Window {
    /// Asks all dealers for a small quantity, and waits for a best price.
    pub(super) async fn quoted(&self) -> String {
        let id = self.ask_for("DE000BU2Z049", "buy", "300k").await;
        let best =
            format!("[data-testid='rfq-panel-{id}'][data-state='open'] [data-best-offer='true']");
        self.find(&best).await;
        self.keyboard_is(&format!("rfq-panel-{id}")).await;
        id
    }

    /// Presses a key with modifiers, as the page hears it.
    pub(super) async fn held(&self, key: &str, ctrl: bool, shift: bool) {
        let press = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
                     {key: arguments[0], ctrlKey: arguments[1], shiftKey: arguments[2], \
                      bubbles: true, cancelable: true}))";
        self.client.execute(press, vec![json!(key), json!(ctrl), json!(shift)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_taken_and_requests_are_ended_with_the_keyboard_alone() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.click("ttl-600").await;

    // The first Enter shows the terms. One that comes before they can be read sends nothing.
    let id = w.quoted().await;
    let panel = format!("[data-testid='rfq-panel-{id}']");
    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    w.press(ENTER).await;
    w.find("[data-testid='confirm-state'][data-code='accept.too_soon']").await;
    w.find(&format!("{panel} [data-testid='accept-state'][data-state='armed']")).await;
    w.keyboard_is("confirm-accept").await;
    w.shot("too-soon").await;
    tokio::time::sleep(TERMS_READ).await;
    w.press(ENTER).await;
    w.find(&format!("[data-testid='rfq-panel-{id}'][data-state='done']")).await;
    w.find(&format!("{panel} [data-testid='cover']")).await;
    w.keyboard_is(&format!("rfq-panel-{id}")).await;
    w.shot("cover").await;

    // Nothing done, with a reason, by the palette; the keyboard is back on the panel.
    let id = w.quoted().await;
    w.held("k", true, false).await;
    w.keyboard_is("palette-text").await;
    w.shot("palette").await;
    w.press("nothing").await;
    w.find(&format!("[data-testid='action-{id}-end-for'][aria-selected='true']")).await;
    w.press(ENTER).await;
    w.keyboard_is("end-reason-text").await;
    w.press(&format!("traded elsewhere{ENTER}")).await;
    w.find(&format!("[data-testid='rfq-panel-{id}'][data-state='cancelled']")).await;
    w.reads(&format!("rfq-text-{id}"), "Ended without a trade: traded elsewhere").await;
    w.gone("end-reason").await;
    w.keyboard_is(&format!("rfq-panel-{id}")).await;

    // Leaving with something open asks first, and Escape stays.
    let one = w.quoted().await;
    w.run("document.querySelector('[data-testid=disconnect-button]').focus()").await;
    w.press(ENTER).await;
    w.keyboard_is("disconnect-stay").await;
    w.shot("leaving").await;
    w.press(ESCAPE).await;
    w.gone("disconnect-dialog").await;
    w.keyboard_is("disconnect-button").await;
    w.find("[data-testid='link-state'][data-state='online']").await;

    // One key ends everything.
    let two = w.quoted().await;
    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    w.held("X", true, true).await;
    for id in [&one, &two] {
        w.find(&format!("[data-testid='rfq-panel-{id}'][data-state='cancelled']")).await;
    }
    w.gone("confirm-accept").await;
    w.keyboard_is(&format!("rfq-panel-{two}")).await;
    w.find("[data-testid='notice'][data-code='desk.stopped']").await;
    w.shot("stopped").await;
    w.close(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_with_an_open_request_asks_before_it_closes() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.click("ttl-600").await;
    let id = w.quoted().await;
    let close_at_the_frame = || {
        let told = std::process::Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/window/close.py"))
            .env("DISPLAY", &w.display)
            .status();
        assert!(told.expect("python3 is installed").success());
    };

    close_at_the_frame();
    w.keyboard_is("closing-stay").await;
    let said = w.id("closing-dialog").await.text().await.unwrap();
    assert!(said.contains("300,000") && said.contains("is open"), "{said}");
    w.shot("closing").await;
    w.press(ESCAPE).await;
    w.gone("closing-dialog").await;
    w.keyboard_is(&format!("rfq-panel-{id}")).await;

    close_at_the_frame();
    w.keyboard_is("closing-stay").await;
    // The driver hears nothing of a window that closes.
    let anyway = "setTimeout(() => \
        document.querySelector('[data-testid=closing-anyway]').click(), 100)";
    w.run(anyway).await;
    let began = std::time::Instant::now();
    while stage.desk_runs() {
        assert!(began.elapsed() < super::PATIENCE, "the desk does not end");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
