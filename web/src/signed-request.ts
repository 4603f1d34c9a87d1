/**
 * A request in the learner's name that the client has no call for. With a client that has one (`request`) it is used; until then the access
 * token is the one that the client itself sends with its next request, which it renews when it has to.
 */
import { KairosError, type KairosClient } from "@kairos/client";
import { paths as routes } from "@kairos/client/contract";
import { asKairosError, whenOpen } from "./kairos.ts";

type Requesting = KairosClient & { request?: (path: string, init: RequestInit) => Promise<Response> };

/**
 * Resolves with whatever was answered, problems too.
 *
 * @throws KairosError `offline`, `unauthenticated` and what else renewing the session may end in.
 */
export async function signedRequest(path: string, init: RequestInit): Promise<Response> {
  const client: Requesting = await whenOpen();
  if (client.request !== undefined) return client.request(path, init);
  const authorization = await nextAuthorization(client);
  const headers = new Headers(init.headers);
  headers.set("authorization", authorization);
  try {
    return await fetch(path, { ...init, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown;
    throw error("offline", "Kaïros does not answer");
  }
}

async function nextAuthorization(client: KairosClient): Promise<string> {
  const before = window.fetch;
  let seen: string | null = null;
  window.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    if (url.origin === location.origin && url.pathname === routes.ME) seen = new Headers(init?.headers).get("authorization") ?? seen;
    return before.call(window, input, init);
  };
  try {
    await client.get(routes.ME, { revalidate: true });
  } catch (thrown) {
    throw asKairosError(thrown);
  } finally {
    window.fetch = before;
  }
  if (seen === null) throw error("offline", "Kaïros does not answer");
  return seen;
}

/** As the client makes its own. */
function error(code: string, message: string): KairosError {
  return Object.assign(new KairosError(), { code, message });
}
