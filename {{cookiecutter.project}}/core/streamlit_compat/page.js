// What the engine's scripts know by name of Streamlit's page and of this browser's storage. `component_script` puts it before
// the scripts of each component that needs it; no other script has such a name in it.

// Streamlit's page

// Streamlit marks on the page whether a script runs, and the state of its connection.
const RUN = "data-test-script-state";
const CONNECTION = "data-test-connection-state";

function isRunning() {
  return document.querySelector(`[${RUN}="running"]`) !== null;
}

function connected() {
  return (document.querySelector(`[${CONNECTION}]`)?.getAttribute(CONNECTION) ?? "CONNECTED") === "CONNECTED";
}

// Calls `changed` whenever one of the two marks changes.
function onMark(mark, changed) {
  new MutationObserver(() => changed()).observe(document, { subtree: true, attributes: true, attributeFilter: [mark] });
}

const STREAM = "/_stcore/stream"; // where the page's messages go
const ELEMENT = "[data-testid=stElementContainer]"; // an element of the page, with all that it consists of
const RECORDS = ":is([data-testid=stCameraInput], [data-testid=stAudioInput]) button";
const TAKES_FILES = ":is([data-testid=stFileUploader], [data-testid=stChatInput])";
const SEARCHES = "[data-testid=search-input]"; // what is looked for in a table is entered nowhere

function hasDialog() {
  return document.querySelector('[data-testid="stDialog"]') !== null;
}

function mainArea() {
  return document.querySelector('[data-testid="stMain"]');
}

// The sidebar covers a narrow page, and closes for its own links only.
function closeSidebar() {
  const covers = document.querySelector('[data-testid="stSidebar"]')?.clientWidth > window.innerWidth / 2;
  if (covers) document.querySelector('[data-testid="stSidebarCollapseButton"] button[aria-expanded="true"]')?.click();
}

const POPOVER = "[data-testid=stPopoverButton][aria-expanded=true]"; // the button of the one that is open
const POPOVER_BODY = "[data-testid=stPopoverBody]"; // what it shows, at the end of the document

// The selector of what the script shows under a key, and under all keys that begin so.
const keyed = (key) => `.st-key-${key}`;
const keyedLike = (beginning) => `[class*="st-key-${beginning}"]`;

// The id of the widget that an element belongs to, from what React keeps beside each element. Unlike the element's class,
// which several keys may share, it is the id of one widget only.
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

// The fields of a widget on the page that a selector finds.
function inputs(id, selector) {
  return [...document.querySelectorAll(selector)].filter((element) => widgetId(element) === id);
}

// Put a text into a field as if it was typed there.
function enterText(element, text) {
  const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), "value");
  set.call(element, text);
  element.dispatchEvent(new Event("input", { bubbles: true }));
}

const FIELD = "[data-keep-field]"; // what the script said of a field that is kept, as it was shown (see status.py)

// That, as far as it counts, by their widgets' ids.
function namedFields(counts) {
  const named = [...document.querySelectorAll(FIELD)].map(({ dataset }) => JSON.parse(dataset.keepField));
  return Object.fromEntries(named.filter(counts).map(({ id, ...field }) => [id, field]));
}

// This browser's storage

const OURS = "keep."; // how all begins that goes when a person does
const LOCK = "keep.tab."; // each open tab holds a lock of this name and its id
const SIGNED_OUT = "keep.signed-out"; // the channel on which other tabs are told
const TAB = { storage: "sessionStorage", name: "keep.tab" }; // this tab
const LAST_TAB = { storage: "localStorage", name: "keep.tab.last" }; // the tab last used in this browser
const FOCUS = { storage: "sessionStorage", name: "keep.focus" }; // the field this tab was left in
const TRIAL = { storage: "localStorage", name: "keep.try" };
const ROTATIONS = { storage: "sessionStorage", name: "keep_token_rotations" }; // none of OURS, or a loop would never end
const draft = (who, id) => ({ storage: "localStorage", name: `keep.outbox.${who}.${id}` }); // id: <tab>/<form>/<field>
const isDraft = ({ name }) => name.startsWith("keep.outbox.");
const themeOf = (path) => ({ storage: "localStorage", name: `stActiveTheme-${path}-v2` }); // Streamlit's own

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// Storage that is blocked throws, at once or in each of its methods, and where it is full writing throws.
function read({ storage, name }) {
  return attempt(() => window[storage].getItem(name)) ?? null;
}

// Returns whether it is stored; null removes what is.
function write({ storage, name }, value) {
  return attempt(() => (value === null ? window[storage].removeItem(name) : window[storage].setItem(name, value)) ?? true) ?? false;
}

function allOurs() {
  const found = ["localStorage", "sessionStorage"].flatMap((storage) =>
    (attempt(() => Object.keys(window[storage])) ?? []).map((name) => ({ storage, name })),
  );
  return found.filter(({ name }) => name.startsWith(OURS));
}

// The ids of the tabs that are open. Null where locks can't be asked: not everywhere are there any, and where cookies are
// blocked they are refused.
async function openTabs() {
  const found = await navigator.locks?.query().catch(() => null);
  const names = found?.held.map((lock) => lock.name).filter((name) => name.startsWith(LOCK));
  return names ? new Set(names.map((name) => name.slice(LOCK.length))) : null;
}
