/**
 * What the boot script already asked for, given to whoever asks for it here: to a view while the client is not there yet, then to the
 * client, in place of its own first request for the same. So nothing is fetched twice.
 *
 * Not here: anything about a second request, or one in somebody's name. Those go to the network, as ever.
 */
import type { FirstRequest } from "./boot/first-request.ts";

/** After this, what was asked for is not worth giving to anybody. */
const LONGEST_MS = 60_000;
/** A request that says one of these wants something else than the first one did. */
const OTHER = ["authorization", "if-none-match", "kairos-min-gen"];
const EDGE_HIT = /(^|,)\s*kairos-edge\s*;\s*hit/;

export interface HandedOver<T> {
  body: T;
  ageMs: number;
  source: "edge" | "origin";
  degraded?: "stale" | "default";
}

const first = window.kairosFirstRequest;

/** Resolves when the first view is readable, or will not become so by the boot script: what is large may be fetched now. */
export const bootSettled: Promise<void> = first?.settled ?? Promise.resolve();

/** From now on what is on the screen is the app's. */
export function takeOverElements(): void {
  if (first !== undefined) first.isTakenOver = true;
}

/** The body of what was asked for, if it is `path` and was answered well. */
export async function handedOver<T>(path: string): Promise<HandedOver<T> | undefined> {
  if (first === undefined || first.path !== path || isOld(first)) return undefined;
  const response = (await first.response)?.clone();
  if (response?.ok !== true || !isJson(response)) return undefined;
  const degraded = response.headers.get("kairos-degraded");
  return {
    body: (await response.json()) as T,
    ageMs: Number(response.headers.get("age") ?? 0) * 1_000 + (performance.now() - first.sentAtMs),
    source: EDGE_HIT.test(response.headers.get("cache-status") ?? "") ? "edge" : "origin",
    ...((degraded === "stale" || degraded === "default") && { degraded }),
  };
}

/** Lets the client's first request for it be answered by it. Call before the client is opened. */
export function giveToClient(): void {
  if (first === undefined) return;
  const network = window.fetch;
  window.fetch = async (input, init) => {
    if (!isSame(first, input, init)) return network(input, init);
    window.fetch = network;
    const response = isOld(first) ? undefined : await first.response;
    return response === undefined ? network(input, init) : asOfNow(response, first);
  };
}

function isSame(request: FirstRequest, input: RequestInfo | URL, init: RequestInit | undefined): boolean {
  if (input instanceof Request || (init?.method ?? "GET") !== "GET") return false;
  const url = new URL(input, location.href);
  const headers = new Headers(init?.headers);
  return url.origin === location.origin && url.pathname + url.search === request.path && !OTHER.some((name) => headers.has(name));
}

/** It has aged since it came. */
function asOfNow(response: Response, request: FirstRequest): Response {
  const headers = new Headers(response.headers);
  headers.set("age", String(Number(headers.get("age") ?? 0) + Math.floor((performance.now() - request.sentAtMs) / 1_000)));
  return new Response(response.clone().body, { status: response.status, headers });
}

function isOld(request: FirstRequest): boolean {
  return performance.now() - request.sentAtMs > LONGEST_MS;
}

function isJson(response: Response): boolean {
  return /^application\/json\b/.test(response.headers.get("content-type") ?? "");
}
