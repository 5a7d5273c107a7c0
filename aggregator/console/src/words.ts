// Sentences about events and alerts.
import { t, tOr } from "./i18n";
import type { Alert, Camera, Direction, Rule, Severity, VongEvent } from "./model";
import { type Heading, heading } from "./overlay";
import { duration, number } from "./time";

export function className(name: string): string {
  return tOr("class", name, name);
}

export function kindName(kind: string): string {
  return tOr("kind", kind, kind);
}

export function severityName(severity: Severity): string {
  return tOr("severity", severity, severity);
}

export function ruleOf(camera: Camera | undefined, name: string): Rule | undefined {
  return camera?.rules.find((rule) => rule.rule === name);
}

/** A count, or the word for not knowing it. Unknown is never written as a number. */
export function quantity(value: number | null | undefined, atLeast?: number | null): string {
  if (value !== null && value !== undefined) return number(value);
  return atLeast ? t("unknown.at_least", { n: number(atLeast) }) : t("unknown");
}

function who(event: VongEvent): string {
  const first = event.objects[0];
  if (!first) return t("class.object");
  const rest = event.objects.length - 1;
  return rest > 0 ? t("class.several", { who: className(first.class), n: rest }) : className(first.class);
}

export function eventPhrase(event: VongEvent, camera: Camera | undefined): string {
  const rule = ruleOf(camera, event.rule)?.label ?? event.rule;
  const ended = event.phase === "end";
  const measures = event.measures;
  switch (event.kind) {
    case "line_crossed":
      return t("event.line_crossed", { who: who(event), rule });
    case "line_count": {
      const seconds = measures.window_seconds;
      const window = typeof seconds === "number" ? duration(seconds * 1000) : t("unknown");
      return t("event.line_count", { rule, n: quantity(measures.count, measures.count_at_least), window });
    }
    case "zone_entered":
      return t("event.zone_entered", { who: who(event), rule });
    case "zone_left":
      return t("event.zone_left", { who: who(event), rule });
    case "zone_occupancy":
      return t("event.zone_occupancy", { rule, n: quantity(measures.occupancy) });
    case "dwell_exceeded": {
      if (ended) return t("event.dwell_exceeded.end", { rule });
      const stayed = measures.dwell_seconds;
      return typeof stayed === "number"
        ? t("event.dwell_exceeded.for", { who: who(event), rule, d: duration(stayed * 1000) })
        : t("event.dwell_exceeded", { who: who(event), rule });
    }
    case "intrusion":
      return ended ? t("event.intrusion.end", { rule }) : t("event.intrusion", { who: who(event), rule });
    case "camera_signal":
      return t(ended ? "event.camera_signal.end" : "event.camera_signal");
    case "agent_silent":
      return t("event.agent_silent");
    default:
      return t("event.other", { kind: event.kind, rule });
  }
}

export function alertPhrase(alert: Alert, camera: Camera | undefined): string {
  const rule = ruleOf(camera, alert.rule)?.label ?? alert.rule;
  switch (alert.kind) {
    case "dwell_exceeded":
    case "intrusion":
    case "line_crossed":
    case "camera_signal":
    case "agent_silent":
    case "items_lost":
    case "item_refused":
    case "stream_fork":
      return t(`alert.${alert.kind}`, { rule });
    default:
      return t("alert.other", { kind: kindName(alert.kind), rule });
  }
}

/** Where it is: the camera's name, or the box for an alert about the box. */
export function placeName(agent: string, id: string, camera: Camera | undefined): string {
  return camera?.name || id || agent;
}

export interface Way {
  heading: Heading | null;
  words: string;
}

/** Which way in the picture; the line's own left and right only where its geometry is not known. */
export function way(direction: Direction | null, rule: string, camera: Camera | undefined): Way | null {
  if (!direction) return null;
  const shape = ruleOf(camera, rule);
  const size = { width: camera?.width || 16, height: camera?.height || 9 };
  const toward = shape?.kind === "line" ? heading(shape.points, direction, size) : null;
  return { heading: toward, words: toward ? t(`heading.${toward}`) : t(`side.${direction}`) };
}
