// Puts the cursor back where it was when the page was left. Part of browser.js.

const FOCUS = "keep.focus"; // sessionStorage: the field this tab was left in
const FIELDS = "input:not([type=password]), textarea, [contenteditable=true]";

class Focus {
  constructor() {
    this.stopped = false;
    const note = () => this.note();
    for (const kind of ["focusin", "keyup", "pointerup", "input"]) document.addEventListener(kind, note, { passive: true });
    document.addEventListener("focusout", (event) => !event.relatedTarget && document.hasFocus() && this.forget());
    const stop = () => (this.stopped = true);
    for (const kind of ["keydown", "pointerdown"]) window.addEventListener(kind, stop, { capture: true, passive: true });
    this.restore();
  }

  // The key's class and the place among the widget's inputs say which field it is; a date has three.
  note() {
    const field = document.activeElement;
    const widget = field?.closest?.('[class*="st-key-"]');
    if (!this.ready) return;
    if (!widget || !field.matches(FIELDS)) return this.forget();
    const key = [...widget.classList].find((name) => name.startsWith("st-key-"));
    const place = [...widget.querySelectorAll(FIELDS)].indexOf(field);
    const [start, end] = caret(field);
    storage("sessionStorage")?.setItem(FOCUS, JSON.stringify({ at: location.pathname + location.search, key, place, start, end }));
  }

  forget() {
    if (this.ready) storage("sessionStorage")?.removeItem(FOCUS);
  }

  // The field may come late, and its text later still: a run gives it.
  restore() {
    const left = JSON.parse(storage("sessionStorage")?.getItem(FOCUS) ?? "null");
    const until = performance.now() + PATIENCE;
    const done = () => {
      clearInterval(timer);
      this.ready = true;
    };
    const tick = () => {
      const elsewhere = left?.at !== location.pathname + location.search;
      if (!left || elsewhere || this.stopped || performance.now() > until) return done();
      const field = document.querySelectorAll(`.${CSS.escape(left.key)} :is(${FIELDS})`)[left.place];
      if (!field) return;
      const free = document.activeElement === document.body || document.activeElement === field;
      if (!free) return done();
      field.focus({ preventScroll: true }); // scrolling has a memory of its own
      const running = document.querySelector('[data-test-script-state="running"]');
      const fits = left.start === null || (field.value ?? "").length >= left.end;
      if (left.start !== null && (fits || !running)) field.setSelectionRange(left.start, left.end);
      if (fits && !running && window.__keepTab.data?.tab) done(); // the run that knows the tab is the last one
    };
    const timer = setInterval(tick, 50);
    tick();
  }
}

// Where the cursor is; an input of a number or an address won't say.
function caret(field) {
  try {
    return [field.selectionStart ?? null, field.selectionEnd ?? null];
  } catch {
    return [null, null];
  }
}
