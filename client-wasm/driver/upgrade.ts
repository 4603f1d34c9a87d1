/**
 * The schema, and the way to it from the one of the client before (version 1): the session, what was seen, operations that wait or were
 * rejected, and what was stored of the catalogue. A learner's responses are fetched anew: nobody knows which operations they include.
 */
import { STORES } from "./encoding.ts";

export const VERSION = 2;
const EARLIER = ["meta", "outboxes", "operations", "answers"] as const;
const OPERATIONS = "operations";

type Rows = [key: IDBValidKey, value: unknown][];
interface Operation {
  id: string;
}

export function upgrade(request: IDBOpenDBRequest): void {
  const { result: database, transaction } = request;
  const earlier: Record<string, Rows> = {};
  const found = EARLIER.filter((name) => database.objectStoreNames.contains(name));
  let left = found.length;
  if (left === 0 || transaction === null) return createStores(database);
  for (const name of found) {
    const store = transaction.objectStore(name);
    const [keys, values] = [store.getAllKeys(), store.getAll()];
    values.onsuccess = () => {
      earlier[name] = keys.result.map((key, place) => [key, values.result[place]]);
      if (--left > 0) return;
      for (const old of [...database.objectStoreNames]) database.deleteObjectStore(old);
      createStores(database);
      bringOver(transaction, earlier);
    };
  }
}

function createStores(database: IDBDatabase): void {
  for (const name of STORES) {
    const store = database.createObjectStore(name, name === OPERATIONS ? { autoIncrement: true } : {});
    if (name === OPERATIONS) store.createIndex("owner", "owner");
  }
}

/** The generation in `user.u1=7`. */
const generationIn = (text: string) => Number(/=(\d+)/.exec(text)?.[1] ?? 0);

function bringOver(transaction: IDBTransaction, earlier: Record<string, Rows>): void {
  let number = 0;
  const put = (store: string, owner: string, name: IDBValidKey, stamp: number, ...lines: unknown[]) => {
    const key = store === OPERATIONS ? name : [owner, name];
    transaction.objectStore(store).put({ owner, stamp, text: lines.join("\n") }, key);
  };
  for (const [key, value] of earlier.meta ?? []) {
    if (key !== "session") continue;
    const { profile, access_token, refresh_token, access_expires_at_ms, ended } = JSON.parse(value as string);
    put("meta", "", "session", 1, 1, profile.id, ended ? "ended" : "active", JSON.stringify(profile));
    put("meta", "", "tokens", 1, 1, access_token, refresh_token, access_expires_at_ms);
  }
  for (const [owner, value] of earlier.outboxes ?? []) {
    const { seen = "", rejected = [] } = JSON.parse(value as string) as { seen?: string; rejected?: { operation: Operation; problem: unknown }[] };
    put("meta", owner as string, "seen", generationIn(seen), "");
    for (const { operation, problem } of rejected) {
      put("rejected", owner as string, ++number, 0, 1, JSON.stringify(operation), JSON.stringify(problem));
    }
  }
  for (const [key, value] of earlier.operations ?? []) {
    const { operation } = JSON.parse(value as string) as { operation: Operation };
    put(OPERATIONS, (key as string[])[0] as string, ++number, 0, 1, JSON.stringify(operation));
  }
  // Numbers to come are larger than all these, also where none of them waits.
  put(OPERATIONS, "", ++number, 0);
  transaction.objectStore(OPERATIONS).delete(number);
  for (const [key, value] of earlier.answers ?? []) {
    const [owner, path] = key as [string, string];
    const { facts, body } = value as { facts: string; body: string };
    const { generations = "", etag = "", made_at_ms } = JSON.parse(facts);
    if (owner === "") put("answers", "", path, generationIn(generations), 1, made_at_ms, 0, etag ?? "", body);
  }
}
