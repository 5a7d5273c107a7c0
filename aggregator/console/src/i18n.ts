// The language of the page, and its strings with what is filled in.
import { signal } from "@preact/signals";

import { en } from "./strings/en";
import { type Key, vi } from "./strings/vi";

export type Lang = "vi" | "en";

export const STRINGS: Record<Lang, Record<Key, string>> = { vi, en };

const STORED_AS = "vong.lang";

/** The browser may forbid storage; the page then starts in Vietnamese each time. */
function remembered(): Lang {
  try {
    return globalThis.localStorage?.getItem(STORED_AS) === "en" ? "en" : "vi";
  } catch {
    return "vi";
  }
}

export const lang = signal<Lang>(remembered());

export function switchLang(): void {
  lang.value = lang.value === "vi" ? "en" : "vi";
  try {
    globalThis.localStorage?.setItem(STORED_AS, lang.value);
  } catch {
    // Not remembered; the switch holds for this visit.
  }
}

export type Fill = Record<string, string | number>;

export function t(key: Key, fill: Fill = {}): string {
  return STRINGS[lang.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(fill[name] ?? whole));
}

/** The string under `prefix.name`, or `fallback` where this page has no words for `name`. */
export function tOr(prefix: string, name: string, fallback: string): string {
  const key = `${prefix}.${name}`;
  return Object.hasOwn(STRINGS.vi, key) ? t(key as Key) : fallback;
}
