// Small pictures with a meaning of their own, so that nothing is told by colour alone.
import type { JSX } from "preact";

import type { Severity } from "./model";
import { type Heading, headingDegrees } from "./overlay";

const SHAPES = {
  diamond: <path d="M8 1 15 8 8 15 1 8Z" fill="currentColor" />,
  triangle: <path d="M8 1.5 15 14.5H1Z" fill="currentColor" />,
  square: <path d="M2 2h12v12H2Z" fill="currentColor" />,
  circle: <circle cx="8" cy="8" r="6.5" fill="currentColor" />,
  ring: <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="2" />,
  check: <path d="m2.5 8.5 3.5 3.5 7.5-8" />,
  cross: <path d="m3 3 10 10M13 3 3 13" />,
  question: <path d="M5 5.5a3 3 0 1 1 4.2 2.8C8.3 8.7 8 9.2 8 10.2M8 13v.2" />,
  play: <path d="M4 2.5v11l9-5.5Z" fill="currentColor" />,
  pause: <path d="M5 3v10M11 3v10" />,
  dots: <path d="M3 8h.1M8 8h.1M13 8h.1" stroke-width="3" />,
  image: <path d="M2 3h12v10H2ZM2 11l4-4 3 3 2-2 3 3M10.5 5.8h.1" />,
  arrow: <path d="M2 8h11M9 4l4 4-4 4" />,
  box: <path d="M2 4h12v8H2ZM5 12v2M11 12v2M4.5 8h.1M7.5 8h.1" />,
  camera: <path d="M1.5 5h9v6.5h-9ZM10.5 7.5l4-2v5.5l-4-2" />,
  line: <path d="M2 13 14 3M5 3.5l5 8" />,
  zone: <path d="M2.5 5 8 2l5.5 4-2 7.5-8 .5Z" />,
  hand: <path d="M8 1.8A6.2 6.2 0 1 0 8 14.2 6.2 6.2 0 1 0 8 1.8M3.6 3.6l8.8 8.8" />,
  clock: <path d="M8 1.8A6.2 6.2 0 1 0 8 14.2 6.2 6.2 0 1 0 8 1.8M8 4.5V8l2.5 1.8" />,
  keyboard: <path d="M1.5 4h13v8.5h-13ZM4 6.7h.1M6.6 6.7h.1M9.2 6.7h.1M11.8 6.7h.1M5 10h6" />,
  person: <path d="M8 1.5a2 2 0 1 0 0 4 2 2 0 1 0 0-4ZM4.5 14.5V9.2c0-1.4 1.4-2.2 3.5-2.2s3.5.8 3.5 2.2v5.3M8 10.5v4" />,
  car: <path d="M1.5 11.5V8.6l1.3-.6L4.5 4.5h7L13.2 8l1.3.6v2.9ZM4 12.9h.1M12 12.9h.1M3 8h10" />,
  bike: <path d="M3.5 8.3a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 1 0 0-5.2M12.5 8.3a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 1 0 0-5.2M3.5 11 6 6h4.5l2 5M6 6l2 5h-4.5M9.5 3.5h2l-1 2.5" />,
  truck: <path d="M1.5 3.5h8v8h-8ZM9.5 6h3l2 2.5v3h-5ZM4 12.9h.1M12 12.9h.1" />,
  animal: <path d="M2 7.5 3.5 5l1 1.5H11L13.5 4v4.5L12 10v4M4.5 9.5V14M4.5 9.8H12" />,
  bag: <path d="M3 5.5h10v8H3ZM6 5.5V3.2h4v2.3" />,
} satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof SHAPES;

/** Decoration beside a word; with `label` it stands alone and is read out. */
export function Icon({ name, label, turn }: { name: IconName; label?: string; turn?: number }) {
  const told = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true };
  return (
    <svg class="icon" viewBox="0 0 16 16" {...told}>
      {label ? <title>{label}</title> : null}
      <g transform={turn ? `rotate(${turn} 8 8)` : undefined}>{SHAPES[name]}</g>
    </svg>
  );
}

const SEVERITY_ICON: Record<Severity, IconName> = {
  critical: "diamond",
  major: "triangle",
  minor: "square",
  warning: "circle",
  none: "ring",
};

export function severityIcon(severity: Severity): IconName {
  return SEVERITY_ICON[severity] ?? "ring";
}

const CLASS_ICON: Record<string, IconName> = {
  person: "person",
  car: "car",
  bicycle: "bike",
  motorcycle: "bike",
  bus: "truck",
  truck: "truck",
  train: "truck",
  dog: "animal",
  cat: "animal",
  bird: "animal",
  cow: "animal",
  horse: "animal",
  backpack: "bag",
  handbag: "bag",
  suitcase: "bag",
};

const KIND_ICON: Record<string, IconName> = {
  line_crossed: "line",
  line_count: "line",
  zone_entered: "zone",
  zone_left: "zone",
  zone_occupancy: "zone",
  dwell_exceeded: "clock",
  intrusion: "hand",
  camera_signal: "camera",
  agent_silent: "box",
  items_lost: "box",
  item_refused: "box",
  stream_fork: "box",
};

export function classIcon(name: string | undefined, kind: string): IconName {
  return (name ? CLASS_ICON[name] : undefined) ?? kindIcon(kind);
}

export function kindIcon(kind: string): IconName {
  return KIND_ICON[kind] ?? "dots";
}

export function WayIcon({ heading }: { heading: Heading }) {
  return <Icon name="arrow" turn={headingDegrees(heading)} />;
}
