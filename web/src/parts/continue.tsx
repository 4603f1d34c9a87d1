/** The way back to the module that a learner was in last and has not finished. */
import { views } from "../api.ts";
import { isSignedIn } from "../kairos.ts";
import { records, summaries, titleOf } from "../library.ts";
import { Icon } from "./icon.tsx";
import { t } from "../messages/messages.ts";

export function Continue() {
  if (!isSignedIn.value) return null;
  const [last] = [...records.value.values()]
    .filter((record) => record.status === "in_progress" && summaries.value.has(record.module))
    .sort((a, b) => b.updated_at_ms - a.updated_at_ms);
  if (last === undefined) return null;
  return (
    <a class="continue" href={views.module(last.module)}>
      <span><small>{t().list.continue}</small><span dir="auto">{titleOf(last.module)}</span></span>
      <Icon name="next" />
    </a>
  );
}
