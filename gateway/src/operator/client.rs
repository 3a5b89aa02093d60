//! The commands' end of the local socket.

use super::{
    ControlRefusal, Request,
    ask::{Answer, control_path},
};
use crate::config::Config;
use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

/// A gateway that takes longer is in trouble.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a command got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// At fault: nobody; or whoever stopped the gateway.
    #[error("no gateway answers at {0}: {1}")]
    NotRunning(PathBuf, io::Error),
    /// At fault: the account that asks.
    #[error("this account may not open {0}")]
    NotAllowed(PathBuf),
    /// At fault: the gateway.
    #[error("the gateway's answer did not come: {0}")]
    Broken(io::Error),
    /// At fault: whoever the message names.
    #[error("{}", .0.message)]
    Refused(ControlRefusal),
}

impl OperatorError {
    /// Never changes between releases.
    pub fn code(&self) -> &str {
        match self {
            Self::NotRunning(..) => "operator.not_running",
            Self::NotAllowed(_) => "operator.not_allowed",
            Self::Broken(_) => "operator.no_answer",
            Self::Refused(r) => &r.code,
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &str {
        match self {
            Self::NotRunning(..) => {
                "start the gateway, or name the configuration of the one that runs with --config"
            }
            Self::NotAllowed(_) => "run the command as root or as the gateway's account",
            Self::Broken(_) => "try again; if it stays so, see the gateway's log",
            Self::Refused(r) => &r.cure,
        }
    }
}

/// Asks the gateway that runs with this configuration.
///
/// # Errors
/// There is none, it may not be asked, or it refuses.
pub fn ask(config: &Config, request: &Request) -> Result<Value, OperatorError> {
    let path = control_path(config);
    let mut stream = UnixStream::connect(&path).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => OperatorError::NotAllowed(path.clone()),
        _ => OperatorError::NotRunning(path.clone(), e),
    })?;
    let exchange = || -> io::Result<Answer> {
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(serde_json::from_slice(&answer)?)
    };
    match exchange().map_err(OperatorError::Broken)? {
        Answer::Done(value) => Ok(value),
        Answer::Refused(r) => Err(OperatorError::Refused(r)),
    }
}
