/** One edge in front of one scripted origin, for all the tests of a file; each test finds an origin that was asked nothing yet. */
import { after, beforeEach } from "node:test";
import { startEdge } from "./edge.mjs";
import { startOrigin } from "./origin.mjs";

/** Starts both; they stop after the file's last test. `pages` are the app's files. */
export async function startPair(pages) {
  const origin = await startOrigin();
  after(() => origin.stop());
  const edge = await startEdge(origin.url, pages);
  after(() => edge.stop());
  beforeEach(() => (origin.asked.length = 0));
  return { origin, edge };
}
