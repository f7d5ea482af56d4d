// Told when a page is whole. It may be loaded before status.js is.
export default function ({ data }) {
  window.__keepPage = data;
  window.__keepStatus?.whole();
}
