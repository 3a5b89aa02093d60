// What the trader has chosen about the page, kept by the desk for the next start.

import type { Colours, Look } from "../bindings";
import { ask, type Backend } from "./backend";
import { Zoom } from "./zoom.svelte";

/** What the system asks for. */
export type Asked = { dark: boolean; contrast: boolean };

/** The attributes of the page from which its colours follow (`style/tokens.css`). */
export function dress(colours: Colours, asked: Asked): { scheme: string; contrast: string } {
  const dark = colours === "dark" || (colours !== "light" && asked.dark);
  const contrast = colours === "contrast" || (colours === "system" && asked.contrast);
  return { scheme: dark ? "dark" : "light", contrast: contrast ? "more" : "usual" };
}

export class Looks {
  readonly zoom = new Zoom();
  view: Look = $state.raw({ colours: "system", zoom: 100, sounds: [], alerts: true });
  /** Until the desk has answered, nothing is kept: it would replace what it has. */
  #known = false;

  async load(backend: Backend) {
    const got = await ask(backend.commands.look());
    if (got.status === "error") return;
    this.view = got.data;
    this.zoom.set(got.data.zoom / 100);
    this.#known = true;
  }

  choose(backend: Backend, part: Partial<Look>) {
    const next = { ...this.view, ...part };
    if (JSON.stringify(next) === JSON.stringify(this.view)) return;
    this.view = next;
    if (this.#known) void ask(backend.commands.keepLook(next));
  }
}

/** Follows what the system asks for; answers how to stop. */
export function wear(looks: Looks, root: HTMLElement): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const more = matchMedia("(prefers-contrast: more)");
  const put = () => {
    const { scheme, contrast } = dress(looks.view.colours, {
      dark: dark.matches,
      contrast: more.matches,
    });
    root.dataset.scheme = scheme;
    root.dataset.contrast = contrast;
  };
  put();
  dark.addEventListener("change", put);
  more.addEventListener("change", put);
  return () => {
    dark.removeEventListener("change", put);
    more.removeEventListener("change", put);
  };
}
