// Which widget a text field of the page belongs to. Part of browser.js and of status.js.

// The id of that widget, from what React keeps beside each element. Unlike the element's class, which several keys may
// share, it is the id of one widget only.
function widgetId(element) {
  return elementOf(element)?.id;
}

// What the script said of that widget: its id, the form it is in, whether it is disabled.
function elementOf(node) {
  const key = Object.keys(node).find((name) => name.startsWith("__reactFiber$"));
  for (let fiber = node[key]; fiber; fiber = fiber.return) {
    const element = fiber.memoizedProps?.element;
    if (typeof element?.id === "string" && element.id.startsWith("$$ID-")) return element;
  }
  return undefined;
}

const FIELD = "[data-keep-field]"; // what the script said of a field that is kept, beside it (see status.py)

// That, by their widgets' ids.
function namedFields() {
  const named = [...document.querySelectorAll(FIELD)];
  return Object.fromEntries(named.map(({ dataset }) => JSON.parse(dataset.keepField)).map(({ id, ...field }) => [id, field]));
}

// The fields of a widget on the page that a selector finds.
function inputs(id, selector) {
  return [...document.querySelectorAll(selector)].filter((element) => widgetId(element) === id);
}
