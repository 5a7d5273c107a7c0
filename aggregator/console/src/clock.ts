// The centre's time, so that ages are right on a workstation whose clock is wrong.
import { signal } from "@preact/signals";

/** A `Date` header has whole seconds and was written a round trip ago: below this it says nothing. */
const SKEW_IGNORED_MS = 3_000;
const TICK_MS = 1_000;

let skew = 0;

/** Milliseconds since 1970 at the centre; moves on once a second. */
export const now = signal(Date.now());

export function serverTold(serverMs: number): void {
  const difference = serverMs - Date.now();
  skew = Math.abs(difference) > SKEW_IGNORED_MS ? difference : 0;
}

export function serverNow(): number {
  return Date.now() + skew;
}

export function startClock(): void {
  setInterval(() => {
    now.value = serverNow();
  }, TICK_MS);
}
