// Part of the page itself, so that it is there before all else: what somebody types while the rest is still being
// loaded is told to the outbox (core/ui/outbox.js) when it comes.
window.__keepEarly = new Map(); // field -> when something was typed into it last
document.addEventListener("input", ({ target }) => window.__keepEarly?.set(target, Date.now()), { capture: true, passive: true });
