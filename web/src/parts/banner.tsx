/** Lines above the view for what concerns the whole app: an ended session, a newer version. */
import { views } from "../api.ts";
import { isStuck, status } from "../kairos.ts";
import { update } from "../shell.ts";
import { t } from "../messages/messages.ts";

export function Banner() {
  const { session, user, pending } = status.value;
  return (
    <>
      {isStuck.value && (
        <p class="banner" role="status">
          {t().banner.stuck} <button type="button" class="button button-small" onClick={() => location.reload()}>{t().reload}</button>
        </p>
      )}
      {session === "ended" && user !== null && (
        <p class="banner" role="status">
          {t().banner.ended(user.display_name)}{pending.length > 0 && t().banner.kept(pending.length)}. <a href={views.signIn}>{t().banner.signInAgain}</a>
        </p>
      )}
      {update.value !== undefined && (
        <p class="banner" role="status">
          {t().banner.newer} <button type="button" class="button button-small" onClick={update.value}>{t().reload}</button>
        </p>
      )}
    </>
  );
}
