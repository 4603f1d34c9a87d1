/** A path that is looked at often. On a hit two numbers are read from the module's memory, and one is counted up: nothing crosses. */
import type { Driver } from "./driver.ts";
import { type Result, resultOf } from "./result.ts";

/** Numbers of a slot: until when, generation, hits. */
const WIDTH = 3;

/** The time, asked for once in a millisecond. */
let cachedNow = 0;
function now(): number {
  if (cachedNow === 0) {
    cachedNow = Date.now();
    setTimeout(() => (cachedNow = 0), 1);
  }
  return cachedNow;
}

export class Handle {
  #driver: Driver;
  #slot: number;
  #at: number;
  #generation = -1;
  #result: Result | undefined;

  constructor(driver: Driver, path: string) {
    this.#driver = driver;
    this.#slot = driver.slot(path) ?? -1;
    this.#at = this.#slot * WIDTH;
  }

  /** What memory has and may be shown at once. It is shared: not to be changed. */
  peek(): Result | undefined {
    const { table } = this.#driver;
    const at = this.#at;
    if ((table[at] as number) > now() && table[at + 1] === this.#generation) {
      (table[at + 2] as number)++;
      return this.#result;
    }
    return this.#fill();
  }

  #fill(): Result | undefined {
    const found = this.#slot < 0 ? undefined : this.#driver.fill(this.#slot);
    if (found === undefined) {
      this.#generation = -1;
      return (this.#result = undefined);
    }
    const generation = this.#driver.table[this.#at + 1] as number;
    const isSame = this.#result !== undefined && generation === this.#generation;
    this.#generation = generation;
    return (this.#result = isSame ? resultOf(found, this.#result?.body) : resultOf(found));
  }

  /** Nobody looks at it any more. */
  close(): void {
    if (this.#slot >= 0) this.#driver.release(this.#slot);
    this.#slot = -1;
    this.#at = -WIDTH;
  }
}
