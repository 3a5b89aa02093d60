//! Signet Gateway: the enforcement point between traders' desks and dealers.
pub mod router;
