import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BROKEN_MS,
  LONGEST_PAUSE_MS,
  SILENCE_MS,
  away,
  begun,
  failed,
  lasting,
  pause,
  seen,
  sentence,
} from "../../../tailsampler/admin/static/connection.js";

test("a page that samples come to says nothing", () => {
  assert.equal(sentence(seen(1000), 1000 + SILENCE_MS), "");
});

test("after a silence it says since when, whatever the cause", () => {
  assert.equal(
    sentence(seen(1000), 13_000),
    "The gateway does not answer; last seen 12 s ago; trying again.",
  );
});

test("a failure alone is no alarm, and does not move the moment it was seen", () => {
  const state = failed(failed(begun(1000)));
  assert.equal(away(state, 2000), false);
  assert.equal(away(state, 1001 + BROKEN_MS), true);
  assert.equal(away(begun(1000), 1001 + BROKEN_MS), false);
  assert.equal(away(begun(1000), 1001 + SILENCE_MS), true);
});

test("it waits longer after each failure, up to a bound, and begins anew after a sample", () => {
  let state = begun(0);
  const pauses = [];
  for (let attempt = 0; attempt < 40; attempt += 1) {
    state = failed(state);
    pauses.push(pause(state));
  }
  assert.deepEqual(pauses.slice(0, 3), [1000, 2000, 4000]);
  assert.ok(pauses.slice(3).every((one) => one === LONGEST_PAUSE_MS));
  assert.equal(pause(failed(seen(5))), 1000);
});

test("times are short", () => {
  assert.deepEqual(
    [-5, 0, 119_000, 120_000, 7_200_000].map(lasting),
    ["0 s", "0 s", "119 s", "2 min", "2 h"],
  );
});
