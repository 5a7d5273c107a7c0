// Geometry of what is drawn over a picture. Pure; fractions in, picture pixels out.
import type { Direction, PointXY } from "./model";

export interface Size {
  width: number;
  height: number;
}

export interface Arrow {
  /** Foot, on the line, and tip, in pixels. */
  from: PointXY;
  to: PointXY;
}

/** Where `direction` leads, as one of eight ways in the picture. */
export type Heading = "e" | "se" | "s" | "sw" | "w" | "nw" | "n" | "ne";
const HEADINGS: readonly Heading[] = ["e", "se", "s", "sw", "w", "nw", "n", "ne"];

export function toPixels(point: PointXY, size: Size): PointXY {
  return [point[0] * size.width, point[1] * size.height];
}

/** An SVG `points` attribute, rounded to a tenth of a pixel. */
export function pointsAttribute(points: readonly PointXY[], size: Size): string {
  return points.map((p) => toPixels(p, size).map(tenth).join(",")).join(" ");
}

const tenth = (n: number) => Math.round(n * 10) / 10;

/**
 * The point halfway along a line, and the unit vector in which the line runs there.
 * Null for a line without length, which has no direction either.
 */
export function midway(points: readonly PointXY[], size: Size): { at: PointXY; along: PointXY } | null {
  const pixels = points.map((p) => toPixels(p, size));
  const lengths = pixels.slice(1).map((p, i) => distance(pixels[i] ?? p, p));
  const total = lengths.reduce((sum, n) => sum + n, 0);
  if (!(total > 0)) return null;
  let left = total / 2;
  for (const [i, length] of lengths.entries()) {
    const a = pixels[i];
    const b = pixels[i + 1];
    if (!a || !b || length === 0) continue;
    if (left <= length) {
      const along: PointXY = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
      return { at: [a[0] + along[0] * left, a[1] + along[1] * left], along };
    }
    left -= length;
  }
  return null;
}

/**
 * Unit vector across the line. For one who walks from the first to the last point with y down,
 * the right hand is the way (-dy, dx): walking down the picture, x decreases.
 */
export function across(along: PointXY, direction: Direction): PointXY {
  return direction === "to_right" ? [-along[1], along[0]] : [along[1], -along[0]];
}

/** The arrow across the middle of a line, as long as a tenth of the picture's shorter side. */
export function lineArrow(points: readonly PointXY[], direction: Direction, size: Size): Arrow | null {
  const middle = midway(points, size);
  if (!middle) return null;
  const length = Math.min(size.width, size.height) / 10;
  const way = across(middle.along, direction);
  return { from: middle.at, to: [middle.at[0] + way[0] * length, middle.at[1] + way[1] * length] };
}

/** The three corners of an arrow's head. */
export function arrowHead(arrow: Arrow, length: number): PointXY[] {
  const whole = distance(arrow.from, arrow.to);
  if (!(whole > 0)) return [];
  const way: PointXY = [(arrow.to[0] - arrow.from[0]) / whole, (arrow.to[1] - arrow.from[1]) / whole];
  const base: PointXY = [arrow.to[0] - way[0] * length, arrow.to[1] - way[1] * length];
  const half = length * 0.6;
  return [
    arrow.to,
    [base[0] - way[1] * half, base[1] + way[0] * half],
    [base[0] + way[1] * half, base[1] - way[0] * half],
  ];
}

/** Where in the picture one goes who crosses the line in `direction`. */
export function heading(points: readonly PointXY[], direction: Direction, size: Size): Heading | null {
  const middle = midway(points, size);
  if (!middle) return null;
  const way = across(middle.along, direction);
  const eighth = Math.round(Math.atan2(way[1], way[0]) / (Math.PI / 4));
  return HEADINGS[(eighth + 8) % 8] ?? null;
}

/** Degrees clockwise by which an arrow that points right is turned to point to `way`. */
export function headingDegrees(way: Heading): number {
  return HEADINGS.indexOf(way) * 45;
}

/** Where a shape's label goes: at its topmost point, kept inside the picture. */
export function labelAnchor(points: readonly PointXY[]): PointXY {
  let top: PointXY = points[0] ?? [0, 0];
  for (const p of points) if (p[1] < top[1]) top = p;
  return [clamp(top[0], 0, 0.98), clamp(top[1], 0, 0.96)];
}

const clamp = (n: number, low: number, high: number) => Math.min(high, Math.max(low, n));

function distance(a: PointXY, b: PointXY): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1]);
}
