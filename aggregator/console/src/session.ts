// Who is at the page.
import { signal } from "@preact/signals";

import { ApiError, api } from "./api";
import * as live from "./live";
import type { Session } from "./model";

/** `undefined`: not known yet; null: nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);
export const sessionEnded = signal(false);
/** The centre could not say who is signed in. */
export const sessionError = signal<unknown>(null);

export async function restore(): Promise<void> {
  sessionError.value = null;
  try {
    enter(await api.session());
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) session.value = null;
    else sessionError.value = error;
  }
}

export function enter(current: Session): void {
  sessionEnded.value = false;
  session.value = current;
  live.start();
}

export function ended(): void {
  if (!session.value) return;
  sessionEnded.value = true;
  session.value = null;
  live.stop();
}

export async function signOut(): Promise<void> {
  await api.signOut();
  session.value = null;
  live.stop();
}

export function mayAcknowledge(): boolean {
  const role = session.value?.user.role;
  return role === "operator" || role === "supervisor" || role === "admin";
}
