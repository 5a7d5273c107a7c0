// Single-letter keys, which a person can turn off (WCAG 2.1.4), and which are silent while one writes.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const STORED_AS = "vong.keys";

function remembered(): boolean {
  try {
    return localStorage.getItem(STORED_AS) !== "off";
  } catch {
    return true;
  }
}

export const keysOn = signal(remembered());

export function setKeys(on: boolean): void {
  keysOn.value = on;
  try {
    localStorage.setItem(STORED_AS, on ? "on" : "off");
  } catch {
    // Not remembered; it holds for this visit.
  }
}

/** Keys that may be held down; the others act once a press, so that one long press acts on one thing. */
const HELD = new Set(["j", "k"]);
const WRITING = new Set(["INPUT", "TEXTAREA", "SELECT"]);

export function useKeys(actions: Readonly<Record<string, () => void>>): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!keysOn.value || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const target = event.target instanceof Element ? event.target : null;
      if (event.repeat && !HELD.has(event.key)) return;
      if (target && WRITING.has(target.tagName)) return;
      if (document.querySelector("dialog[open]")) return;
      const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  });
}
