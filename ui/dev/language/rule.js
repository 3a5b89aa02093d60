// The rule of ESLint that every text comes from the catalogue. It finds them as `extract.js` does.

import { find } from "./find.js";
import { isRead } from "./place.js";

export const language = {
  rules: {
    "text-from-catalogue": {
      meta: {
        type: "problem",
        schema: [],
        messages: {
          outside: "Text outside the catalogue: “{{words}}”. `npm run words` moves it there.",
        },
      },
      create(context) {
        return {
          Program() {
            const { sourceCode, filename } = context;
            const file = filename.replaceAll("\\", "/");
            if (!isRead(file)) return;
            for (const { start, end, words } of find(file, sourceCode.text, () => "a.b"))
              context.report({
                loc: {
                  start: sourceCode.getLocFromIndex(start),
                  end: sourceCode.getLocFromIndex(end),
                },
                messageId: "outside",
                data: { words: words.trim().slice(0, 60) },
              });
          },
        };
      },
    },
  },
};
