/** For when a view itself fails: a part of the app is not on this device, or has a defect. */
import { View } from "../parts/view.tsx";
import { t } from "../messages/messages.ts";

/** Shown instead of a view whose code could not be loaded. */
export function Missing() {
  return <Reload title={t().notices.missing} advice={t().notices.missingAdvice} />;
}

/** Shown instead of a view that threw. */
export function Broken() {
  return <Reload title={t().notices.broken} advice={t().notices.brokenAdvice} />;
}

function Reload({ title, advice }: { title: string; advice: string }) {
  return (
    <View title={title}>
      <section class="notice" role="alert">
        <p>{advice}</p>
        <button type="button" class="button button-primary" onClick={() => location.reload()}>{t().reload}</button>
      </section>
    </View>
  );
}
