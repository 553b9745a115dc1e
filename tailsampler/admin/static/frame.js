// The frame of every page: theme, keyboard, help.
import { meaning } from "./keys.js";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);

function dark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function wireTheme(button) {
  const show = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Use the light theme" : "Use the dark theme");
  };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // Storage is forbidden: the choice lasts as long as the page.
    }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
  button.hidden = false;
}

function wireKeys(help) {
  let before = null;
  document.addEventListener("keydown", (press) => {
    if (help.open || press.defaultPrevented) {
      return;
    }
    const [asked, next] = meaning(press, before, performance.now());
    before = next;
    if (!asked) {
      return;
    }
    const link = asked.go && document.querySelector(`a[data-go="${asked.go}"]`);
    if (link) {
      location.assign(link.href);
    } else if (asked.focus) {
      press.preventDefault();
      byId("find-id").focus();
    } else if (asked.help) {
      help.showModal();
    }
  });
}

const help = byId("help");
wireTheme(byId("theme"));
wireKeys(help);
byId("help-open").addEventListener("click", () => help.showModal());
byId("help-open").hidden = false;
