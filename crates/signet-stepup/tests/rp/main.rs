//! The relying party, and the evidence it leaves, against a security key in software that can be
//! told to do one thing wrong.

mod assertion;
mod evidence;
mod list;
mod registration;
mod support;
mod web;
