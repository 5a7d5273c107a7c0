import assert from "node:assert/strict";
import { test } from "node:test";

import type { PointXY } from "../src/model";
import { across, arrowHead, heading, headingDegrees, labelAnchor, lineArrow, midway, pointsAttribute } from "../src/overlay";

const size = { width: 200, height: 100 };

test("fractions become pixels of the picture", () => {
  assert.equal(pointsAttribute([[0, 0], [0.5, 0.25], [1, 1]], size), "0,0 100,25 200,100");
});

test("walking down the picture, the right hand is where x decreases", () => {
  const [x, y] = across([0, 1], "to_right");
  assert.equal(x, -1);
  assert.equal(Math.abs(y), 0);
  assert.equal(heading([[0.5, 0.1], [0.5, 0.9]], "to_right", size), "w");
  assert.equal(heading([[0.5, 0.1], [0.5, 0.9]], "to_left", size), "e");
});

test("turning a line round turns its sides round", () => {
  const line: PointXY[] = [[0.1, 0.2], [0.9, 0.3]];
  const turned = [...line].reverse();
  assert.equal(heading(line, "to_right", size), heading(turned, "to_left", size));
  assert.notEqual(heading(line, "to_right", size), heading(turned, "to_right", size));
});

test("a heading is that of pixels, not of fractions", () => {
  // From corner to corner of a wide picture the line is flat, so crossing it leads down.
  assert.equal(heading([[0, 0], [1, 1]], "to_right", { width: 1000, height: 100 }), "s");
  assert.equal(heading([[0, 0], [1, 1]], "to_right", { width: 100, height: 100 }), "sw");
});

test("the middle is halfway along the way, not among the points", () => {
  const middle = midway([[0, 0], [0, 1], [0.5, 1]], { width: 100, height: 100 });
  assert.deepEqual(middle, { at: [0, 75], along: [0, 1] });
});

test("the arrow stands upright on the line, a tenth of the shorter side long", () => {
  assert.deepEqual(lineArrow([[0, 0.5], [1, 0.5]], "to_right", size), { from: [100, 50], to: [100, 60] });
});

test("the head's tip is the arrow's, its base as wide as told", () => {
  const head = arrowHead({ from: [0, 0], to: [0, 10] }, 5);
  assert.deepEqual(head[0], [0, 10]);
  assert.deepEqual(head.slice(1).map((p) => p.map(Math.abs)), [[3, 5], [3, 5]]);
});

test("a line without length has no direction", () => {
  assert.equal(midway([[0.5, 0.5], [0.5, 0.5]], size), null);
  assert.equal(lineArrow([[0.5, 0.5]], "to_left", size), null);
  assert.equal(heading([], "to_left", size), null);
  assert.deepEqual(arrowHead({ from: [1, 1], to: [1, 1] }, 5), []);
});

test("degrees turn an arrow that points right", () => {
  assert.equal(headingDegrees("e"), 0);
  assert.equal(headingDegrees("s"), 90);
  assert.equal(headingDegrees("n"), 270);
});

test("a label stands at the topmost point, inside the picture", () => {
  assert.deepEqual(labelAnchor([[0.2, 0.8], [0.4, 0.3], [0.9, 0.5]]), [0.4, 0.3]);
  assert.deepEqual(labelAnchor([[1, 1], [1, 1]]), [0.98, 0.96]);
});
