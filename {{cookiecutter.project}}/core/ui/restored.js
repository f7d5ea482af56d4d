// Says the text of the notice. A screen reader hears what changes in a region that is there already, so the first
// text follows a moment after the region.

const MOMENT = 250; // ms

export default function ({ data, parentElement }) {
  const region = parentElement.querySelector("p");
  const say = () => (region.textContent = data.text);
  if (region.textContent) say();
  else setTimeout(say, MOMENT);
}
