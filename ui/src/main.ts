import { mount } from "svelte";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shared.css";
import App from "./App.svelte";
import { desk, type Backend } from "./desk/backend";
import { Page } from "./desk/page.svelte";

async function open() {
  const query = new URLSearchParams(location.search);
  const page = new Page(await backend(query));
  const measure = query.has("measure") ? await import("./measure") : null;
  mount(App, { target: document.getElementById("app")!, props: { page } });
  measure?.firstPaint();
  measure?.countFrames();
  await page.start(measure?.painted);
}

/** The desk; on a development server also a simulated one, which no build contains. */
async function backend(query: URLSearchParams): Promise<Backend> {
  if (import.meta.env.DEV && query.has("fake")) return (await import("../dev/fake")).fake(query);
  return desk;
}

void open();
