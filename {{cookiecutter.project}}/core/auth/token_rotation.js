// Exchanges a ticket for a new session cookie, then loads the page anew, so that nothing of before is left in it.

const MOST_IN_A_ROW = 8; // within WINDOW; more means that the cookie doesn't stick
const WINDOW = 20_000; // ms
const LAST_RETRY = 5000; // ms

const used = new Set();

// Who signs out leaves nothing behind, in no tab. When a sign-in only ended, what was typed and not sent yet waits for
// its author: it is bound to that person, and goes when somebody else signs in.
function forget({ signed_out: signedOut, base }) {
  for (const entry of allOurs()) {
    const isThisApp = () => read(entry)?.includes(`"base":${JSON.stringify(base)}`);
    if (!isDraft(entry) || (signedOut && isThisApp())) write(entry, null);
  }
  const channel = signedOut && attempt(() => new BroadcastChannel(SIGNED_OUT));
  if (!channel) return;
  channel.postMessage(base);
  channel.close();
}

function goingRound() {
  const now = Date.now();
  const times = read(ROTATIONS)?.split(" ") ?? [];
  const recent = times.filter((time) => now - Number(time) < WINDOW);
  write(ROTATIONS, [...recent, now].join(" "));
  return recent.length >= MOST_IN_A_ROW;
}

// Resolves once the browser has the cookie, and to false where it can't get it. `away` is called while nobody answers.
async function exchange(url, ticket, away) {
  for (let wait = 1000; ; wait = Math.min(LAST_RETRY, 2 * wait)) {
    const body = JSON.stringify({ ticket });
    const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", cache: "no-store" }).catch(() => null);
    // 409: the ticket is not this browser's any more; the page then takes whatever cookie there is.
    if (answer?.ok || answer?.status === 409) return true;
    if (answer && answer.status < 500 && answer.status !== 429) return false;
    away();
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

export default function (component) {
  const { data, parentElement } = component;
  if (used.has(data.ticket)) return;
  used.add(data.ticket);
  const say = (text) => {
    parentElement.querySelector("p").textContent = text;
  };
  say(data.message);
  if (data.clear) forget(data);
  if (goingRound()) return say(data.words.no_cookie);
  exchange(`${data.base}keep/rotate`, data.ticket, () => say(data.words.away)).then((done) => {
    if (!done) say(data.words.refused);
    else if (data.then === null) window.location.reload();
    else window.location.replace(data.base + data.then);
  });
}
