/**
 * The database: opens it, again when it was closed, and carries the core's reads and transactions out. Not what the rows mean.
 */
import { type Guard, type Key, type Put, type Range, Refusal, type Row, STORES, type Transaction } from "./encoding.ts";
import { upgrade, VERSION } from "./upgrade.ts";

const OPERATIONS = 1;
const RESPONSES = 4;
/** How much of a stored response's text the core wants to see when it looks at all of them. */
const HEAD_CHARS = 40;

type Value = { owner: string; stamp: number; text: string };

/** What the driver hears of the database. */
export interface DiskListener {
  opened(): void;
  refused(): void;
  closed(): void;
}

const nameOf = (store: number) => STORES[store] as string;
const keyOf = ({ store, owner, name, number }: Key): IDBValidKey =>
  store === OPERATIONS ? number : [owner, store === 0 || store === RESPONSES ? name : number];
/** All keys of an owner: an array comes after every number and text. */
const ownedBy = (owner: string) => IDBKeyRange.bound([owner], [owner, []]);

export class Disk {
  #name: string;
  #listener: DiskListener;
  #connection: IDBDatabase | undefined;
  /** While it is opened: what is to be done then. */
  #waiting: (() => void)[] | undefined;
  #isClosed = false;

  constructor(name: string, listener: DiskListener) {
    this.#name = name;
    this.#listener = listener;
  }

  /** Opens it; tells the listener what came of it. */
  open(): void {
    this.#connect(
      () => this.#listener.opened(),
      () => this.#listener.refused(),
    );
  }

  #connect(opened: () => void, failed: () => void): void {
    if (this.#isClosed) return;
    try {
      const request = indexedDB.open(this.#name, VERSION);
      request.onupgradeneeded = () => upgrade(request);
      request.onerror = failed;
      request.onsuccess = () => {
        if (this.#isClosed) return request.result.close();
        this.#connection = request.result;
        this.#connection.onversionchange = this.#connection.onclose = () => {
          this.#connection?.close();
          this.#connection = undefined;
          this.#listener.closed();
          this.open();
        };
        opened();
      };
    } catch {
      failed();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Begins a transaction now, or when the database was opened again, if the browser had closed it; in the order of the calls. */
  #begin(stores: Set<number>, options: [IDBTransactionMode, IDBTransactionOptions?], use: (begun: IDBTransaction) => void, fail: () => void) {
    const begin = (otherwise: () => void) => {
      let begun: IDBTransaction;
      try {
        if (this.#connection === undefined) throw undefined;
        begun = this.#connection.transaction([...stores].map(nameOf), ...options);
      } catch {
        return otherwise();
      }
      use(begun);
    };
    if (this.#waiting) {
      this.#waiting.push(() => begin(fail));
      return;
    }
    begin(() => {
      this.#waiting = [() => begin(fail)];
      const go = () => {
        const waiting = this.#waiting ?? [];
        this.#waiting = undefined;
        waiting.forEach((one) => one());
      };
      this.#connection?.close();
      this.#connection = undefined;
      this.#connect(go, go);
    });
  }

  /** Gives the rows of the ranges, or nothing when they cannot be read. */
  read(ranges: Range[], done: (rows: Row[] | undefined) => void): void {
    const stores = new Set(ranges.map((range) => (range.kind === 0 ? range.key.store : range.kind === 1 ? range.store : RESPONSES)));
    const rows: Row[] = [];
    const fail = once(() => done(undefined));
    this.#begin(stores, ["readonly"], (transaction) => {
      let left = ranges.length;
      const finish = () => --left === 0 && done(rows);
      transaction.onabort = fail;
      try {
        for (const range of ranges) readRange(transaction, range, rows, finish);
        if (left === 0) done(rows);
      } catch {
        fail();
      }
    }, fail);
  }

  /** Does a transaction; gives the numbers that operations got, or why nothing was done. */
  write(wanted: Transaction, done: (result: number[] | Refusal) => void): void {
    const { guards, deletes, puts, isDurable } = wanted;
    const stores = new Set([...guards, ...deletes, ...puts].map((one) =>
      "key" in one ? one.key.store : "store" in one ? one.store : RESPONSES));
    const numbers: number[] = [];
    let refusal: Refusal | undefined;
    this.#begin(stores, ["readwrite", { durability: isDurable ? "strict" : "relaxed" }], (transaction) => {
      const abort = (why?: Refusal) => {
        refusal ??= why;
        try {
          transaction.abort();
        } catch {
          // It is aborted already, and says so.
        }
      };
      transaction.oncomplete = () => done(numbers);
      transaction.onabort = () =>
        done(refusal ?? (transaction.error?.name === "QuotaExceededError" ? Refusal.Quota : Refusal.Aborted));
      const change = () => {
        try {
          for (const range of deletes) deleteRange(transaction, range);
          for (const put of puts) putRow(transaction, put, numbers);
        } catch {
          abort();
        }
      };
      let left = guards.length;
      if (left === 0) change();
      try {
        for (const guard of guards) {
          check(transaction, guard, (holds) => {
            if (!holds) abort(Refusal.Conflict);
            else if (--left === 0) change();
          });
        }
      } catch {
        abort();
      }
    }, () => done(Refusal.Aborted));
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

function readRange(transaction: IDBTransaction, range: Range, rows: Row[], finish: () => void): void {
  const add = (key: Key, { stamp, text }: Value) => rows.push({ ...key, stamp, text });
  if (range.kind === 0) {
    const { key } = range;
    const request: IDBRequest<Value | undefined> = transaction.objectStore(nameOf(key.store)).get(keyOf(key));
    request.onsuccess = () => {
      if (request.result?.owner === key.owner) add(key, request.result);
      finish();
    };
  } else if (range.kind === 1) {
    const { store, owner } = range;
    const target = transaction.objectStore(nameOf(store));
    const [source, query] = store === OPERATIONS ? [target.index("owner"), owner] : [target, ownedBy(owner)];
    const keys = source.getAllKeys(query);
    const values: IDBRequest<Value[]> = source.getAll(query);
    values.onsuccess = () => {
      values.result.forEach((value, place) => {
        const key = keys.result[place] as IDBValidKey;
        const last = Array.isArray(key) ? key[1] : key;
        const isName = typeof last === "string";
        add({ store, owner, name: isName ? last : "", number: isName ? 0 : (last as number) }, value);
      });
      finish();
    };
  } else {
    readIndex(transaction, range, add, finish);
  }
}

function readIndex(
  transaction: IDBTransaction,
  range: Range & { kind: 2 },
  add: (key: Key, value: Value) => void,
  finish: () => void,
): void {
  const from = range.owner === undefined ? null : IDBKeyRange.lowerBound([range.owner, range.name], true);
  const request = transaction.objectStore(nameOf(RESPONSES)).openCursor(from);
  let left = range.limit;
  request.onsuccess = () => {
    const cursor = request.result;
    if (!cursor || left-- <= 0) return finish();
    const { owner, stamp, text } = cursor.value as Value;
    const name = (cursor.key as string[])[1] as string;
    add({ store: RESPONSES, owner, name, number: 0 }, { owner, stamp, text: `${text.length}\n${text.slice(0, HEAD_CHARS)}` });
    cursor.continue();
  };
}

function check(transaction: IDBTransaction, guard: Guard, found: (holds: boolean) => void): void {
  if (guard.kind === 2) {
    const target = transaction.objectStore(nameOf(guard.store));
    const request = guard.store === OPERATIONS ? target.index("owner").count(guard.owner) : target.count(ownedBy(guard.owner));
    request.onsuccess = () => found(request.result === 0);
    return;
  }
  const { key } = guard;
  const request: IDBRequest<Value | undefined> = transaction.objectStore(nameOf(key.store)).get(keyOf(key));
  request.onsuccess = () => {
    const row = request.result?.owner === key.owner ? request.result : undefined;
    found(guard.kind === 1 ? row !== undefined : (row?.stamp ?? 0) === guard.stamp);
  };
}

function deleteRange(transaction: IDBTransaction, range: Range): void {
  if (range.kind === 0) {
    transaction.objectStore(nameOf(range.key.store)).delete(keyOf(range.key));
  } else if (range.kind === 1 && range.store === OPERATIONS) {
    const target = transaction.objectStore(nameOf(range.store));
    const keys = target.index("owner").getAllKeys(range.owner);
    keys.onsuccess = () => keys.result.forEach((key) => target.delete(key));
  } else if (range.kind === 1) {
    transaction.objectStore(nameOf(range.store)).delete(ownedBy(range.owner));
  }
}

function putRow(transaction: IDBTransaction, put: Put, numbers: number[]): void {
  const { store, owner, stamp, text, number, ifNewer } = put;
  const target = transaction.objectStore(nameOf(store));
  const value: Value = { owner, stamp, text };
  if (store === OPERATIONS && number === 0) {
    const place = numbers.push(0) - 1;
    const request = target.put(value);
    request.onsuccess = () => (numbers[place] = request.result as number);
  } else if (ifNewer) {
    const request: IDBRequest<Value | undefined> = target.get(keyOf(put));
    request.onsuccess = () => {
      if (!((request.result?.stamp ?? 0) > stamp)) target.put(value, keyOf(put));
    };
  } else {
    target.put(value, keyOf(put));
  }
}
