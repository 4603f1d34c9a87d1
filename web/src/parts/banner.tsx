/** Lines above the view for what concerns the whole app: an ended session, a newer version. */
import { views } from "../api.ts";
import { isStuck, status } from "../kairos.ts";
import { update } from "../shell.ts";

export function Banner() {
  const { session, user, pending } = status.value;
  return (
    <>
      {isStuck.value && (
        <p class="banner" role="status">
          A part of the app could not be loaded; it is tried again. <button type="button" class="button button-small" onClick={() => location.reload()}>Reload</button>
        </p>
      )}
      {session === "ended" && user !== null && (
        <p class="banner" role="status">
          The session of {user.display_name} has ended{pending.length > 0 && `; ${pending.length} waiting to be sent are kept`}. <a href={views.signIn}>Sign in again</a>
        </p>
      )}
      {update.value !== undefined && (
        <p class="banner" role="status">
          A newer version of this app is ready. <button type="button" class="button button-small" onClick={update.value}>Reload</button>
        </p>
      )}
    </>
  );
}
