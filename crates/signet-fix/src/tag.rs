//! Tag numbers, FIX 4.4 unless said otherwise, and our user-defined ones (20000 and up).

/// BeginSeqNo: first number a ResendRequest (2) asks for.
pub const BEGIN_SEQ_NO: u32 = 7;
/// ClOrdID: id of an accept, chosen by the desk.
pub const CL_ORD_ID: u32 = 11;
/// CumQty: quantity executed so far.
pub const CUM_QTY: u32 = 14;
/// Currency, ISO 4217.
pub const CURRENCY: u32 = 15;
/// AvgPx: average price executed so far.
pub const AVG_PX: u32 = 6;
/// EndSeqNo: last number a ResendRequest (2) asks for; 0 for all.
pub const END_SEQ_NO: u32 = 16;
/// ExecID: id of a report, chosen by the dealer.
pub const EXEC_ID: u32 = 17;
/// ExecRefID: ExecID of the execution that is busted or corrected.
pub const EXEC_REF_ID: u32 = 19;
/// SecurityIDSource: 4 for an ISIN.
pub const SECURITY_ID_SOURCE: u32 = 22;
/// LastPx: price of this execution.
pub const LAST_PX: u32 = 31;
/// LastQty: quantity of this execution.
pub const LAST_QTY: u32 = 32;
/// MsgSeqNum: number of a message in its session and direction, from 1.
pub const MSG_SEQ_NUM: u32 = 34;
/// MsgType.
pub const MSG_TYPE: u32 = 35;
/// OrderID: id of the order at the dealer.
pub const ORDER_ID: u32 = 37;
/// OrderQty: quantity asked for or accepted.
pub const ORDER_QTY: u32 = 38;
/// OrdStatus; see `signet_rfq::fix::OrdStatus`.
pub const ORD_STATUS: u32 = 39;
/// PossDupFlag: Y in a resend under the same number.
pub const POSS_DUP_FLAG: u32 = 43;
/// Price: the price accepted.
pub const PRICE: u32 = 44;
/// RefSeqNum: MsgSeqNum (34) of the message that is rejected.
pub const REF_SEQ_NUM: u32 = 45;
/// SecurityID: the ISIN.
pub const SECURITY_ID: u32 = 48;
/// SenderCompID.
pub const SENDER_COMP_ID: u32 = 49;
/// SendingTime, UTC.
pub const SENDING_TIME: u32 = 52;
/// Side: 1 the customer buys, 2 sells.
pub const SIDE: u32 = 54;
/// Symbol: the instrument's id; `[N/A]` from dealers that name the ISIN only.
pub const SYMBOL: u32 = 55;
/// TargetCompID.
pub const TARGET_COMP_ID: u32 = 56;
/// Text: words for people; code never decides on it.
pub const TEXT: u32 = 58;
/// TransactTime, UTC: when what the message says happened.
pub const TRANSACT_TIME: u32 = 60;
/// ValidUntilTime, UTC: when a quote ends.
pub const VALID_UNTIL_TIME: u32 = 62;
/// SettlDate, `YYYYMMDD`.
pub const SETTL_DATE: u32 = 64;
/// RawDataLength: bytes in RawData (96).
pub const RAW_DATA_LENGTH: u32 = 95;
/// RawData: any bytes; JSON in Signet's own messages.
pub const RAW_DATA: u32 = 96;
/// OrdRejReason: why an accept is refused.
pub const ORD_REJ_REASON: u32 = 103;
/// SecurityDesc: the instrument's name.
pub const SECURITY_DESC: u32 = 107;
/// TestReqID: what a TestRequest (1) asks a Heartbeat (0) to repeat.
pub const TEST_REQ_ID: u32 = 112;
/// OrigSendingTime, UTC: SendingTime of what is sent again.
pub const ORIG_SENDING_TIME: u32 = 122;
/// QuoteID: id of a quote, chosen by the dealer.
pub const QUOTE_ID: u32 = 117;
/// ExpireTime, UTC: when an RFQ ends; in U4 and UA the last moment for an answer.
pub const EXPIRE_TIME: u32 = 126;
/// QuoteReqID: id of an RFQ, chosen by the desk.
pub const QUOTE_REQ_ID: u32 = 131;
/// BidPx: the dealer buys at this price.
pub const BID_PX: u32 = 132;
/// OfferPx: the dealer sells at this price.
pub const OFFER_PX: u32 = 133;
/// BidSize: the most the dealer buys at BidPx (132).
pub const BID_SIZE: u32 = 134;
/// OfferSize: the most the dealer sells at OfferPx (133).
pub const OFFER_SIZE: u32 = 135;
/// SecurityType: [`MULTILEG`] for a package.
pub const SECURITY_TYPE: u32 = 167;
/// SecurityType (167) of a package.
pub const MULTILEG: &str = "MLEG";
/// ResetSeqNumFlag: Y in a Logon (A) that begins at 1 again.
pub const RESET_SEQ_NUM_FLAG: u32 = 141;
/// NoRelatedSym: entries of a group of instruments.
pub const NO_RELATED_SYM: u32 = 146;
/// ExecType; see `signet_rfq::fix::ExecType`.
pub const EXEC_TYPE: u32 = 150;
/// LeavesQty: quantity that may still be executed.
pub const LEAVES_QTY: u32 = 151;
/// BenchmarkCurveCurrency of a discount margin, ISO 4217.
pub const BENCHMARK_CURVE_CURRENCY: u32 = 220;
/// BenchmarkCurveName: what a spread is over; a reference rate for a discount margin.
pub const BENCHMARK_CURVE_NAME: u32 = 221;
/// BenchmarkCurvePoint: for how long the reference rate is fixed, `3M`.
pub const BENCHMARK_CURVE_POINT: u32 = 222;
/// NoStipulations: entries of a group of stipulations.
pub const NO_STIPULATIONS: u32 = 232;
/// StipulationType: [`LEAST_QUANTITY`].
pub const STIPULATION_TYPE: u32 = 233;
/// StipulationType (233) of the least quantity that is traded.
pub const LEAST_QUANTITY: &str = "MINQTY";
/// StipulationValue: of `MINQTY` a quantity.
pub const STIPULATION_VALUE: u32 = 234;
/// NoQuoteEntries: entries of a group in QuoteCancel (Z).
pub const NO_QUOTE_ENTRIES: u32 = 295;
/// QuoteStatus; see `signet_rfq::fix::QuoteStatus`.
pub const QUOTE_STATUS: u32 = 297;
/// QuoteCancelType: 1 for one quote, 4 for all.
pub const QUOTE_CANCEL_TYPE: u32 = 298;
/// QuoteRequestType: 1, a person asks.
pub const QUOTE_REQUEST_TYPE: u32 = 303;
/// SecurityReqID: id of a SecurityListRequest (x), chosen by the desk.
pub const SECURITY_REQ_ID: u32 = 320;
/// SecurityResponseID: id of a SecurityList (y).
pub const SECURITY_RESPONSE_ID: u32 = 322;
/// EncodedTextLen: bytes in EncodedText (355).
pub const ENCODED_TEXT_LEN: u32 = 354;
/// EncodedText: in U4 the text of an approval, UTF-8.
pub const ENCODED_TEXT: u32 = 355;
/// RefTagID: the tag that a Reject (3) is about.
pub const REF_TAG_ID: u32 = 371;
/// RefMsgType: MsgType (35) of the message that is rejected.
pub const REF_MSG_TYPE: u32 = 372;
/// SessionRejectReason of a Reject (3).
pub const SESSION_REJECT_REASON: u32 = 373;
/// BusinessRejectRefID: the business id of the message that is rejected.
pub const BUSINESS_REJECT_REF_ID: u32 = 379;
/// BusinessRejectReason of a BusinessMessageReject (j).
pub const BUSINESS_REJECT_REASON: u32 = 380;
/// PriceType: 1 percent of par, 2 per unit, 6 spread (with 220 to 222 a discount margin), 9 yield.
pub const PRICE_TYPE: u32 = 423;
/// PartyIDSource: D, a code of our own.
pub const PARTY_ID_SOURCE: u32 = 447;
/// PartyID: CompID of a dealer.
pub const PARTY_ID: u32 = 448;
/// PartyRole; see [`crate::message::ROLE_LIQUIDITY_PROVIDER`].
pub const PARTY_ROLE: u32 = 452;
/// NoPartyIDs: entries of a group of parties.
pub const NO_PARTY_IDS: u32 = 453;
/// QuoteType: 0 indicative, 1 tradeable.
pub const QUOTE_TYPE: u32 = 537;
/// NoLegs: entries of the group of a package's legs.
pub const NO_LEGS: u32 = 555;
/// LegCurrency, ISO 4217.
pub const LEG_CURRENCY: u32 = 556;
/// SecurityListRequestType: 4, everything.
pub const SECURITY_LIST_REQUEST_TYPE: u32 = 559;
/// SecurityRequestResult: 0 found, 2 nothing found.
pub const SECURITY_REQUEST_RESULT: u32 = 560;
/// RoundLot: a quantity is a multiple of it.
pub const ROUND_LOT: u32 = 561;
/// MinTradeVol: smallest quantity.
pub const MIN_TRADE_VOL: u32 = 562;
/// LegSettlDate, `YYYYMMDD`.
pub const LEG_SETTL_DATE: u32 = 588;
/// LegSymbol: the id of a leg's instrument; begins an entry of NoLegs (555).
pub const LEG_SYMBOL: u32 = 600;
/// LegSecurityID: the ISIN of a leg.
pub const LEG_SECURITY_ID: u32 = 602;
/// LegSecurityIDSource: 4 for an ISIN.
pub const LEG_SECURITY_ID_SOURCE: u32 = 603;
/// LegRatioQty: how often a leg's price counts in the package's.
pub const LEG_RATIO_QTY: u32 = 623;
/// LegSide: the customer's in a leg when the package is bought.
pub const LEG_SIDE: u32 = 624;
/// LegLastPx: price at which a leg was executed.
pub const LEG_LAST_PX: u32 = 637;
/// LegRefID: a dealer's name for a leg, unique in a message.
pub const LEG_REF_ID: u32 = 654;
/// QuoteRequestRejectReason: 10 for a pass.
pub const QUOTE_REQUEST_REJECT_REASON: u32 = 658;
/// LegBidPx: the dealer buys the leg at this price.
pub const LEG_BID_PX: u32 = 681;
/// LegOfferPx: the dealer sells the leg at this price.
pub const LEG_OFFER_PX: u32 = 684;
/// LegPriceType: 1 percent of par, 2 per unit.
pub const LEG_PRICE_TYPE: u32 = 686;
/// LegQty: quantity of a leg.
pub const LEG_QTY: u32 = 687;
/// QuoteRespID: the same id as ClOrdID (11).
pub const QUOTE_RESP_ID: u32 = 693;
/// QuoteRespType: 1 hit or lift, 6 pass.
pub const QUOTE_RESP_TYPE: u32 = 694;
/// NextExpectedMsgSeqNum: the number the sender of a Logon (A) expects next.
pub const NEXT_EXPECTED_MSG_SEQ_NUM: u32 = 789;
/// LastFragment: N while more SecurityLists (y) follow.
pub const LAST_FRAGMENT: u32 = 893;

/// RFC 9266 exporter of the TLS connection, base64, in Logon.
pub const CHANNEL_BINDING: u32 = 20000;
/// U1: Y for simulated dealers, where nothing is real.
pub const PRACTICE_VENUE: u32 = 20001;
/// U1: name of the venue, for people.
pub const VENUE_NAME: u32 = 20002;
/// U1: entries of the group of dealers.
pub const NO_DEALERS: u32 = 20003;
/// U1: CompID of a dealer; begins an entry.
pub const DEALER_ID: u32 = 20004;
/// U1: name of a dealer, for people.
pub const DEALER_NAME: u32 = 20005;
/// U1: Y when the dealer can be reached. QuoteCancel (Z): N when the quote went with its link.
pub const DEALER_ONLINE: u32 = 20006;
/// U1: Y when the dealer takes counters.
pub const DEALER_COUNTERS: u32 = 20007;
/// U1: Y when the dealer lets a part of its quotes be taken.
pub const DEALER_PARTS: u32 = 20008;
/// U2: 1 begin, 2 an RFQ, 3 end.
pub const SNAPSHOT_PHASE: u32 = 20020;
/// SecurityList (y): what traders call the instrument.
pub const SHORT_SYMBOL: u32 = 20030;
/// SecurityList (y): `Government bond`, `Corporate bond` or `FX spot`.
pub const ASSET_CLASS: u32 = 20031;
/// SecurityList (y): decimals a price is shown with.
pub const PRICE_DECIMALS: u32 = 20032;
/// SecurityList (y): what a price counts, for people.
pub const PRICE_UNIT: u32 = 20033;
/// SecurityList (y): smallest step of a price.
pub const TICK: u32 = 20034;
/// SecurityList (y): largest quantity.
pub const MAX_TRADE_VOL: u32 = 20035;
/// SecurityList (y): `T+2`, `T+1`, `spot`.
pub const SETTLEMENT: u32 = 20036;
/// SecurityList (y): how people write a price, `32nds`; left out for decimals.
pub const PRICE_FORMAT: u32 = 20037;
/// PriceTypes: in which numbers an instrument may be asked for; words with a space between them.
pub const PRICE_TYPES: u32 = 20038;
/// SecurityListRequest (x): SHA-256 of the list that the desk has, lower-case hexadecimal.
pub const LIST_DIGEST: u32 = 20039;
/// SecurityList (y): Y when the list is the one that the request named.
pub const LIST_UNCHANGED: u32 = 20040;

/// Of one challenge and its answer.
pub const STEP_UP_ID: u32 = 20100;
/// 0 signed, 1 declined by the person, 2 failed.
pub const STEP_UP_ANSWER: u32 = 20101;
/// U6: 1 passed, 2 refused, 3 expired, 4 withdrawn, 5 a second person is wanted.
pub const STEP_UP_STATUS: u32 = 20102;
/// Why a session wants a touch: `on-demand`, `wake`, `unlock`, `idle`.
pub const STEP_UP_REASON: u32 = 20103;
/// Stable code of a refusal.
pub const REASON_CODE: u32 = 20104;
/// What would cure a refusal, in words.
pub const CURE: u32 = 20105;
/// Seconds after which a desk whose Logon was refused may try again by itself.
pub const RETRY_AFTER: u32 = 20106;
/// U7, UTC: when the lease of the last touch ends.
pub const LEASE_UNTIL: u32 = 20110;
/// U7: seconds without an act after which the lease ends; 0 for never.
pub const IDLE_SECONDS: u32 = 20111;
/// U7: Y when the desk is to say that the laptop woke.
pub const ON_WAKE: u32 = 20112;
/// U7: Y when the desk is to say that the screen was unlocked.
pub const ON_UNLOCK: u32 = 20113;
/// U7: Y when the gateway uses step-up.
pub const STEP_UP_KNOWN: u32 = 20114;
/// U7: security keys of the person that are good.
pub const KEY_COUNT: u32 = 20115;
/// U7: Y when the person is asked to approve what others do.
pub const APPROVER: u32 = 20116;
/// QuoteResponse (AJ): the worst price that an accept agrees to.
pub const PRICE_LIMIT: u32 = 20140;
/// QuoteResponse (AJ), UTC: when that agreement ends.
pub const LIMIT_UNTIL: u32 = 20141;
/// User-defined: which part of the list of the group's RFQs this is.
pub const GROUP_PHASE: u32 = 20170;
/// User-defined: CompID of the desk that has, or had, an RFQ.
pub const OWNER_DESK: u32 = 20171;
/// User-defined: what that desk calls the RFQ.
pub const OWNER_RFQ: u32 = 20172;
/// User-defined: the person at that desk.
pub const OWNER_NAME: u32 = 20173;
/// User-defined: dealers whose quote can be taken now.
pub const QUOTING: u32 = 20174;
/// User-defined: there are more than were told.
pub const MORE: u32 = 20175;
/// User-defined: what a hand-over did.
pub const HAND_OVER: u32 = 20176;
/// U9: 1 list, 2 begin, 3 finish. UA: 1 list, 2 options, 3 registered, 4 refused.
pub const KEY_STEP: u32 = 20120;
/// The person's name for a security key.
pub const KEY_NAME: u32 = 20121;
/// A one-time code.
pub const KEY_CODE: u32 = 20122;
/// UB: 1 allow, 2 step-up, 3 deny.
pub const ACCESS_DECISION: u32 = 20130;
/// UB: sum of the points.
pub const RISK_SCORE: u32 = 20131;
/// UB: SHA-256 of the policy, lower-case hexadecimal.
pub const POLICY_DIGEST: u32 = 20132;
/// Of one question about the laptop and its answer.
pub const POSTURE_NONCE: u32 = 20133;
/// Logon (A) of a desk: the version of its program, as it says.
pub const DESK_VERSION: u32 = 20134;
/// Logon (A) of a desk: its system and processor, as `linux/x86_64`.
pub const DESK_PLATFORM: u32 = 20135;
/// Logon (A) of a desk: which newer fields and messages it knows, words with commas between them.
pub const DESK_KNOWS: u32 = 20136;
