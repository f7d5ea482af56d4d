// Which widget a text field of the page belongs to. Part of browser.js and of status.js.

// The id of that widget, from what React keeps beside each element. Unlike the element's class, which several keys may
// share, it is the id of one widget only.
function widgetId(element) {
  const key = Object.keys(element).find((name) => name.startsWith("__reactFiber$"));
  for (let fiber = element[key]; fiber; fiber = fiber.return) {
    const id = fiber.memoizedProps?.element?.id;
    if (typeof id === "string" && id.startsWith("$$ID-")) return id;
  }
  return undefined;
}

// What the script said, beside each field, of those that are kept (see status.py): by their widgets' ids.
function namedFields() {
  const named = [...document.querySelectorAll("[data-keep-field]")];
  return Object.fromEntries(named.map(({ dataset }) => JSON.parse(dataset.keepField)).map(({ id, ...field }) => [id, field]));
}

// The fields of a widget on the page that a selector finds.
function inputs(id, selector) {
  return [...document.querySelectorAll(selector)].filter((element) => widgetId(element) === id);
}
