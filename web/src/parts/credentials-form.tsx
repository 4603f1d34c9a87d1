/** The form behind signing in and creating an account: fields, what is wrong with them, and one button. */
import { useId, useState } from "preact/hooks";
import type { KairosError } from "@kairos/client";
import { asKairosError } from "../kairos.ts";
import { t } from "../messages/messages.ts";

export interface FieldSpec {
  /** As the API calls it. */
  name: string;
  label: string;
  type: "email" | "password" | "text";
  autocomplete: "username" | "name" | "current-password" | "new-password";
  hint?: string;
  minLength?: number;
  maxLength?: number;
}

interface CredentialsFormProps {
  fields: FieldSpec[];
  action: string;
  onSubmit: (values: Record<string, string>) => Promise<void>;
}

export function CredentialsForm({ fields, action, onSubmit }: CredentialsFormProps) {
  const [error, setError] = useState<KairosError>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit(Object.fromEntries(fields.map(({ name }) => [name, String(form.get(name) ?? "")])));
    } catch (thrown) {
      setError(asKairosError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="credentials" onSubmit={(event) => void submit(event)}>
      {fields.map((field) => (
        <Field key={field.name} field={field} problem={error?.problem?.errors?.find((wrong) => wrong.field === field.name)?.detail} />
      ))}
      {error !== undefined && <p class="form-error" role="alert">{explain(error)}</p>}
      <button type="submit" class="button button-primary" disabled={isBusy}>{isBusy ? t().form.busy : action}</button>
    </form>
  );
}

function Field({ field, problem }: { field: FieldSpec; problem: string | undefined }) {
  const id = useId();
  const described = [field.hint !== undefined && `${id}-hint`, problem !== undefined && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <input
        id={id} class="input" name={field.name} {...typeOf(field)} required
        minLength={field.minLength} maxLength={field.maxLength} aria-invalid={problem !== undefined} aria-describedby={described || undefined}
      />
      {field.hint !== undefined && <p id={`${id}-hint`} class="hint">{field.hint}</p>}
      {problem !== undefined && <p id={`${id}-problem`} class="field-error">{field.label} {problem}.</p>}
    </div>
  );
}

/** Preact's types tell the kinds of input apart, so a union of them has to be named as one of them. */
function typeOf({ type, autocomplete }: FieldSpec) {
  return { type: type as "text", autocomplete };
}

function explain(error: KairosError): string {
  switch (error.code) {
    case "offline":
      return t().form.offline;
    case "wrong-credentials":
      return t().form.wrong;
    case "email-taken":
      return t().form.taken;
    case "too-many-requests":
      return t().form.tooMany;
    default:
      return error.problem?.detail || error.problem?.title || error.message;
  }
}
