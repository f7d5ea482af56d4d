// What the script said of the fields of a page that are kept: as its run began, as it showed each, and at its end. Joined to
// outbox.js by core/web/scripts.py.

class PageFields {
  constructor() {
    this.byId = {}; // widget's id -> {path, label, token, stamp, number}
    this.begun = {}; // the run that is shown, and the fields of the one before it
    this.page = { fields: {} }; // what was said at the end of a run
    this.whole = {}; // the fields of that page
  }

  // A run begins with what the one before it has told of its fields. What the page showed until then counts first, until the
  // run tells something else of a field, or has ended.
  learn() {
    const { run, fields: before = {} } = this.begun;
    const named = namedFields((field) => field.run === run || !(field.id in before));
    if (this.page.run === run) this.byId = this.whole = { ...this.page.fields, ...named };
    else this.byId = { ...before, ...this.whole, ...named };
  }

  // What was said of the widget of an id; undefined for one that isn't kept.
  get(id) {
    if (!this.byId[id]) this.learn();
    return this.byId[id];
  }

  // The widget's id of the field of a text, and what was said of it. Empty where this page doesn't show it.
  place({ path, widget }) {
    if (this.byId[widget]?.path === path) return [widget, this.byId[widget]];
    return Object.entries(this.byId).find(([, field]) => field.path === path) ?? [];
  }
}
