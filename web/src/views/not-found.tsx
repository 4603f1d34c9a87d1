/** For an address that no view has. */
import { views } from "../api.ts";
import { View } from "../parts/view.tsx";

export function NotFound() {
  return (
    <View title="There is nothing here">
      <section class="notice">
        <p>The address may be mistyped, or the page is gone.</p>
        <a class="button" href={views.catalogue}>Go to the catalogue</a>
      </section>
    </View>
  );
}
