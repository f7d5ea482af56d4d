// Makes Streamlit wear the theme the person chose. Part of browser.js.

const THEMES = { system: "System", light: "Light", dark: "Dark" }; // as Streamlit names them

// Streamlit reads its theme once, when the page loads, under a name that has the page's path in it. So it is written
// for every page, and where this one was loaded in another theme, the page is loaded once more. Returns whether it is.
function wear({ theme, paths }) {
  const wanted = JSON.stringify(THEMES[theme] ?? THEMES.system);
  const loaded = new URL(performance.getEntriesByType("navigation")[0]?.name ?? location.href).pathname;
  const name = (path) => `stActiveTheme-${path}-v2`;
  const worn = read("localStorage", name(loaded)) ?? JSON.stringify(THEMES.system);
  const pages = [...new Set([...paths, loaded, location.pathname])];
  // Where storage is full or blocked, loading the page again would change nothing.
  if (!pages.every((path) => write("localStorage", name(path), wanted)) || worn === wanted) return false;
  location.reload();
  return true;
}
