// This browser's own storage, where what was typed outlives the page. Storage that is blocked, full or damaged must not end
// the page's work: what is typed is then kept in memory.

const PREFIX = "keep.outbox."; // localStorage: keep.outbox.<who>.<tab>/<form>/<field>; all of keep.* goes at sign-out
const GONE = 10_000; // ms after which a tab counts as gone, where the browser can't say which ones are open

class DraftStorage {
  constructor() {
    this.works = attempt(() => localStorage.setItem("keep.try", "") ?? localStorage.removeItem("keep.try") ?? true) ?? false;
  }

  // Returns whether there was room.
  write(who, id, content) {
    return attempt(() => localStorage.setItem(`${PREFIX}${who}.${id}`, JSON.stringify(content)) ?? true) ?? false;
  }

  drop(who, id) {
    attempt(() => localStorage.removeItem(`${PREFIX}${who}.${id}`));
  }

  // What pages that are gone left behind, this tab's own before it was loaded anew among them. What is another person's, who
  // isn't signed in here any more, is removed.
  async leftBehind(who, base, tab) {
    const open = await openTabs();
    const found = [];
    for (const key of attempt(() => Object.keys(localStorage)) ?? []) {
      if (!key.startsWith(PREFIX)) continue;
      const item = attempt(() => JSON.parse(localStorage.getItem(key)));
      if (!key.startsWith(`${PREFIX}${who}.`)) {
        if (!item || item.base === base) attempt(() => localStorage.removeItem(key));
        continue;
      }
      const lives = item && item.tab !== tab && (open ? open.has(item.tab) : Date.now() - item.typed < GONE);
      if (item?.grant && !lives) found.push(item);
    }
    return found;
  }
}

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// Do what must not end the outbox's own work if it fails, and say so in the browser's console.
function reported(action) {
  try {
    return action();
  } catch (error) {
    console.error(error);
  }
}

// The tabs of this browser that are open: each holds a lock (see browser.js). Null where locks can't be asked: not
// everywhere are there any, and where cookies are blocked they are refused.
async function openTabs() {
  const found = await navigator.locks?.query().catch(() => null);
  const names = found?.held.map((lock) => lock.name).filter((name) => name.startsWith("keep.tab."));
  return names ? new Set(names.map((name) => name.slice(9))) : null;
}
