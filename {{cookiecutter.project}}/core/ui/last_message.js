// Streamlit's own messages to the server. Each gets a number, and the last one, which may still be in this browser when
// the page goes, is sent once more by beacon (see core/web/last_message.py).

const ON_ITS_WAY = 2000; // ms that a message may take to leave this browser
const OVERDUE = 1000; // ms until a message without an answer is talked about
const SETTLE = 250; // ms after new data until the widgets show theirs
// Fields of a message that Streamlit doesn't know and passes over (see core/web/protocol.py):
const NUMBER = [0xc5, 0x3e]; // 1000: four bytes, the lowest first
const DRAFTS = [0xca, 0x3e]; // 1001: its length, then as many bytes
const STREAM = "/_stcore/stream"; // where they go (see core/web/protocol.py)

class LastMessage {
  // `changed` is called when a message may have been answered, or its run have ended. `drafts` returns what goes with every
  // message, as text.
  constructor(changed, drafts) {
    this.changed = changed;
    this.drafts = drafts;
    this.touched = false; // whether somebody did something since the last message
    this.unanswered = null; // the last one that somebody's doing brought about, until the server has seen it
    this.number = 0;
    this.heardAt = 0; // when the server said something last
    this.unsaid = null; // the last one, until it was sent once more
    this.awaited = null; // the one whose run has not ended, or is not all shown, yet
    this.underway = null; // the last one that somebody's doing brought about, until what its run brought is on the page
    this.listen();
  }

  listen() {
    const last = this;
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (...content) {
      if (new URL(this.url).pathname.endsWith(STREAM)) {
        const [message] = content;
        if (message instanceof Uint8Array) content[0] = last.labelled(message);
        last.hear(this);
        last.sent();
      }
      return send.apply(this, content);
    };
    const ended = () => {
      const { awaited } = this;
      // One run may follow upon another at once, and what it brought is on the page a moment after its end.
      setTimeout(() => awaited === this.awaited && !running() && connected() && this.ended(), SETTLE);
    };
    for (const kind of ["input", "change", "click", "keydown", "focusout"]) {
      document.addEventListener(kind, () => (this.touched = true), { capture: true, passive: true });
    }
    new MutationObserver(ended).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-test-script-state"] });
  }

  sent() {
    if (!this.touched) return; // the page asks by itself, for a part that is due again
    this.touched = false;
    const asked = (this.unanswered = this.underway = { number: this.number, at: performance.now() });
    const look = () => {
      if (asked !== this.unanswered) return;
      // A run of a fragment may be too short for the page to be marked as running.
      if (this.heardAt > asked.at && !running() && connected()) return this.ended();
      this.changed();
      setTimeout(look, OVERDUE);
    };
    setTimeout(look, OVERDUE + 50);
  }

  // Note when the server says something.
  hear(socket) {
    if (socket === this.socket) return;
    this.socket = socket;
    socket.addEventListener("message", () => (this.heardAt = performance.now()));
  }

  // The server has seen all messages up to this one.
  answered(number) {
    if (this.unanswered?.number <= number) this.unanswered = null;
  }

  ended() {
    const { underway } = this;
    this.awaited = this.unanswered = null;
    // A fragment's run says no more. Or it was the run before, and a busy server has not begun with the next one.
    if (underway) setTimeout(() => underway === this.underway && !running() && connected() && this.shown(underway.number), OVERDUE);
    this.changed();
  }

  // The page shows what a run brought that began when the server had seen all messages up to this one.
  shown(number) {
    if (!(this.underway?.number <= number)) return;
    this.underway = null;
    this.changed();
  }

  // Whether the server has not said for a while that it has what somebody did.
  get overdue() {
    return this.unanswered !== null && performance.now() - this.unanswered.at > OVERDUE;
  }

  // With the drafts that this browser still holds, so that a run works with no less than its page shows; and with its
  // number: a beacon may come late, and must not bring back what a message after it has changed.
  labelled(message) {
    this.number += 1;
    const number = [...NUMBER, ...[0, 8, 16, 24].map((bits) => (this.number >>> bits) & 255)];
    this.unsaid = this.awaited = { content: joined(message, number), at: performance.now() };
    const drafts = new TextEncoder().encode(reported(this.drafts) ?? "");
    return drafts.length ? joined(message, DRAFTS, varint(drafts.length), drafts, number) : this.unsaid.content;
  }

  // Send it once more, if it is so young that it may go with the page, and not longer than `room`. Returns its bytes.
  repeat({ base, connection }, room) {
    const { unsaid } = this;
    this.unsaid = null;
    if (!unsaid || !connection || performance.now() - unsaid.at > ON_ITS_WAY) return 0;
    const body = new Blob([connection, unsaid.content]);
    return body.size <= room && navigator.sendBeacon(`${base}keep/last-message`, body) ? body.size : 0;
  }
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// A number as protobuf writes lengths: seven bits a byte, the lowest first.
function varint(number) {
  return number < 128 ? [number] : [(number & 127) | 128, ...varint(number >>> 7)];
}

function running() {
  return document.querySelector('[data-test-script-state="running"]') !== null;
}
