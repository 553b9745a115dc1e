import assert from "node:assert/strict";
import { test } from "node:test";
import { morph } from "../../../tailsampler/admin/static/morph.js";
import { changes, element, shape } from "./tree.mjs";

const row = (key, text) => element("TR", { "data-key": key }, element("TD", {}, text));
const table = (...rows) => element("TBODY", {}, ...rows.map(([key, text]) => row(key, text)));

function morphed(from, to) {
  changes.count = 0;
  morph(from, to);
  assert.deepEqual(shape(from), shape(to));
  return changes.count;
}

test("what is alike is not touched", () => {
  const make = () => element("P", { class: "a" }, "one ", element("B", {}, "two"));
  assert.equal(morphed(make(), make()), 0);
});

test("a number that changes is one change", () => {
  assert.equal(morphed(table(["a", "1"], ["b", "2"]), table(["a", "1"], ["b", "3"])), 1);
});

test("markup in a text stays a text", () => {
  const from = element("P", {}, "one");
  morphed(from, element("P", {}, "<script>alert(1)</script>"));
  assert.equal(from.childNodes[0].nodeType, 3);
});

test("attributes come, change and go", () => {
  morphed(element("A", { href: "/a", title: "x" }), element("A", { href: "/b", class: "y" }));
});

test("a row that stays is the same row, also when others come above it", () => {
  const from = table(["b", "2"], ["c", "3"]);
  const [b, c] = from.childNodes;
  assert.equal(morphed(from, table(["a", "1"], ["b", "2"], ["c", "3"])), 1);
  assert.deepEqual(from.childNodes.slice(1), [b, c]);
});

test("a row that goes does not move those that stay", () => {
  const from = table(["a", "1"], ["b", "2"], ["c", "3"]);
  assert.equal(morphed(from, table(["b", "2"], ["c", "3"])), 1);
});

test("whole parts may come, go and change their kind", () => {
  morphed(element("DIV", {}, "x"), element("DIV", {}, element("P"), "y", element("P")));
  morphed(element("DIV", {}, element("P"), "y", element("P")), element("DIV"));
  morphed(element("DIV", {}, element("P")), element("DIV", {}, element("TABLE", {}, "z")));
});

test("any list of rows becomes any other", () => {
  let seed = 7;
  const random = (bound) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % bound;
  };
  const some = () => {
    const keys = ["a", "b", "c", "d", "e", "f"].filter(() => random(2));
    keys.sort(() => random(3) - 1);
    return table(...keys.map((key) => [key, String(random(3))]));
  };
  const from = some();
  for (let round = 0; round < 500; round += 1) {
    morphed(from, some());
  }
});
