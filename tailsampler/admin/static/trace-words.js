// Words of the trace pages. Without a script, times stand in UTC.

const WHOLE = { dateStyle: "medium", timeStyle: "medium" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

/** The words for a moment: only the clock for "clock" on the day of `now`, else the date as well. */
export function words(moment, style, now) {
  const today = moment.toDateString() === now.toDateString();
  return moment.toLocaleString(undefined, style === "clock" && today ? CLOCK : WHOLE);
}

/** "3 newer traces match." */
export function announce({ newer, most }) {
  const many = newer >= most ? `${most} or more` : String(newer);
  return newer === 1 ? "1 newer trace matches." : `${many} newer traces match.`;
}

/** Put local times into every <time data-local> below `root`. */
export function localize(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) {
      element.textContent = words(moment, element.dataset.local, now);
    }
  }
}
