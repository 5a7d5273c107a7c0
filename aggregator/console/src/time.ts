// Times as people here read them: always Huế's clock, whatever the browser's zone.
import { lang, t } from "./i18n";

const ZONE = "Asia/Ho_Chi_Minh";
/** Viet Nam has kept UTC+7 without summer time since 1975. */
const ZONE_OFFSET_MS = 7 * 3_600_000;
const DAY_MS = 86_400_000;

const locale = () => (lang.value === "vi" ? "vi-VN" : "en-GB");
const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${name}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale(), { timeZone: ZONE, hourCycle: "h23", ...options });
    formats.set(key, made);
  }
  return made;
}

const asDate = (at: string | number) => new Date(at);
const valid = (date: Date) => Number.isFinite(date.getTime());

/** 08:05:09 */
export function clockTime(at: string | number): string {
  const date = asDate(at);
  if (!valid(date)) return t("unknown");
  return format("time", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(date);
}

/** 25/11/2026 */
export function calendarDate(at: string | number): string {
  const date = asDate(at);
  if (!valid(date)) return t("unknown");
  return format("date", { day: "2-digit", month: "2-digit", year: "numeric" }).format(date);
}

/** The weekday with the date, for the clock in the page's head. */
export function weekdayDate(at: number): string {
  return format("weekday", { weekday: "short", day: "2-digit", month: "2-digit", year: "numeric" }).format(asDate(at));
}

/** The time alone if it was today, else date and time: a bare hour must not be taken for today's. */
export function moment(at: string | number, now: number): string {
  const date = asDate(at);
  if (!valid(date)) return t("unknown");
  const time = clockTime(at);
  return localDay(date.getTime()) === localDay(now) ? time : `${calendarDate(at)} ${time}`;
}

function localDay(at: number): number {
  return Math.floor((at + ZONE_OFFSET_MS) / DAY_MS);
}

/** Midnight in Huế before `now`, as RFC 3339. */
export function startOfDay(now: number): string {
  return new Date(localDay(now) * DAY_MS - ZONE_OFFSET_MS).toISOString();
}

/** A length of time in one or two units: "45 giây", "3 phút 05", "2 giờ 10", "4 ngày". */
export function duration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return t("unknown");
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return t("duration.seconds", { n: seconds });
  if (seconds < 3600) return twoUnits("duration.minutes", Math.floor(seconds / 60), seconds % 60);
  if (seconds < 86_400) {
    return twoUnits("duration.hours", Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60));
  }
  return t("duration.days", { n: Math.floor(seconds / 86_400) });
}

function twoUnits(key: "duration.minutes" | "duration.hours", n: number, rest: number): string {
  return rest === 0 ? t(`${key}.whole`, { n }) : t(key, { n, rest: String(rest).padStart(2, "0") });
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** From capture to store: "340 ms" below a second, else "1,2 giây". */
export function latency(capturedAt: string, storedAt: string): string {
  const ms = Date.parse(storedAt) - Date.parse(capturedAt);
  if (!Number.isFinite(ms)) return t("unknown");
  if (Math.abs(ms) < 1000) return `${number(Math.round(ms))} ms`;
  if (Math.abs(ms) < 60_000) return t("latency.seconds", { n: number(ms / 1000, 1) });
  return duration(ms);
}
