// The door: sign-in, and the making of the first administrator.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { ApiError, api, errorWords } from "../api";
import { t } from "../i18n";
import { Fault } from "../parts";
import { go, rewrite } from "../router";
import { enter, sessionEnded } from "../session";

export function SignInPage() {
  const username = useSignal("");
  const password = useSignal("");
  const fault = useSignal("");
  const submit = async () => {
    try {
      enter(await api.signIn(username.value.trim(), password.value));
    } catch (error) {
      fault.value = error instanceof ApiError && error.status === 401 ? t("signin.wrong") : errorWords(error);
    }
  };
  return (
    <Door title={t("signin.title")} action={t("signin.submit")} fault={fault.value} onSubmit={submit}>
      {sessionEnded.value ? <p class="hint">{t("signin.ended")}</p> : null}
      <NameField value={username.value} onChange={(v) => (username.value = v)} />
      <PasswordField id="password" label={t("signin.password")} autocomplete="current-password" value={password.value} onChange={(v) => (password.value = v)} />
    </Door>
  );
}

export function SetupPage({ token }: { token: string | null }) {
  // Read once, then out of the address and the history: it is a secret.
  const secret = useSignal(token ?? "");
  const username = useSignal("");
  const password = useSignal("");
  const repeated = useSignal("");
  const fault = useSignal("");
  useEffect(() => {
    if (token) rewrite("#/setup");
  }, [token]);
  const submit = async () => {
    if (password.value !== repeated.value) {
      fault.value = t("setup.mismatch");
      return;
    }
    try {
      await api.setup(secret.value, username.value.trim(), password.value);
      enter(await api.signIn(username.value.trim(), password.value));
      go("#/now");
    } catch (error) {
      fault.value = errorWords(error);
    }
  };
  if (!secret.value) {
    return (
      <main class="door" id="main">
        <h1>{t("setup.title")}</h1>
        <Fault text={t("setup.no_token")} />
        <p>
          <a href="#/now">{t("signin.title")}</a>
        </p>
      </main>
    );
  }
  return (
    <Door title={t("setup.title")} action={t("setup.submit")} fault={fault.value} onSubmit={submit}>
      <p class="hint">{t("setup.about")}</p>
      <NameField value={username.value} onChange={(v) => (username.value = v)} />
      <PasswordField id="password" label={t("signin.password")} autocomplete="new-password" value={password.value} onChange={(v) => (password.value = v)} />
      <PasswordField id="repeated" label={t("setup.repeat")} autocomplete="new-password" value={repeated.value} onChange={(v) => (repeated.value = v)} />
    </Door>
  );
}

interface DoorProps {
  title: string;
  action: string;
  fault: string;
  onSubmit: () => Promise<void>;
  children: ComponentChildren;
}

function Door({ title, action, fault, onSubmit, children }: DoorProps) {
  const busy = useSignal(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    await onSubmit();
    busy.value = false;
  };
  return (
    <main class="door" id="main">
      <form class="panel" onSubmit={submit}>
        <p class="door-name">
          <strong>{t("app.name")}</strong> {t("app.place")}
        </p>
        <h1>{title}</h1>
        {children}
        {fault ? <Fault text={fault} /> : null}
        <button type="submit" class="primary" disabled={busy.value}>
          {busy.value ? t("signin.busy") : action}
        </button>
      </form>
    </main>
  );
}

function NameField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <label class="field">
      {t("signin.user")}
      <input
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        maxLength={64}
        value={value}
        onInput={(e) => onChange(e.currentTarget.value)}
      />
    </label>
  );
}

interface PasswordProps {
  id: string;
  label: string;
  autocomplete: "current-password" | "new-password";
  value: string;
  onChange: (value: string) => void;
}

function PasswordField({ id, label, autocomplete, value, onChange }: PasswordProps) {
  const shown = useSignal(false);
  const type = shown.value ? ({ type: "text" } as const) : ({ type: "password" } as const);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={id}
        {...type}
        autocomplete={autocomplete}
        required
        maxLength={256}
        value={value}
        onInput={(e) => onChange(e.currentTarget.value)}
      />
      <label class="check">
        <input type="checkbox" checked={shown.value} onChange={(e) => (shown.value = e.currentTarget.checked)} />
        {t("signin.show")}
      </label>
    </div>
  );
}
