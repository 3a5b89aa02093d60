//! The keychain of this machine, for real.
#![cfg(any(target_os = "linux", windows))]

mod life;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;
