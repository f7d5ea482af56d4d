// Ctrl+Z and Ctrl+Shift+Z, with Cmd on a Mac, press the page's undo and redo buttons (see undo.py). A text field keeps
// its own: there the browser undoes what is being typed.

const BUTTON = { undo: '[class*="st-key-keep-undo-"] button', redo: '[class*="st-key-keep-redo-"] button' };
const NO_TEXT = new Set(["checkbox", "radio", "range", "color", "button", "submit", "reset", "file"]);

export default function () {
  // One listener for all bars and page loads of this tab; a page without a bar has nothing to press.
  window.__keepUndo ??= document.addEventListener("keydown", pressed) ?? true;
}

function pressed(event) {
  const command = /Mac|iP(hone|ad)/.test(navigator.platform) ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (!command || event.altKey || event.repeat || event.key.toLowerCase() !== "z") return;
  if (isText(event.composedPath()[0])) return;
  const button = document.querySelector(`${BUTTON[event.shiftKey ? "redo" : "undo"]}:enabled`);
  if (!button) return;
  event.preventDefault();
  button.click();
}

// A list to choose from has an input, too, but one that holds no text unless somebody searches in it.
function isText(element) {
  if (element?.isContentEditable || element?.tagName === "TEXTAREA") return true;
  if (element?.tagName !== "INPUT" || NO_TEXT.has(element.type)) return false;
  return element.getAttribute("role") !== "combobox" || element.value !== "";
}
