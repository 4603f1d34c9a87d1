/** One line that says where a query result came from and how old it is. */
import { nowMs } from "../clock.ts";
import { formatAge, formatCount } from "../format.ts";
import type { ReceivedResult } from "../kairos.ts";
import type { Source } from "../api.ts";

const SOURCE_NAMES: Record<Source, string> = {
  memory: "memory of this page",
  disk: "this device",
  edge: "the edge near you",
  origin: "the origin",
};

export function Provenance({ result }: { result: ReceivedResult<unknown> | undefined }) {
  if (result === undefined) return <p class="provenance" aria-hidden="true">&nbsp;</p>;
  const ageMs = result.ageMs + Math.max(0, nowMs.value - result.receivedAtMs);
  return (
    <p class="provenance" data-source={result.source}>
      <span class="provenance-dot" />
      <span>
        From {SOURCE_NAMES[result.source]}, <span class="provenance-age">{formatAge(ageMs)}</span>
      </span>
      {result.stale && <span class="badge" title="Kept from earlier; a newer one could not be had yet">kept copy</span>}
      {result.degraded === "stale" && <span class="badge" title="The server answered from a copy, because something behind it is down">server copy</span>}
      {result.degraded === "default" && <span class="badge" title="The server could not look this up and gave its default answer">default answer</span>}
      {result.pending > 0 && <span class="badge">with {formatCount(result.pending, "unsent entry", "unsent entries")}</span>}
    </p>
  );
}
