/** The packed client in a real browser, in front of a scripted service. One world a test. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { chromium } from "playwright-core";
import { packedClient, Service } from "./service.mjs";

const packed = packedClient();
const browser = await chromium.launch({ executablePath: process.env.KAIROS_CHROMIUM ?? "/usr/bin/chromium" });
after(async () => {
  await browser.close();
  packed.remove();
});

/** Nothing here takes longer, unless it is broken. */
const PATIENCE_MS = 15_000;

/** A service, a browser profile of its own, and a page with an open client (`window.client`, `window.events`). */
export async function openWorld(t, { prepare } = {}) {
  const service = await Service.start(packed.folder);
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  if (prepare) await context.addInitScript(prepare);
  t.after(async () => {
    await context.close();
    await service.stop();
  });
  const tab = await openTab(context, service);
  return { service, context, tab };
}

export async function openTab(context, service) {
  const tab = new Tab(await context.newPage(), service);
  await tab.load();
  return tab;
}

/** A page with a client. Arguments and results are plain values. */
export class Tab {
  constructor(page, service) {
    this.page = page;
    this.service = service;
    page.on("pageerror", (error) => assert.fail(`the page threw: ${error.stack}`));
  }

  /** Loads the page (again) and opens a client. */
  async load() {
    await this.page.goto(`${this.service.url}/`);
    await this.page.evaluate(async (baseUrl) => {
      const { init, KairosClient } = await import("/client/index.js");
      await init();
      window.client = await KairosClient.open({ baseUrl });
      window.events = [];
      window.client.subscribe((event) => window.events.push(event));
    }, this.service.url);
  }

  /** Calls a method of the client; a rejection comes back as `{ code, problem }`. */
  async call(method, ...parameters) {
    const outcome = await this.page.evaluate(
      async ([method, parameters]) => {
        try {
          return { value: await window.client[method](...parameters) };
        } catch (error) {
          return { error: { name: error.name, code: error.code, message: error.message, problem: error.problem } };
        }
      },
      [method, parameters],
    );
    if (outcome.error) throw Object.assign(new Error(outcome.error.message), outcome.error);
    return outcome.value;
  }

  get(path, options) {
    return this.call("get", path, options);
  }

  mutate(module, action) {
    return this.call("mutate", { module, action });
  }

  status() {
    return this.call("status");
  }

  statistics(options) {
    return this.get("/v1/me/progress/stats", options).then((result) => result.body);
  }

  async register(email = "ada@example.org") {
    return this.call("register", email, "Ada", "correct horse");
  }

  /** Waits until the status fulfils `condition`, a function of the status alone. */
  async until(condition) {
    await this.page.waitForFunction(`(${condition})(window.client.status())`);
    return this.status();
  }

  /** Waits for an event like `wanted`, from now or before. */
  async event(wanted) {
    await this.page.waitForFunction(
      (wanted) => window.events.some((event) => JSON.stringify(event).includes(wanted)),
      wanted,
    );
  }

  /** Waits until the complete list of progress is on disk as often as asked for. */
  async replicated() {
    await waitUntil(() => this.service.requests.some((request) => request.path.startsWith("/v1/me/progress?limit=100")));
  }
}

/** Waits until `condition` holds; each request the service receives is an occasion, so the interval hardly matters. */
export async function waitUntil(condition, what = String(condition)) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function rejects(promise, code) {
  await assert.rejects(promise, (error) => {
    assert.deepEqual([error.name, error.code], ["KairosError", code], error.message);
    return true;
  });
}

/** Everything in IndexedDB, as text. */
export function disk(tab) {
  return tab.page.evaluate(async () => {
    const done = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const database = await done(indexedDB.open("kairos"));
    const stores = [...database.objectStoreNames];
    const transaction = database.transaction(stores);
    const rows = {};
    for (const name of stores) {
      const store = transaction.objectStore(name);
      const [keys, values] = [await done(store.getAllKeys()), await done(store.getAll())];
      rows[name] = keys.map((key, index) => JSON.stringify([key, values[index]]));
    }
    database.close();
    return rows;
  });
}
