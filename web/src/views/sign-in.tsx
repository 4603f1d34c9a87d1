/** Signing in, and creating an account. */
import { useLocation } from "preact-iso";
import { views } from "../api.ts";
import { kairos, status } from "../kairos.ts";
import { announce } from "../parts/announcer.tsx";
import { CredentialsForm, type FieldSpec } from "../parts/credentials-form.tsx";
import { View } from "../parts/view.tsx";

const EMAIL: FieldSpec = { name: "email", label: "Email", type: "email", autocomplete: "username", maxLength: 254 };
const PASSWORD: FieldSpec = { name: "password", label: "Password", type: "password", autocomplete: "current-password", maxLength: 128 };
const NEW_PASSWORD: FieldSpec = { ...PASSWORD, autocomplete: "new-password", minLength: 8, hint: "8 characters or more." };
const DISPLAY_NAME: FieldSpec = { name: "display_name", label: "Name", type: "text", autocomplete: "name", maxLength: 100, hint: "What to call you." };

export function SignIn() {
  const { route } = useLocation();
  const { session, user } = status.value;
  return (
    <View title="Sign in" class="narrow" lead={<p>{session === "ended" && user !== null ? `The session of ${user.email} has ended. Sign in again and what waits here is sent.` : "Welcome back."}</p>}>
      <CredentialsForm
        fields={[EMAIL, PASSWORD]} action="Sign in"
        onSubmit={async ({ email = "", password = "" }) => {
          welcome((await kairos().login(email, password)).display_name);
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
          welcome((await kairos().register(email, display_name, password)).display_name);
          route(views.catalogue);
        }}
      />
      <p>Have one already? <a href={views.signIn}>Sign in</a>.</p>
    </View>
  );
}

function welcome(name: string): void {
  announce(`Signed in as ${name}.`);
}
