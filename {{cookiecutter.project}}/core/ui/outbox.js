// The outbox: what is typed stays in this browser until the server has acknowledged it.
// It listens to the fields the script names, and to nothing else. One instance per page load. draft_storage.js,
// last_message.js, page_fields.js, posting.js and unsent.js are joined to it by core/web/scripts.py.

const BETWEEN = 30; // ms after a key until its field is read and this browser's storage has the text
const TEXTS = "input:not([type=file]), textarea"; // what of a widget holds a text
const WITH_MESSAGE = 60_000; // characters of drafts that go with each of Streamlit's messages

class Outbox {
  constructor(changed) {
    this.changed = () => reported(changed); // called when there may be something else to say
    this.fields = new PageFields();
    this.unsettled = false; // whether that page is still to be compared with what was typed
    this.status = {}; // what it said last of what is kept
    this.orders = new Map(); // server -> the number of the last status that it told
    this.typedAt = 0; // the number of the message after which something was typed here last
    this.items = new Map(); // id -> what was typed and isn't acknowledged yet
    this.touched = new Map(); // text field -> {id, at}: where and when something was typed that isn't noted yet
    this.stepped = new Map(); // text field -> its text, before a key or a button of its own may change that
    // path -> {element, widget, text, typed, seen}: the text that was typed there last, as long as the page shows it; into which
    // element, and when; and the stamp of the last value that its author has seen, or that it became itself
    this.shown = new Map();
    this.kept = new Map(); // path -> {stamp, on, number}: the field's stamp after our last draft, and what it had on the page before
    this.number = 0; // of the last text
    this.database = "up";
    this.keptAt = "";
    this.refused = false; // whether it knows this browser no more
    this.storage = new DraftStorage();
    this.posting = new Posting(this);
    const heard = () => {
      this.settlePage();
      this.changed();
    };
    this.lastMessage = new LastMessage({
      changed: heard,
      held: () => this.heldHere(),
      told: (status) => {
        this.learn(status);
        if (status.ended) this.unsettled = true;
      },
    });
    this.unsent = new Unsent(
      (id) => this.fields.get(id) !== undefined,
      () => this.lastMessage.number,
      this.changed,
    );
    this.listen();
    for (const [element, at] of window.__keepEarly ?? []) this.touch(element, at);
    window.__keepEarly = null;
  }

  update({ data, setTriggerValue }) {
    if (this.data && this.data.who !== data.who) {
      this.items.clear();
      this.touched.clear();
      this.shown.clear();
      this.fields.whole = {};
    }
    this.data = this.fields.begun = data;
    this.askForRun = (reason) => reported(() => setTriggerValue("wanted", reason));
    this.refused = false;
    this.nameTab();
    this.learn(data.status);
    this.noteTouched();
    this.replay();
  }

  // The run has come to its end, and this is what the page consists of.
  whole(page) {
    this.fields.page = page;
    this.learn(page.status);
    this.noteTouched();
    for (const item of this.items.values()) {
      const [, field] = this.fields.place(item);
      if (field) Object.assign(item, { token: field.token, barred: false }); // another version of the server may want another one
    }
    this.unsettled = true;
    const { seen } = this.data.status; // when the run began
    setTimeout(() => {
      this.lastMessage.shown(seen);
      this.settlePage();
    }, SETTLE);
  }

  // The page shows what its run brought. Where somebody has done something since, it shows that already: a message that was
  // sent has left its field, and is no text that was lost. The run of that has an end as well.
  settlePage() {
    if (this.lastMessage.underway) return;
    if (this.unsettled) {
      this.unsettled = false;
      this.compare(true);
      this.posting.release();
    }
    this.showBroughtBack();
  }

  learn(status) {
    if (status.order <= (this.orders.get(status.server) ?? 0)) return; // a component may say again what it said
    this.orders.set(status.server, status.order);
    this.status = { ...this.status, ...status };
    this.database = status.database;
    this.lastMessage.answered(status.seen);
    this.unsent.answered(status.seen, status.unsent);
    this.changed();
  }

  // What was typed before the browser had named its tab.
  nameTab() {
    for (const item of this.tab() ? [...this.items.values()] : []) {
      if (item.tab) continue;
      this.items.delete(item.id);
      Object.assign(item, { tab: this.tab(), id: `${this.tab()}/${item.path}` });
      this.items.set(item.id, item);
      this.write(item);
    }
  }

  // What there is to say

  get pending() {
    return [...this.items.values()].filter((item) => !item.reason && !item.barred);
  }

  // What the server refuses for good. It waits for its author, who corrects or discards it.
  get notKept() {
    return [...this.items.values()].filter((item) => item.reason);
  }

  // What it may be sent with no longer counts: it waits for a page with its field.
  get barred() {
    return [...this.items.values()].filter((item) => item.barred);
  }

  // Whether something was entered that nobody keeps, or that is not sent yet, after all that is kept here.
  get elsewhere() {
    return this.status.elsewhere > this.typedAt || this.unsent.all.length > 0;
  }

  // Whether this browser's storage has all that waits.
  get stored() {
    return ![...this.items.values()].some((item) => item.unstored);
  }

  // Listening

  listen() {
    for (const kind of ["input", "compositionend"]) {
      document.addEventListener(kind, ({ target }) => this.touch(target, Date.now()), { capture: true, passive: true });
    }
    const leave = () => {
      if (this.settling) this.settle();
      this.posting.hold();
    };
    for (const kind of ["change", "focusout", "pointerdown", "click"]) {
      document.addEventListener(kind, leave, { capture: true, passive: true });
    }
    document.addEventListener("keydown", ({ key }) => key === "Enter" && leave(), { capture: true, passive: true });
    // What closes a part of the page takes the fields in it out, without a word of them.
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.settling && this.settle(), { capture: true });
    const brings = (changes, what) => changes.some(({ addedNodes }) => [...addedNodes].some((node) => node.querySelector?.(what)));
    const grown = (changes) => {
      if (this.touched.size && brings(changes, FIELD)) this.noteTouched();
      if (this.shown.size && !isRunning() && brings(changes, "input, textarea")) this.fill();
    };
    new MutationObserver(grown).observe(document, { childList: true, subtree: true });
    for (const kind of ["keydown", "click"]) {
      document.addEventListener(kind, ({ target }) => this.step(target), { capture: true, passive: true });
    }
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && this.posting.beacon());
    window.addEventListener("pagehide", () => this.posting.beacon());
    window.addEventListener("online", () => this.posting.retryNow());
    const channel = attempt(() => new BroadcastChannel(SIGNED_OUT));
    if (channel) channel.onmessage = ({ data }) => data === this.data?.base && this.close();
  }

  // Its text is read a moment later, when Streamlit has taken it or put back what was there before.
  touch(element, at) {
    if (this.closed || this.filling || element?.type === "password" || typeof element?.value !== "string") return;
    const id = widgetId(element);
    if (!id) return;
    this.touched.set(element, { id, at });
    this.settling ??= setTimeout(() => this.settle(), BETWEEN);
  }

  // The arrow keys and the buttons of a number field change what stands there, and no input event tells of it. Streamlit's
  // own message does, unless something is being typed there or the field is in a form.
  step(target) {
    const widget = elementOf(target);
    if (!widget || !(widget.formId || this.items.size)) return;
    const field = this.fields.get(widget.id);
    if (!field || !(widget.formId || this.items.has(`${this.tab()}/${field.path}`))) return;
    for (const element of inputs(widget.id, TEXTS)) this.stepped.set(element, element.value);
    this.settling ??= setTimeout(() => this.settle(), BETWEEN);
  }

  // What the script said of its fields is on the page, beside each, a while after the field: the browser may still be loading
  // what shows it. Until then what was typed waits here, and so does what is typed into a field that isn't kept, until a page
  // is whole without it.
  noteTouched(whole = false) {
    if (!this.data) return;
    this.fields.learn();
    for (const [element, touch] of this.touched) {
      const field = this.fields.byId[touch.id];
      if (field) this.note(element, field, touch);
      else if (!touch.told) this.unsent.enter(element, "input");
      touch.told = true;
      if (field || (whole && !element.isConnected)) this.touched.delete(element);
    }
  }

  note(element, field, { id: widget, at }) {
    const last = this.shown.get(field.path);
    const seen = last?.element === element ? last.seen : this.stampOf(field);
    const shown = { element, widget, text: element.value, typed: at, seen };
    this.shown.set(field.path, shown);
    const item = this.enter(field, shown);
    // A number field hides what it can't read: its value is then empty, which isn't what was typed.
    if (element.validity?.badInput) item.unread = true;
    this.typedAt = this.lastMessage.number;
    this.unsent.forget(widget);
  }

  // The stamp of what the page shows in a field.
  stampOf(field) {
    const kept = this.kept.get(field.path);
    return kept?.on === field.stamp ? kept.stamp : field.stamp;
  }

  // Put a text that the page shows among those that wait.
  enter(field, { widget, text, typed, seen }) {
    const id = `${this.tab()}/${field.path}`;
    const before = this.items.get(id);
    this.number = Math.max(typed, field.number + 1, this.number + 1);
    const item = {
      id,
      base: this.data?.base, // another project may be served at the same host
      tab: this.tab(),
      path: field.path,
      widget,
      label: field.label,
      token: field.token,
      text,
      number: this.number,
      seen,
      typed,
      onScreen: true,
      barred: before?.barred,
      unkept: before?.unkept,
      unstored: before?.unstored,
      fresh: true,
    };
    this.items.set(id, item);
    this.posting.soon();
    return item;
  }

  // The browser's storage takes longer than a key may: it is written between two keys, and when the page goes.
  settle() {
    clearTimeout(this.settling);
    this.settling = undefined;
    for (const [element, text] of this.stepped) if (element.value !== text) this.touch(element, Date.now());
    this.stepped.clear();
    this.noteTouched();
    for (const item of this.items.values()) {
      if ((item.fresh || item.unstored) && !item.unread) this.write(item);
      item.fresh = false;
    }
    this.changed();
  }

  tab() {
    return this.data?.tab ?? window.__keepTab?.identity?.id ?? "";
  }

  // Browser storage

  write(item) {
    if (!item.tab) return;
    const { beacon, fresh, isAgain, left, barred, reason, unkept, unstored, ...content } = item;
    item.unstored = !this.storage.write(this.data.who, item.id, content); // a storage that is full now may have room later
  }

  drop(item) {
    this.items.delete(item.id);
    this.storage.drop(this.data.who, item.id);
  }

  // What its author gives up.
  discard(item) {
    this.drop(item);
    this.settle();
  }

  // What pages that are gone left behind goes the same way as what is typed here.
  async replay() {
    if (this.replayed || this.closed || !this.tab()) return;
    this.replayed = true;
    for (const item of await this.storage.leftBehind(this.data.who, this.data.base, this.tab())) {
      if (this.items.has(item.id)) continue;
      this.items.set(item.id, { ...item, token: this.fields.place(item)[1]?.token ?? item.token, onScreen: false });
    }
    this.looked = true;
    if (this.items.size) this.posting.pump();
    this.changed();
  }

  // Let the fields show what was brought back. A run that somebody's doing began is not cut short for that, and no dialog is
  // closed, as a run of the page would.
  showBroughtBack() {
    if (!this.broughtBack || hasDialog() || this.lastMessage.underway || this.pending.some((item) => !item.onScreen)) return;
    this.broughtBack = false;
    this.askForRun(`drafts ${Date.now()}`);
  }

  // What this tab's page shows and the server hasn't acknowledged, for Streamlit's next message: the button that is
  // pressed with it may save the form. One that is no number yet has no text, and neither has one that is too long.
  heldHere() {
    if (!this.data || this.closed || !this.tab()) return undefined;
    if (this.settling) this.settle();
    const unsent = this.unsent.all;
    const touched = this.unsent.touchedSince(this.lastMessage.number - 1);
    let room = WITH_MESSAGE;
    const drafts = [];
    for (const item of this.items.values()) {
      if (item.tab !== this.tab() || item.barred) continue;
      const fits = !item.unread && item.text.length <= room;
      if (fits) room -= item.text.length;
      drafts.push({ ...this.posting.body(item), text: fits ? item.text : null });
    }
    const held = { drafts, unsent, touched, has_dialog: hasDialog() };
    return drafts.length || unsent.length || touched.length || held.has_dialog ? held : undefined;
  }

  // What became of a text that was posted

  acknowledged(item, headers) {
    this.database = headers.get("Keep-Database") ?? "up";
    const at = headers.get("Keep-At") ?? "";
    if (at > this.keptAt) this.keptAt = at;
    const [, field] = this.fields.place(item);
    const stamp = headers.get("Keep-Stamp") ?? "";
    // Of a text that was entered once more the page knows nothing if it became the field's value, or stands beside another one.
    if (!item.onScreen || (item.isAgain && (field?.theirs || stamp > field?.stamp))) this.broughtBack = true;
    this.kept.set(item.path, { stamp, on: field?.stamp, number: item.number });
    const shown = this.shown.get(item.path);
    if (shown && shown.seen < stamp) shown.seen = stamp;
    for (const other of this.notKept) if (other.path === item.path) this.drop(other); // that one is corrected
    this.changed();
    if (this.items.get(item.id) === item) this.drop(item); // otherwise somebody typed on meanwhile
  }

  // The script knows what to show. What is here stays until then.
  signedOut() {
    this.refused = true;
    this.askOnce();
  }

  // The field of a text is not shown to whoever is signed in now: somebody else may be.
  bar(item) {
    const latest = this.items.get(item.id);
    if (latest?.token === item.token) latest.barred = true;
    if (this.fields.place(item)[1]?.token === item.token) this.askOnce();
  }

  async refuse(item, answer) {
    if (this.items.get(item.id) !== item) return; // somebody typed on meanwhile
    const { words } = this.data;
    const known = { 400: words.malformed, 413: words.too_long_here }[answer.status];
    item.reason = known ?? ((await answer.text().catch(() => "")) || `${answer.status}`);
    const seen = this.kept.get(item.path)?.stamp ?? "";
    if (!item.onScreen) this.compare(true);
    else if (seen > item.seen) this.write(Object.assign(item, { seen })); // of a text before it, which was kept meanwhile
  }

  askOnce() {
    if (!this.asked) this.askForRun(`refused ${Date.now()}`);
    this.asked = true; // a run that knows of nothing amiss must not follow upon itself
  }

  // What the app itself put into a field after something was typed there is what counts: a form that was cleared
  // stays clear. A field that only lost its text, because its widget was built anew, gets it back once the page is whole;
  // and so does one into which another tab or device wrote meanwhile.
  compare(whole) {
    this.noteTouched(whole);
    if (whole) {
      this.fill();
      this.enterAgain();
    }
    for (const item of [...this.items.values()]) {
      const [id, field] = this.fields.place(item);
      const [element] = id ? inputs(id, TEXTS) : [];
      const differs = element && element.value !== item.text;
      const isEntered = field?.stamp > item.seen; // something, since
      const later = field && ((isEntered && !field.theirs) || this.kept.get(item.path)?.number > item.number);
      if (item.unread && item.reason && (differs || !element)) this.items.delete(item.id);
      else if (item.reason && !item.text && (differs || !element)) this.drop(item); // nothing was there to be kept
      else if (differs && later && (item.onScreen || item.reason)) this.drop(item);
      else if (differs && whole && (item.reason || (isEntered && item.onScreen))) this.putBack(item, element);
      else if (differs && whole) item.onScreen = false;
    }
    this.changed();
  }

  // Streamlit leaves a text that somebody hasn't left yet on the screen, whatever the app or another tab put into the field
  // since. What the page shows is what is kept, so that text is entered once more.
  enterAgain() {
    for (const [path, shown] of this.shown) {
      const [, field] = this.fields.place({ path, widget: shown.widget });
      if (!shown.element.isConnected || !field || this.items.has(`${this.tab()}/${path}`)) continue;
      if (shown.element.value !== shown.text) this.shown.delete(path);
      else if (field.stamp > shown.seen) this.enter(field, shown).isAgain = true;
    }
  }

  // A part of the page that was closed is built anew when it is opened: its fields know nothing of what was typed and not
  // left. The server gives it to them with a run only, and not as long as it takes it to be on the screen.
  fill() {
    for (const [path, shown] of this.shown) {
      const { element, widget, text } = shown;
      if (element.isConnected) continue;
      this.fields.learn();
      const item = this.items.get(`${this.tab()}/${path}`);
      const [id, field] = this.fields.place({ path, widget });
      const [anew] = id ? inputs(id, TEXTS) : [];
      if (!anew || item?.unread) continue;
      const isReplaced = field.stamp > shown.seen && !(item && field.theirs);
      if (isReplaced) this.shown.delete(path); // something else was entered there since
      else if (item && anew.value !== item.text) this.putBack(item, anew);
      else {
        Object.assign(shown, { element: anew, widget: id });
        this.filling = true; // nobody types that again
        if (anew.value !== text) enterText(anew, text);
        this.filling = false;
      }
    }
  }

  // The server has never had a text that it refuses, so only this page can show it to its author again.
  putBack(item, element) {
    if ((this.items.get(`${this.tab()}/${item.path}`) ?? item) !== item) return; // somebody types there already
    if (item.tab !== this.tab()) this.drop(item); // it is this tab's now
    const shown = this.shown.get(item.path);
    if (shown) shown.element = element;
    enterText(element, item.text);
  }

  // Somebody signed out in another tab: nothing of them stays here, and nothing more is taken in.
  close() {
    this.closed = true;
    this.shown.clear();
    for (const item of [...this.items.values()]) this.drop(item);
    this.changed();
    if (!document.querySelector(keyed("keep-token-rotation"))) this.askForRun?.(`signed out ${Date.now()}`);
  }
}
