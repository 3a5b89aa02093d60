//! Changes of networks on real sockets: a real gateway in a process of its own, real dealers, and
//! desks without a window in processes and network namespaces of their own, joined by networks of
//! our own making. Tests and measurements; never shipped.
//!
//! `network/` is the world that moves, `firm.rs` the gateway and its dealers, `desk.rs` the laptop's
//! process, `laptop.rs` that process from outside, `stopped_clock.rs` its clock while it sleeps,
//! `world.rs` what drives it, `rows/` what happens to it, and `bench/` what is measured.

#![warn(missing_docs, unreachable_pub)]
#![cfg(target_os = "linux")]

pub mod bench;
pub mod desk;
pub mod firm;
mod laptop;
pub mod network;
pub mod rows;
pub mod statistics;
mod stopped_clock;
pub mod talk;
pub mod world;
