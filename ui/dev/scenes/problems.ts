// Refusals and errors, one of each kind that a scene shows.

import type { Problem } from "../../src/bindings";

export const problems = {
  keyRemoved: {
    code: "key_removed",
    message: "The security key was removed.",
    cure: "Insert the key and start again.",
  },
  invitation: {
    code: "invitation_not_a_link",
    message: "The link does not begin with signet://enrol/.",
    cure: "Copy the whole link again, or ask your administrator for the file instead.",
  },
  noDealer: {
    code: "dealers_none",
    message: "No dealer is chosen.",
    cure: "Choose at least one dealer, or “All”.",
  },
  quantity: {
    code: "quantity_unreadable",
    message: "This is not a quantity.",
    cure: "Type a number, for example 5m, 250k or 1,500,000.",
  },
  requoted: {
    code: "quote_changed",
    message: "Northbank changed its price before you could be shown the terms.",
    cure: "Look at the new price and choose again.",
  },
  link: {
    code: "link_lost",
    message: "The network dropped the connection to the gateway.",
    cure: "Nothing to do: the desk is trying again by itself.",
  },
  issuer: {
    code: "certificate_unknown_issuer",
    message: "The gateway refused your certificate: it does not know the authority that issued it.",
    cure: "Renew your identity, or ask your security desk whether the gateway trusts “Signet Practice CA”.",
  },
} satisfies Record<string, Problem>;
