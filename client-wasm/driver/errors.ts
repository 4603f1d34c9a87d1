/** What promises are rejected with, and what it says to people. */
import type { Problem } from "../api.d.ts";
import type { Failure } from "./encoding.ts";

const MESSAGES: Record<string, string> = {
  offline: "no response from Kaïros",
  unauthenticated: "nobody is signed in, or the session has ended",
  pending_operations: "operations that were not sent would be lost",
  unconfirmed: "the server said nothing known of some operations",
  invalid_argument: "an argument is not what it should be",
  closed: "the client was closed",
  storage: "the disk took nothing",
  aborted: "aborted",
  internal: "the client has failed",
};

/** What every promise of this package rejects with. */
export class KairosError extends Error {
  readonly code: string;
  readonly problem?: Problem;

  constructor(code: string, message?: string, problem?: Problem) {
    super(message ?? MESSAGES[code] ?? problem?.title ?? code);
    this.name = "KairosError";
    this.code = code;
    if (problem !== undefined) this.problem = problem;
  }
}

export function errorOf({ code, problem }: Failure): KairosError {
  const parsed = problem === undefined ? undefined : (JSON.parse(problem) as Problem);
  return new KairosError(code, parsed?.detail ?? undefined, parsed);
}
