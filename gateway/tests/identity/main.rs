//! Identity from an order of the administrator to the end of a session, over real sockets, with
//! clients that nobody here wrote: `curl` and `openssl`.

// curl, openssl, file modes: a gateway is a Unix server.
#![cfg(unix)]

mod addresses;
mod admin;
mod admin_gates;
mod admin_http;
mod check_config;
mod console;
mod console_approvals;
mod console_http;
mod console_keys;
mod console_support;
mod crowd;
mod cut;
mod dealer;
mod docs;
mod doctor;
mod enrol;
mod files;
mod hardened;
mod key_support;
mod keys;
mod lists;
mod lockouts;
#[path = "../../../tests/needs/left_out.rs"]
mod needs;
mod origins;
mod own_certificate;
mod own_client;
mod package;
mod policy;
#[path = "../../../tests/needs/ports.rs"]
mod ports;
mod postgres;
mod providers;
mod python;
mod quic;
mod refusals;
mod registry;
mod scan;
mod segments;
mod siem;
mod siem_support;
mod signals;
mod signed;
mod software;
mod support;
mod systems;
mod trades;
mod transmit;
mod two_people;
mod upstream;
mod watch;
