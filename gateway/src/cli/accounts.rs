//! The accounts and certificates that `lock`, `unlock` and `revoke` take.

use clap::{Args, Subcommand, ValueEnum};
use signet_gateway::admin::Account;
use signet_registry::CertificateSelector;

#[derive(Subcommand)]
pub(super) enum AccountArgument {
    /// A person, with all devices.
    User {
        /// The user id.
        id: String,
    },
    /// One laptop.
    Device {
        /// USER/DEVICE, or DEVICE when only one user has one of that name.
        id: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct RevokeArguments {
    /// One certificate, by its serial number.
    #[arg(long)]
    serial: Option<String>,
    /// All of a device: USER/DEVICE.
    #[arg(long)]
    device: Option<String>,
    /// All of a user; open codes stop working too.
    #[arg(long)]
    user: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Reason {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    Cessation,
    PrivilegeWithdrawn,
}

impl From<AccountArgument> for Account {
    fn from(a: AccountArgument) -> Self {
        match a {
            AccountArgument::User { id } => Self::User(id),
            AccountArgument::Device { id } => Self::Device(id),
        }
    }
}

impl From<RevokeArguments> for CertificateSelector {
    fn from(a: RevokeArguments) -> Self {
        match (a.serial, a.device, a.user) {
            (Some(s), _, _) => Self::Serial(s),
            (_, Some(d), _) => Self::Device(d),
            (_, _, user) => Self::User(user.unwrap_or_default()),
        }
    }
}
