// The browser's side of Streamlit Keep: which tab this is, where it stands, how far it is scrolled, its theme, and the keys
// that undo. One instance per page load; Streamlit calls `update` whenever the script sends new data.

const PAUSE = 300; // ms without scrolling before the position is posted
const RETRY = 5000; // ms until a position is posted again that could not be kept
const LATER = new Set([429, 502, 503, 504]); // answers to what may be kept a moment later
const MAX_ENTRIES = 50;
const KNOCK = 1000; // ms between two questions whether the server is back
const ANSWERED = 5; // questions that were answered, after which the page should be connected
const DRAIN = 3000; // ms for what is still to be sent, before the page is loaded anew
const CALM_BEFORE = 1500; // ms without typing, before the page is loaded anew
const LONGEST = 60_000; // ms to wait for that
const PATIENCE = 10_000; // ms to wait for a page to grow as tall as it was
const THEMES = { system: "System", light: "Light", dark: "Dark" }; // as Streamlit names them
const FOCUSABLE = ["a[href]", "button:enabled", "input:enabled", "textarea:enabled", "[tabindex='0']"].map((each) => `${each}:not([tabindex='-1'])`);
const NO_TEXT = new Set(["checkbox", "radio", "range", "color", "button", "submit", "reset", "file"]);

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// Resolves to whether the tab's lock is ours. It is held for the life of the page, so a duplicated tab finds the id it
// copied taken. Null where this browser gives no locks: where cookies are blocked it refuses them.
async function hold(id, tries = 1) {
  for (let attempt = 1; ; attempt += 1) {
    const got = await new Promise((resolve) => {
      const held = (lock) => {
        resolve(Boolean(lock));
        return lock && new Promise(() => {});
      };
      if (navigator.locks) navigator.locks.request(`${LOCK}${id}`, { ifAvailable: true }, held).catch(() => resolve(null));
      else resolve(null);
    });
    if (got !== false || attempt >= tries) return got;
    await new Promise((resolve) => setTimeout(resolve, 60)); // after a reload the page before this one may need a moment
  }
}

async function claimTab() {
  let id = read(TAB);
  let resumed = false;
  if (!id && read(LAST_TAB) && (await openTabs())?.size === 0) {
    id = read(LAST_TAB);
    resumed = true;
  }
  if (id && (await hold(id, resumed ? 1 : 5)) === false) id = null;
  if (!id) {
    id = newId();
    resumed = false;
    await hold(id);
  }
  write(TAB, id);
  write(LAST_TAB, id);
  return { id, resumed };
}

class Tab {
  constructor() {
    this.identity = null;
    this.reportedTo = null;
    this.lastCommand = null;
    this.data = null;
    this.placed = false; // whether the stored scroll position was looked at
    this.restoring = null;
    this.timer = null;
    this.sent = "";
    this.positions = new Map(); // history entry -> pixels, for Back and Forward within this page load
    joinSwitches();
    this.listen();
    this.watchServer();
    claimTab().then((identity) => {
      this.identity = identity;
      this.report();
    });
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.data = data;
    this.compareVersion(data);
    Object.assign(this, { setStateValue, setTriggerValue });
    this.report();
    if (data.command && data.command !== this.lastCommand) {
      this.lastCommand = data.command;
      this.move(data);
    }
    if (data.tab && !this.placed) {
      this.placed = true;
      this.scrollTo(data.scroll);
    }
  }

  // Tell the script once per connection; it remembers.
  report() {
    if (!this.identity || !this.data || this.data.tab || this.reportedTo === this.data.connection) return;
    this.reportedTo = this.data.connection;
    this.setStateValue("tab", this.identity);
  }

  listen() {
    document.addEventListener("scroll", (event) => event.target === mainArea() && this.schedule(), {
      capture: true,
      passive: true,
    });
    // The entry has changed already, but the page on the screen is still the one that is being left.
    window.navigation?.addEventListener("currententrychange", (event) => this.schedule(event.from?.key));
    window.addEventListener("popstate", (event) => {
      if (event.isTrusted) this.scrollTo(this.positions.get(entryKey()) ?? 0);
    });
    const leave = () => document.visibilityState === "hidden" && this.post(true);
    document.addEventListener("visibilitychange", leave);
    window.addEventListener("pagehide", () => this.post(true));
    window.addEventListener("focus", () => this.remember());
    document.addEventListener("keydown", pressButton);
    document.addEventListener("keydown", passPopover);
    const stop = () => this.restoring?.();
    for (const kind of ["wheel", "touchmove", "keydown", "mousedown"]) {
      window.addEventListener(kind, stop, { capture: true, passive: true });
    }
  }

  // Streamlit asks for a lost connection at growing intervals. Where the server has answered for a while and there is none
  // yet, loading the page brings one at once.
  watchServer() {
    document.addEventListener("input", () => (this.typedAt = performance.now()), { capture: true, passive: true });
    let knocking = null;
    let answered = 0;
    const stop = () => {
      clearInterval(knocking);
      knocking = null;
    };
    const knock = async () => {
      if (connected()) return void stop();
      const answer = await fetch(`${this.data.base}keep/ready`).catch(() => null);
      answered += answer?.ok ? 1 : 0;
      if (answered < ANSWERED || !knocking) return;
      stop();
      this.loadAnew(() => !connected());
    };
    let lost = false;
    onMark(CONNECTION, () => {
      if (!this.data || lost !== connected()) return;
      lost = !lost;
      if (lost) {
        answered = 0;
        knocking ??= setInterval(knock, KNOCK);
      } else {
        // Another server doesn't know this page before it has run there, and would take the next edit for an old view.
        this.setTriggerValue("again", true);
      }
    });
  }

  // A page goes on with any server of its version: one that was started anew, or another behind a load balancer. With another
  // version its scripts are others.
  compareVersion({ version }) {
    this.version ??= version;
    if (version === this.version || this.leaving) return;
    this.leaving = true;
    this.loadAnew(() => true);
  }

  // Load the page anew once what was typed is sent, or can't be, and nobody has typed for a moment.
  async loadAnew(isNeeded) {
    await this.pause();
    if (isNeeded()) location.reload();
  }

  async pause() {
    const until = performance.now() + LONGEST;
    let typed;
    do {
      typed = this.typedAt;
      await window.__keepStatus?.outbox.posting.drain(DRAIN); // what was typed meanwhile comes back with the page
      await new Promise((resolve) => setTimeout(resolve, CALM_BEFORE));
    } while (typed !== this.typedAt && performance.now() < until);
  }

  // A browser opened again goes on with the tab that was used last.
  remember() {
    if (this.identity) write(LAST_TAB, this.identity.id);
  }

  // Position

  schedule(entry = entryKey()) {
    if (this.restoring) return;
    // While a run replaces the page, what scrolls is the page shrinking and growing, not the person.
    const replacing = entry === entryKey() && isRunning();
    if (!replacing) this.positions.set(entry, mainArea()?.scrollTop ?? 0);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.post(false), PAUSE);
  }

  post(leaving) {
    clearTimeout(this.timer);
    if (!this.data?.tab || this.restoring || !mainArea()) return;
    const body = JSON.stringify({
      tab: this.data.tab,
      page: this.here(location).page,
      y: Math.round(mainArea().scrollTop),
      history: this.history(),
    });
    if (body === this.sent) return;
    this.sent = body;
    const url = `${this.data.base}keep/position`;
    if (leaving) {
      navigator.sendBeacon(url, new Blob([body], { type: "application/json" }));
    } else {
      this.remember();
      const options = { method: "POST", body, headers: { "Content-Type": "application/json" } };
      const again = () => {
        this.sent = "";
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.post(false), RETRY); // with where the page is by then
      };
      fetch(url, options).then((answer) => LATER.has(answer.status) && again(), again);
    }
  }

  here(url) {
    const path = decodeURIComponent(url.pathname).slice(this.data.base.length).replaceAll("/", "");
    return { page: path || this.data.home, params: Object.fromEntries(new URLSearchParams(url.search)) };
  }

  history() {
    if (!window.navigation?.currentEntry) return null;
    const all = navigation.entries();
    const first = Math.max(0, all.length - MAX_ENTRIES);
    return {
      index: Math.max(0, navigation.currentEntry.index - first),
      entries: all.slice(first).map((entry) => this.here(new URL(entry.url))),
    };
  }

  // Scroll to where the page was, once it is tall enough. The person's own scrolling ends it.
  scrollTo(y) {
    this.restoring?.();
    if (!y) return;
    this.positions.set(entryKey(), y); // so that Back and then Forward come back to it
    let until = performance.now() + PATIENCE;
    let calm = 0;
    const tick = () => {
      const main = mainArea();
      if (main && main.scrollHeight - main.clientHeight >= y && Math.abs(main.scrollTop - y) > 1) {
        main.scrollTop = y;
        calm = 0;
      } else if (main && Math.abs(main.scrollTop - y) <= 1) {
        calm += 1;
      }
      const running = isRunning();
      if (running) until = performance.now() + PATIENCE; // the page isn't whole before its run has ended
      if ((calm > 6 && !running) || performance.now() > until) this.restoring?.();
    };
    const timer = setInterval(tick, 50);
    this.restoring = () => {
      clearInterval(timer);
      this.restoring = null;
    };
    tick();
  }

  // Movement

  move({ move, urls, index }) {
    if (move === "top") this.begin();
    if (move === "rebuild") this.rebuild(urls, index);
    if (move === "back" || move === "forward") this.step(move === "back" ? -1 : 1, new URL(urls[0], location.href).href);
  }

  // Show the beginning of a page that was navigated to, which a phone's sidebar may cover.
  begin() {
    const main = mainArea();
    if (main) main.scrollTop = 0;
    closeSidebar();
  }

  // Go to an entry of the browser's own history, so that its Back and Forward stay true.
  step(direction, url) {
    const entries = window.navigation?.entries?.() ?? [];
    const now = window.navigation?.currentEntry?.index ?? -1;
    for (let place = now + direction; place >= 0 && place < entries.length; place += direction) {
      if (entries[place].url === url) return window.history.go(place - now);
    }
    // The browser doesn't have that entry: go there as to a new one.
    window.history.pushState({}, "", url);
    announce();
  }

  // A tab that was closed has lost its history; the session has not.
  rebuild(urls, index) {
    const before = location.href;
    urls.forEach((url, place) => window.history[place ? "pushState" : "replaceState"]({}, "", url));
    if (index < urls.length - 1) window.history.go(index - urls.length + 1);
    else if (location.href !== before) announce();
  }
}

// Tab goes from a popover's button into what it shows, and from its end to what follows the button, as it looks.
function passPopover(event) {
  const button = document.querySelector(POPOVER);
  const shown = [...document.querySelectorAll(`${POPOVER_BODY} :is(${FOCUSABLE})`)];
  if (event.key !== "Tab" || !button || !shown.length) return;
  const enters = !event.shiftKey && event.target === button;
  const leaves = event.target === shown.at(event.shiftKey ? 0 : -1);
  if (enters || (leaves && event.shiftKey)) event.preventDefault(); // else the browser goes on from the button
  if (enters) shown[0].focus();
  if (leaves) button.focus();
}

function entryKey() {
  return window.navigation?.currentEntry?.key ?? location.href;
}

// Streamlit loads the page of the URL as after the browser's own Back.
function announce() {
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

// Streamlit enters one switch of pages twice into the browser's history: first the new parameters on
// the old page, then the new page. The second replaces the first, so that Back goes back one page.
function joinSwitches() {
  const push = window.history.pushState.bind(window.history);
  let half = null;
  window.addEventListener("popstate", () => (half = null));
  window.history.pushState = (state, title, url) => {
    const from = new URL(location.href);
    const to = new URL(url ?? "", location.href);
    const joins =
      half && half.href === from.href && performance.now() - half.at < 3000 && to.search === from.search && to.pathname !== from.pathname;
    half = !joins && to.pathname === from.pathname && to.search !== from.search ? { href: to.href, at: performance.now() } : null;
    return joins ? window.history.replaceState(state, title, url) : push(state, title, url);
  };
}

// Streamlit reads its theme once, when the page loads, under a name that has the page's path in it. So it is written
// for every page, and where this one was loaded in another theme, the page is loaded once more. Returns whether it is.
function wear({ theme, paths }) {
  const wanted = JSON.stringify(THEMES[theme] ?? THEMES.system);
  const loaded = new URL(performance.getEntriesByType("navigation")[0]?.name ?? location.href).pathname;
  const worn = read(themeOf(loaded)) ?? JSON.stringify(THEMES.system);
  const pages = [...new Set([...paths, loaded, location.pathname])];
  // Where storage is full or blocked, loading the page again would change nothing.
  if (!pages.every((path) => write(themeOf(path), wanted)) || worn === wanted) return false;
  location.reload();
  return true;
}

// Ctrl+Z and Ctrl+Shift+Z, with Cmd on a Mac, press the page's undo and redo buttons (see undo.py). A text field keeps
// its own: there the browser undoes what is being typed.
function pressButton(event) {
  const command = /Mac|iP(hone|ad)/.test(navigator.platform) ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (!command || event.altKey || event.repeat || event.key.toLowerCase() !== "z") return;
  if (isText(event.composedPath()[0])) return;
  const buttons = `${keyedLike(event.shiftKey ? "keep-redo-" : "keep-undo-")} button`;
  if (!document.querySelector(buttons)) return;
  event.preventDefault(); // even where nothing is left to undo: the browser would take back typing in a field left long ago
  document.querySelector(`${buttons}:enabled`)?.click();
}

// A list to choose from has an input, too, but one that holds no text unless somebody searches in it.
function isText(element) {
  if (element?.isContentEditable || element?.tagName === "TEXTAREA") return true;
  if (element?.tagName !== "INPUT" || NO_TEXT.has(element.type)) return false;
  return element.getAttribute("role") !== "combobox" || element.value !== "";
}

export default function (component) {
  document.documentElement.lang = component.data.language;
  if (wear(component.data)) return; // the page is being loaded again, and will report then
  window.__keepTab ??= new Tab();
  window.__keepFocus ??= new Focus();
  window.__keepTab.update(component);
}
