use super::*;
use crate::settings::{May, Pin};

const A: Pin = Pin([1; 32]);
const B: Pin = Pin([2; 32]);

fn firm() -> VenueSettings {
    VenueSettings {
        name: "V".into(),
        host: "gw".into(),
        port: 1,
        server_name: "gw".into(),
        also: vec![("gw2".into(), 1)],
        comp_id: "C".into(),
        trust_domain: "d".into(),
        anchors: vec![vec![1], vec![2]],
        pins: vec![A, B],
        allow_tls12: false,
        quic: true,
        crl: vec!["/firm.crl".into()],
        crl_required: true,
        rp_id: Some("rp".into()),
    }
}

fn policy(change: impl Fn(&mut Policy)) -> Policy {
    let mut policy = Policy { venues: vec![firm()], ..Policy::default() };
    change(&mut policy);
    policy
}

fn own(change: impl Fn(&mut VenueSettings)) -> VenueSettings {
    let mut venue = firm();
    change(&mut venue);
    venue
}

/// Every field of an own venue of the firm's name: what weakens it, and what does not.
#[test]
fn an_own_venue_can_only_be_stricter_than_the_firms() {
    use VenueField as F;
    type Edit = fn(&mut VenueSettings);
    let table: [(Edit, Option<VenueField>); 21] = [
        (|_| {}, None),
        (|v| v.host = "evil".into(), Some(F::Address)),
        (|v| v.port = 2, Some(F::Address)),
        (|v| v.server_name = "evil".into(), Some(F::ServerName)),
        (|v| v.also = vec![("evil".into(), 1)], Some(F::Also)),
        (|v| v.also = vec![], None),
        (|v| v.comp_id = "E".into(), Some(F::CompId)),
        (|v| v.trust_domain = "e".into(), Some(F::TrustDomain)),
        (|v| v.anchors = vec![vec![3]], Some(F::Anchors)),
        (|v| v.anchors.push(vec![3]), Some(F::Anchors)),
        (|v| v.anchors = vec![vec![1]], None),
        (|v| v.pins = vec![], Some(F::Pins)),
        (|v| v.pins.push(Pin([3; 32])), Some(F::Pins)),
        (|v| v.pins = vec![A], None),
        (|v| v.allow_tls12 = true, Some(F::AllowTls12)),
        (|v| v.crl_required = false, Some(F::CrlRequired)),
        (|v| v.crl = vec!["/own.crl".into()], None),
        (|v| v.quic = false, None),
        (|v| v.rp_id = Some("evil".into()), Some(F::RpId)),
        (|v| v.rp_id = None, None),
        (|v| v.name = "W".into(), None),
    ];
    for (n, (edit, want)) in table.into_iter().enumerate().take(20) {
        let venue = own(edit);
        let want = want.map_or(Ok(()), |field| Err(Difference::Other(field)));
        assert_eq!(admits(&policy(|_| {}), &venue), want, "{n}");
        let merged = merge(Some(&policy(|_| {})), &Own { venues: vec![venue], ..Own::default() });
        let [got] = &merged.venues[..] else { panic!("{n}: {merged:?}") };
        assert_eq!(weaker(&firm(), &got.value), None, "{n}: never weaker than the firm's");
        assert_eq!(merged.refused.len(), usize::from(want.is_err()), "{n}");
        assert_eq!((got.source, got.change), (Source::Managed, Change::Stricter), "{n}");
        if want.is_err() {
            assert_eq!(got.value, firm(), "{n}: what weakens one setting counts in none");
        }
    }
    let (edit, _) = table[20];
    assert_eq!(admits(&policy(|_| {}), &own(edit)), Err(Difference::NotListed));
}

/// The name of an own venue, whether it leads elsewhere, how many venues there are then, and how
/// many are refused.
#[test]
fn a_name_in_other_capitals_is_the_firms_venue() {
    for (name, elsewhere, venues, refused) in
        [("V", true, 1, 1), ("v", true, 1, 1), ("v", false, 1, 0), ("W", true, 2, 0)]
    {
        let venue = own(|v| {
            v.name = name.into();
            v.quic = false;
            if elsewhere {
                v.host = "evil".into();
            }
        });
        let p = policy(|p| p.may.venues = true);
        let mine = Own { venues: vec![venue.clone()], ..Own::default() };
        let merged = merge(Some(&p), &mine);
        assert_eq!((merged.venues.len(), merged.refused.len()), (venues, refused), "{name}");
        assert_eq!(merged.venues[0].value.name, "V");
        assert_eq!(merged.venues[0].value.host, "gw");
        assert_eq!(merged.venues[0].value.quic, name == "W" || elsewhere, "{name}");
        if name == "v" {
            let why = Difference::Other(VenueField::Name);
            assert_eq!(admits_invitation(&p, &venue), Err(why));
        }
    }
}

#[test]
fn what_is_stricter_is_used() {
    let stricter = own(|v| {
        v.pins = vec![A];
        v.anchors = vec![vec![1]];
        v.quic = false;
        v.crl = vec!["/own.crl".into()];
    });
    let merged = merge(Some(&policy(|_| {})), &Own { venues: vec![stricter], ..Own::default() });
    let got = &merged.venues[0].value;
    assert_eq!((&got.pins[..], &got.anchors[..]), (&[A][..], &[vec![1]][..]));
    assert_eq!(got.crl, ["/firm.crl", "/own.crl"]);
    assert!(!got.quic);
    let unpinned = policy(|p| {
        p.venues[0].pins.clear();
        p.venues[0].crl_required = false;
        p.venues[0].allow_tls12 = true;
        p.venues[0].rp_id = None;
    });
    let all = Own { venues: vec![own(|_| {})], ..Own::default() };
    assert_eq!(
        merge(Some(&unpinned), &all).venues[0].value,
        own(|v| {
            v.allow_tls12 = false;
        })
    );
}

#[test]
fn other_venues_count_where_the_firm_lists_none_or_allows_them() {
    let other = own(|v| v.name = "W".into());
    let mine = Own { venues: vec![other.clone()], ..Own::default() };
    for (listed, may, used) in
        [(false, false, true), (false, true, true), (true, false, false), (true, true, true)]
    {
        let p = policy(|p| {
            p.may.venues = may;
            if !listed {
                p.venues.clear();
            }
        });
        let merged = merge(Some(&p), &mine);
        let found = merged.venues.iter().find(|v| v.value == other);
        assert_eq!(
            found.map(|v| (v.source, v.change)),
            used.then_some((Source::Own, Change::Free))
        );
        assert_eq!(merged.refused.len(), usize::from(!used));
        assert_eq!(merged.other_venues, if used { Change::Free } else { Change::No });
        assert_eq!(admits_invitation(&p, &other).is_ok(), used);
    }
}

#[test]
fn an_invitation_need_not_repeat_pins_and_lists_but_leads_nowhere_else() {
    let p = policy(|_| {});
    let plain = own(|v| {
        v.pins.clear();
        v.crl.clear();
        v.crl_required = false;
        v.also.clear();
    });
    assert_eq!(admits_invitation(&p, &plain), Ok(()));
    type Change = fn(&mut VenueSettings);
    let table: [(Change, VenueField); 4] = [
        (|v| v.host = "evil".into(), VenueField::Address),
        (|v| v.anchors = vec![vec![9]], VenueField::Anchors),
        (|v| v.pins = vec![Pin([9; 32])], VenueField::Pins),
        (|v| v.trust_domain = "e".into(), VenueField::TrustDomain),
    ];
    for (edit, field) in table {
        let mut venue = plain.clone();
        edit(&mut venue);
        assert_eq!(admits_invitation(&p, &venue), Err(Difference::Other(field)));
    }
}

/// A switch where yes is stricter: the firm's, the trader's, and what is in force.
#[test]
fn a_switch_can_be_turned_to_the_stricter_side_only() {
    use {Change as C, Source as S};
    for (firm, mine, value, source, change, refused) in [
        (None, None, false, S::Default, C::Free, 0),
        (None, Some(true), true, S::Own, C::Free, 0),
        (None, Some(false), false, S::Own, C::Free, 0),
        (Some(true), None, true, S::Managed, C::No, 0),
        (Some(true), Some(true), true, S::Managed, C::No, 0),
        (Some(true), Some(false), true, S::Managed, C::No, 1),
        (Some(false), None, false, S::Managed, C::Stricter, 0),
        (Some(false), Some(true), true, S::Own, C::Stricter, 0),
        (Some(false), Some(false), false, S::Managed, C::Stricter, 0),
    ] {
        let p = policy(|p| {
            p.hybrid_only = firm;
            p.fips = firm;
            p.history_required = firm;
        });
        let mine = Own { hybrid_only: mine, fips: mine, history_required: mine, ..Own::default() };
        let merged = merge(Some(&p), &mine);
        let want = Setting { value, source, change };
        assert_eq!(merged.hybrid_only, want);
        assert_eq!(merged.fips, want);
        assert_eq!(merged.history_required, want);
        assert_eq!(merged.refused.len(), 3 * refused, "{firm:?} {mine:?}");
    }
}

/// A text: the firm's, whether the trader may change it, the trader's, and what is in force.
#[test]
fn a_text_of_the_firm_stands_unless_the_trader_may_change_it() {
    use {Change as C, Source as S};
    for (firm, may, mine, value, source, change, refused) in [
        (None, false, None, None, S::Default, C::Free, 0),
        (None, false, Some("b"), Some("b"), S::Own, C::Free, 0),
        (None, true, Some("b"), Some("b"), S::Own, C::Free, 0),
        (Some("a"), false, None, Some("a"), S::Managed, C::No, 0),
        (Some("a"), false, Some("a"), Some("a"), S::Managed, C::No, 0),
        (Some("a"), false, Some("b"), Some("a"), S::Managed, C::No, 1),
        (Some("a"), true, None, Some("a"), S::Managed, C::Free, 0),
        (Some("a"), true, Some("b"), Some("b"), S::Own, C::Free, 0),
    ] {
        let text = |t: Option<&str>| t.map(str::to_owned);
        let p = policy(|p| {
            (p.module, p.proxy) = (text(firm), text(firm));
            p.may = May { module: may, proxy: may, ..May::default() };
        });
        let merged =
            merge(Some(&p), &Own { module: text(mine), proxy: text(mine), ..Own::default() });
        let want = Setting { value: text(value), source, change };
        assert_eq!(merged.module, want);
        assert_eq!(merged.proxy, want);
        assert_eq!(merged.refused.len(), 2 * refused, "{firm:?} {may} {mine:?}");
    }
}

/// The firm's page or `off`, the trader's, and what is in force. No permission changes it.
#[test]
fn the_page_that_finds_portals_is_the_firms_once_it_names_one_or_none() {
    use {Change as C, Source as S};
    const OFF: Option<&str> = Some("off");
    const FIRM: Option<&str> = Some("http://check.bank.example/");
    const OWN: Option<&str> = Some("http://check.trader.example/");
    for (firm, mine, value, source, change, refused) in [
        (None, None, None, S::Default, C::Free, 0),
        (None, OFF, OFF, S::Own, C::Free, 0),
        (None, OWN, OWN, S::Own, C::Free, 0),
        (OFF, None, OFF, S::Managed, C::No, 0),
        (OFF, OFF, OFF, S::Managed, C::No, 0),
        (OFF, OWN, OFF, S::Managed, C::No, 1),
        (FIRM, None, FIRM, S::Managed, C::No, 0),
        (FIRM, FIRM, FIRM, S::Managed, C::No, 0),
        (FIRM, OWN, FIRM, S::Managed, C::No, 1),
        (FIRM, OFF, FIRM, S::Managed, C::No, 1),
    ] {
        let text = |t: Option<&str>| t.map(str::to_owned);
        let p = policy(|p| {
            p.portal_check = text(firm);
            p.may = May { venues: true, module: true, proxy: true, update_channel: true };
        });
        let merged = merge(Some(&p), &Own { portal_check: text(mine), ..Own::default() });
        let want = Setting { value: text(value), source, change };
        assert_eq!(merged.portal_check, want, "{firm:?} {mine:?}");
        let told: Vec<&str> = merged.refused.iter().map(|r| r.setting.as_str()).collect();
        assert_eq!(told, ["connection.portal_check"][..refused], "{firm:?} {mine:?}");
    }
}

#[test]
fn the_channel_can_be_made_calmer_without_a_permission() {
    use Channel::{Beta, Stable};
    for (firm, may, mine, value, refused) in [
        (Some(Stable), false, Some(Beta), Stable, 1),
        (Some(Stable), true, Some(Beta), Beta, 0),
        (Some(Beta), false, Some(Stable), Stable, 0),
        (Some(Beta), false, None, Beta, 0),
        (None, false, Some(Beta), Beta, 0),
        (None, false, None, Stable, 0),
    ] {
        let p = policy(|p| {
            p.channel = firm;
            p.may.update_channel = may;
        });
        let merged = merge(Some(&p), &Own { channel: mine, ..Own::default() });
        assert_eq!(merged.channel.value, value, "{firm:?} {may} {mine:?}");
        assert_eq!(merged.refused.len(), refused, "{firm:?} {may} {mine:?}");
    }
}

#[test]
fn without_tokens_no_module_is_loaded_whoever_names_it() {
    let p = policy(|p| {
        p.holders = Some(vec![Holder::Keychain]);
        p.module = Some("/firm.so".into());
        p.may.module = true;
    });
    let merged = merge(Some(&p), &Own { module: Some("/own.so".into()), ..Own::default() });
    assert_eq!(merged.module.value, None);
    assert_eq!(merged.module.change, Change::No);
    assert_eq!(merged.holders.value, [Holder::Keychain]);
    assert_eq!(merged.refused.len(), 1);
}

#[test]
fn without_a_policy_everything_is_the_traders() {
    let mine = Own {
        venues: vec![own(|_| {})],
        module: Some("/m".into()),
        proxy: Some("direct".into()),
        fips: Some(true),
        ..Own::default()
    };
    let merged = merge(None, &mine);
    assert_eq!(merged.venues[0].value, firm());
    assert_eq!(merged.venues[0].source, Source::Own);
    assert_eq!(merged.module.value, mine.module);
    assert_eq!(merged.holders.value, Holder::ALL);
    assert!(merged.fips.value && merged.refused.is_empty());
}
