// Which field a refusal of the ticket is about.

export type Field = "instrument" | "quantity" | "settlement" | "dealers" | "ttl" | "ticket";

const PREFIXES: [string, Field][] = [
  ["instrument", "instrument"],
  ["quantity", "quantity"],
  ["settlement", "settlement"],
  ["dealer", "dealers"],
  ["ttl", "ttl"],
];

export function fieldOf(code: string): Field {
  return PREFIXES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "ticket";
}
