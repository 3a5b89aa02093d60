/** What the console's server answers (`gateway/src/console`). Times are RFC 3339 in UTC. Not served. */

export interface May {
  read: boolean;
  lock: boolean;
  sessions: boolean;
  policy: boolean;
}

export interface Me {
  name: string;
  csrf: string;
  until: string;
  idle_s: number;
  may: May;
}

export interface Factor {
  name: string;
  points: number;
  words: string;
}

export interface Session {
  desk: string;
  user: string | null;
  device: string | null;
  address: string;
  country: string | null;
  network: string | null;
  transport: string;
  since: string;
  score: number | null;
  level: string | null;
  factors: Factor[];
  step_up: string;
  certificate: { serial: string; until: string | null } | null;
  open_rfqs: number;
}

export interface DealerLeg {
  dealer: string;
  state: string;
  price: string | null;
  at: string | null;
}

export interface Rfq {
  /** `DESK.ID`; a desk's own id is unique for that desk only. */
  id: string;
  name: string;
  /** What dealers read in 131. */
  dealers_call_it: string;
  desk: string;
  user: string | null;
  instrument: string;
  side: string;
  quantity: string;
  currency: string | null;
  state: string;
  since: string;
  until: string | null;
  dealers: DealerLeg[];
  outcome: string | null;
}

export interface Alert {
  n: number;
  at: string;
  severity: string;
  code: string;
  subject: string;
  words: string;
  technique: string | null;
  actor: string | null;
}

export interface Laptop {
  user: string;
  name: string;
  comp_id: string;
  device: string | null;
  state: string;
  key_in: string | null;
  serial: string | null;
  certificate_until: string | null;
  security_keys: number;
  last_seen: string | null;
  version: string | null;
  platform: string | null;
  flags: string[];
}

export interface Lock {
  kind: string;
  subject: string;
  words: string;
  since: string | null;
  until: string | null;
}

export interface Dealer {
  dealer: string;
  on: boolean;
  cut: boolean;
  why_cut: string | null;
  since: string | null;
  asked: number;
  quoted: number;
  passed: number;
  rejected: number;
  filled: number;
  response_p50_ms: number | null;
  response_p99_ms: number | null;
}

export interface InForce {
  policy: string;
  digest: string;
  since: string | null;
  by: string[];
  /** Whether the approver's key signed for it. */
  by_key: boolean;
  prepared_by_key: boolean;
  documents: Record<string, string>;
}

export interface Waiting {
  digest: string;
  policy: string;
  before: string;
  by: string;
  /** Whether the key of whoever prepared it signed for it. */
  by_key: boolean;
  at: string;
  diff: string;
  mine: boolean;
}

export interface Policies {
  in_force: InForce[];
  waiting: Waiting[];
  two_people: boolean;
}

export interface Version {
  digest: string;
  policy: string;
  step: string;
  by: string;
  at: string;
  before: string | null;
  prepared_by: string | null;
  /** The key of the second person, and what it signed. */
  approval: { credential_id: string } | null;
  /** The key of whoever prepared it, and what it signed. */
  preparation: { by: string; credential_id: string } | null;
}

export interface Found {
  at: string;
  code: string;
  severity: string;
  user: string | null;
  desk: string | null;
  rfq: string | null;
  words: string;
}

export interface FileState {
  bytes: number | null;
  last_write: string | null;
  failing: boolean;
}

/** As `signet-gateway status --json`. */
export interface Status {
  name: string;
  comp_id: string;
  version: string;
  since: string | null;
  clock: string;
  trading: boolean;
  sessions: number | null;
  held: number | null;
  policies: Record<string, unknown> | null;
  registry: { age_s: number; stale: boolean } | null;
  dealers: { dealer: string; on: boolean; since: string | null }[];
  journal: FileState;
  evidence: FileState;
  disk_fault: string | null;
  certificates: { what: string; until: string | null; ends_soon: boolean }[];
  revocation_lists: boolean;
  revocation_list_faults: string[];
  alerts: { at: string; severity: string; code: string; subject: string; words: string }[];
}
