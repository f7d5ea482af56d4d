// What somebody has entered into a widget and this browser hasn't sent: half a date, a word looked for in a list, a choice in
// a form that is sent later, a file that is under way. What the outbox keeps is none of it. Joined to outbox.js by core/web/scripts.py.

const ENTERS = ["pointerdown", "click", "keydown", "beforeinput", "input", "change", "paste", "drop"];
const ENTERS_NOTHING = new Set(["Tab", "Shift", "Control", "Alt", "Meta", "Escape", "CapsLock"]);
const AGAIN = 250; // ms between two looks whether it still does
const MOMENT = 30; // ms until a widget shows what was entered into it
const SHOWS = `input:not([type=file], ${SEARCHES}), textarea, [role=spinbutton]`; // what a widget shows of what is typed into it

class Unsent {
  // `isKept` tells by a widget's id whether the outbox keeps its text. `number` returns that of Streamlit's last message.
  constructor(isKept, number, changed) {
    this.isKept = isKept;
    this.number = number;
    this.changed = changed;
    this.entries = new Map(); // widget's id -> {form, number, file, shows: tells what it shows, before: what it showed before}
    for (const kind of ENTERS) document.addEventListener(kind, (event) => this.listen(event), { capture: true, passive: true });
    // What is in a frame, as a component may be, tells of nothing but that it has the focus.
    window.addEventListener("blur", () => document.activeElement?.tagName === "IFRAME" && this.enter(document.activeElement));
  }

  listen({ type, key, target }) {
    if (type !== "keydown" || !ENTERS_NOTHING.has(key)) this.enter(target, type);
    this.lookSoon(MOMENT);
  }

  // Something may be about to be entered there, or just was. Of a file, of what is sent with the next message, and of a text
  // that is there already nobody can see what becomes of it: it counts until it is sent.
  enter(target, type) {
    const widget = elementOf(target);
    if (!widget || widget.disabled || widget.isFormSubmitter || target.matches?.(SEARCHES)) return;
    const file = isFile(target, type);
    const known = this.entries.get(widget.id);
    if (!known && !file && this.isKept(widget.id)) return;
    for (const [id, entry] of this.entries) if (id !== widget.id && !counts(entry)) this.entries.delete(id);
    const number = this.number();
    const late = type === "input";
    if (known && counts(known)) known.number = number;
    else if (!known || !late) {
      const shows = showing(widget.id, target);
      const before = late || file || widget.ignoreRerun ? null : shows();
      this.entries.set(widget.id, { form: widget.formId ?? "", number, file, shows, before });
    }
    this.lookSoon(MOMENT);
  }

  // What became of it is on the page a moment later: it may be put back as well.
  lookSoon(milliseconds) {
    if (!this.entries.size) return;
    clearTimeout(this.looking);
    this.looking = setTimeout(() => {
      this.changed();
      if (this.all.length) this.lookSoon(AGAIN);
    }, milliseconds);
  }

  get all() {
    return [...this.entries].filter(([, entry]) => counts(entry)).map(([id, { form, number }]) => ({ id, form, number }));
  }

  // The widgets in which something may have been entered since a message.
  touchedSince(number) {
    return [...this.entries].filter(([, entry]) => entry.number >= number).map(([id]) => id);
  }

  // The server has seen all messages up to that number, and not these widgets.
  answered(number, unsent) {
    for (const [id, entry] of this.entries) if (entry.number < number && !unsent.includes(id)) this.entries.delete(id);
  }

  // The outbox keeps the text of a widget.
  forget(id) {
    if (!this.entries.get(id)?.file) this.entries.delete(id);
  }
}

// Whether a widget shows something else than before. What is in a form waits in any case. A part that has gone, as when a
// list is closed, shows nothing.
function counts({ form, shows, before }) {
  if (form || !before) return true;
  const now = shows();
  return before.some((text, place) => place < now.length && now[place] !== text);
}

// Whether a file is handed in, taken or recorded there.
function isFile(target, type) {
  const isHandedIn = type === "drop" || target.type === "file";
  return Boolean(target.closest?.(isHandedIn ? TAKES_FILES : RECORDS));
}

// Returns a function that returns the texts which a widget shows. Most of them are beside each other.
function showing(id, target) {
  const place = target.closest?.(ELEMENT);
  return () => (place ? [...place.querySelectorAll(SHOWS)] : inputs(id, SHOWS)).map((part) => part.value ?? part.textContent);
}
