//! `signet-gateway fleet`: the laptops of the firm.

use clap::{Args, builder::PossibleValuesParser};
use signet_gateway::{
    Config,
    admin::{self, AdminError, FLEET_FLAGS, FleetFlag, FleetFormat, FleetQuery},
};
use signet_registry::FleetPlace;
use std::io::Write as _;

#[derive(Args)]
pub(super) struct FleetArguments {
    /// One object a line, for a program.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// A table for a spreadsheet (RFC 4180).
    #[arg(long)]
    csv: bool,
    /// Only laptops with this text in user, name, CompID, device, serial number, version or
    /// platform.
    #[arg(long)]
    find: Option<String>,
    /// Only laptops with this flag, or with one of these when it is given several times.
    #[arg(long = "flag", value_parser = PossibleValuesParser::new(FLEET_FLAGS.map(|(w, _)| w)))]
    flags: Vec<String>,
    /// A certificate that ends within so many days is flagged.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3_650))]
    days: u32,
    /// At most so many lines.
    #[arg(long)]
    limit: Option<usize>,
    /// Only laptops behind this one of the list: USER/DEVICE, or USER.
    #[arg(long)]
    after: Option<String>,
}

pub(super) async fn fleet(c: &Config, a: FleetArguments) -> Result<(), AdminError> {
    let format = match (a.json, a.csv) {
        (true, _) => FleetFormat::Json,
        (_, true) => FleetFormat::Csv,
        _ => FleetFormat::Table,
    };
    let after = a.after.map(|place| match place.split_once('/') {
        Some((user, device)) => FleetPlace { user: user.into(), device: device.into() },
        None => FleetPlace { user: place, device: String::new() },
    });
    let query = FleetQuery {
        find: a.find,
        flags: a.flags.iter().filter_map(|w| FleetFlag::read(w)).collect(),
        after,
        limit: a.limit.unwrap_or(usize::MAX),
    };
    let mut out = std::io::stdout().lock();
    // A reader that has seen enough closes the pipe.
    admin::fleet(c, query, a.days, format, |line| writeln!(out, "{line}").is_ok()).await
}
