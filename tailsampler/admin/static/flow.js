// Flow, live: each sample of the stream has the page fetched again and laid over this one.
import { begun, failed, pause, seen, sentence } from "./connection.js";
import { morph } from "./morph.js";

const byId = (id) => document.getElementById(id);
const VERSION = document.querySelector('link[rel="stylesheet"]').getAttribute("href");

let state = begun(performance.now());
let stream = null;
let reopen = null;
let fetching = false;

async function refresh() {
  if (fetching) {
    return; // the next sample is a second away
  }
  fetching = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.ok) {
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    // The stream notices as well, and says so.
  } finally {
    fetching = false;
  }
}

function show(page) {
  if (page.querySelector('link[rel="stylesheet"]').getAttribute("href") !== VERSION) {
    location.reload(); // the gateway was replaced by another version
    return;
  }
  for (const id of ["live", "state"]) {
    morph(byId(id), page.getElementById(id));
  }
}

function open() {
  close();
  stream = new EventSource("/api/v1/stream");
  stream.addEventListener("sample", () => {
    state = seen(performance.now());
    say();
    refresh();
  });
  stream.addEventListener("error", () => {
    // Opened anew by us: a browser gives up for good after an answer like 503.
    close();
    state = failed(state);
    reopen = setTimeout(open, pause(state));
  });
}

function close() {
  clearTimeout(reopen);
  stream?.close();
  stream = null;
}

function say() {
  const text = sentence(state, performance.now());
  const notice = byId("connection");
  if (notice.textContent !== text) {
    notice.textContent = text;
    notice.hidden = text === "";
  }
  if (text !== "") {
    byId("state").dataset.state = "away";
    byId("state-text").textContent = "no answer";
  }
}

// A browser has few connections to one host: pages that nobody sees hold none.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    close();
  } else {
    state = begun(performance.now());
    open();
  }
});
addEventListener("pagehide", close);
setInterval(() => document.hidden || say(), 1000);
open();
