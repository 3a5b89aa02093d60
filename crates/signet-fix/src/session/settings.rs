//! The engine's settings for a session.

use super::{BEGIN_STRING, Role, SessionConfig, SessionError};
use quickfix::{Dictionary, SessionId, SessionSettings, dictionary_item::DictionaryItem};

/// Seconds for the peer to answer a Logon, and a Logout.
const LOGON_TIMEOUT_S: u32 = 5;
const LOGOUT_TIMEOUT_S: u32 = 2;

pub(super) fn of(c: &SessionConfig) -> Result<SessionSettings, SessionError> {
    let role = match c.role {
        Role::Initiator => "initiator",
        Role::Acceptor => "acceptor",
    };
    let number = |n: u32| n.to_string();
    let pairs: Vec<(&'static str, String)> = vec![
        ("ConnectionType", role.into()),
        ("NonStopSession", "Y".into()),
        // Ours is given to the session directly, one copy for all of them.
        ("UseDataDictionary", "N".into()),
        ("HeartBtInt", number(c.heartbeat_s.max(1))),
        ("LogonTimeout", number(LOGON_TIMEOUT_S)),
        ("LogoutTimeout", number(LOGOUT_TIMEOUT_S)),
        ("ResetOnLogon", "N".into()),
        ("ResetOnLogout", "N".into()),
        ("ResetOnDisconnect", "N".into()),
        ("PersistMessages", "Y".into()),
        // TLS and the channel binding keep replays out; a laptop whose clock is wrong must still be
        // able to log on, be told so, and trade on the gateway's clock.
        ("CheckLatency", "N".into()),
        ("TimestampPrecision", "3".into()),
        // Demanded by QuickFIX, used by the sockets we never start.
        ("SocketConnectHost", "never-used.invalid".into()),
        ("SocketConnectPort", "1".into()),
        ("SocketAcceptPort", "1".into()),
    ];
    let pairs: Vec<(&'static str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let items: Vec<&dyn DictionaryItem> = pairs.iter().map(|p| p as &dyn DictionaryItem).collect();
    let id = SessionId::try_new(BEGIN_STRING, c.sender.as_str(), c.target.as_str(), "")?;
    let mut settings = SessionSettings::new();
    settings.set(None, Dictionary::try_from_items(&items)?)?;
    settings.set(Some(&id), Dictionary::try_from_items(&items)?)?;
    Ok(settings)
}
