// What the centre knows, kept current by its event stream. A snapshot by REST at every (re)opening
// of the stream fills what was missed; a probe tells a quiet stream from a dead one.
import { batch, computed, signal } from "@preact/signals";

import { api, errorWords } from "./api";
import { now, serverNow } from "./clock";
import {
  type Agent,
  type Alert,
  byUrgency,
  type Camera,
  cameraKey,
  isOpen,
  type VongEvent,
  withOccupancy,
} from "./model";

const EVENTS_KEPT = 200;
const EVENTS_LOADED = 60;
const ALERTS_LOADED = 200;
/** Above this, closed alerts are let go; open ones never are. */
const ALERTS_KEPT = 1_000;
const PROBE_MS = 15_000;
/** The centre speaks every 15 s at least; a stream silent for longer is opened anew. */
const SILENCE_MS = 60_000;
/** Changes are shown together this often, so that a burst costs one drawing. */
const GATHER_MS = 100;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 15_000;

export type LinkState = "connecting" | "live" | "down";

/** `goodAt`: when the page last knew that it showed the present; null if it never did. */
export const link = signal<{ state: LinkState; goodAt: number | null }>({ state: "connecting", goodAt: null });
export const cameras = signal<ReadonlyMap<string, Camera>>(new Map());
export const agents = signal<ReadonlyMap<string, Agent>>(new Map());
export const alerts = signal<ReadonlyMap<string, Alert>>(new Map());
export const moreAlerts = signal(false);
/** Newest first. */
export const recent = signal<readonly VongEvent[]>([]);
export const eventsToday = signal<number | null>(null);
export const loaded = signal(false);
export const loadError = signal("");
/** Alerts that came up while the page was open, for the voice that reads them out. */
export const raised = signal<Alert | null>(null);

export const openAlerts = computed(() => [...alerts.value.values()].filter(isOpen).sort(byUrgency));
/** True while what is shown may not be the present. */
export const stale = computed(() => link.value.state !== "live");

type Message =
  | { type: "event"; value: VongEvent }
  | { type: "alert"; value: Alert }
  | { type: "camera"; value: Camera }
  | { type: "agent"; value: Agent };

let source: EventSource | null = null;
let heardAt = 0;
let retryMs = RETRY_MS_MIN;
let waiting: Message[] = [];
const timers: { gather?: number; retry?: number; probe?: number } = {};
/** Keys told by the stream since the snapshot was asked for: newer than the snapshot. */
let touched = new Set<string>();
let snapshot = 0;

export function start(): void {
  stop();
  connect();
  timers.probe = window.setInterval(() => void probe(), PROBE_MS);
}

export function stop(): void {
  source?.close();
  source = null;
  for (const name of ["gather", "retry", "probe"] as const) {
    window.clearTimeout(timers[name]);
    delete timers[name];
  }
  waiting = [];
  snapshot += 1;
  batch(() => {
    link.value = { state: "connecting", goodAt: null };
    loaded.value = false;
    cameras.value = new Map();
    agents.value = new Map();
    alerts.value = new Map();
    recent.value = [];
  });
}

function connect(): void {
  source?.close();
  const opened = new EventSource(api.streamUrl());
  source = opened;
  heardAt = Date.now();
  opened.onopen = () => {
    heardAt = Date.now();
    retryMs = RETRY_MS_MIN;
    void load(opened);
  };
  opened.onerror = () => {
    if (opened !== source) return;
    markDown();
    // The browser resumes by itself (Last-Event-ID) unless the centre refused outright.
    if (opened.readyState === EventSource.CLOSED) retryLater();
  };
  for (const type of ["event", "alert", "camera", "agent"] as const) {
    opened.addEventListener(type, (message) => {
      if (opened === source) receive(type, message.data);
    });
  }
  opened.addEventListener("alive", () => {
    heardAt = Date.now();
  });
}

function retryLater(): void {
  window.clearTimeout(timers.retry);
  timers.retry = window.setTimeout(() => {
    // A refusal may mean that the session has ended: the probe finds out and leads to the sign-in.
    void probe();
    connect();
  }, retryMs);
  retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
}

function receive(type: Message["type"], data: string): void {
  heardAt = Date.now();
  try {
    waiting.push({ type, value: JSON.parse(data) } as Message);
  } catch {
    return;
  }
  if (link.value.state === "live") link.value = { state: "live", goodAt: serverNow() };
  timers.gather ??= window.setTimeout(() => {
    delete timers.gather;
    apply();
  }, GATHER_MS);
}

function apply(): void {
  const messages = waiting;
  waiting = [];
  const nextCameras = new Map(cameras.value);
  const nextAgents = new Map(agents.value);
  const fresh: VongEvent[] = [];
  batch(() => {
    for (const { type, value } of messages) {
      if (type === "event") {
        fresh.push(value);
        const camera = nextCameras.get(cameraKey(value.agent, value.camera));
        if (camera) nextCameras.set(cameraKey(value.agent, value.camera), withOccupancy(camera, value));
      } else if (type === "alert") putAlert(value);
      else if (type === "camera") {
        nextCameras.set(cameraKey(value.agent, value.id), value);
        touched.add(`camera ${cameraKey(value.agent, value.id)}`);
      } else {
        nextAgents.set(value.id, value);
        touched.add(`agent ${value.id}`);
      }
    }
    if ([...nextCameras].some(([key, camera]) => cameras.value.get(key) !== camera)) cameras.value = nextCameras;
    if (messages.some((m) => m.type === "agent")) agents.value = nextAgents;
    if (fresh.length > 0) {
      recent.value = mergeEvents(fresh, recent.value);
      // Near enough until the next probe tells.
      if (eventsToday.value !== null) eventsToday.value += fresh.length;
    }
  });
}

/** An alert as the centre last told it: by the stream, or in answer to an acknowledgement. */
export function putAlert(alert: Alert): void {
  const known = alerts.value.get(alert.id);
  if (known && Date.parse(known.changed_at) > Date.parse(alert.changed_at)) return;
  const next = new Map(alerts.value);
  next.set(alert.id, alert);
  if (next.size > ALERTS_KEPT) for (const [id, old] of next) if (!isOpen(old)) next.delete(id);
  touched.add(`alert ${alert.id}`);
  alerts.value = next;
  const news = !known || alert.occurrences > known.occurrences;
  if (news && loaded.value && isOpen(alert) && !alert.acknowledged) raised.value = alert;
}

export function mergeEvents(fresh: readonly VongEvent[], known: readonly VongEvent[]): VongEvent[] {
  const byId = new Map<string, VongEvent>();
  for (const event of [...known, ...fresh]) byId.set(event.id, event);
  return [...byId.values()].sort((a, b) => Date.parse(b.stored_at) - Date.parse(a.stored_at)).slice(0, EVENTS_KEPT);
}

async function load(opened: EventSource): Promise<void> {
  snapshot += 1;
  const mine = snapshot;
  touched = new Set();
  try {
    const [cameraList, agentList, alertPage, eventPage, summary] = await Promise.all([
      api.cameras(),
      api.agents(),
      api.alerts("open", null, ALERTS_LOADED),
      api.events({}, null, EVENTS_LOADED),
      api.summary(),
    ]);
    if (mine !== snapshot) return;
    apply();
    batch(() => {
      cameras.value = replace("camera", cameraList.items, (c) => cameraKey(c.agent, c.id), cameras.value);
      agents.value = replace("agent", agentList.items, (a) => a.id, agents.value);
      alerts.value = replace("alert", alertPage.items, (a) => a.id, alerts.value);
      moreAlerts.value = alertPage.next !== null;
      recent.value = mergeEvents(eventPage.items, recent.value);
      eventsToday.value = summary.events_today;
      loadError.value = "";
      loaded.value = true;
      // The stream may have broken again while the snapshot was under way.
      if (opened.readyState === EventSource.OPEN) link.value = { state: "live", goodAt: serverNow() };
    });
  } catch (error) {
    if (mine !== snapshot) return;
    loadError.value = errorWords(error);
    markDown();
    retryLater();
  }
}

/** The snapshot, but for what the stream has told since it was asked for. */
function replace<T>(kind: string, items: T[], key: (item: T) => string, known: ReadonlyMap<string, T>): Map<string, T> {
  const next = new Map(items.map((item) => [key(item), item]));
  for (const [name, item] of known) {
    if (touched.has(`${kind} ${name}`)) next.set(name, item);
  }
  return next;
}

async function probe(): Promise<void> {
  try {
    const summary = await api.summary();
    eventsToday.value = summary.events_today;
    if (link.value.state === "live") link.value = { state: "live", goodAt: serverNow() };
    if (Date.now() - heardAt > SILENCE_MS) connect();
  } catch {
    markDown();
    // When the centre answers again the stream is opened anew, for a snapshot of what was missed.
    if (source && source.readyState === EventSource.OPEN) retryLater();
  }
}

function markDown(): void {
  if (link.value.state !== "down") link.value = { state: "down", goodAt: link.value.goodAt };
  now.value = serverNow();
}
