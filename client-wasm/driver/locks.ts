/** The Web Locks of one database, as reports. Not what they are for. */
import { Kind } from "./encoding.ts";

const NAMES = ["leader", "session"];

export class Locks {
  #name: string;
  #report: (kind: Kind.LockGranted | Kind.LockRefused | Kind.LockLost, lock: number) => void;
  /** How to let go of each that is held or asked for. */
  #release = new Map<number, () => void>();

  constructor(name: string, report: (kind: Kind.LockGranted | Kind.LockRefused | Kind.LockLost, lock: number) => void) {
    this.#name = name;
    this.#report = report;
  }

  request(lock: number): void {
    const asking = new AbortController();
    let isHeld = false;
    let letGo = () => asking.abort();
    const release = () => letGo();
    const isWanted = () => this.#release.get(lock) === release;
    this.#release.set(lock, release);
    const hold = () =>
      new Promise<void>((resolve) => {
        if (!isWanted()) return resolve();
        isHeld = true;
        letGo = resolve;
        this.#report(Kind.LockGranted, lock);
      });
    const end = () => {
      if (!isWanted()) return;
      this.#release.delete(lock);
      this.#report(isHeld ? Kind.LockLost : Kind.LockRefused, lock);
    };
    try {
      navigator.locks.request(`kairos:${this.#name}:${NAMES[lock]}`, { signal: asking.signal }, hold).then(end, end);
    } catch {
      end();
    }
  }

  release(lock: number): void {
    const release = this.#release.get(lock);
    this.#release.delete(lock);
    release?.();
  }

  close(): void {
    for (const lock of [...this.#release.keys()]) this.release(lock);
  }
}
