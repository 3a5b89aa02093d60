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

#[cfg(test)]
mod tests {
    use super::super::Arguments;
    use clap::{Command, CommandFactory as _};
    use std::{fs, path::Path};

    /// A command and all below it, with their whole names.
    fn with_all_below(command: &Command, name: &str) -> Vec<(String, Command)> {
        let below = command.get_subcommands().filter(|c| !c.is_hide_set());
        let mut all = vec![(name.to_owned(), command.clone())];
        all.extend(below.flat_map(|c| with_all_below(c, &format!("{name} {}", c.get_name()))));
        all
    }

    #[test]
    fn every_command_and_argument_says_what_it_is() {
        for (name, command) in with_all_below(&Arguments::command(), "signet-gateway") {
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {}", argument.get_id());
            }
        }
    }

    /// Written out, or in a span by itself where the program is clear.
    #[test]
    fn every_command_is_in_a_document() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
        let pages = fs::read_dir(docs).unwrap().map(|e| e.unwrap().path());
        let pages = pages.filter(|p| p.extension().is_some_and(|e| e == "md"));
        let text: String = pages.map(|p| fs::read_to_string(p).unwrap()).collect();
        let named = |name: &str| {
            let ends = |rest: &str| !rest.starts_with(|c: char| c == '-' || c.is_alphanumeric());
            text.match_indices(name).any(|(at, n)| ends(&text[at + n.len()..]))
        };
        let all = with_all_below(&Arguments::command(), "signet-gateway");
        for (name, _) in all.iter().filter(|(_, c)| !c.has_subcommands()) {
            let span = name.replacen("signet-gateway ", "`", 1);
            assert!(named(name) || named(&span), "no document names {name}");
        }
    }
}
