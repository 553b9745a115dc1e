// Keyboard shortcuts, as a function of what was typed: no document in here.

export const CHORD_MS = 1500;

const TYPES_TEXT = new Set(["INPUT", "TEXTAREA", "SELECT"]);

/** Whether keys pressed in this element are text and not shortcuts. */
export function typing(element) {
  return Boolean(element) && (TYPES_TEXT.has(element.tagName) || element.isContentEditable === true);
}

/**
 * What a key press asks for: {go: "f"}, {focus: true}, {help: true}, or null.
 * `press` is a KeyboardEvent, `before` the moment in ms when `g` was pressed (or null), `now` in ms.
 * The second value is the new `before`.
 */
export function meaning(press, before, now) {
  if (press.ctrlKey || press.metaKey || press.altKey || press.isComposing || typing(press.target)) {
    return [null, null];
  }
  const chord = before !== null && now - before <= CHORD_MS;
  if (chord && /^[a-z]$/.test(press.key)) {
    return [{ go: press.key }, null];
  }
  if (press.key === "g") {
    return [null, now];
  }
  if (press.key === "/") {
    return [{ focus: true }, null];
  }
  if (press.key === "?") {
    return [{ help: true }, null];
  }
  return [null, press.key === "Shift" ? before : null];
}
