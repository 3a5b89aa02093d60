//! Tests that need something of the machine fail where it cannot be had, unless a variable leaves
//! them out. Included by path.

use std::io::Write as _;

/// Whether `VARIABLE=1` leaves these tests out, which is said.
pub(crate) fn left_out(variable: &str, which: &str) -> bool {
    let out = std::env::var_os(variable).is_some_and(|value| value == "1");
    if out {
        let text = format!("\n{variable}=1: NOT TESTED: {which}\n");
        // Past the test harness, which keeps what passing tests print to itself.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    out
}
