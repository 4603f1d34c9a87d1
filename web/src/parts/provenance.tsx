/** One line that says where an answer came from and how old it is. */
import { nowMs } from "../clock.ts";
import { formatAge, formatCount } from "../format.ts";
import type { Received } from "../kairos.ts";
import type { Source } from "../api.ts";

const SOURCE_NAMES: Record<Source, string> = {
  memory: "memory of this page",
  disk: "this device",
  edge: "the edge near you",
  origin: "the origin",
};

export function Provenance({ received }: { received: Received<unknown> | undefined }) {
  if (received === undefined) return <p class="provenance" aria-hidden="true">&nbsp;</p>;
  const { answer, receivedAtMs } = received;
  const ageMs = answer.ageMs + Math.max(0, nowMs.value - receivedAtMs);
  return (
    <p class="provenance" data-source={answer.source}>
      <span class="provenance-dot" />
      <span>
        From {SOURCE_NAMES[answer.source]}, <span class="provenance-age">{formatAge(ageMs)}</span>
      </span>
      {answer.stale && <span class="badge" title="Kept from earlier; a newer one could not be had yet">kept copy</span>}
      {answer.degraded === "stale" && <span class="badge" title="The server answered from a copy, because something behind it is down">server copy</span>}
      {answer.degraded === "default" && <span class="badge" title="The server could not look this up and gave its default answer">default answer</span>}
      {answer.pending > 0 && <span class="badge">with {formatCount(answer.pending, "unsent entry", "unsent entries")}</span>}
    </p>
  );
}
