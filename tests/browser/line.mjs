/**
 * The line between the browser and Kaïros: a TCP relay that a test can cut and restore. Cut means cut: connections are
 * refused, not merely reported as offline. It can also be as slow as a bad line is.
 */
import { createServer, connect } from "node:net";
import { once } from "node:events";
import { Transform } from "node:stream";

export class Line {
  #server;
  #sockets = new Set();
  #target;
  #port = 0;
  #shape;
  #breaking;
  /** When the line is done with what it was given, down and up, on the clock of `performance`. */
  #busyUntilMs = { down: 0, up: 0 };
  /** Bytes that came down so far. */
  receivedBytes = 0;

  /**
   * Opens a line to the server at `url`.
   *
   * @param shape What all connections share: `kbitPerSec` in each direction, and `rttMs`, the time there and back, which a new
   *   connection takes once more before its first byte; with `isPlain` nothing is asked for compressed. As fast as the machine without it.
   */
  static async to(url, shape) {
    const line = new Line();
    line.#target = new URL(url);
    line.#shape = shape;
    await line.restore();
    return line;
  }

  /** What the browser is given as the address of Kaïros; the same after a cut. */
  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async restore() {
    this.#server = createServer((near) => this.#relay(near));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = this.#server.address().port;
  }

  /** From now on to another server; connections to the one before end. */
  lead(url) {
    this.#target = new URL(url);
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the next connection on which `text` is asked for; resolves when that has happened. */
  breakAt(text) {
    return new Promise((resolve) => {
      this.#breaking = { text, resolve };
    });
  }

  async cut() {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(near) {
    const far = connect(Number(this.#target.port || 80), this.#target.hostname);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
      socket.on("error", () => socket.destroy());
    }
    near.on("data", (bytes) => {
      if (this.#breaking === undefined || !bytes.includes(this.#breaking.text)) return;
      near.destroy();
      this.#breaking.resolve();
      this.#breaking = undefined;
    });
    if (this.#shape === undefined) {
      near.pipe(far).pipe(near);
      return;
    }
    const openedMs = performance.now() + this.#shape.rttMs;
    near.pipe(this.#delay("up", openedMs)).pipe(far).pipe(this.#delay("down", openedMs)).pipe(near);
  }

  /** Lets bytes through when a line of this shape would have brought them. */
  #delay(direction, openedMs) {
    const { kbitPerSec, rttMs } = this.#shape;
    return new Transform({
      transform: (bytes, _, done) => {
        if (direction === "down") this.receivedBytes += bytes.length;
        const startMs = Math.max(performance.now(), openedMs, this.#busyUntilMs[direction]);
        this.#busyUntilMs[direction] = startMs + (bytes.length * 8) / kbitPerSec;
        const shown = direction === "up" && this.#shape.isPlain ? withoutCodings(bytes) : bytes;
        setTimeout(() => done(null, shown), this.#busyUntilMs[direction] + rttMs / 2 - performance.now());
      },
      highWaterMark: 4_096,
    });
  }
}

/** The heads of requests come in one piece each. */
function withoutCodings(bytes) {
  return Buffer.from(bytes.toString("latin1").replace(/^accept-encoding: .*$/gim, "Accept-Encoding: identity"), "latin1");
}
