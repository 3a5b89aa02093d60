//! `signet-gateway console`: administrators' security keys for the web console.

use clap::Subcommand;
use signet_gateway::{
    Config,
    admin::{self, AdminError},
};
use signet_registry::KeyState;

#[derive(Subcommand)]
pub(super) enum ConsoleCommand {
    /// A one-time code with which an administrator registers a key in the browser: prints it, once.
    Invite {
        /// As the administrator's certificate names them.
        name: String,
    },
    /// Administrators' keys, removed ones too.
    Keys {
        /// Of this administrator only.
        name: Option<String>,
    },
    /// A locked key does not log in until it is unlocked; its sessions end.
    Lock {
        /// The administrator.
        name: String,
        /// Its id or its label; all of them if left out.
        key: Option<String>,
        /// Why; it is kept with the key.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Also after its counter went back; find out first whether it was copied.
    Unlock {
        /// The administrator.
        name: String,
        /// Its id or its label; all of them if left out.
        key: Option<String>,
    },
    /// For good, with an open code if no key is named; sessions end.
    Revoke {
        /// The administrator.
        name: String,
        /// Its id or its label; all of them if left out.
        key: Option<String>,
        /// Why; it is kept with the key.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

pub(super) async fn console(c: &Config, command: ConsoleCommand) -> Result<(), AdminError> {
    let (which, state, why) = match command {
        ConsoleCommand::Invite { name } => {
            let (code, expires) = admin::console_invite(c, &name).await?;
            println!("One-time code for a console key of {name}: {}", *code);
            println!("  shown only now; works once, until {expires}");
            return Ok(());
        }
        ConsoleCommand::Keys { name } => {
            print!("{}", admin::console_keys(c, name.as_deref()).await?);
            return Ok(());
        }
        ConsoleCommand::Lock { name, key, reason } => ((name, key), KeyState::Locked, reason),
        ConsoleCommand::Unlock { name, key } => ((name, key), KeyState::Active, String::new()),
        ConsoleCommand::Revoke { name, key, reason } => ((name, key), KeyState::Removed, reason),
    };
    let (name, key) = (&which.0, which.1.as_deref());
    let changed = admin::console_state(c, (name, key), state, &why).await?;
    if changed.is_empty() {
        println!("{name} has no key; the open code is void");
    }
    for k in changed {
        println!("{state}: {} ({:?}) of {name}", k.id(), k.label);
    }
    Ok(())
}
