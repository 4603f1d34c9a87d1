/** Shows a view of the learner's own data to a learner, and to nobody else: a new learner gets a new view. */
import type { ComponentChildren } from "preact";
import { views } from "../api.ts";
import { status } from "../kairos.ts";
import { Loading } from "./notices.tsx";
import { View } from "./view.tsx";
import { t } from "../messages/messages.ts";

interface SignedInProps {
  title: string;
  what: string;
  children: () => ComponentChildren;
}

export function SignedIn({ title, what, children }: SignedInProps) {
  const { session, user } = status.value;
  if (session === "active" && user !== null) return <div key={user.id}>{children()}</div>;
  if (session === "unknown") return <View title={title}><Loading what={what} /></View>;
  return (
    <View title={title}>
      <section class="notice">
        <h2>{session === "ended" ? t().signedIn.ended : t().signedIn.signInTo(what)}</h2>
        <p>
          {session === "ended"
            ? t().signedIn.endedAdvice
            : t().signedIn.advice}
        </p>
        <div class="actions">
          <a class="button button-primary" href={views.signIn}>{t().signIn}</a>
          {session !== "ended" && <a class="button" href={views.register}>{t().createAccount}</a>}
        </div>
      </section>
    </View>
  );
}
