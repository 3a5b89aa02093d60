//! The desk's own records in the real window, with the keyboard alone: the blotter, the
//! best-execution page with the reason for a choice, the dealers, and an export.

use super::{KEY_PIN, PATIENCE, Stage, TERMS_READ, Window, read};
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};

const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const CONTROL: &str = "\u{e009}";
const SHIFT: &str = "\u{e008}";
const RIGHT: &str = "\u{e014}";

impl Window {
    async fn js(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    async fn becomes(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.js(script).await != json!(true) {
            assert!(began.elapsed() < PATIENCE, "never: {what}\n{}", read(&self.log));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The element that has the keyboard.
    async fn focused(&self) -> String {
        let here = "return document.activeElement.dataset.testid || ''";
        self.js(here).await.as_str().unwrap_or_default().to_owned()
    }

    async fn focus_is(&self, test_id: &str) {
        let script =
            format!("return (document.activeElement.dataset.testid || '') === '{test_id}'");
        self.becomes(&format!("the keyboard is at {test_id}"), &script).await;
    }

    /// Presses keys as a person does, who lets go of one before the next.
    async fn keys(&self, keys: &str) {
        tokio::time::sleep(Duration::from_millis(250)).await;
        self.type_here(keys).await;
    }

    /// Goes on with Tab until an element has the keyboard.
    async fn tab_to(&self, test_id: &str) {
        for _ in 0..40 {
            if self.focused().await == test_id {
                return;
            }
            self.type_here(TAB).await;
        }
        panic!("Tab does not come to {test_id}; it is at {:?}", self.focused().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_explained_printed_and_exported_with_keys_alone() {
    let stage = Stage::new();
    let (settings, downloads) = (stage.dir.path().join("xdg"), stage.dir.path().join("downloads"));
    fs::create_dir_all(&settings).unwrap();
    fs::create_dir_all(&downloads).unwrap();
    let named = format!("XDG_DOWNLOAD_DIR=\"{}\"\n", downloads.display());
    fs::write(settings.join("user-dirs.dirs"), named).unwrap();
    let settings = settings.display().to_string();
    let w = stage.open_with(Some(("XDG_CONFIG_HOME", &settings))).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;

    // Another price than the best: the last line of the ladder.
    let id = w.ask("5m").await;
    let panel = format!("rfq-panel-{id}");
    for dealer in ["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"] {
        w.find(&format!("[data-testid='line-{id}-{dealer}'][data-state='quoted']")).await;
    }
    w.focus_is(&panel).await;
    w.keys("4").await;
    w.keys(ENTER).await;
    w.focus_is("confirm-accept").await;
    tokio::time::sleep(TERMS_READ).await;
    w.keys(ENTER).await;
    // So far from the best price it is confirmed twice.
    if w.count("[data-testid='off-market']").await > 0 {
        tokio::time::sleep(TERMS_READ).await;
        w.keys(ENTER).await;
    }
    w.focus_is("key-pin").await;
    w.keys(&format!("{KEY_PIN}{ENTER}")).await;
    w.focus_is("step-up-simulated").await;
    w.keys(ENTER).await;
    w.find(&format!("[data-testid='{panel}'][data-state='done']")).await;
    w.gone("step-up").await;

    // The page of the request that has the keyboard; the reason when there is time for it.
    w.focus_is(&panel).await;
    w.keys(&format!("{CONTROL}p{CONTROL}")).await;
    w.focus_is("best-close").await;
    w.find("[data-testid='best-accept'][data-best='false']").await;
    assert_eq!(w.count("[data-testid='best-dealer']").await, 4);
    assert!(w.count("[data-testid='best-quote']").await >= 4);
    w.find("[data-testid='quotes-chart'] path.line").await;
    w.shot("best-execution").await;
    w.tab_to("reason-text").await;
    w.keys("they settle with us").await;
    w.keys(ENTER).await;
    w.gone("reason-text").await;
    w.becomes(
        "the reason is on the page",
        "return document.querySelector('[data-testid=best-accept]').textContent
            .includes('they settle with us')",
    )
    .await;
    w.keys(ESCAPE).await;
    w.gone("best-execution").await;
    w.focus_is(&panel).await;

    // The blotter: searched, and the page of a row.
    w.keys(&format!("{CONTROL}f{CONTROL}")).await;
    w.focus_is("blotter-filter").await;
    w.keys("DBR filled").await;
    w.js("document.getElementById('tab-rfqs').focus()").await;
    w.keys(RIGHT).await;
    w.find("[data-testid='blotter-row'][data-status='Filled']").await;
    w.tab_to("blotter-grid").await;
    w.keys(ENTER).await;
    w.focus_is("best-close").await;
    w.keys(ESCAPE).await;
    w.focus_is("blotter-grid").await;
    w.shot("blotter-trades").await;

    // What was seen of the dealers.
    w.js("document.querySelector('[data-testid=view-open]').focus()").await;
    w.keys(ENTER).await;
    w.focus_is("view-close").await;
    w.keys(&format!("{SHIFT}{TAB}{SHIFT}")).await;
    w.focus_is("view-dealers").await;
    w.keys(ENTER).await;
    w.find("[data-testid='dealer-insight'][data-dealer='NORTHBANK']").await;
    w.shot("dealers").await;
    w.keys(ESCAPE).await;
    w.focus_is("view-open").await;

    // The export, which the file itself shows.
    w.keys(&format!("{CONTROL}e{CONTROL}")).await;
    w.focus_is("export-csv").await;
    w.keys(ENTER).await;
    w.id("export-told").await;
    w.keys(ESCAPE).await;
    w.gone("blotter-export").await;
    let files: Vec<_> = fs::read_dir(&downloads).unwrap().flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = fs::read_to_string(files[0].path()).unwrap();
    assert!(text.starts_with('\u{feff}') && text.contains("\"they settle with us\""), "{text}");
    w.close(&stage).await;
}
