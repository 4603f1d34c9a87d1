/** One line that says where a query result came from and how old it is. */
import { nowMs } from "../clock.ts";
import { formatAge } from "../format.ts";
import type { ReceivedResult } from "../kairos.ts";
import { t } from "../messages/messages.ts";

export function Provenance({ result }: { result: ReceivedResult<unknown> | undefined }) {
  if (result === undefined) return <p class="provenance" aria-hidden="true">&nbsp;</p>;
  const ageMs = result.ageMs + Math.max(0, nowMs.value - result.receivedAtMs);
  return (
    <p class="provenance" data-source={result.source}>
      <span class="provenance-dot" />
      <span>
        {t().provenance.from} {t().provenance[result.source]}, <span class="provenance-age">{formatAge(ageMs)}</span>
      </span>
      {result.stale && <span class="badge" title={t().provenance.keptTitle}>{t().provenance.kept}</span>}
      {result.degraded === "stale" && <span class="badge" title={t().provenance.serverTitle}>{t().provenance.server}</span>}
      {result.degraded === "default" && <span class="badge" title={t().provenance.fallbackTitle}>{t().provenance.fallback}</span>}
      {result.pending > 0 && <span class="badge">{t().provenance.unsent(result.pending)}</span>}
    </p>
  );
}
