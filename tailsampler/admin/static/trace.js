// Trace: keyboard, collapsing, copying, local times. Without it every span can still be opened.
import { below, meaning } from "./trace-rows.js";
import { localize } from "./trace-words.js";

function wireCopy(button) {
  const source = document.getElementById(button.dataset.copy);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}

/** Show a resource where it is asked for. */
function wireResource(link) {
  const resource = document.getElementById(link.dataset.resource);
  link.addEventListener("click", (click) => {
    const pairs = resource?.querySelector(".pairs");
    if (pairs) {
      click.preventDefault();
      const title = document.createElement("h3");
      title.textContent = "Resource";
      link.closest("p").before(title, pairs.cloneNode(true));
      link.remove();
    } else if (resource) {
      resource.open = true;
    }
  });
}

function wireWaterfall(list) {
  const rows = [...list.children];
  const depths = rows.map((row) => Number(row.dataset.depth));
  const summaries = rows.map((row) => row.querySelector("summary"));

  const current = () => rows.findIndex((row) => row.contains(document.activeElement));

  function move(by) {
    let at = current();
    do {
      at += by;
    } while (rows[at]?.hidden);
    const into = current() < 0 ? summaries[0] : summaries[at];
    into?.focus();
    into?.scrollIntoView({ block: "nearest" });
  }

  function collapse(at) {
    const count = below(depths, at);
    if (!count) {
      return;
    }
    const close = !rows[at + 1].hidden;
    rows.slice(at + 1, at + 1 + count).forEach((row) => (row.hidden = close));
    summaries[at].querySelector(".folded")?.remove();
    if (close) {
      const note = document.createElement("span");
      note.className = "tag folded";
      note.textContent = `${count} below`;
      summaries[at].querySelector(".what").append(note);
    } else {
      // What was collapsed inside is open again, so its notes go as well.
      rows.slice(at, at + 1 + count).forEach((row) => row.querySelector(".folded")?.remove());
    }
  }

  document.addEventListener("keydown", (press) => {
    if (press.defaultPrevented) {
      return;
    }
    const arrows = { ArrowDown: "next", ArrowUp: "previous" };
    const inside = press.target.tagName === "SUMMARY" && list.contains(press.target);
    const asked = meaning(press) ?? (inside ? arrows[press.key] : null);
    if (!asked) {
      return;
    }
    press.preventDefault();
    if (asked === "collapse") {
      collapse(Math.max(0, current()));
    } else {
      move(asked === "next" ? 1 : -1);
    }
  });
}

localize(document);
document.querySelectorAll("time[data-local][hidden]").forEach((time) => (time.hidden = false));
document.querySelectorAll("[data-copy]").forEach(wireCopy);
document.querySelectorAll("[data-resource]").forEach(wireResource);
const list = document.getElementById("spans");
if (list) {
  wireWaterfall(list);
  document.querySelector(".keys-hint").hidden = false;
}
