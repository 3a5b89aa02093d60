import { mount } from "svelte";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shared.css";
import { desk, unreachable, type Backend } from "./desk/backend";
import { Page } from "./desk/page.svelte";
import { panelOf } from "./desk/panel";
import { declare } from "./language/document";
import Root from "./Root.svelte";

async function open() {
  declare(document.documentElement);
  const query = new URLSearchParams(location.search);
  const reached = await backend(query);
  const page = new Page(reached, panelOf(query));
  const measure = query.has("measure") ? await import("./measure") : null;
  mount(Root, { target: document.getElementById("app")!, props: { page } });
  measure?.firstPaint();
  measure?.countFrames();
  measure?.watchKeys();
  try {
    await page.start(measure?.painted);
  } catch (why) {
    // Nothing is pulled after this: what is on the screen is old.
    page.trouble = unreachable(why).error;
  }
}

/** The desk; on a development server also a simulated one, which no build contains. */
async function backend(query: URLSearchParams): Promise<Backend> {
  if (import.meta.env.DEV && query.has("fake")) return (await import("../dev/fake")).fake(query);
  return desk;
}

void open();
