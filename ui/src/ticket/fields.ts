// Beside which field a refusal of the ticket is shown.

export type Field = "instrument" | "quantity" | "dealers" | "ttl" | "ticket";

const PREFIXES: [string, Field][] = [
  ["instrument", "instrument"],
  ["quantity", "quantity"],
  ["dealer", "dealers"],
  ["ttl", "ttl"],
];

export function fieldOf(code: string): Field {
  return PREFIXES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "ticket";
}
