import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  clearScreen: false,
  server: { port: 1420, strictPort: true, host: "localhost" },
  build: {
    // The oldest web views a supported system has: WebKitGTK 2.38, WebView2 109.
    target: ["safari16", "chrome109"],
    modulePreload: { polyfill: false },
    // A picture inlined into CSS would be a data: address, which the content security policy
    // refuses.
    assetsInlineLimit: 0,
  },
  // Vitest would otherwise pick Svelte's server build, in which nothing is reactive.
  resolve: mode === "test" ? { conditions: ["browser"] } : undefined,
  // A test waits for nothing that long; a busy machine may take more than the usual five seconds.
  test: { include: ["test/**/*.test.ts"], environment: "node", css: true, testTimeout: 60_000 },
}));
