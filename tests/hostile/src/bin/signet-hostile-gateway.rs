//! The gateway in a process of its own, until standard input ends: so that it ends with the test
//! that started it.

use signet_gateway::{Config, Gateway, Loaded, Options};
use std::io::Read as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("the configuration file is missing")?;
    signet_gateway::log::start(false);
    let gateway =
        Gateway::start(Loaded::of(Config::read(file.as_ref())?)?, Options { practice: true })?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    gateway.stop();
    Ok(())
}
