// The save status: one calm line that says truly what is kept, and where. Joined to outbox.js by core/web/scripts.py.

const CALM = 500; // ms without news before “Saving…” goes
const LOST = 1000; // ms without a connection before it is said
const ASK = 3000; // ms between two questions whether the database is back
const ONCE = 12_000; // ms for which is said that this browser keeps nothing

class Status {
  constructor() {
    this.lostAt = null;
    this.outbox = new Outbox(() => this.show());
    this.watch();
    keepFieldsOpen((element) => Boolean(this.outbox.fields.get(widgetId(element))));
  }

  update(component) {
    this.line = component.parentElement.querySelector("time");
    this.button = component.parentElement.querySelector("button");
    this.button.textContent = component.data.words.discard;
    this.voice = component.parentElement.querySelector('[role="status"]');
    this.data = component.data;
    this.outbox.update(component);
    this.sayOnce();
    if (window.__keepPage) this.whole();
    this.show();
  }

  // The script says at the end of a run what the page consists of, by a component of its own (page_end.js).
  whole() {
    this.outbox.whole(window.__keepPage);
    window.__keepPage = null;
    this.show();
  }

  watch() {
    const look = () => {
      const calm = connected();
      if (calm && this.lostAt !== null) this.outbox.posting.retryNow();
      this.lostAt = calm ? null : (this.lostAt ?? performance.now());
      if (!calm) setTimeout(() => this.show(), LOST + 50);
      if (this.data) this.show();
    };
    onMark(CONNECTION, look);
    window.addEventListener("offline", () => this.show());
    window.addEventListener("online", () => this.show());
  }

  // What to say, how it is meant, whether it waits for the database, and what of the outbox it is about.
  find() {
    const { words } = this.data;
    const { outbox } = this;
    const { status } = outbox;
    const { overdue } = outbox.lastMessage;
    const here = (text) => (outbox.stored ? text : words.keep_open); // where a text can only be in this browser
    const refused = [...outbox.notKept, ...(status.not_kept ?? [])][0];
    const [barred] = outbox.barred;
    const waiting = outbox.pending.length > 0;
    const cut = this.lostAt !== null && performance.now() - this.lostAt >= LOST;
    const lost = cut || navigator.onLine === false || (waiting && outbox.posting.failing);
    if (outbox.closed) return { text: words.signed_out, mood: "wait" };
    if (refused) return { text: fill(words.not_kept, refused), mood: "bad", about: refused };
    if (outbox.refused) return { text: here(words.sign_in_again), mood: "wait" };
    if (lost) return { text: outbox.stored && !overdue ? words.offline : words.offline_unkept, mood: "wait" };
    if (outbox.pending.some((item) => item.unkept)) return { text: here(words.away_browser), mood: "wait", waits: true };
    if (barred) return { text: fill(here(words.not_here), barred), mood: "wait", about: barred };
    if (!this.data.cookie) return { text: words.no_cookie, mood: "wait" }; // nothing is posted
    const busy = waiting || overdue || Boolean(this.saving);
    const away = status.journal && !busy ? words.away : here(words.away_browser);
    if (outbox.database === "away") return { text: away, mood: "wait", waits: true, saving: busy };
    if (this.once) return { text: this.once, mood: "wait" };
    if (busy) return { text: words.saving, mood: "good", saving: true };
    const at = this.keptAt();
    if (outbox.elsewhere) return { text: "", mood: "good" }; // that is nothing this line answers for
    return { text: at ? fill(words.saved, { time: this.time(at) }) : status.complete ? words.all_saved : "", mood: "good" };
  }

  keptAt() {
    return [this.outbox.keptAt, this.outbox.status.kept_at].sort().at(-1);
  }

  show() {
    if (!this.line || !this.outbox.looked) return; // what pages that are gone left may not be saved yet
    if (this.outbox.pending.length) {
      // Back to “Saved” once, when all is acknowledged and nobody types on.
      clearTimeout(this.calm);
      this.calm = null;
      this.saving = true;
    } else if (this.saving) {
      this.calm ??= setTimeout(() => {
        this.saving = this.calm = null;
        this.show();
      }, CALM);
    }
    const found = this.find();
    const mood = `keep-${found.mood}${found.saving ? " keep-saving" : ""}`;
    const at = found.saving ? this.line.dateTime : this.keptAt();
    // Only what changes is written: the browser draws anew whatever is.
    if (this.line.textContent !== found.text) this.line.textContent = found.text;
    if (this.line.className !== mood) this.line.className = mood;
    if (this.line.dateTime !== at) this.line.dateTime = at;
    // What can't be corrected on this page can be given up here.
    const hidden = !found.about?.id || this.outbox.fields.place(found.about).length > 0;
    if (this.button.hidden !== hidden) this.button.hidden = hidden;
    this.button.onclick = () => this.outbox.discard(found.about);
    this.speak(found);
    this.askAgain(found.waits);
  }

  // Aloud only what matters: trouble, and its end.
  speak({ text, mood, saving }) {
    if (saving || (mood === "good" && !this.troubled)) return;
    this.troubled = mood !== "good";
    if (this.voice.textContent !== text) this.voice.textContent = text;
  }

  // Nobody edits, and yet the line must become true again by itself.
  askAgain(waits) {
    if (!waits || this.asking) return;
    this.asking = setTimeout(async () => {
      const answer = await fetch(`${this.data.base}keep/health`).then((response) => response.json(), () => null);
      this.asking = null;
      if (answer) this.outbox.database = answer.database === "up" && !answer.failures ? "up" : "away";
      this.show();
    }, ASK);
  }

  sayOnce() {
    if (this.said || this.outbox.storage.works) return;
    this.said = true;
    this.once = this.data.words.no_storage;
    setTimeout(() => {
      this.once = null;
      this.show();
    }, ONCE);
  }

  time(at) {
    const { zone, locale } = this.data;
    const format = (timeZone) =>
      new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }).format(new Date(at));
    return attempt(() => format(zone)) ?? format(); // a browser may not know a zone that was renamed
  }
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export default function (component) {
  window.__keepStatus ??= new Status();
  window.__keepStatus.update(component);
}
