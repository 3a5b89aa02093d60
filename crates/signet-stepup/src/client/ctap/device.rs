//! A key behind anything that carries CTAP2 messages (CTAP 2.1 §8, "message encoding").

use authenticator::{
    AuthenticatorInfo, FidoDevice, FidoDeviceIO, FidoProtocol,
    crypto::SharedSecret,
    ctap2::commands::{
        CommandError, RequestCtap1, RequestCtap2, StatusCode, client_pin::SetNewPin,
    },
    errors::HIDError,
};
use std::fmt;

use super::errors;
use crate::client::{CeremonyError, Pin};

/// CTAP 2.1 §6.4: `maxMsgSize` of real keys is below 8 KiB.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Carries CTAP2 messages to one key and back.
pub trait Link: fmt::Debug + Send + 'static {
    /// Sends a command byte with its CBOR and returns the status byte with its CBOR. Cancels the
    /// command on the key once `alive` returns false.
    ///
    /// # Errors
    /// [`LinkError`]: why there is no answer.
    fn exchange(&mut self, request: &[u8], alive: &dyn Fn() -> bool) -> Result<Vec<u8>, LinkError>;
}

/// Why a key did not answer a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The key was taken out, or its reader.
    #[error("the key is gone")]
    Gone,
    /// `alive` returned false while the key worked.
    #[error("the command was cancelled")]
    Cancelled,
    /// The key or its reader does not keep to the standard.
    #[error("the key's answer cannot be read")]
    Garbled,
}

impl From<LinkError> for HIDError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Gone => Self::DeviceError,
            LinkError::Cancelled => {
                Self::Command(CommandError::StatusCode(StatusCode::KeepaliveCancel, None))
            }
            LinkError::Garbled => Self::Command(CommandError::InputTooSmall),
        }
    }
}

/// The crate's view of a key, over a [`Link`].
#[derive(Debug)]
pub(super) struct Device<L> {
    link: L,
    info: Option<AuthenticatorInfo>,
    secret: Option<SharedSecret>,
}

impl<L: Link> Device<L> {
    pub(crate) fn new(link: L) -> Self {
        Self { link, info: None, secret: None }
    }
}

impl<L: Link> FidoDeviceIO for Device<L> {
    fn send_msg_cancellable<Out, Req: RequestCtap1<Output = Out> + RequestCtap2<Output = Out>>(
        &mut self,
        msg: &Req,
        keep_alive: &dyn Fn() -> bool,
    ) -> Result<Out, HIDError> {
        self.send_cbor_cancellable(msg, keep_alive)
    }

    fn send_cbor_cancellable<Req: RequestCtap2>(
        &mut self,
        msg: &Req,
        keep_alive: &dyn Fn() -> bool,
    ) -> Result<Req::Output, HIDError> {
        let mut request = vec![msg.command() as u8];
        request.extend(msg.wire_format()?);
        let answer = self.link.exchange(&request, keep_alive)?;
        if answer.is_empty() || answer.len() > ANSWER_BYTES_MAX {
            return Err(LinkError::Garbled.into());
        }
        msg.handle_response_ctap2(self, &answer)
    }

    /// U2F keys have no PIN, so they are not used here.
    fn send_ctap1_cancellable<Req: RequestCtap1>(
        &mut self,
        _: &Req,
        _: &dyn Fn() -> bool,
    ) -> Result<Req::Output, HIDError> {
        Err(HIDError::UnsupportedCommand)
    }
}

impl<L: Link> FidoDevice for Device<L> {
    fn pre_init(&mut self) -> Result<(), HIDError> {
        Ok(())
    }

    fn initialized(&self) -> bool {
        true
    }

    fn is_u2f(&mut self) -> bool {
        true
    }

    fn should_try_ctap2(&self) -> bool {
        true
    }

    fn get_authenticator_info(&self) -> Option<&AuthenticatorInfo> {
        self.info.as_ref()
    }

    fn set_authenticator_info(&mut self, info: AuthenticatorInfo) {
        self.info = Some(info);
    }

    fn get_protocol(&self) -> FidoProtocol {
        FidoProtocol::CTAP2
    }

    fn downgrade_to_ctap1(&mut self) {}

    fn get_shared_secret(&self) -> Option<&SharedSecret> {
        self.secret.as_ref()
    }

    fn set_shared_secret(&mut self, secret: SharedSecret) {
        self.secret = Some(secret);
    }
}

/// Gives a new key its first PIN (CTAP 2.1 §6.5.5.5, setPIN).
///
/// # Errors
/// [`CeremonyError`] as in a ceremony; a key that has a PIN already answers with `Unsupported`.
pub fn set_first_pin<L: Link>(link: L, pin: &Pin) -> Result<(), CeremonyError> {
    let mut device = Device::new(link);
    device.init().map_err(|e| errors::of(e.into()))?;
    let secret = device.establish_shared_secret(&|| true).map_err(|e| errors::of(e.into()))?;
    let pin = authenticator::Pin::new(pin.expose());
    device.send_cbor(&SetNewPin::new(&secret, &pin)).map(drop).map_err(|e| errors::of(e.into()))
}
