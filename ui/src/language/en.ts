// Every English text of the page, by the folder that shows it.
export const en = {} as const;
