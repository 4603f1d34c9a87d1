/** The button beside a course that keeps it on this device, and how far that is. */
import type { ModuleSummary } from "../api.ts";
import { keepCourse, keeping } from "../keep-course.ts";
import { readableOffline } from "../readable-offline.ts";
import { Icon } from "./icon.tsx";
import { t } from "../messages/messages.ts";

export function KeepCourse({ subject, items }: { subject: string; items: ModuleSummary[] }) {
  const state = keeping.value.get(subject);
  const kept = items.filter((item) => readableOffline.value.has(item.slug)).length;
  if (kept === items.length) return <p class="keep kept" role="status"><Icon name="saved" /> {t().list.kept}</p>;
  return (
    <div class="keep">
      <button type="button" class="button button-small" disabled={state === "under way"} onClick={() => void keepCourse(subject, items)}>
        <Icon name="saved" /> {t().list.keep}<span class="visually-hidden">: {subject}</span>
      </button>
      {state === "under way" && <><progress value={kept} max={items.length} aria-label={t().list.keeping(subject)} /><span>{t().list.keptSoFar(kept, items.length)}</span></>}
      {state === "broken off" && <span role="status">{t().list.brokenOff(kept, items.length)}</span>}
    </div>
  );
}
