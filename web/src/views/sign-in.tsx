/** Signing in, and creating an account. */
import { MAX_DISPLAY_NAME_CHARS, MAX_EMAIL_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS } from "@kairos/client/contract";
import { useLocation } from "preact-iso";
import { views } from "../api.ts";
import { status, whenOpen } from "../kairos.ts";
import { announce } from "../parts/announcer.tsx";
import { CredentialsForm, type FieldSpec } from "../parts/credentials-form.tsx";
import { View } from "../parts/view.tsx";
import { askToPersist } from "../storage.ts";
import { tellOtherTabs } from "../tabs.ts";
import { t } from "../messages/messages.ts";

const emailField = (): FieldSpec => ({ name: "email", label: t().form.email, type: "email", autocomplete: "username", maxLength: MAX_EMAIL_CHARS });
const passwordField = (): FieldSpec => ({ name: "password", label: t().form.password, type: "password", autocomplete: "current-password", maxLength: MAX_PASSWORD_CHARS });
const newPasswordField = (): FieldSpec => ({ ...passwordField(), autocomplete: "new-password", minLength: MIN_PASSWORD_CHARS, hint: t().form.passwordHint(MIN_PASSWORD_CHARS) });
const nameField = (): FieldSpec => ({ name: "display_name", label: t().form.name, type: "text", autocomplete: "name", maxLength: MAX_DISPLAY_NAME_CHARS, hint: t().form.nameHint });

export function SignIn() {
  const { route } = useLocation();
  const { session, user } = status.value;
  return (
    <View title={t().signIn} class="narrow" lead={<p>{session === "ended" && user !== null ? t().signInView.ended(user.email) : t().signInView.welcome}</p>}>
      <CredentialsForm
        fields={[emailField(), passwordField()]} action={t().signIn}
        onSubmit={async ({ email = "", password = "" }) => {
          welcome((await (await whenOpen()).login(email, password)).display_name);
          route(views.catalogue);
        }}
      />
      <p>{t().signInView.newHere} <a href={views.register}>{t().createAccount}</a>.</p>
    </View>
  );
}

export function Register() {
  const { route } = useLocation();
  return (
    <View title={t().createAccount} class="narrow" lead={<p>{t().signInView.lead}</p>}>
      <CredentialsForm
        fields={[nameField(), emailField(), newPasswordField()]} action={t().signInView.create}
        onSubmit={async ({ email = "", display_name = "", password = "" }) => {
          welcome((await (await whenOpen()).register(email, display_name, password)).display_name);
          route(views.catalogue);
        }}
      />
      <p>{t().signInView.haveOne} <a href={views.signIn}>{t().signIn}</a>.</p>
    </View>
  );
}

function welcome(name: string): void {
  tellOtherTabs();
  askToPersist();
  announce(t().signInView.done(name));
}
