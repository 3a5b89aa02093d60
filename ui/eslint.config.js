import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import { language } from "./dev/language/rule.js";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["dist", "node_modules", "src/bindings.ts"] },
  js.configs.recommended,
  ts.configs.recommended,
  svelte.configs.recommended,
  { languageOptions: { globals: globals.browser } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // `== null` covers undefined too.
      eqeqeq: ["error", "always", { null: "ignore" }],
      // The page shows text that peers send; it must never become markup.
      "svelte/no-at-html-tags": "error",
      // Maps and sets are indexes beside reactive cells, on the path of every frame; no component
      // draws from them.
      "svelte/prefer-svelte-reactivity": "off",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-console": "error",
    },
  },
  {
    files: ["src/**"],
    plugins: { language },
    rules: { "language/text-from-catalogue": "error" },
  },
  {
    // The script that keeps the catalogue of texts.
    files: ["dev/language/*.js"],
    languageOptions: { globals: globals.node },
    rules: { "no-console": "off" },
  },
);
