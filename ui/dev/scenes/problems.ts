// Refusals and errors, one of each kind that a scene shows.

import type { Problem } from "../../src/bindings";

export const problems = {
  keyRemoved: {
    code: "key.removed",
    message: "The security key was removed.",
    cure: "Insert the key and start again.",
    field: null,
  },
  invitation: {
    code: "invitation.not_a_link",
    message: "The link does not begin with signet://enrol/.",
    cure: "Copy the whole link again, or ask your administrator for the file instead.",
    field: null,
  },
  noDealer: {
    code: "dealers.none",
    message: "No dealer is chosen.",
    cure: "Choose at least one dealer, or “All”.",
    field: "dealers",
  },
  listTaken: {
    code: "dealer_list.taken",
    message: "Not renamed: another list of dealers has that name.",
    cure: "Type another name.",
    field: null,
  },
  closed: {
    code: "settlement_date.closed",
    message: "2026-12-25 is a holiday of EUR. The next business day is 2026-12-28.",
    cure: "Choose a day from the list, or type another one.",
    field: "settlement",
  },
  quantity: {
    code: "quantity.unreadable",
    message: "This is not a quantity.",
    cure: "Type a number, for example 5m, 250k or 1,500,000.",
    field: "quantity",
  },
  requoted: {
    code: "quote.requoted",
    message: "Northbank changed its price before you could be shown the terms.",
    cure: "Look at the new price and choose again.",
    field: null,
  },
  link: {
    code: "link.lost",
    message: "The network dropped the connection to the gateway.",
    cure: "Nothing to do: the desk is trying again by itself.",
    field: null,
  },
  issuer: {
    code: "client.unknown_ca",
    message: "The gateway refused your certificate: it does not know the authority that issued it.",
    cure: "Renew your identity, or ask your security desk whether the gateway trusts “Signet Practice CA”.",
    field: null,
  },
} satisfies Record<string, Problem>;
