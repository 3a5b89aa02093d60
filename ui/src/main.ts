import { mount } from "svelte";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shared.css";
import App from "./App.svelte";
import { desk, type Backend } from "./desk/backend";
import { Page } from "./desk/page.svelte";

async function open() {
  const asked = new URLSearchParams(location.search);
  const page = new Page(await backend(asked));
  const measure = asked.has("measure") ? await import("./measure") : null;
  mount(App, { target: document.getElementById("app")!, props: { page } });
  measure?.firstPaint();
  measure?.countFrames();
  await page.start(measure?.painted);
}

/** The desk; or, while developing without one, a pretended desk that no build contains. */
async function backend(asked: URLSearchParams): Promise<Backend> {
  if (import.meta.env.DEV && asked.has("fake")) return (await import("../dev/fake")).fake(asked);
  return desk;
}

void open();
