// The pages of the gateway's console: plain modules, which TypeScript checks by their comments. A
// configuration of its own, run from the repository's root, since ESLint reads nothing outside the
// folder of its configuration.
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  { languageOptions: { globals: globals.browser } },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-console": "error",
      // What peers send must never become markup; trusted types refuse it at run time as well.
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc"].map(
          (property) => ({ property, message: "Build elements with h() of dom.js." }),
        ),
      ],
    },
  },
];
