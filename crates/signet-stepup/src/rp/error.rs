//! Faults of an answer, of a stored key, or of the relying party's settings.

/// Each says who is at fault. None of them holds anything secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RpError {
    // At fault: the operator.
    /// Keys are bound to the id for ever, so only a name that the firm can own is taken.
    #[error(
        "{0:?} cannot be a relying party's id: a host name with at least one dot, no address, no \
            port"
    )]
    BadRpId(String),
    /// Another form than browsers write an origin in, or a host outside the id; see
    /// [`RpSettings::origin`](super::RpSettings::origin).
    #[error(
        "{0:?} cannot be the origin: https:// and the relying party's id or a name below it, \
            nothing behind"
    )]
    BadOrigin(String),
    /// Empty, longer than 60 characters or not printable.
    #[error("the relying party's name must be 1 to 60 printable characters")]
    BadName,
    /// The WebAuthn library refuses the settings, or a challenge has too many keys; in words.
    #[error("the relying party cannot be set up: {0}")]
    Setup(String),

    // At fault: whoever changed what was stored.
    /// Not JSON of a key, or longer than [`PASSKEY_LEN_MAX`](super::PASSKEY_LEN_MAX).
    #[error("a stored key cannot be read: {0}")]
    StoredKey(String),

    // At fault: the desk's program, or somebody on the way.
    /// The JSON is longer than an answer may be.
    #[error("the answer is longer than {max} bytes", max = super::ANSWER_LEN_MAX)]
    AnswerTooLong,
    /// Not the JSON of a credential, or its parts do not belong together; in words.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
    /// The signed challenge is not the one that waits.
    #[error("the answer is to another challenge")]
    ChallengeDiffers,
    /// The signed origin is not the relying party's, byte for byte.
    #[error("the answer was made for another origin")]
    OriginDiffers,
    /// The hash in the authenticator data is not that of the relying party's id.
    #[error("the answer was made for another relying party")]
    RpIdDiffers,
    /// The key did not sign these bytes, or the attestation's signature fails.
    #[error("the signature is wrong")]
    BadSignature,
    /// `clientDataJSON` has no `stepUp` member of a known form: the desk's program is too old, or
    /// not ours.
    #[error("the answer does not say what was approved")]
    NoContext,
    /// The signed digest is not that of the text that was asked.
    #[error("something else was approved than was asked")]
    ApprovalDiffers,
    /// The signed exporter (RFC 9266) is not that of this connection.
    #[error("the answer was made on another connection")]
    OtherConnection,

    // At fault: the key, or the person who holds it.
    /// Its credential id was not in the challenge.
    #[error("this security key is not one of those that were asked")]
    UnknownKey,
    /// Flag UP is not set (WebAuthn Level 2 §6.1).
    #[error("nobody touched the key")]
    NotPresent,
    /// Flag UV is not set (WebAuthn Level 2 §6.1).
    #[error("the key did not check PIN or finger")]
    NotVerified,
    /// The AAGUID, as far as the attestation states one, is not in the list.
    #[error("this key's model ({0}) is not approved here")]
    ModelNotListed(String),
    /// The attestation's certificate leads to no authority of the list.
    #[error("this key's maker is not approved here")]
    MakerNotListed,
    /// No attestation, or one the key made for itself: software can do that too.
    #[error("nothing proves that this is an approved hardware key")]
    NotAttested,
    /// The new credential is not at credProtect level 3 (CTAP 2.1 §12.1).
    #[error("the key does not insist on its PIN for every use (credProtect)")]
    NotProtected,
    /// Flag BE or BS is set (WebAuthn Level 3 §6.1.3).
    #[error("this key can be copied to other devices")]
    Copyable,
    /// The credential is not ES256.
    #[error("the key uses an algorithm that is not asked for")]
    Algorithm,
    /// The person has this credential already.
    #[error("this key is registered already")]
    AlreadyRegistered,
    /// Two keys may hold one secret. Holds the credential's id, base64url.
    #[error("the key's counter went back: it may have been copied")]
    CounterWentBack {
        /// Which key, to be locked.
        credential_id: String,
    },
}

impl RpError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRpId(_) => "stepup.bad_rp_id",
            Self::BadOrigin(_) => "stepup.bad_origin",
            Self::BadName => "stepup.bad_name",
            Self::Setup(_) => "stepup.setup",
            Self::StoredKey(_) => "stepup.stored_key",
            Self::AnswerTooLong => "stepup.answer_too_long",
            Self::Malformed(_) => "stepup.malformed",
            Self::ChallengeDiffers => "stepup.challenge_differs",
            Self::OriginDiffers => "stepup.origin_differs",
            Self::RpIdDiffers => "stepup.rp_id_differs",
            Self::BadSignature => "stepup.bad_signature",
            Self::NoContext => "stepup.no_context",
            Self::ApprovalDiffers => "stepup.approval_differs",
            Self::OtherConnection => "stepup.other_connection",
            Self::UnknownKey => "stepup.unknown_key",
            Self::NotPresent => "stepup.not_present",
            Self::NotVerified => "stepup.not_verified",
            Self::ModelNotListed(_) => "stepup.model_not_listed",
            Self::MakerNotListed => "stepup.maker_not_listed",
            Self::NotAttested => "stepup.not_attested",
            Self::NotProtected => "stepup.not_protected",
            Self::Copyable => "stepup.copyable",
            Self::Algorithm => "stepup.algorithm",
            Self::AlreadyRegistered => "stepup.already_registered",
            Self::CounterWentBack { .. } => "stepup.counter_went_back",
        }
    }

    /// What the person who reads it does about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::BadRpId(_) | Self::BadOrigin(_) | Self::BadName | Self::Setup(_) => {
                "Correct the settings of the relying party."
            }
            Self::StoredKey(_) => {
                "Ask your administrator, who can remove this key and give you a code for another."
            }
            Self::AnswerTooLong | Self::Malformed(_) => {
                "Start again; if it stays so, install the present release of the desk."
            }
            Self::ChallengeDiffers
            | Self::NoContext
            | Self::ApprovalDiffers
            | Self::OtherConnection
            | Self::BadSignature => {
                "Nothing was done. Start again, read what is shown, and tell your administrator: \
                    somebody may have interfered."
            }
            Self::OriginDiffers | Self::RpIdDiffers => {
                "Tell your administrator: desk and gateway disagree about the address keys are for."
            }
            Self::UnknownKey => "Use a key that is registered for you.",
            Self::NotPresent => "Touch the key when it blinks.",
            Self::NotVerified => "Set a PIN for the key and enter it when asked.",
            Self::ModelNotListed(_)
            | Self::MakerNotListed
            | Self::NotAttested
            | Self::Copyable
            | Self::Algorithm => "Use a key of a model your firm has approved.",
            Self::NotProtected => "Use a newer key, or one of another approved model.",
            Self::AlreadyRegistered => "Use another key.",
            Self::CounterWentBack { .. } => {
                "The key is locked. Give it to your administrator; use another one."
            }
        }
    }
}
