//! The best-execution page on paper, in a real browser: whole, dark on white whatever the colours of
//! the screen, without what is only for the screen, and on as many sheets as it needs.

#![cfg(target_os = "linux")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use signet_console_tests::{Browser, Start, Vite};

const CLIPPED: &str = include_str!("../clipped.js");
/// A4 less its margins of 12 mm, in CSS pixels.
const SHEET: (u32, u32) = (703, 1031);

/// What is visible of the page: what the screen needs, whether something stands beside the sheet,
/// and the least contrast of a text on white.
const SEEN: &str = "
    const light = (rgb) => {
      const part = (n) => { const s = n / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
      const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const visible = [...document.querySelectorAll('body *')].filter((e) =>
      getComputedStyle(e).visibility === 'visible' && e.getClientRects().length > 0);
    const page = document.querySelector('.best-execution');
    const texts = visible.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
    return {
      elsewhere: visible.filter((e) => !page.contains(e)).length,
      buttons: visible.filter((e) => e.matches('button, input')).length,
      beside: visible.filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length,
      texts: texts.length,
      contrast: Math.min(...texts.map((e) => 1.05 / (light(getComputedStyle(e).color) + 0.05))),
    };";

async fn pages(b: &Browser) -> usize {
    let options = json!({ "preferCSSPageSize": true, "printBackground": false });
    let pdf = b.cdp("Page.printToPDF", options).await;
    let pdf = STANDARD.decode(pdf["data"].as_str().expect("a document")).expect("base64");
    if let Some(folder) = std::env::var_os("SIGNET_SHOTS") {
        let _ = std::fs::write(std::path::Path::new(&folder).join("best-execution.pdf"), &pdf);
    }
    let text = String::from_utf8_lossy(&pdf).into_owned();
    text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_execution_page_is_whole_on_paper() {
    let Some(b) = Browser::open(Start::default()).await else { return };
    let vite = Vite::start();
    for scheme in ["light", "dark"] {
        b.size(1280, 800).await;
        b.goto(&vite.scene("best")).await;
        b.until("best", "document.documentElement.dataset.scene === 'ready'").await;
        b.until("the page", "document.querySelector('[data-testid=best-quote]')").await;
        b.size(SHEET.0, SHEET.1).await;
        let media = json!({
            "media": "print",
            "features": [{ "name": "prefers-color-scheme", "value": scheme }],
        });
        b.cdp("Emulation.setEmulatedMedia", media).await;
        let clipped = b.script(CLIPPED).await;
        assert_eq!(clipped, json!([]), "{scheme}: cut on paper");
        let seen = b.script(SEEN).await;
        for none in ["elsewhere", "buttons", "beside"] {
            assert_eq!(seen[none], json!(0), "{scheme}, {none}: {seen}");
        }
        assert!(seen["texts"].as_u64().unwrap() > 20, "{seen}");
        assert!(seen["contrast"].as_f64().unwrap() >= 4.5, "{scheme}: {seen}");
        assert_eq!(pages(&b).await, 1, "{scheme}: a usual request");
    }
    // A request with many quotes goes on over as many sheets as it needs.
    let many = "const all = document.querySelectorAll('[data-testid=best-quote]');
        const body = all[0].parentElement;
        for (let n = 0; n < 150; n++) body.append(all[0].cloneNode(true));";
    b.script(many).await;
    // A dialog in the middle would begin above the first sheet.
    let head =
        "return document.querySelector('[data-testid=best-head]').getBoundingClientRect().top;";
    assert!(b.script(head).await.as_f64().unwrap() >= 0.0, "the head is on the first sheet");
    let sheets = pages(&b).await;
    assert!((3..=8).contains(&sheets), "{sheets} sheets for 150 more quotes");
    b.unblemished().await;
    b.close().await;
}
