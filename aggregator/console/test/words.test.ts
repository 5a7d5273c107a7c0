import assert from "node:assert/strict";
import { test } from "node:test";

import { alertPhrase, eventPhrase, placeName, quantity, way } from "../src/words";
import { alert, camera, event } from "./samples";

const person = { track: 1, class: "person", score: 0.9, box: [0, 0, 0.1, 0.2] as const };

test("an event reads as a sentence with the rule's label", () => {
  assert.equal(eventPhrase(event({ objects: [person] }), camera), "Người qua vạch “Lối vào”");
  assert.equal(
    eventPhrase(event({ kind: "zone_entered", rule: "san", objects: [person, { ...person, track: 2 }] }), camera),
    "Người và 1 đối tượng khác vào vùng “Sân”",
  );
});

test("begin and end of an episode are told apart", () => {
  const begin = event({ kind: "camera_signal", rule: "camera", phase: "begin" });
  assert.equal(eventPhrase(begin, camera), "Mất hình camera");
  assert.equal(eventPhrase({ ...begin, phase: "end" }, camera), "Có hình trở lại");
});

test("a count that was not wholly seen is unknown with a lower bound, never a number", () => {
  const measures = { count: null, count_at_least: 7, observed_seconds: 41, window_seconds: 60 };
  const phrase = eventPhrase(event({ kind: "line_count", measures }), camera);
  assert.equal(phrase, "Vạch “Lối vào”: không rõ (≥ 7) lượt trong 1 phút");
});

test("occupancy that nobody sees is unknown, and zero is zero", () => {
  const seen = (occupancy: number | null) =>
    eventPhrase(event({ kind: "zone_occupancy", rule: "san", phase: "change", measures: { occupancy } }), camera);
  assert.equal(seen(null), "Vùng “Sân” đang có: không rõ");
  assert.equal(seen(0), "Vùng “Sân” đang có: 0");
  assert.equal(quantity(undefined), "không rõ");
});

test("a rule or a kind that this page does not know is named as it is", () => {
  assert.equal(eventPhrase(event({ objects: [person] }), undefined), "Người qua vạch “loi-vao”");
  assert.equal(eventPhrase(event({ kind: "wrong_way" }), camera), "Sự kiện “wrong_way” (Lối vào)");
  assert.equal(alertPhrase(alert({ kind: "wrong_way" }), camera), "wrong_way (Sân)");
});

test("the way is the picture's own where the line is known", () => {
  // The line runs to the right, so its right-hand side is below.
  assert.deepEqual(way("to_right", "loi-vao", camera), { heading: "s", words: "xuống dưới" });
  assert.deepEqual(way("to_left", "loi-vao", camera), { heading: "n", words: "lên trên" });
  assert.deepEqual(way("to_left", "gone", camera), { heading: null, words: "bên trái vạch" });
  assert.equal(way(null, "loi-vao", camera), null);
});

test("an alert about a box is placed at the box", () => {
  assert.equal(placeName("hop-1", "", undefined), "hop-1");
  assert.equal(placeName("hop-1", "cong-chinh", camera), "Cổng chính");
});
