/** Skips a test that lacks what it needs: with the reason, printed and in the log that `cargo xtask test` counts. */
import { appendFileSync } from "node:fs";

/** Whether the test can go on. */
export function skipUnless(t, available, reason) {
  if (available) return true;
  const log = process.env.KAIROS_SKIP_LOG;
  if (log) appendFileSync(log, `browser: ${t.name}: ${reason}\n`);
  console.log(`skipped: ${t.name}: ${reason}`);
  t.skip(reason);
  return false;
}
