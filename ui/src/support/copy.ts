// Copies a text that stands in a field of the page.

/** Answers whether the system took it. */
export async function copy(text: string, field?: HTMLTextAreaElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // An older web view, or one that allows it only for what is selected.
    const before = document.activeElement;
    field?.select();
    const copied = field != null && document.execCommand("copy");
    if (before instanceof HTMLElement) before.focus();
    return copied;
  }
}
