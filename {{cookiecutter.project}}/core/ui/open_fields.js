// While there is no connection Streamlit locks every field, in the middle of a word. Those the outbox keeps stay open.
// Joined to outbox.js by core/web/scripts.py.

// `isKept` says whether the outbox keeps what is typed into an element. A field that is locked loses the focus before anybody
// is told of the lock; it gets it back before the next key.
function keepFieldsOpen(isKept) {
  let left = null; // the field that lost the focus to nothing, and its selection
  const note = ({ target, relatedTarget }) => {
    left = relatedTarget ? null : { target, start: target.selectionStart, end: target.selectionEnd };
  };
  document.addEventListener("focusout", note, { capture: true, passive: true });
  document.addEventListener("pointerdown", () => (left = null), { capture: true, passive: true });

  const observer = new MutationObserver((changes) => {
    if (connected()) return;
    for (const { target } of changes) {
      if (!target.disabled || !isKept(target)) continue;
      target.disabled = false;
      if (left?.target !== target || document.activeElement !== document.body) continue;
      target.focus({ preventScroll: true });
      // A number field has no selection to set.
      if (typeof left.start === "number") target.setSelectionRange(left.start, left.end);
      left = null;
    }
  });
  observer.observe(document, { subtree: true, attributes: true, attributeFilter: ["disabled"] });
}
