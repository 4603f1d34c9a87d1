/** Who is signed in, and signing out: with a warning where that would lose something. */
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { views } from "../api.ts";
import { asKairosError, kairos, status } from "../kairos.ts";
import { announce } from "../parts/announcer.tsx";
import { SignedIn } from "../parts/signed-in.tsx";
import { View } from "../parts/view.tsx";
import { tellOtherTabs } from "../tabs.ts";
import { t } from "../messages/messages.ts";

export function AccountPage() {
  const { user, session } = status.value;
  // A session that ended can still be signed out of: that is how its data leaves this device.
  if (user !== null && session === "ended") return <Account />;
  return <SignedIn title={t().account} what={t().what.account}>{() => <Account />}</SignedIn>;
}

function Account() {
  const { user } = status.value;
  const { route } = useLocation();
  const [isWarning, setWarning] = useState(false);
  const signOut = async (discard: boolean) => {
    try {
      await kairos().logout({ discard });
      tellOtherTabs();
      announce(t().accountView.signedOut);
      route(views.catalogue);
    } catch (thrown) {
      const error = asKairosError(thrown);
      if (error.code === "pending_operations") setWarning(true);
      else announce(t().accountView.notSignedOut(error.message));
    }
  };
  if (user === null) return null;
  return (
    <View title={t().account} class="narrow">
      <dl class="facts facts-large">
        <dt>{t().form.name}</dt>
        <dd>{user.display_name}</dd>
        <dt>{t().form.email}</dt>
        <dd>{user.email}</dd>
        <dt>{t().accountView.role}</dt>
        <dd>{user.roles.join(", ")}</dd>
      </dl>
      <p class="remark">{t().accountView.remark}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => void signOut(false)}>{t().accountView.signOut}</button>
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
      <h2 id="loss-title">{t().accountView.lossTitle(count)}</h2>
      <p>{t().accountView.loss}</p>
      <div class="actions">
        <button type="button" class="button button-primary" autoFocus onClick={onStay}>{t().accountView.stay}</button>
        <button type="button" class="button button-danger" onClick={onDiscard}>{t().accountView.lose(count)}</button>
      </div>
    </dialog>
  );
}
