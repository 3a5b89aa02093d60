//! `signet-gateway pages`: man pages and completions, for whoever makes a package.

use clap::{Command, ValueEnum as _};
use clap_complete::{Shell, generate_to};
use std::{fs, io, path::Path};

/// Writes a man page for the program and one for each command, and completions for every shell.
pub(super) fn pages(mut program: Command, out: &Path) -> io::Result<()> {
    fs::create_dir_all(out)?;
    for shell in Shell::value_variants() {
        generate_to(*shell, &mut program, "signet-gateway", out)?;
    }
    program.build();
    clap_mangen::generate_to(program, out)
}
