// The typed client of the centre's REST API. One place for cookies' partner (the CSRF header),
// time limits and the words of refusals.
import { t, tOr } from "./i18n";
import type { Agent, Alert, Camera, CountRow, Page, Session, Severity, Summary, VongEvent } from "./model";

const BASE = "/api/v1";
const TIMEOUT_MS = 15_000;

/** Why the centre did not do it. `status` 0: it was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(detail || `status ${status}`);
  }
}

/** A refusal in words, in the language of the page, with the centre's own sentence if it gave one. */
export function errorWords(error: unknown): string {
  if (!(error instanceof ApiError)) return t("error.network");
  const fallback = error.status >= 500 ? t("error.500") : t("error.other", { status: error.status });
  const words = error.status === 0 ? t("error.network") : tOr("error", String(error.status), fallback);
  return error.detail ? `${words} ${error.detail}` : words;
}

let csrf = "";
let onUnauthorized: () => void = () => undefined;
let onClock: (serverMs: number) => void = () => undefined;

export function configure(hooks: { unauthorized: () => void; clock: (serverMs: number) => void }): void {
  onUnauthorized = hooks.unauthorized;
  onClock = hooks.clock;
}

type Query = Record<string, string | number | null | undefined>;

function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

async function problem(response: Response): Promise<ApiError> {
  let detail = "";
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null) {
      const told = (body as Record<string, unknown>).detail ?? (body as Record<string, unknown>).title;
      if (typeof told === "string") detail = told;
    }
  } catch {
    // Not JSON, so not the centre's own word: the status says all there is.
  }
  return new ApiError(response.status, detail);
}

async function send(method: string, address: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf) headers["x-csrf-token"] = csrf;
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  try {
    return await fetch(address, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === "TimeoutError";
    throw new ApiError(0, late ? t("error.timeout") : "");
  }
}

async function call<T>(method: string, address: string, body?: unknown): Promise<T> {
  const response = await send(method, address, body);
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isFinite(date)) onClock(date);
  if (!response.ok) {
    // A 401 to the sign-in itself means a wrong password, not an ended session.
    if (response.status === 401 && !address.startsWith(`${BASE}/session`)) onUnauthorized();
    throw await problem(response);
  }
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, "");
  }
}

function keepCsrf(session: Session): Session {
  csrf = session.csrf;
  return session;
}

const segment = encodeURIComponent;

export interface EventFilter {
  agent?: string;
  camera?: string;
  kind?: string;
  severity_min?: Severity | "";
}

export const api = {
  session: async () => keepCsrf(await call<Session>("GET", url("/session"))),
  signIn: async (username: string, password: string) =>
    keepCsrf(await call<Session>("POST", url("/session"), { username, password })),
  signOut: () => call<void>("DELETE", url("/session")),
  setup: (token: string, username: string, password: string) =>
    call<unknown>("POST", url("/setup"), { token, username, password }),

  summary: () => call<Summary>("GET", url("/summary")),
  agents: () => call<{ items: Agent[] }>("GET", url("/agents")),
  cameras: () => call<{ items: Camera[] }>("GET", url("/cameras")),
  camera: (agent: string, id: string) => call<Camera>("GET", url(`/agents/${segment(agent)}/cameras/${segment(id)}`)),
  counts: (agent: string, id: string, since: string) =>
    call<{ items: CountRow[] }>("GET", url(`/agents/${segment(agent)}/cameras/${segment(id)}/counts`, { since })),

  events: (filter: EventFilter, before: string | null, limit: number) =>
    call<Page<VongEvent>>("GET", url("/events", { ...filter, before, limit })),
  event: (id: string) => call<VongEvent>("GET", url(`/events/${segment(id)}`)),

  alerts: (state: "open" | "all", before: string | null, limit: number) =>
    call<Page<Alert>>("GET", url("/alerts", { state, before, limit })),
  alert: (id: string) => call<Alert>("GET", url(`/alerts/${segment(id)}`)),
  acknowledge: (id: string, note: string) =>
    call<Alert>("POST", url(`/alerts/${segment(id)}/acknowledge`), { note }),

  evidenceUrl: (sha256: string) => url(`/evidence/${segment(sha256)}`),
  streamUrl: () => url("/stream"),
};
