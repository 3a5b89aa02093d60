//! A list of requests with the keyboard: pasted, corrected, sent, and taken together.

use super::{Stage, TERMS_READ, Window};
use serde_json::json;

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";

/// Two within their limit, one that is wrong, one without a limit, one far beyond its limit.
const ROWS: &str = "Limit;Side;ISIN;Size;Note\n\
    98.700;buy;DE000BU2Z049;300k;for the fund\n\
    99.600;sell;DBR 2.6 08/34;300k;\n\
    97.600;buy;DE000BU2Z023;3x;\n\
    ;buy;DE000BU2Z049;400k;\n\
    101;sell;DE000BU2Z031;350k;";

impl Window {
    /// Gives the keyboard to a place, as Tab would in the end.
    async fn go_to(&self, test_id: &str) {
        self.id(test_id).await;
        self.run(&format!("document.querySelector('[data-testid=\"{test_id}\"]').focus()")).await;
        self.keyboard_is(test_id).await;
    }

    async fn row_is(&self, number: usize, state: &str) {
        self.until(
            &format!("row {number} is {state}"),
            &format!(
                "return document.querySelectorAll('[data-testid=list-row]')[{}]?.dataset.state \
                 === '{state}'",
                number - 1
            ),
        )
        .await;
    }

    async fn state_of(&self, number: usize) -> String {
        let script = format!(
            "return document.querySelectorAll('[data-testid=list-row]')[{}].dataset.state",
            number - 1
        );
        self.run(&script).await.as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_pasted_corrected_sent_and_taken_within_its_limits() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;

    w.ctrl("l").await;
    w.keyboard_is("list-paste").await;
    let paste = "const data = new DataTransfer(); data.setData('text/plain', arguments[0]); \
        const paste = new ClipboardEvent('paste', \
        { clipboardData: data, bubbles: true, cancelable: true }); \
        document.activeElement.dispatchEvent(paste);";
    w.client.execute(paste, vec![json!(ROWS)]).await.unwrap();
    w.find("[data-testid='list-row'][data-wrong='true']").await;
    assert_eq!(w.count("[data-testid='list-row']").await, 5);
    w.keyboard_is("list-paste").await;

    // With a wrong row nothing is sent.
    w.go_to("list-send").await;
    w.press(ENTER).await;
    w.find("[data-testid='list-problem'] [data-testid='problem-code']").await;
    assert_eq!(w.count("[data-panel]").await, 0);
    w.find("[data-testid='list-quantity-3'][aria-invalid='true']").await;
    w.shot("list-wrong").await;

    // It is corrected in its cell; Enter goes to the row below.
    w.go_to("list-quantity-3").await;
    w.run("document.activeElement.select()").await;
    w.press(&format!("300k{ENTER}")).await;
    w.keyboard_is("list-quantity-4").await;
    w.until(
        "nothing is wrong",
        "return document.querySelectorAll('[data-testid=list-row][data-wrong=true]').length === 0",
    )
    .await;
    w.go_to("list-send").await;
    w.press(ENTER).await;
    w.find("[data-testid='list-progress']").await;
    for number in 1..=5 {
        w.row_is(number, "quoted").await;
    }
    assert_eq!(w.count("[data-panel]").await, 5, "each is a request of its own");
    w.shot("list-quoted").await;

    // Everything within its limit, and nothing else. A dealer may decline; then it is asked again.
    for round in 0..10 {
        let mut done = 0;
        for number in [1, 2, 3] {
            done += usize::from(w.state_of(number).await == "done");
        }
        if done == 3 {
            break;
        }
        assert!(round < 9, "{done} of 3 rows are traded");
        w.go_to("list-take").await;
        w.press(ENTER).await;
        w.keyboard_is("take-cancel").await;
        let left = w.id("take-left").await.text().await.unwrap();
        assert!(left.contains("Row 4") && left.contains("It has no limit."), "{left}");
        assert!(left.contains("Row 5") && left.contains("beyond its limit"), "{left}");
        if round == 0 {
            assert_eq!(w.count("[data-testid='take-line']").await, 3);
            w.shot("list-take").await;
        }
        tokio::time::sleep(TERMS_READ).await;
        w.press(TAB).await;
        w.keyboard_is("take-confirm").await;
        w.press(ENTER).await;
        w.gone("list-confirm-dialog").await;
        for number in [1, 2, 3] {
            let row = number - 1;
            w.until(
                "an accept has its answer",
                &format!(
                    "const row = document.querySelectorAll('[data-testid=list-row]')[{row}]; \
                     return ['done', 'quoted'].includes(row.dataset.state) && \
                     (row.dataset.state === 'done' || !/accepts to come/.test(\
                     document.querySelector('[data-testid=list]').textContent))"
                ),
            )
            .await;
        }
    }
    w.shot("list-done").await;
    for number in [4, 5] {
        let state = w.state_of(number).await;
        assert_ne!(state, "done", "row {number}");
    }

    // Wherever the keyboard was given back to, it is in the list.
    w.until(
        "the list has the keyboard",
        "return document.querySelector('[data-testid=list]').contains(document.activeElement)",
    )
    .await;
    w.press(ESCAPE).await;
    w.gone("list").await;
    // Trades are where trades are.
    w.find("[data-panel][data-state='done']").await;
    w.close(&stage).await;
}
