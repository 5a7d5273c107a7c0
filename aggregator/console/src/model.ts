// The JSON of the centre's REST API, as the console reads it.
// Times are RFC 3339 strings; coordinates are fractions of the picture, origin top left, y down;
// `null` in place of a number means *unknown*, which is never zero.

export type Severity = "none" | "warning" | "minor" | "major" | "critical";
export type Phase = "instant" | "begin" | "change" | "end";
export type Direction = "to_left" | "to_right";
export type Role = "viewer" | "operator" | "supervisor" | "admin";
export type ShapeKind = "line" | "zone" | "intrusion";
export type PointXY = readonly [number, number];
/** Left, top, width, height. May stick out of 0..1. */
export type BoxLTWH = readonly [number, number, number, number];

export const EVENT_KINDS = [
  "line_crossed",
  "line_count",
  "zone_entered",
  "zone_left",
  "zone_occupancy",
  "dwell_exceeded",
  "intrusion",
  "camera_signal",
] as const;

export interface Session {
  user: { name: string; role: Role };
  csrf: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Agent {
  id: string;
  state: "online" | "silent" | "never";
  last_seen: string | null;
  software: string;
  backlog_items: number | null;
  /** False: the box's outbox cannot write. */
  durable: boolean | null;
  config_version: string;
  config_problem: string;
}

export interface Rule {
  rule: string;
  label: string;
  kind: ShapeKind;
  points: PointXY[];
  dwell_limit_seconds: number | null;
}

export type CameraState = "live" | "connecting" | "lost" | "unknown";

export interface Camera {
  agent: string;
  id: string;
  name: string;
  /** Pixels; 0 until the box has told. */
  width: number;
  height: number;
  state: CameraState;
  problem: string;
  rules: Rule[];
  snapshot: { sha256: string; captured_at: string; masked: boolean } | null;
  frames_decoded: number | null;
  frames_analysed: number | null;
  frames_dropped: number | null;
  analysed_per_second: number | null;
  occupancy: { rule: string; value: number | null; at: string }[];
}

export interface CountRow {
  rule: string;
  direction: Direction;
  count: number | null;
  count_at_least: number;
  observed_seconds: number;
  window_seconds: number;
}

export interface SeenObject {
  track: number;
  class: string;
  score: number;
  box: BoxLTWH;
}

/** `kind` is a string, not a union: a newer centre may tell of kinds that this page has no words for. */
export interface VongEvent {
  id: string;
  cursor: string;
  agent: string;
  camera: string;
  rule: string;
  kind: string;
  phase: Phase;
  severity: Severity;
  direction: Direction | null;
  episode: number;
  captured_at: string;
  uncertainty_ms: number;
  stored_at: string;
  objects: SeenObject[];
  measures: Record<string, number | null>;
  evidence: { sha256: string; media_type: string; masked: boolean }[];
}

export interface AlertStep {
  at: string;
  actor: string;
  action: string;
  note: string;
}

export interface Alert {
  id: string;
  agent: string;
  /** Empty for an alert about the box itself. */
  camera: string;
  rule: string;
  kind: string;
  severity: Severity;
  condition: "active" | "cleared" | "unknown";
  acknowledged: { by: string; at: string; note: string } | null;
  raised_at: string;
  changed_at: string;
  cleared_at: string | null;
  occurrences: number;
  last_event: string | null;
  evidence: string[];
  history: AlertStep[];
}

export interface Summary {
  cameras: number;
  cameras_live: number;
  alerts_open: number;
  events_today: number;
  agents: number;
  agents_online: number;
}

const SEVERITY_RANK: Record<Severity, number> = { none: 0, warning: 1, minor: 2, major: 3, critical: 4 };

export function severityRank(severity: Severity): number {
  return SEVERITY_RANK[severity] ?? 0;
}

/** Cameras are named within their box, so both make the key. */
export function cameraKey(agent: string, camera: string): string {
  return `${agent}/${camera}`;
}

/** An alert stays open until its cause is gone *and* a person has seen it. */
export function isOpen(alert: Alert): boolean {
  return !(alert.condition === "cleared" && alert.acknowledged !== null);
}

/** What nobody has taken comes first, then the gravest, then what has waited longest. */
export function byUrgency(a: Alert, b: Alert): number {
  const taken = Number(a.acknowledged !== null) - Number(b.acknowledged !== null);
  if (taken !== 0) return taken;
  const severity = severityRank(b.severity) - severityRank(a.severity);
  if (severity !== 0) return severity;
  return Date.parse(a.raised_at) - Date.parse(b.raised_at);
}

/** The camera with the occupancy that an event tells of; the same object if it tells of none, or of an older one. */
export function withOccupancy(camera: Camera, event: VongEvent): Camera {
  if (event.kind !== "zone_occupancy" || event.measures.occupancy === undefined) return camera;
  const known = camera.occupancy.find((zone) => zone.rule === event.rule);
  if (known && Date.parse(known.at) > Date.parse(event.captured_at)) return camera;
  const told = { rule: event.rule, value: event.measures.occupancy, at: event.captured_at };
  const occupancy = known ? camera.occupancy.map((z) => (z === known ? told : z)) : [...camera.occupancy, told];
  return { ...camera, occupancy };
}
