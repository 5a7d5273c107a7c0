// Addresses after the `#`, so that the centre serves one page whatever the address.
import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);

window.addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export interface Route {
  /** Decoded path segments: `#/camera/box-1/gate` → ["camera", "box-1", "gate"]. */
  path: string[];
  query: URLSearchParams;
}

export function parseHash(text: string): Route {
  const [path = "", query = ""] = text.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

/** A hand-written address may hold a lone `%`; it is then taken as it stands. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const route = computed(() => parseHash(hash.value));

export function href(path: readonly string[], query: Record<string, string> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export function go(address: string): void {
  location.hash = address;
}

/** Changes the address without leaving the old one in the history: it may hold a secret. */
export function rewrite(address: string): void {
  history.replaceState(null, "", address);
}

export const cameraHref = (agent: string, id: string) => href(["camera", agent, id]);
