/** Who is signed in, and signing out: with a warning where that would lose something. */
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { views } from "../api.ts";
import { formatCount } from "../format.ts";
import { asKairosError, kairos, status } from "../kairos.ts";
import { announce } from "../parts/announcer.tsx";
import { SignedIn } from "../parts/signed-in.tsx";
import { View } from "../parts/view.tsx";
import { tellOtherTabs } from "../tabs.ts";

export function AccountPage() {
  const { user, session } = status.value;
  // A session that ended can still be signed out of: that is how its data leaves this device.
  if (user !== null && session === "ended") return <Account />;
  return <SignedIn title="Account" what="your account">{() => <Account />}</SignedIn>;
}

function Account() {
  const { user } = status.value;
  const { route } = useLocation();
  const [isWarning, setWarning] = useState(false);
  const signOut = async (discard: boolean) => {
    try {
      await kairos().logout({ discard });
      tellOtherTabs();
      announce("Signed out. Your progress, history and sign-in are no longer on this device.");
      route(views.catalogue);
    } catch (thrown) {
      const error = asKairosError(thrown);
      if (error.code === "pending_operations") setWarning(true);
      else announce(`Not signed out: ${error.message}`);
    }
  };
  if (user === null) return null;
  return (
    <View title="Account" class="narrow">
      <dl class="facts facts-large">
        <dt>Name</dt>
        <dd>{user.display_name}</dd>
        <dt>Email</dt>
        <dd>{user.email}</dd>
        <dt>Role</dt>
        <dd>{user.roles.join(", ")}</dd>
      </dl>
      <p class="remark">Signing out removes your progress and history from this device. They stay in your account.</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => void signOut(false)}>Sign out</button>
      </div>
      {isWarning && <LossWarning onStay={() => setWarning(false)} onDiscard={() => void signOut(true)} />}
    </View>
  );
}

function LossWarning({ onStay, onDiscard }: { onStay: () => void; onDiscard: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const count = status.value.pending.length;
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="loss-title" onClose={onStay}>
      <h2 id="loss-title">{formatCount(count, "entry has", "entries have")} not been sent yet</h2>
      <p>Kaïros cannot be reached right now. If you sign out, what waits here is lost for good. Stay signed in, and it is sent once you are online.</p>
      <div class="actions">
        <button type="button" class="button button-primary" autoFocus onClick={onStay}>Stay signed in</button>
        <button type="button" class="button button-danger" onClick={onDiscard}>Sign out and lose {count === 1 ? "it" : "them"}</button>
      </div>
    </dialog>
  );
}
