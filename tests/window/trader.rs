//! What a trader under pressure must be able to rely on: prices that are whole, a keyboard that is
//! where it was, and fields that stay where they are.

use super::{KEY_PIN, PATIENCE, Stage, TERMS_READ, Window, read};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const DOWN: &str = "\u{e015}";
const F8: &str = "\u{e038}";
const F9: &str = "\u{e039}";

/// Everything of a price, a size or, beside two prices, a dealer's name that is not seen whole: what
/// the text needs beyond its own box, its button, or any box around it that hides what stands over
/// its edge.
const CUT: &str = "
    const cut = [];
    const figures = '[data-price], [data-size], [data-testid=blotter-row] .number, \
        .both [data-testid^=line-] .name';
    for (const e of document.querySelectorAll(figures)) {
        const range = document.createRange();
        range.selectNodeContents(e);
        const text = range.getBoundingClientRect();
        if (text.width === 0) continue;
        const boxes = [];
        for (let box = e; box && box !== document.body; box = box.parentElement) {
            const style = getComputedStyle(box);
            const block = style.display !== 'inline';
            const scrolls = box.matches('[data-region=panels], [data-testid=blotter-scroll]');
            const hides = style.overflowX !== 'visible' && !scrolls;
            const priced = box.dataset.price !== undefined && block;
            if (hides || box.tagName === 'BUTTON' || priced) boxes.push(box);
            const overflows = box === e && box.scrollWidth > box.clientWidth;
            if (block && overflows) cut.push([e.textContent, 'itself']);
        }
        for (const box of boxes) {
            const b = box.getBoundingClientRect();
            const inside = text.left >= b.left - 0.5 && text.right <= b.right + 0.5;
            if (!inside) cut.push([e.textContent.trim(), box.tagName + '.' + box.className]);
        }
    }
    return { cut, prices: document.querySelectorAll('[data-price] button').length };";

/// Where the fields of the ticket lie.
const PLACES: &str = "
    return Object.fromEntries([...document.querySelectorAll('[data-region=ticket] [data-testid]')]
        .filter(e => !/option|error|problem|isin|numbers|unit/.test(e.dataset.testid))
        .map(e => [e.dataset.testid, e.getBoundingClientRect()])
        .map(([id, r]) => [id, [r.left, r.top, r.width, r.height].map(Math.round)]));";

impl Window {
    pub(super) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_rect(0, 0, width, height).await.unwrap();
        self.until(
            "the window has its size",
            &format!("return Math.abs(innerWidth - {width}) < 40"),
        )
        .await;
    }

    pub(super) async fn until(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.run(script).await != json!(true) {
            assert!(began.elapsed() < PATIENCE, "never: {what}\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses Ctrl with a key, as the page hears it.
    pub(super) async fn ctrl(&self, key: &str) {
        let press = "document.body.dispatchEvent(new KeyboardEvent('keydown', \
                     {key: arguments[0], ctrlKey: true, bubbles: true, cancelable: true}))";
        self.client.execute(press, vec![json!(key)]).await.unwrap();
    }

    /// Asks for quotes, by id or by any name of the instrument; the answer is the RFQ's id.
    pub(super) async fn ask_for(&self, instrument: &str, side: &str, quantity: &str) -> String {
        let panels = "return [...document.querySelectorAll('[data-panel]')].map(e => \
            e.dataset.testid.slice(10))";
        let before: Vec<String> = serde_json::from_value(self.run(panels).await).unwrap();
        let field = self.id("ticket-instrument").await;
        field.click().await.unwrap();
        self.run("document.activeElement.select()").await;
        field.send_keys(instrument).await.unwrap();
        self.find("[data-testid^='instrument-option-']").await;
        field.send_keys(ENTER).await.unwrap();
        self.click(&format!("ticket-ask-{side}")).await;
        let field = self.id("ticket-quantity").await;
        field.click().await.unwrap();
        field.send_keys(quantity).await.unwrap();
        self.click("dealers-all").await;
        self.click("ticket-send").await;
        let began = Instant::now();
        loop {
            let now: Vec<String> = serde_json::from_value(self.run(panels).await).unwrap();
            if let Some(new) = now.into_iter().find(|id| !before.contains(id)) {
                return new;
            }
            assert!(began.elapsed() < PATIENCE, "no panel for {instrument}\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Which element has the keyboard, by its test id.
    async fn keyboard(&self) -> String {
        let here = "return document.activeElement.dataset.testid || document.activeElement.tagName";
        self.run(here).await.as_str().unwrap_or_default().to_owned()
    }

    pub(super) async fn keyboard_is(&self, test_id: &str) {
        let script = "const at = document.activeElement; return at.dataset.testid || at.tagName";
        let began = Instant::now();
        loop {
            let at = self.run(script).await;
            if at == json!(test_id) {
                return;
            }
            let words = "never: the keyboard is at";
            assert!(began.elapsed() < PATIENCE, "{words} {test_id}, but {at}\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A person lets go of a key before the next one.
    pub(super) async fn press(&self, keys: &str) {
        tokio::time::sleep(Duration::from_millis(250)).await;
        self.type_here(keys).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_price_is_ever_cut() {
    let stage = Stage::on_screen(2560, 1440);
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.click("ttl-600").await;
    let mut asked = Vec::new();
    for (instrument, side, quantity) in [
        ("US91282CMM00", "twoWay", "300k"),
        ("US91282CMM00", "sell", "300k"),
        ("usdjpy", "twoWay", "900k"),
        ("IT0005607970", "buy", "300k"),
    ] {
        asked.push(w.ask_for(instrument, side, quantity).await);
    }
    for id in &asked {
        w.find(&format!("[data-testid^='line-{id}-'][data-state='quoted']")).await;
    }
    for (width, height) in [(1024, 640), (1280, 800), (1920, 1080), (2560, 1440)] {
        w.resize(width, height).await;
        for zoom in ["0", "+", "+"] {
            w.ctrl(zoom).await;
            // Panels out of sight are not laid out: each is looked at where it is.
            for id in &asked {
                w.run(&format!(
                    "document.querySelector('[data-testid=\"rfq-panel-{id}\"]').scrollIntoView()"
                ))
                .await;
                tokio::time::sleep(Duration::from_millis(150)).await;
                let seen = w.run(CUT).await;
                assert_eq!(seen["cut"], json!([]), "at {width}x{height}, zoom {zoom}");
                assert!(seen["prices"].as_u64() > Some(4), "prices are on the screen: {seen}");
            }
        }
        w.shot(&format!("prices-{width}-125")).await;
        w.ctrl("0").await;
        w.shot(&format!("prices-{width}")).await;
    }
    w.close(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_given_back_after_every_dialog() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    // The first thing to do has the keyboard.
    w.keyboard_is("ticket-instrument").await;

    let id = w.ask_for("dbr 2.5", "buy", "5m").await;
    let panel = format!("rfq-panel-{id}");
    w.find(&format!("[data-testid='{panel}'][data-state='open'] [data-best-offer='true']")).await;
    w.keyboard_is(&panel).await;

    // Tab comes to one price of the ladder, and the arrows lead to the others.
    let price = format!("lift-{id}-");
    for _ in 0..8 {
        if w.keyboard().await.starts_with(&price) {
            break;
        }
        w.type_here(TAB).await;
    }
    let first = w.keyboard().await;
    w.press(DOWN).await;
    let second = w.keyboard().await;
    assert!(first.starts_with(&price) && second.starts_with(&price), "{first} {second}");
    assert_ne!(first, second);
    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    w.press(ESCAPE).await;
    w.gone("confirm-accept").await;
    w.keyboard_is(&panel).await;

    // An impatient hand: the second click on the spot of the big button confirms nothing.
    let spot = format!(
        "const button = document.querySelector('[data-testid=\"primary-buy-{id}\"]');
         const b = button.getBoundingClientRect();
         return [b.right - 60, b.top + b.height / 2]"
    );
    let (x, y): (f64, f64) = serde_json::from_value(w.run(&spot).await).unwrap();
    let click = "const [x, y] = arguments; const at = document.elementFromPoint(x, y);
                 const whole = { detail: 1, bubbles: true, cancelable: true };
                 at.dispatchEvent(
                     new MouseEvent('click', { clientX: x, clientY: y, ...whole }));
                 return at.closest('button')?.dataset.testid || ''";
    w.client.execute(click, vec![json!(x), json!(y)]).await.unwrap();
    w.keyboard_is("confirm-accept").await;
    let hit = w.client.execute(click, vec![json!(x), json!(y)]).await.unwrap();
    assert_eq!(hit, json!("confirm-accept"), "it is where the big button was");
    w.press(ESCAPE).await;
    w.gone("confirm-accept").await;
    assert_eq!(w.count("[data-testid='step-up']").await, 0);
    w.keyboard_is(&panel).await;

    // Keys only: arm, confirm, refuse the touch. The number keys and Enter work again, as often as
    // one likes.
    for _ in 0..2 {
        w.press("1").await;
        w.press(ENTER).await;
        w.keyboard_is("confirm-accept").await;
        tokio::time::sleep(TERMS_READ).await;
        w.press(ENTER).await;
        w.find("[data-testid='step-up'][data-phase='pin']").await;
        w.keyboard_is("key-pin").await;
        w.press(ESCAPE).await;
        w.gone("step-up").await;
        w.find(&format!(
            "[data-testid='{panel}'] [data-testid='accept-state'][data-state='declined']"
        ))
        .await;
        w.keyboard_is(&panel).await;
    }
    // The same where it is approved.
    w.press("1").await;
    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    tokio::time::sleep(TERMS_READ).await;
    w.press(ENTER).await;
    w.keyboard_is("key-pin").await;
    w.press(&format!("{KEY_PIN}{ENTER}")).await;
    w.keyboard_is("step-up-simulated").await;
    w.press(ENTER).await;
    w.find(&format!("[data-testid='{panel}'][data-state='done']")).await;
    w.gone("step-up").await;
    w.keyboard_is(&panel).await;

    // The other dialogs, each opened from a place that gets the keyboard back; Tab stays inside.
    for (key, dialog) in [("?", "help-overlay")] {
        w.press(key).await;
        w.id(dialog).await;
        for _ in 0..4 {
            w.type_here(TAB).await;
            let inside = format!(
                "const dialog = document.querySelector('[data-testid={dialog}]');
                 return dialog.contains(document.activeElement)"
            );
            assert_eq!(w.run(&inside).await, json!(true));
        }
        w.press(ESCAPE).await;
        w.gone(dialog).await;
        w.keyboard_is(&panel).await;
    }
    for (button, dialog) in [("risk", "risk-panel"), ("keys-open", "keys")] {
        w.run(&format!("document.querySelector('[data-testid={button}]').focus()")).await;
        w.press(ENTER).await;
        w.id(dialog).await;
        w.press(ESCAPE).await;
        w.gone(dialog).await;
        w.keyboard_is(button).await;
    }

    // What was said is in the blotter's own line, F9 closes it, and the list has it all.
    let line =
        w.find("[data-region='blotter'] [data-testid='notice'][data-code='accept.declined']").await;
    assert!(!line.text().await.unwrap().is_empty());
    let began = Instant::now();
    while w.count("[data-testid='notice']").await > 0 {
        assert!(began.elapsed() < PATIENCE, "F9 leaves a notice");
        w.press(F9).await;
    }
    w.click("blotter-tab-notices").await;
    assert!(w.count("[data-testid='notice-row'][data-code='accept.declined']").await >= 2);
    assert!(w.count("[data-testid='notice-row'][data-code='trade.filled']").await >= 1);
    w.shot("notices").await;
    w.close(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_while_the_ticket_is_filled_in_and_no_challenge_takes_the_keyboard() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    let before = w.run(PLACES).await;

    // As the README says: type, choose with Enter, type the quantity.
    w.type_here("DBR").await;
    w.find("[data-testid^='instrument-option-']").await;
    assert_eq!(w.run(PLACES).await, before, "while the list is open");
    w.type_here(ENTER).await;
    w.id("ticket-isin").await;
    w.until(
        "the day is known",
        "return document.querySelector('[data-testid=ticket-settles]').value !== ''",
    )
    .await;
    assert_eq!(w.run(PLACES).await, before, "with an instrument");
    w.keyboard_is("ticket-quantity").await;
    let quantity = w.id("ticket-quantity").await;
    for part in ["5", "x", "lots"] {
        quantity.send_keys(part).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            quantity.attr("aria-invalid").await.unwrap().as_deref(),
            Some("false"),
            "half typed: {part}"
        );
        assert_eq!(w.run(PLACES).await, before, "while {part} is typed");
    }
    w.click("dealers-all").await;
    w.until(
        "the mistake is said",
        "return document.querySelector('[data-testid=ticket-quantity]').ariaInvalid === 'true'",
    )
    .await;
    assert_eq!(w.run(PLACES).await, before, "with a mistake");
    w.click("ticket-send").await;
    w.id("error-quantity").await;
    assert_eq!(w.run(PLACES).await, before, "refused");

    // Somebody asks for a touch while a quantity is typed: the letters go where they went, and a
    // key leads to the dialog.
    quantity.click().await.unwrap();
    quantity.send_keys("1").await.unwrap();
    stage.unlock_screen();
    let began = Instant::now();
    while w.count("[data-testid='step-up'][data-kind='session'][data-phase='pin']").await == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody asks for a touch");
        w.type_here("2").await;
    }
    w.type_here("3").await;
    assert_eq!(w.keyboard().await, "ticket-quantity");
    assert!(quantity.prop("value").await.unwrap().unwrap().ends_with('3'));
    w.shot("step-up-waits").await;
    w.type_here(F8).await;
    w.keyboard_is("key-pin").await;
    w.press(ESCAPE).await;
    w.gone("step-up").await;
    w.keyboard_is("ticket-quantity").await;
    w.close(&stage).await;
}
