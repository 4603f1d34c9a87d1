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

const EMAIL: FieldSpec = { name: "email", label: "Email", type: "email", autocomplete: "username", maxLength: MAX_EMAIL_CHARS };
const PASSWORD: FieldSpec = { name: "password", label: "Password", type: "password", autocomplete: "current-password", maxLength: MAX_PASSWORD_CHARS };
const NEW_PASSWORD: FieldSpec = { ...PASSWORD, autocomplete: "new-password", minLength: MIN_PASSWORD_CHARS, hint: `${MIN_PASSWORD_CHARS} characters or more.` };
const DISPLAY_NAME: FieldSpec = { name: "display_name", label: "Name", type: "text", autocomplete: "name", maxLength: MAX_DISPLAY_NAME_CHARS, hint: "What to call you." };

export function SignIn() {
  const { route } = useLocation();
  const { session, user } = status.value;
  return (
    <View title="Sign in" class="narrow" lead={<p>{session === "ended" && user !== null ? `The session of ${user.email} has ended. Sign in again and what waits here is sent.` : "Welcome back."}</p>}>
      <CredentialsForm
        fields={[EMAIL, PASSWORD]} action="Sign in"
        onSubmit={async ({ email = "", password = "" }) => {
          welcome((await (await whenOpen()).login(email, password)).display_name);
          route(views.catalogue);
        }}
      />
      <p>New here? <a href={views.register}>Create an account</a>.</p>
    </View>
  );
}

export function Register() {
  const { route } = useLocation();
  return (
    <View title="Create an account" class="narrow" lead={<p>It keeps your progress, on every device you sign in on.</p>}>
      <CredentialsForm
        fields={[DISPLAY_NAME, EMAIL, NEW_PASSWORD]} action="Create account"
        onSubmit={async ({ email = "", display_name = "", password = "" }) => {
          welcome((await (await whenOpen()).register(email, display_name, password)).display_name);
          route(views.catalogue);
        }}
      />
      <p>Have one already? <a href={views.signIn}>Sign in</a>.</p>
    </View>
  );
}

function welcome(name: string): void {
  tellOtherTabs();
  askToPersist();
  announce(`Signed in as ${name}.`);
}
