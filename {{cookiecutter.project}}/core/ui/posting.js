// Posts what waits in the outbox until the server has acknowledged it. Joined to outbox.js by core/web/scripts.py.

const PAUSE = 300; // ms without typing before a text is posted
const BEHIND = 1000; // ms that the server is behind at most while somebody types on
const FIRST_RETRY = 500; // ms; doubles up to
const LAST_RETRY = 5000;
const PATIENCE = 10_000; // ms for one request
const BEACON = 60_000; // bytes; browsers take 64 KB of beacons
const HOLD = 500; // ms after leaving a field until Streamlit must have sent its own message about it
const LONGEST_HOLD = 5000;

class Posting {
  // `outbox` has the texts, and learns what became of each.
  constructor(outbox) {
    this.outbox = outbox;
    this.underway = null; // the promise of what is being posted
    this.failing = false; // whether the server couldn't be reached the last time
    this.retryAt = 0;
  }

  // A field that is left, or a button that is pressed, makes the script run, and Streamlit's own message has the text. Then
  // this waits for the run's end: a text that overtook the button's work would bring back what that has cleared.
  hold() {
    for (const item of this.outbox.items.values()) item.left = performance.now();
  }

  isHeld(item) {
    const since = item.left === undefined ? Infinity : performance.now() - item.left;
    return since < (this.outbox.lastMessage.awaited || isRunning() ? LONGEST_HOLD : HOLD);
  }

  release() {
    if (isRunning()) return; // its end is told as well
    const left = [...this.outbox.items.values()].filter((item) => item.left !== undefined);
    for (const item of left) item.left = undefined;
    if (left.length) this.pump();
    else this.goOn();
  }

  // Post once nobody types on for a moment.
  soon() {
    const now = performance.now();
    this.firstAt ??= now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.pump(), Math.min(PAUSE, this.firstAt + BEHIND - now));
  }

  // Whatever waits has a time at which it is posted, also what could not be when that was tried last.
  goOn() {
    if (!this.underway && this.outbox.pending.length) this.timer ??= setTimeout(() => this.pump(), PAUSE);
  }

  retryNow() {
    this.retryAt = 0;
    if (this.outbox.items.size) this.pump();
  }

  async pump() {
    const { outbox } = this;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (outbox.closed || outbox.refused) return;
    if (this.underway) return void (this.again = true);
    this.firstAt = undefined;
    const wait = this.retryAt - performance.now();
    if (wait > 0) return void (this.timer = setTimeout(() => this.pump(), wait));
    if (!outbox.tab()) return this.soon();
    outbox.nameTab();
    outbox.compare(false);
    this.underway = this.postAll().catch((error) => {
      console.error(error);
      this.retryLater();
    });
    await this.underway;
    this.underway = null;
    outbox.settle(); // what was kept has made room for what the browser's storage couldn't take
    if (this.again) {
      this.again = false;
      this.pump();
    } else this.goOn();
  }

  async postAll() {
    const { outbox } = this;
    for (const id of [...outbox.items.keys()]) {
      const item = outbox.items.get(id);
      if (!item || item.reason || item.barred || this.isHeld(item)) continue;
      if (item.unread) item.reason = outbox.data.words.unread;
      else if (!(await this.post(item))) return;
    }
    outbox.showBroughtBack();
  }

  // What is said of a text to the server.
  body(item) {
    const { tab, number, token, text, seen, onScreen, typed, widget } = item;
    const age = Math.max(0, Date.now() - typed);
    return { tab, number, token, text, seen, on_screen: onScreen, age_ms: age, language: this.outbox.data.locale, widget };
  }

  async send(item) {
    return fetch(`${this.outbox.data.base}keep/drafts`, {
      method: "POST",
      body: JSON.stringify(this.body(item)),
      headers: { "Content-Type": "application/json" },
      signal: AbortSignal.timeout?.(PATIENCE),
    });
  }

  // Post one text. Resolves to whether to go on with the next one.
  async post(item) {
    const { outbox } = this;
    const answer = await this.send(item).catch(() => null);
    // Only what the route itself says counts. Any other answer comes from between here and there: a proxy whose server is
    // away, the sign-in page of a network.
    const said = answer?.headers.get("Keep-Draft") ?? "away";
    this.failing = said === "away";
    if (said === "away" || said === "later") return this.putOff(item, answer, said);
    this.delay = 0;
    if (said === "kept") outbox.acknowledged(item, answer.headers);
    else if (said === "signed-out") return outbox.signedOut();
    else if (said === "not-shown") outbox.bar(item);
    else await outbox.refuse(item, answer);
    return true;
  }

  // Try again later: all at once, because others may be kept although this one can't be.
  putOff(item, answer, said) {
    const { outbox } = this;
    const latest = outbox.items.get(item.id);
    const database = said === "later" && answer.headers.get("Keep-Database");
    const asked = Number(answer?.headers.get("Retry-After")) * 1000; // ms
    if (database) outbox.database = database;
    if (latest) {
      latest.unkept = Boolean(database);
      // The others' turn first: one too large for a proxy must not keep them waiting.
      outbox.items.delete(latest.id);
      outbox.items.set(latest.id, latest);
    }
    this.retryLater(asked);
    outbox.changed();
    return Boolean(database);
  }

  retryLater(asked) {
    this.delay = Math.min(LAST_RETRY, asked || (this.delay ? this.delay * 2 : FIRST_RETRY));
    this.retryAt = performance.now() + this.delay;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.pump(), this.delay);
  }

  // The page goes, or may go: it can't wait for an answer, so what is sent stays here until the next page has one.
  beacon() {
    const { outbox } = this;
    outbox.settle();
    let room = BEACON;
    if (!outbox.data || outbox.closed || outbox.refused) return;
    room -= outbox.lastMessage.repeat(outbox.data, room);
    for (const item of outbox.pending.filter((item) => item.tab && !item.unread && item.beacon !== item.number)) {
      const body = new Blob([JSON.stringify(this.body(item))], { type: "application/json" });
      if (body.size > room || !navigator.sendBeacon(`${outbox.data.base}keep/drafts`, body)) continue;
      room -= body.size;
      item.beacon = item.number; // a page that goes says so twice
    }
  }

  // Wait, before the page is loaded anew, until all is sent or can't be.
  async drain(milliseconds) {
    for (const item of this.outbox.items.values()) item.left = undefined;
    this.retryNow();
    const patience = new Promise((resolve) => setTimeout(resolve, milliseconds));
    while (this.underway && (await Promise.race([this.underway.then(() => true), patience]))) await null;
  }
}
