// Traces: local times, and a quiet word when newer traces match. Rows do not move under the reader.
import { announce, localize } from "./trace-words.js";

const EVERY_MS = 5000;

async function look(notice, text) {
  if (document.hidden) {
    return;
  }
  try {
    const answer = await fetch(notice.dataset.source);
    const found = answer.ok ? await answer.json() : { newer: 0 };
    if (found.newer) {
      text.textContent = announce(found);
      notice.hidden = false;
    }
  } catch {
    // The gateway is away; the next look may find it again.
  }
}

localize(document);
// On a narrow screen the diagram scrolls; what is newest stands at its end.
document.querySelectorAll(".plot").forEach((plot) => (plot.scrollLeft = plot.scrollWidth));
const notice = document.getElementById("newer");
if (notice?.dataset.source) {
  notice.setAttribute("role", "status");
  setInterval(look, EVERY_MS, notice, document.getElementById("newer-text"));
}
