/** Shows a view of the learner's own data to a learner, and to nobody else: a new learner gets a new view. */
import type { ComponentChildren } from "preact";
import { views } from "../api.ts";
import { status } from "../kairos.ts";
import { Loading } from "./notices.tsx";
import { View } from "./view.tsx";

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
        <h2>{session === "ended" ? "Your session has ended" : `Sign in to see ${what}`}</h2>
        <p>
          {session === "ended"
            ? "Sign in again as the same person: what waits on this device is kept and sent then."
            : "Progress, scores and history belong to an account. It takes an email and a password."}
        </p>
        <div class="actions">
          <a class="button button-primary" href={views.signIn}>Sign in</a>
          {session !== "ended" && <a class="button" href={views.register}>Create an account</a>}
        </div>
      </section>
    </View>
  );
}
