// Streamlit's own messages to the server. Each gets a number, and the last one, which may still be in this browser when
// the page goes, is sent once more by beacon (see core/web/last_message.py).

const ON_ITS_WAY = 2000; // ms that a message may take to leave this browser
const OVERDUE = 1000; // ms until a message without an answer is talked about
const SETTLE = 250; // ms after new data until the widgets show theirs
// Fields of a message that Streamlit doesn't know and passes over (see core/streamlit_compat):
const NUMBER = [0xc5, 0x3e]; // 1000: four bytes, the lowest first
const CONTENT = [0xca, 0x3e]; // 1001: its length, then as many bytes of JSON
const ASKS_FOR_RUN = 0x5a; // the first byte of a message that asks for a run; others say nothing of widgets, and no run answers them

class LastMessage {
  // `changed` is called when a message may have been answered, or its run have ended. `held` returns what goes with every
  // message, if there is anything. `told` gets what the server tells when a run of parts of the page begins or has ended.
  constructor({ changed, held, told }) {
    Object.assign(this, { changed, held, told });
    this.touched = false; // whether somebody did something since the last message
    this.unanswered = null; // the last one that somebody's doing brought about, until the server has seen it
    this.number = 0;
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
        last.hear(this);
        if (message instanceof Uint8Array && message[0] === ASKS_FOR_RUN) {
          content[0] = last.labelled(message);
          last.sent();
        }
      }
      return send.apply(this, content);
    };
    for (const kind of ["input", "change", "click", "keydown", "focusout"]) {
      document.addEventListener(kind, () => (this.touched = true), { capture: true, passive: true });
    }
    onMark(RUN, () => this.runEnded());
  }

  sent() {
    if (!this.touched) return; // the page asks by itself, for a part that is due again
    this.touched = false;
    const asked = (this.unanswered = this.underway = { number: this.number, at: performance.now() });
    const look = () => {
      if (asked !== this.unanswered) return;
      this.changed();
      setTimeout(look, OVERDUE);
    };
    setTimeout(look, OVERDUE + 50);
  }

  hear(socket) {
    if (socket === this.socket) return;
    this.socket = socket;
    let seen = 0; // when the run began
    socket.addEventListener("message", ({ data }) => {
      const status = statusIn(data);
      if (!status) return;
      reported(() => this.told(status));
      if (!status.ended) return void (seen = status.seen);
      const number = seen;
      setTimeout(() => !isRunning() && this.shown(number), SETTLE);
      // A run of a fragment may be too short for the page to be marked as running.
      this.runEnded();
    });
  }

  // The server has seen all messages up to this one.
  answered(number) {
    if (this.unanswered?.number <= number) this.unanswered = null;
  }

  // One run may follow upon another at once, and what it brought is on the page a moment after its end.
  runEnded() {
    const { awaited } = this;
    setTimeout(() => awaited === this.awaited && !isRunning() && connected() && this.ended(), SETTLE);
  }

  ended() {
    const { underway } = this;
    this.awaited = this.unanswered = null;
    // A page that isn't ours says no more. Or it was the run before, and a busy server has not begun with the next one.
    if (underway) setTimeout(() => underway === this.underway && !isRunning() && connected() && this.shown(underway.number), OVERDUE);
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

  // With what this browser still holds, so that a run works with no less than its page shows; and with its number: a beacon
  // may come late, and must not bring back what a message after it has changed.
  labelled(message) {
    this.number += 1;
    const number = [...NUMBER, ...[0, 8, 16, 24].map((bits) => (this.number >>> bits) & 255)];
    this.unsaid = this.awaited = { content: joined(message, number), at: performance.now() };
    const held = reported(this.held);
    if (!held) return this.unsaid.content;
    const content = new TextEncoder().encode(JSON.stringify(held));
    return joined(message, CONTENT, varint(content.length), content, number);
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

// What the server has put at the end of a message, in JSON: its length is the number behind it.
function statusIn(data) {
  if (!(data instanceof ArrayBuffer) || data.byteLength < NUMBER.length + 4) return undefined;
  const end = data.byteLength - NUMBER.length - 4;
  const bytes = new Uint8Array(data);
  if (NUMBER.some((byte, place) => bytes[end + place] !== byte)) return undefined;
  const start = end - new DataView(data).getUint32(end + NUMBER.length, true);
  return start < 0 ? undefined : attempt(() => JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))));
}
