//! The policies a first gateway begins with.

/// `entitlements.cedar`. It refers to groups by fixed names, so no answer becomes part of a policy.
pub(super) const POLICIES: &str = r#"// Who may ask which dealer for what.
// What no policy here permits is denied; a `forbid` overrides every `permit`. Amounts are whole
// units of the reporting currency, rounded up. Groups and panels are in entitlements.toml.
// Check a change before it takes effect:
//   signet-gateway policy check / test / diff

@id("traders-trade")
@words("Traders of the firm trade with its dealers.")
permit (principal in Group::"traders", action in Action::"trade", resource in Panel::"dealers");

@id("traders-see")
permit (principal in Group::"traders", action == Action::"see", resource in Panel::"dealers");

// ----- hard limits: no approval overrides them -----

@id("hard-limit-per-rfq")
@words("Nobody trades more than 100,000,000 at once.")
@cure("Split the trade, or ask the risk officer.")
forbid (principal, action in Action::"trade", resource)
when { context.notional > 100000000 };

@id("hard-limit-per-day")
@words("No trader trades more than 400,000,000 a day.")
@cure("Wait for the next trading day, or ask the risk officer.")
forbid (principal, action in Action::"trade", resource)
when { context.dayNotional > 400000000 };

@id("hard-limit-outstanding")
@words("No trader has RFQs for more than 200,000,000 open at once.")
@cure("Finish or cancel RFQs that are open.")
forbid (principal, action == Action::"request", resource)
when { context.outstanding > 200000000 || context.openRfqs > 20 };

@id("hard-limit-off-market")
@words("The price is more than one per cent worse than the middle of the dealers' quotes.")
@cure("Take the better price.")
forbid (principal, action == Action::"accept", resource)
when { context has offMarketBps && context.offMarketBps > 100 };

// ----- administrators -----

@id("security-officers")
permit (principal in AdminGroup::"security-officers", action in Action::"admin", resource);

@id("policy-needs-two-people")
@words("A change of the policies needs two people.")
forbid (principal, action == Action::"admin-policy", resource)
unless { context.secondPerson };
"#;
