//! What a trader is told of updates while the desk is open.

use signet_update::State;

/// Of this computer's memory, beside the version that runs; `None`: nothing that a trader would
/// want to know.
pub(crate) fn news(state: &State, own: &str) -> Option<String> {
    let trial = state.trial.as_ref().map(|t| &t.package);
    let installed = trial.or(state.confirmed.as_ref()).map(|kept| kept.version.to_string());
    if let Some(version) = installed.filter(|v| v != own) {
        return Some(format!(
            "Version {version} is installed. It starts when you open Signet Desk again."
        ));
    }
    let ready = state.ready.as_ref().map(|kept| kept.version.to_string()).filter(|v| v != own)?;
    Some(format!(
        "Version {ready} is ready. This computer installs it when no request is open; nothing is \
            wanted of you."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_update::{Digest, Kept, Trial};

    #[test]
    fn table_of_what_is_told() {
        let kept = |v: &str| Kept { version: v.parse().unwrap(), sha256: Digest::of(b""), size: 0 };
        let trial = |v: &str| Trial { package: kept(v), since: 0, attempts: 1 };
        for (name, confirmed, ready, on_trial, told) in [
            ("nothing is known", None, None, None, None),
            ("this version worked", Some("1.0.0"), None, None, None),
            ("another is ready", Some("1.0.0"), Some("1.1.0"), None, Some("1.1.0 is ready")),
            ("this one is kept as ready", Some("1.0.0"), Some("1.0.0"), None, None),
            ("one is on trial", Some("1.0.0"), None, Some("1.1.0"), Some("1.1.0 is installed")),
            ("this one is on trial", Some("0.9.0"), None, Some("1.0.0"), None),
            ("a later one worked", Some("1.1.0"), None, None, Some("1.1.0 is installed")),
            ("it went back meanwhile", Some("0.9.0"), None, None, Some("0.9.0 is installed")),
            ("and a next one is ready", Some("1.1.0"), Some("1.2.0"), None, Some("1.1.0 is inst")),
        ] {
            let state = State {
                confirmed: confirmed.map(kept),
                ready: ready.map(kept),
                trial: on_trial.map(trial),
                ..State::default()
            };
            let is = news(&state, "1.0.0");
            match told {
                None => assert_eq!(is, None, "{name}"),
                Some(words) => {
                    assert!(is.as_ref().is_some_and(|w| w.contains(words)), "{name}: {is:?}")
                }
            }
        }
    }
}
