import assert from "node:assert/strict";
import { test } from "node:test";
import { below, meaning } from "../../../tailsampler/admin/static/trace-rows.js";
import { announce, words } from "../../../tailsampler/admin/static/trace-words.js";

const press = (key, more = {}) => ({ key, target: { tagName: "BODY" }, ...more });

test("below a row are the deeper ones that follow, up to the next as deep", () => {
  const depths = [0, 1, 2, 2, 1, 0, 1];
  assert.deepEqual(depths.map((_, at) => below(depths, at)), [4, 2, 0, 0, 0, 1, 0]);
});

test("letters move and collapse, and whoever types is left alone", () => {
  assert.equal(meaning(press("j")), "next");
  assert.equal(meaning(press("k")), "previous");
  assert.equal(meaning(press("c")), "collapse");
  assert.equal(meaning(press("c", { ctrlKey: true })), null);
  assert.equal(meaning(press("j", { target: { tagName: "INPUT" } })), null);
  assert.equal(meaning(press("constructor")), null);
});

test("newer traces are counted in words", () => {
  assert.equal(announce({ newer: 1, most: 100 }), "1 newer trace matches.");
  assert.equal(announce({ newer: 3, most: 100 }), "3 newer traces match.");
  assert.equal(announce({ newer: 100, most: 100 }), "100 or more newer traces match.");
});

test("today's times are short, others have their date", () => {
  const now = new Date(2026, 10, 23, 12, 0, 0);
  const today = words(new Date(2026, 10, 23, 9, 5, 7), "clock", now);
  const before = words(new Date(2026, 10, 21, 9, 5, 7), "clock", now);
  assert.equal(today, "09:05:07");
  assert.ok(before.length > today.length);
});
