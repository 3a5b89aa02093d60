import { mount } from "svelte";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shared.css";
import App from "./App.svelte";
import { desk, type Backend } from "./desk/backend";
import { Page } from "./desk/page.svelte";
import { panelOf } from "./desk/panel";
import { declare } from "./language/document";
import Panel from "./Panel.svelte";

async function open() {
  declare(document.documentElement);
  const query = new URLSearchParams(location.search);
  const reached = await backend(query);
  const mode = panelOf(query);
  const page = new Page(reached, mode);
  const measure = query.has("measure") ? await import("./measure") : null;
  const target = document.getElementById("app")!;
  if (mode) mount(Panel, { target, props: { page, mode } });
  else mount(App, { target, props: { page } });
  measure?.firstPaint();
  measure?.countFrames();
  measure?.watchKeys();
  await page.start(measure?.painted);
}

/** The desk; on a development server also a simulated one, which no build contains. */
async function backend(query: URLSearchParams): Promise<Backend> {
  if (import.meta.env.DEV && query.has("fake")) return (await import("../dev/fake")).fake(query);
  return desk;
}

void open();
