// Puts the cursor back where it was when the page was left. Part of browser.js.

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

  // The widget's id and the place among its inputs say which field it is; a date has three.
  note() {
    const field = document.activeElement;
    if (!this.ready) return;
    const id = field?.matches(FIELDS) && widgetId(field);
    if (!id) return this.forget();
    const place = inputs(id, FIELDS).indexOf(field);
    const [start, end] = caret(field);
    write(FOCUS, JSON.stringify({ at: location.pathname + location.search, id, place, start, end }));
  }

  forget() {
    if (this.ready) write(FOCUS, null);
  }

  // The field may come late, and its text later still: a run gives it.
  restore() {
    const left = JSON.parse(read(FOCUS) ?? "null");
    const until = performance.now() + PATIENCE;
    const done = () => {
      clearInterval(timer);
      this.ready = true;
    };
    const tick = () => {
      const elsewhere = left?.at !== location.pathname + location.search;
      if (!left || elsewhere || this.stopped || performance.now() > until) return done();
      const field = inputs(left.id, FIELDS)[left.place];
      if (!field) return;
      const free = document.activeElement === document.body || document.activeElement === field;
      if (!free) return done();
      field.focus({ preventScroll: true }); // scrolling has a memory of its own
      const running = isRunning();
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
