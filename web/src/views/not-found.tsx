/** For an address that no view has. */
import { views } from "../api.ts";
import { View } from "../parts/view.tsx";
import { t } from "../messages/messages.ts";

export function NotFound() {
  return (
    <View title={t().notices.nothing}>
      <section class="notice">
        <p>{t().notices.mistyped}</p>
        <a class="button" href={views.catalogue}>{t().toCatalogue}</a>
      </section>
    </View>
  );
}
