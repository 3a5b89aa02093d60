//! Whole venues in one process: desks without a window, the gateway, dealers; real TLS and real FIX.
//!
//! One program, because each would be linked with everything that Signet has. A venue has the process
//! to itself while it runs (`support::TURN`).

mod acting;
mod admin;
mod bad_input;
mod connections;
mod console;
mod console_certificate;
mod counter;
mod direct;
mod entitle;
mod evidence;
mod fail_closed;
mod hand_over;
mod history;
mod identity;
mod insight;
mod instruments;
#[cfg(unix)]
#[path = "../../../needs/left_out.rs"]
mod needs;
mod numbers;
mod one_dealer;
mod package;
mod part;
mod price_types;
mod refusals;
mod risk;
mod road;
mod roaming;
mod signatures;
mod software;
mod stepup;
mod watch;
// Each suite uses some of it; not all of them are built on every system.
#[allow(dead_code, unreachable_pub)]
mod support;
