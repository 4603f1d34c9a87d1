/** What `get` and `peek` give. */
import type { Response } from "./encoding.ts";

export interface Result {
  body: unknown;
  status: number;
  source: string;
  ageMs: number;
  stale: boolean;
  complete: boolean;
  pending: number;
  degraded?: string;
}

export function resultOf(response: Response, body: unknown = JSON.parse(response.body)): Result {
  const { source, isStale, isComplete, ageMs, pending, degraded } = response;
  const result = { body, status: 200, source, ageMs, stale: isStale, complete: isComplete, pending };
  return degraded === undefined ? result : { ...result, degraded };
}
