// This browser's own storage, where what was typed outlives the page. Storage that is blocked, full or damaged must not end
// the page's work: what is typed is then kept in memory.

const GONE = 10_000; // ms after which a tab counts as gone, where the browser can't say which ones are open

class DraftStorage {
  constructor() {
    this.works = write(TRIAL, "") && write(TRIAL, null);
  }

  // Returns whether there was room.
  write(who, id, content) {
    return write(draft(who, id), JSON.stringify(content));
  }

  drop(who, id) {
    write(draft(who, id), null);
  }

  // What pages that are gone left behind, this tab's own before it was loaded anew among them. What is another person's, who
  // isn't signed in here any more, is removed.
  async leftBehind(who, base, tab) {
    const open = await openTabs();
    const found = [];
    for (const entry of allOurs().filter(isDraft)) {
      const item = attempt(() => JSON.parse(read(entry)));
      if (!entry.name.startsWith(draft(who, "").name)) {
        if (!item || item.base === base) write(entry, null);
        continue;
      }
      const lives = item && item.tab !== tab && (open ? open.has(item.tab) : Date.now() - item.typed < GONE);
      if (item?.token && !lives) found.push(item);
    }
    return found;
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
