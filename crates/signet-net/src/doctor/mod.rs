//! Why a connection does not come about, examined step by step and explained in plain words.
//!
//! [`look`] does the I/O and writes down what it saw; [`conclude`] decides, from that alone. The
//! report holds names, addresses, dates and digests of public keys: no key, PIN, code or password.

mod conclude;
mod look;
mod report;

pub use conclude::conclude;
pub use look::{DoctorInputs, STEP_TIME_MAX_DEFAULT, diagnose, look};
pub use report::{After, Check, Observations, Outcome, Report, Step};
