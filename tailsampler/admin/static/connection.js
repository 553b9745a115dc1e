// Whether the gateway answers, as values: no document and no network in here. Times are in ms.

/** So long after the last sample the gateway counts as away: samples come every second. */
export const SILENCE_MS = 5000;

/** After a stream broke off there is less doubt. */
export const BROKEN_MS = 2000;

export const FIRST_PAUSE_MS = 1000;
export const LONGEST_PAUSE_MS = 5000;

/** At the start of a page, which the gateway has just sent. */
export const begun = (now) => ({ seen: now, failures: 0 });

/** After a sample. */
export const seen = (now) => ({ seen: now, failures: 0 });

/** After a stream that could not be opened or broke off. */
export const failed = (state) => ({ ...state, failures: state.failures + 1 });

/** Whether the page should say that nobody answers. */
export const away = (state, now) =>
  now - state.seen > (state.failures > 0 ? BROKEN_MS : SILENCE_MS);

/** How long to wait before the stream is opened again. */
export function pause(state) {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, state.failures - 1));
}

/** What the page says while nobody answers; empty while all is well. */
export function sentence(state, now) {
  if (!away(state, now)) {
    return "";
  }
  return `The gateway does not answer; last seen ${lasting(now - state.seen)} ago; trying again.`;
}

/** "12 s", "3 min", "2 h". */
export function lasting(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
