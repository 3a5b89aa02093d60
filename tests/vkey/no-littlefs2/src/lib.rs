//! Nothing. `trussed` depends on `littlefs2` whatever its features, and uses it only in its `virt`
//! module, which the virtual key does without: it keeps its files in memory (`memory.rs`). The real
//! crate compiles C and needs libclang; nobody who runs the practice desk should have to install
//! that.
