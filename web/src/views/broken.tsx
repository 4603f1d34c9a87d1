/** For when a view itself fails: a part of the app is not on this device, or has a defect. */
import { View } from "../parts/view.tsx";

/** Shown instead of a view whose code could not be loaded. */
export function Missing() {
  return <Reload title="Not on this device yet" advice="This part of the app could not be loaded. Once you are online, reload the page; from then on it is kept here." />;
}

/** Shown instead of a view that threw. */
export function Broken() {
  return <Reload title="This page failed" advice="That is a defect in the app. Nothing you recorded is lost; reloading usually helps." />;
}

function Reload({ title, advice }: { title: string; advice: string }) {
  return (
    <View title={title}>
      <section class="notice" role="alert">
        <p>{advice}</p>
        <button type="button" class="button button-primary" onClick={() => location.reload()}>Reload</button>
      </section>
    </View>
  );
}
