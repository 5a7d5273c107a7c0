// A camera, an event and an alert as the centre tells them, for tests to vary.
import type { Alert, Camera, VongEvent } from "../src/model";

export const camera: Camera = {
  agent: "hop-1",
  id: "cong-chinh",
  name: "Cổng chính",
  width: 768,
  height: 576,
  state: "live",
  problem: "",
  rules: [
    { rule: "loi-vao", label: "Lối vào", kind: "line", points: [[0.2, 0.5], [0.8, 0.5]], dwell_limit_seconds: null },
    { rule: "san", label: "Sân", kind: "zone", points: [[0, 0], [1, 0], [1, 1]], dwell_limit_seconds: 45 },
  ],
  snapshot: null,
  frames_decoded: 1,
  frames_analysed: 1,
  frames_dropped: 0,
  analysed_per_second: 7,
  occupancy: [],
};

export function event(part: Partial<VongEvent>): VongEvent {
  return {
    id: "e1",
    cursor: "1",
    agent: "hop-1",
    camera: "cong-chinh",
    rule: "loi-vao",
    kind: "line_crossed",
    phase: "instant",
    severity: "none",
    direction: null,
    episode: 0,
    captured_at: "2026-11-25T03:00:00.000Z",
    uncertainty_ms: 5,
    stored_at: "2026-11-25T03:00:00.420Z",
    objects: [],
    measures: {},
    evidence: [],
    ...part,
  };
}

export function alert(part: Partial<Alert>): Alert {
  return {
    id: "a1",
    agent: "hop-1",
    camera: "cong-chinh",
    rule: "san",
    kind: "dwell_exceeded",
    severity: "warning",
    condition: "active",
    acknowledged: null,
    raised_at: "2026-11-25T03:00:00Z",
    changed_at: "2026-11-25T03:00:00Z",
    cleared_at: null,
    occurrences: 1,
    last_event: null,
    evidence: [],
    history: [],
    ...part,
  };
}
