// The waterfall as a list of depths: no document in here.
import { typing } from "./keys.js";

const KEYS = new Map([["j", "next"], ["k", "previous"], ["c", "collapse"]]);

/** Rows below row `at`, by their depths: how many rows follow that are deeper. */
export function below(depths, at) {
  let end = at + 1;
  while (end < depths.length && depths[end] > depths[at]) {
    end += 1;
  }
  return end - at - 1;
}

/** What a key asks of the waterfall: "next", "previous", "collapse", or null. */
export function meaning(press) {
  if (press.ctrlKey || press.metaKey || press.altKey || typing(press.target)) {
    return null;
  }
  return KEYS.get(press.key) ?? null;
}
