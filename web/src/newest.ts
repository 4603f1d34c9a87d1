/** Which of several results for one path is shown: they need not come in the order that they were asked for in. */

/** Ages are told in whole seconds by servers, and read a little later than they were told. */
const SAME_MS = 500;

export interface Made {
  receivedAtMs: number;
  ageMs: number;
}

export class Newest {
  #begun = 0;
  #shown = { turn: 0, madeAtMs: Number.NEGATIVE_INFINITY };

  /** A turn for a result that is asked for now. */
  begin(): number {
    this.#begun += 1;
    return this.#begun;
  }

  /** Whether the result of `turn` may be shown, which it is then taken to be: it is not older than what is. */
  accepts(turn: number, { receivedAtMs, ageMs }: Made): boolean {
    const madeAtMs = receivedAtMs - ageMs;
    const newerByMs = madeAtMs - this.#shown.madeAtMs;
    const isOlder = newerByMs < -SAME_MS || (newerByMs <= SAME_MS && turn < this.#shown.turn);
    if (!isOlder) this.#shown = { turn, madeAtMs };
    return !isOlder;
  }

  /** Whether nothing was shown that was asked for later. */
  isLatest(turn: number): boolean {
    return turn >= this.#shown.turn;
  }
}
