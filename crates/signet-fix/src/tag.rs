//! Tag numbers, FIX 4.4 unless said otherwise, and our user-defined ones (20000 and up).

pub const BEGIN_SEQ_NO: u32 = 7;
pub const CL_ORD_ID: u32 = 11;
pub const CUM_QTY: u32 = 14;
pub const CURRENCY: u32 = 15;
pub const AVG_PX: u32 = 6;
pub const END_SEQ_NO: u32 = 16;
pub const EXEC_ID: u32 = 17;
pub const EXEC_REF_ID: u32 = 19;
pub const SECURITY_ID_SOURCE: u32 = 22;
pub const LAST_PX: u32 = 31;
pub const LAST_QTY: u32 = 32;
pub const MSG_SEQ_NUM: u32 = 34;
pub const MSG_TYPE: u32 = 35;
pub const ORDER_ID: u32 = 37;
pub const ORDER_QTY: u32 = 38;
pub const ORD_STATUS: u32 = 39;
pub const POSS_DUP_FLAG: u32 = 43;
pub const PRICE: u32 = 44;
pub const REF_SEQ_NUM: u32 = 45;
pub const SECURITY_ID: u32 = 48;
pub const SENDER_COMP_ID: u32 = 49;
pub const SENDING_TIME: u32 = 52;
pub const SIDE: u32 = 54;
pub const SYMBOL: u32 = 55;
pub const TARGET_COMP_ID: u32 = 56;
pub const TEXT: u32 = 58;
pub const TRANSACT_TIME: u32 = 60;
pub const VALID_UNTIL_TIME: u32 = 62;
pub const SETTL_DATE: u32 = 64;
pub const RAW_DATA_LENGTH: u32 = 95;
pub const RAW_DATA: u32 = 96;
pub const ORD_REJ_REASON: u32 = 103;
pub const SECURITY_DESC: u32 = 107;
pub const TEST_REQ_ID: u32 = 112;
pub const ORIG_SENDING_TIME: u32 = 122;
pub const QUOTE_ID: u32 = 117;
pub const EXPIRE_TIME: u32 = 126;
pub const QUOTE_REQ_ID: u32 = 131;
pub const BID_PX: u32 = 132;
pub const OFFER_PX: u32 = 133;
pub const BID_SIZE: u32 = 134;
pub const OFFER_SIZE: u32 = 135;
pub const RESET_SEQ_NUM_FLAG: u32 = 141;
pub const NO_RELATED_SYM: u32 = 146;
pub const EXEC_TYPE: u32 = 150;
pub const LEAVES_QTY: u32 = 151;
pub const NO_QUOTE_ENTRIES: u32 = 295;
pub const QUOTE_STATUS: u32 = 297;
pub const QUOTE_CANCEL_TYPE: u32 = 298;
pub const QUOTE_REQUEST_TYPE: u32 = 303;
pub const SECURITY_REQ_ID: u32 = 320;
pub const SECURITY_RESPONSE_ID: u32 = 322;
pub const ENCODED_TEXT_LEN: u32 = 354;
pub const ENCODED_TEXT: u32 = 355;
pub const REF_TAG_ID: u32 = 371;
pub const REF_MSG_TYPE: u32 = 372;
pub const SESSION_REJECT_REASON: u32 = 373;
pub const BUSINESS_REJECT_REF_ID: u32 = 379;
pub const BUSINESS_REJECT_REASON: u32 = 380;
pub const PRICE_TYPE: u32 = 423;
pub const PARTY_ID_SOURCE: u32 = 447;
pub const PARTY_ID: u32 = 448;
pub const PARTY_ROLE: u32 = 452;
pub const NO_PARTY_IDS: u32 = 453;
pub const QUOTE_TYPE: u32 = 537;
pub const SECURITY_LIST_REQUEST_TYPE: u32 = 559;
pub const SECURITY_REQUEST_RESULT: u32 = 560;
pub const ROUND_LOT: u32 = 561;
pub const MIN_TRADE_VOL: u32 = 562;
pub const QUOTE_REQUEST_REJECT_REASON: u32 = 658;
pub const QUOTE_RESP_ID: u32 = 693;
pub const QUOTE_RESP_TYPE: u32 = 694;
pub const NEXT_EXPECTED_MSG_SEQ_NUM: u32 = 789;
pub const LAST_FRAGMENT: u32 = 893;

/// RFC 9266 exporter of the TLS connection, base64, in Logon.
pub const CHANNEL_BINDING: u32 = 20000;
pub const PRACTICE_VENUE: u32 = 20001;
pub const VENUE_NAME: u32 = 20002;
pub const NO_DEALERS: u32 = 20003;
pub const DEALER_ID: u32 = 20004;
pub const DEALER_NAME: u32 = 20005;
pub const DEALER_ONLINE: u32 = 20006;
pub const SNAPSHOT_PHASE: u32 = 20020;
pub const SHORT_SYMBOL: u32 = 20030;
pub const ASSET_CLASS: u32 = 20031;
pub const PRICE_DECIMALS: u32 = 20032;
pub const PRICE_UNIT: u32 = 20033;
pub const TICK: u32 = 20034;
pub const MAX_TRADE_VOL: u32 = 20035;
pub const SETTLEMENT: u32 = 20036;

/// Of one challenge and its answer.
pub const STEP_UP_ID: u32 = 20100;
/// 0 signed, 1 declined by the person, 2 failed.
pub const STEP_UP_ANSWER: u32 = 20101;
pub const STEP_UP_STATUS: u32 = 20102;
/// Why a session wants a touch: `on-demand`, `wake`, `unlock`, `idle`.
pub const STEP_UP_REASON: u32 = 20103;
/// Stable code of a refusal.
pub const REASON_CODE: u32 = 20104;
/// What would cure a refusal, in words.
pub const CURE: u32 = 20105;
pub const LEASE_UNTIL: u32 = 20110;
pub const IDLE_SECONDS: u32 = 20111;
pub const ON_WAKE: u32 = 20112;
pub const ON_UNLOCK: u32 = 20113;
pub const STEP_UP_KNOWN: u32 = 20114;
pub const KEY_COUNT: u32 = 20115;
pub const APPROVER: u32 = 20116;
/// U9: 1 list, 2 begin, 3 finish. UA: 1 list, 2 options, 3 registered, 4 refused.
pub const KEY_STEP: u32 = 20120;
pub const KEY_NAME: u32 = 20121;
/// A one-time code.
pub const KEY_CODE: u32 = 20122;
/// UB: 1 allow, 2 step-up, 3 deny.
pub const ACCESS_DECISION: u32 = 20130;
pub const RISK_SCORE: u32 = 20131;
pub const POLICY_DIGEST: u32 = 20132;
/// Of one question about the laptop and its answer.
pub const POSTURE_NONCE: u32 = 20133;
