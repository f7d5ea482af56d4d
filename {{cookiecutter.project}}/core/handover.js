// Exchanges a ticket for a new session cookie, then loads the page anew, so that nothing of before is left in it.

const PREFIX = "keep.";
const OUTBOX = "keep.outbox.";
const COUNT = "keep_handovers"; // sessionStorage; not cleared below, or a loop would never end
const ATTEMPTS = 4;
const MOST_IN_A_ROW = 8; // within WINDOW; more means that the cookie doesn't stick
const WINDOW = 20_000; // ms

const used = new Set();

function storages() {
  // Blocked storage throws on access; then there is nothing to clear.
  return ["localStorage", "sessionStorage"].flatMap((kind) => {
    try {
      return [window[kind]];
    } catch {
      return [];
    }
  });
}

// Who signs out leaves nothing behind, in no tab. When a sign-in only ended, what was typed and not sent yet waits for
// its author: it is bound to that person, and goes when somebody else signs in.
function forget({ signed_out: signedOut, base }) {
  for (const storage of storages()) {
    for (const key of Object.keys(storage)) {
      const typed = key.startsWith(OUTBOX);
      const goes = typed ? signedOut && storage.getItem(key).includes(`"base":${JSON.stringify(base)}`) : key.startsWith(PREFIX);
      if (goes) storage.removeItem(key);
    }
  }
  if (!signedOut || !window.BroadcastChannel) return;
  const channel = new BroadcastChannel("keep.signed-out");
  channel.postMessage(base);
  channel.close();
}

function goingRound() {
  const session = storages()[1];
  if (!session) return false;
  const now = Date.now();
  const recent = (session.getItem(COUNT) || "").split(" ").filter((time) => now - Number(time) < WINDOW);
  session.setItem(COUNT, [...recent, now].join(" "));
  return recent.length >= MOST_IN_A_ROW;
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function exchange(url, ticket) {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (attempt > 1) await pause(1000 * attempt);
    try {
      const body = JSON.stringify({ ticket });
      const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", cache: "no-store" });
      // 409: the ticket is not this browser's any more; the page then takes whatever cookie there is.
      if (answer.ok || answer.status === 409) return true;
      if (answer.status < 500) return false;
    } catch {
      // The server can't be reached; the next attempt may.
    }
  }
  return false;
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
  if (goingRound()) {
    say("This browser doesn't keep the session cookie. Allow cookies for this site, then reload the page.");
    return;
  }
  exchange(`${data.base}keep/rotate`, data.ticket).then((done) => {
    if (!done) {
      say("The server can't answer now. Reload the page to try again.");
    } else if (data.then === null) {
      window.location.reload();
    } else {
      window.location.replace(data.base + data.then);
    }
  });
}
