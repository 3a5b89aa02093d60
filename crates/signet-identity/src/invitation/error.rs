//! Why an invitation cannot be used.

/// The largest invitation file, in bytes.
pub const INVITATION_BYTES_MAX: usize = 64 * 1024;
/// The beginning of every invitation link.
pub const INVITATION_LINK_PREFIX: &str = "signet://enrol/";
/// The version of the format that is written and read.
pub(super) const VERSION: u32 = 1;

/// An invitation cannot be used. At fault: whoever made or passed it on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// More than [`INVITATION_BYTES_MAX`] bytes.
    #[error("the invitation is larger than {INVITATION_BYTES_MAX} bytes")]
    TooLarge,
    /// Not text, not TOML, or not the fields of an invitation; the parser's reason in one line.
    #[error("this is no Signet invitation: {0}")]
    Syntax(String),
    /// The link has another beginning than [`INVITATION_LINK_PREFIX`].
    #[error("the link does not begin with {INVITATION_LINK_PREFIX}")]
    NotALink,
    /// The part after the prefix is not base64url (RFC 4648 §5).
    #[error("the link is incomplete or was changed on its way (not base64url)")]
    BadLink,
    /// A version of the format that this program does not know.
    #[error("the invitation has version {0}; this program knows version {VERSION}")]
    Version(u32),
    /// A field breaks its rule.
    #[error("the invitation's field {field} {why}")]
    Field {
        /// The field's name in the file.
        field: &'static str,
        /// What is wrong with it, to follow the name.
        why: &'static str,
    },
}

impl InvitationError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "invitation.too_large",
            Self::Syntax(_) => "invitation.syntax",
            Self::NotALink => "invitation.not_a_link",
            Self::BadLink => "invitation.bad_link",
            Self::Version(_) => "invitation.version",
            Self::Field { .. } => "invitation.field",
        }
    }

    /// The remedy, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::Syntax(_) => {
                "Choose the file your administrator sent you, which ends in .signet-invite."
            }
            Self::NotALink | Self::BadLink => {
                "Copy the whole link again, or ask your administrator for the file instead."
            }
            Self::Version(_) => "Update this program, then open the invitation again.",
            Self::Field { .. } => "Ask your administrator for a new invitation.",
        }
    }
}
