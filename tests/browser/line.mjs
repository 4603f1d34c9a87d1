/**
 * The line between the browser and Kaïros: a TCP relay that a test can cut and restore. Cut means cut: connections are
 * refused, not merely reported as offline.
 */
import { createServer, connect } from "node:net";
import { once } from "node:events";

export class Line {
  #server;
  #sockets = new Set();
  #target;
  #port = 0;

  /** Opens a line to the server at `url`. */
  static async to(url) {
    const line = new Line();
    line.#target = new URL(url);
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
    near.pipe(far).pipe(near);
  }
}
