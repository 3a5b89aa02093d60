//! Dealers, dialled as the gateway dials them: our certificate, pins, revocation lists, versions;
//! and without our certificate while a gateway trades with them.

use super::{Examination, Verdict, wrong};
use crate::{
    config::DealerEntry,
    listeners::{
        crl::CrlFiles,
        dealers::{DIAL_MAX, Peer},
    },
    loaded::Loaded,
    state_dir::{dealers_folder, session_file},
};
use signet_identity::{ClientProfile, SpkiPin, describe};
use signet_net::{
    ProxySetting,
    doctor::{self, DoctorInputs, Outcome},
};
use signet_rfq::DealerId;
use std::fs::File;
use tokio::{task::JoinSet, time::timeout};

/// Dialled at once, so that fifty dead dealers do not take fifty times ten seconds.
const AT_ONCE: usize = 16;

pub(super) async fn examine(all: &mut Examination, loaded: &Loaded, only: Option<&DealerId>) {
    let section = &loaded.config.dealers;
    let mut files = CrlFiles::new("dealers.crl", &section.crl, section.crl_required);
    files.refresh();
    let lists = files.crls(None);
    let wanted: Vec<(&DealerEntry, &Vec<SpkiPin>)> = loaded
        .config
        .dealer
        .iter()
        .zip(&loaded.dealer_pins)
        .filter(|(d, _)| only.is_none_or(|o| *o == d.comp_id))
        .collect();
    for some in wanted.chunks(AT_ONCE) {
        let mut running = JoinSet::new();
        for (n, (d, pins)) in some.iter().enumerate() {
            let on = session_is_open(loaded, d);
            let profile =
                if on { loaded.nameless_profile(d, pins) } else { loaded.client_profile(d, pins) };
            let profile = lists.clone().into_iter().fold(profile, ClientProfile::with_crls);
            let peer = Peer::new(d, &loaded.config.gateway.trust_domain);
            running.spawn(async move {
                (n, if on { beside(&peer, profile).await } else { one(&peer, profile).await })
            });
        }
        let mut done = running.join_all().await;
        done.sort_by_key(|(n, _)| *n);
        for ((d, _), (_, (verdict, detail))) in some.iter().zip(done) {
            all.add(format!("dealer {}", d.comp_id), verdict);
            all.detail = only.map(|_| detail);
        }
    }
}

/// Whether a gateway has this dealer's session open now: it holds the session's file.
fn session_is_open(loaded: &Loaded, d: &DealerEntry) -> bool {
    let path = session_file(&dealers_folder(&loaded.config), d.comp_id.as_str());
    let locked = |file: File| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock));
    File::open(path).is_ok_and(locked)
}

/// A dealer that the running gateway trades with. Only a handshake, and without a certificate of
/// ours: the dealer shows its own before it asks for one, and nobody is logged on or displaced.
async fn beside(peer: &Peer, profile: ClientProfile) -> (Verdict, String) {
    let verdict = match timeout(DIAL_MAX, peer.dial(&profile)).await {
        Ok(Ok(stream)) => Verdict::Good(format!(
            "{}:{} answers as {}; {}; the running gateway has its session, so no certificate was \
                shown",
            peer.host,
            peer.port,
            peer.dealer,
            describe(stream.get_ref().1)
        )),
        // TLS 1.2 asks for the client's certificate within the handshake.
        Ok(Err(why)) if why.wants_certificate() => Verdict::Good(format!(
            "{}:{} answers and wants a certificate; the running gateway has its session, so none \
                was shown",
            peer.host, peer.port
        )),
        Ok(Err(why)) => {
            let cure = "compare comp_id in the configuration, gateway.trust_domain and the URI in \
                the dealer's certificate";
            wrong(why.code(), &why, cure)
        }
        Err(_) => wrong(
            "net.timed_out",
            &format!("no answer within {DIAL_MAX:?}"),
            "ask the dealer; look at the firewall between",
        ),
    };
    (verdict, String::new())
}

/// What is wrong with one, and everything that was seen.
async fn one(peer: &Peer, profile: ClientProfile) -> (Verdict, String) {
    let inputs = DoctorInputs {
        host: peer.host.clone(),
        port: peer.port,
        server_name: peer.server_name.clone(),
        profile: profile.clone(),
        // The gateway knows no proxy, whatever the environment says.
        proxy: ProxySetting::Direct,
        server_date: None,
        step_time_max: DIAL_MAX,
    };
    let report = doctor::diagnose(&inputs).await;
    let detail = report.to_string();
    if let Some(Outcome::Failed { code, sentence, cure }) = report.failure().map(|s| &s.outcome) {
        return (
            Verdict::Wrong { code: code.clone(), sentence: sentence.clone(), cure: cure.clone() },
            detail,
        );
    }
    // The rest of what the gateway asks: whose certificate it is. By the gateway's own dialling.
    let verdict = match timeout(DIAL_MAX, peer.dial(&profile)).await {
        Ok(Ok(stream)) => {
            let connection = stream.get_ref().1;
            Verdict::Good(format!(
                "{}:{} answers as {}; {}",
                peer.host,
                peer.port,
                peer.dealer,
                describe(connection)
            ))
        }
        Ok(Err(why)) => {
            let cure = "compare comp_id in the configuration, gateway.trust_domain and the URI in \
                the dealer's certificate";
            wrong(why.code(), &why, cure)
        }
        Err(_) => wrong(
            "net.timed_out",
            &format!("no answer within {DIAL_MAX:?}"),
            "ask the dealer; look at the firewall between",
        ),
    };
    (verdict, detail)
}
