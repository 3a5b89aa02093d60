//! Techniques of MITRE ATT&CK (Enterprise, v16) that events may be a sign of.

use super::Technique;

/// T1078.
pub(super) const VALID_ACCOUNTS: Option<Technique> =
    Some(Technique { id: "T1078", name: "Valid Accounts" });
/// T1110.
pub(super) const BRUTE_FORCE: Option<Technique> =
    Some(Technique { id: "T1110", name: "Brute Force" });
/// T1621.
pub(super) const MULTI_FACTOR_AUTHENTICATION_REQUEST_GENERATION: Option<Technique> =
    Some(Technique { id: "T1621", name: "Multi-Factor Authentication Request Generation" });
/// T1098.
pub(super) const ACCOUNT_MANIPULATION: Option<Technique> =
    Some(Technique { id: "T1098", name: "Account Manipulation" });
/// T1556.
pub(super) const MODIFY_AUTHENTICATION_PROCESS: Option<Technique> =
    Some(Technique { id: "T1556", name: "Modify Authentication Process" });
/// T1565.
pub(super) const DATA_MANIPULATION: Option<Technique> =
    Some(Technique { id: "T1565", name: "Data Manipulation" });
/// T1499.
pub(super) const ENDPOINT_DENIAL_OF_SERVICE: Option<Technique> =
    Some(Technique { id: "T1499", name: "Endpoint Denial of Service" });
/// T1550.
pub(super) const USE_ALTERNATE_AUTHENTICATION_MATERIAL: Option<Technique> =
    Some(Technique { id: "T1550", name: "Use Alternate Authentication Material" });
/// T1649.
pub(super) const STEAL_OR_FORGE_AUTHENTICATION_CERTIFICATES: Option<Technique> =
    Some(Technique { id: "T1649", name: "Steal or Forge Authentication Certificates" });
/// T1070.
pub(super) const INDICATOR_REMOVAL: Option<Technique> =
    Some(Technique { id: "T1070", name: "Indicator Removal" });
/// T1562.
pub(super) const IMPAIR_DEFENSES: Option<Technique> =
    Some(Technique { id: "T1562", name: "Impair Defenses" });
/// T1484.
pub(super) const DOMAIN_OR_TENANT_POLICY_MODIFICATION: Option<Technique> =
    Some(Technique { id: "T1484", name: "Domain or Tenant Policy Modification" });
/// T1563.
pub(super) const REMOTE_SERVICE_SESSION_HIJACKING: Option<Technique> =
    Some(Technique { id: "T1563", name: "Remote Service Session Hijacking" });
/// T1557.
pub(super) const ADVERSARY_IN_THE_MIDDLE: Option<Technique> =
    Some(Technique { id: "T1557", name: "Adversary-in-the-Middle" });
/// T1190.
pub(super) const EXPLOIT_PUBLIC_FACING_APPLICATION: Option<Technique> =
    Some(Technique { id: "T1190", name: "Exploit Public-Facing Application" });
