import assert from "node:assert/strict";
import { test } from "node:test";

import { lang } from "../src/i18n";
import { calendarDate, clockTime, duration, latency, moment, number, startOfDay } from "../src/time";

// 17:30 UTC is half past midnight of the next day in Huế.
const LATE = "2026-11-24T17:30:05.000Z";

test("the clock is Huế's, whatever the machine's zone", () => {
  assert.equal(clockTime(LATE), "00:30:05");
  assert.equal(calendarDate(LATE), "25/11/2026");
});

test("midnight is hour 00, not 24", () => {
  assert.equal(clockTime("2026-11-24T17:00:00Z"), "00:00:00");
});

test("a time of another day carries its date", () => {
  const now = Date.parse(LATE);
  assert.equal(moment("2026-11-24T17:00:01Z", now), "00:00:01");
  assert.equal(moment("2026-11-24T16:59:59Z", now), "24/11/2026 23:59:59");
});

test("the day starts at midnight in Huế", () => {
  assert.equal(startOfDay(Date.parse(LATE)), "2026-11-24T17:00:00.000Z");
  assert.equal(startOfDay(Date.parse("2026-11-24T16:59:59.999Z")), "2026-11-23T17:00:00.000Z");
});

test("lengths of time, in both languages", () => {
  assert.equal(duration(59_999), "59 giây");
  assert.equal(duration(60_000), "1 phút");
  assert.equal(duration(185_000), "3 phút 05");
  assert.equal(duration(2 * 3_600_000 + 10 * 60_000), "2 giờ 10");
  assert.equal(duration(4 * 86_400_000), "4 ngày");
  lang.value = "en";
  assert.equal(duration(185_000), "3 min 05");
  lang.value = "vi";
});

test("an event from a clock ahead of ours is not minus some seconds old", () => {
  assert.equal(duration(-5_000), "0 giây");
});

test("latency from capture to store", () => {
  assert.equal(latency("2026-11-25T03:00:00.000Z", "2026-11-25T03:00:00.420Z"), "420 ms");
  assert.equal(latency("2026-11-25T03:00:00.000Z", "2026-11-25T03:00:01.250Z"), "1,3 giây");
  assert.equal(latency("2026-11-25T03:00:00.000Z", "2026-11-25T05:00:00.000Z"), "2 giờ");
});

test("what is no time is unknown, not 1970", () => {
  assert.equal(clockTime(""), "không rõ");
  assert.equal(moment("gestern", 0), "không rõ");
  assert.equal(duration(Number.NaN), "không rõ");
  assert.equal(latency("", LATE), "không rõ");
});

test("numbers as the language writes them", () => {
  assert.equal(number(12_480), "12.480");
  assert.equal(number(6.94, 1), "6,9");
  lang.value = "en";
  assert.equal(number(12_480), "12,480");
  lang.value = "vi";
});
