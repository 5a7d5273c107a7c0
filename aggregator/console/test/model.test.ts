import assert from "node:assert/strict";
import { test } from "node:test";

import { byUrgency, isOpen, withOccupancy } from "../src/model";
import { alert, camera, event } from "./samples";

test("open until its cause is gone and a person has seen it", () => {
  const acknowledged = { by: "lan", at: "2026-11-25T03:01:00Z", note: "" };
  assert.equal(isOpen(alert({ condition: "active", acknowledged })), true);
  assert.equal(isOpen(alert({ condition: "unknown", acknowledged })), true);
  assert.equal(isOpen(alert({ condition: "cleared" })), true);
  assert.equal(isOpen(alert({ condition: "cleared", acknowledged })), false);
});

test("what nobody took comes first, then the gravest, then the longest waiting", () => {
  const acknowledged = { by: "lan", at: "2026-11-25T03:01:00Z", note: "" };
  const list = [
    alert({ id: "taken", severity: "critical", acknowledged }),
    alert({ id: "young", severity: "major", raised_at: "2026-11-25T03:00:09Z" }),
    alert({ id: "mild", severity: "minor" }),
    alert({ id: "old", severity: "major", raised_at: "2026-11-25T02:00:00Z" }),
  ];
  assert.deepEqual(list.sort(byUrgency).map((a) => a.id), ["old", "young", "mild", "taken"]);
});

test("occupancy follows the events of its zone, unknown too, but not older ones", () => {
  const told = (value: number | null, at: string) =>
    event({ kind: "zone_occupancy", rule: "san", captured_at: at, measures: { occupancy: value } });
  const two = withOccupancy(camera, told(2, "2026-11-25T03:00:02Z"));
  assert.deepEqual(two.occupancy, [{ rule: "san", value: 2, at: "2026-11-25T03:00:02Z" }]);
  assert.equal(withOccupancy(two, told(1, "2026-11-25T03:00:01Z")), two);
  assert.equal(withOccupancy(two, told(null, "2026-11-25T03:00:03Z")).occupancy[0]?.value, null);
  assert.equal(withOccupancy(two, event({})), two);
});
