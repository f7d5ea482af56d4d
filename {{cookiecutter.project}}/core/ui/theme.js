// Makes Streamlit wear the theme the person chose. Part of browser.js.

const THEMES = { system: "System", light: "Light", dark: "Dark" }; // as Streamlit names them

// Streamlit reads its theme once, when the page loads, under a name that has the page's path in it. So it is written
// for every page, and where this one was loaded in another theme, the page is loaded once more. Returns whether it is.
function wear({ theme, paths }) {
  const local = storage("localStorage");
  if (!local) return false;
  const wanted = JSON.stringify(THEMES[theme] ?? THEMES.system);
  const loaded = new URL(performance.getEntriesByType("navigation")[0]?.name ?? location.href).pathname;
  const name = (path) => `stActiveTheme-${path}-v2`;
  const worn = local.getItem(name(loaded)) ?? JSON.stringify(THEMES.system);
  try {
    for (const path of new Set([...paths, loaded, location.pathname])) local.setItem(name(path), wanted);
  } catch {
    return false; // A full storage: loading the page again would change nothing.
  }
  if (worn === wanted) return false;
  location.reload();
  return true;
}
