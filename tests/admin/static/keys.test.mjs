import assert from "node:assert/strict";
import { test } from "node:test";
import { CHORD_MS, meaning, typing } from "../../../tailsampler/admin/static/keys.js";

const press = (key, more = {}) => ({ key, target: { tagName: "BODY" }, ...more });

test("g and a letter within a moment goes somewhere", () => {
  const [nothing, before] = meaning(press("g"), null, 1000);
  assert.equal(nothing, null);
  assert.deepEqual(meaning(press("t"), before, 1000 + CHORD_MS), [{ go: "t" }, null]);
  assert.deepEqual(meaning(press("t"), before, 1001 + CHORD_MS), [null, null]);
});

test("a letter alone does nothing", () => {
  assert.deepEqual(meaning(press("t"), null, 5), [null, null]);
});

test("slash focuses, question mark helps", () => {
  assert.deepEqual(meaning(press("/"), null, 5), [{ focus: true }, null]);
  assert.deepEqual(meaning(press("?"), null, 5), [{ help: true }, null]);
});

test("whoever types is left alone", () => {
  for (const tagName of ["INPUT", "TEXTAREA", "SELECT"]) {
    for (const key of ["g", "/", "?"]) {
      assert.deepEqual(meaning(press(key, { target: { tagName } }), 1, 2), [null, null]);
    }
  }
  assert.equal(typing({ tagName: "DIV", isContentEditable: true }), true);
  assert.equal(typing({ tagName: "A", isContentEditable: false }), false);
  assert.equal(typing(null), false);
});

test("the browser's own shortcuts stay the browser's", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey", "isComposing"]) {
    assert.deepEqual(meaning(press("g", { [modifier]: true }), null, 5), [null, null]);
    assert.deepEqual(meaning(press("t", { [modifier]: true }), 1, 2), [null, null]);
  }
});
