// What the second window shows.

/** What the second window shows; the desk names it in the address of the page. */
export type PanelMode = { kind: "blotter" } | { kind: "rfq"; id: string };

/** The mode of a page; null for the desk's own window. */
export function panelOf(query: URLSearchParams): PanelMode | null {
  const id = query.get("id");
  switch (query.get("panel")) {
    case "blotter":
      return { kind: "blotter" };
    case "rfq":
      return id ? { kind: "rfq", id } : null;
    default:
      return null;
  }
}
