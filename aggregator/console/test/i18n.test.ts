import assert from "node:assert/strict";
import { test } from "node:test";

import { lang, STRINGS, t, tOr } from "../src/i18n";
import { EVENT_KINDS } from "../src/model";
import type { Key } from "../src/strings/vi";

const fills = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

test("both languages have the same keys, none empty", () => {
  assert.deepEqual(Object.keys(STRINGS.en).sort(), Object.keys(STRINGS.vi).sort());
  for (const strings of Object.values(STRINGS)) {
    for (const [key, text] of Object.entries(strings)) assert.notEqual(text.trim(), "", key);
  }
});

test("a string fills in the same names in both languages", () => {
  for (const key of Object.keys(STRINGS.vi) as Key[]) {
    assert.deepEqual(fills(STRINGS.en[key]), fills(STRINGS.vi[key]), key);
  }
});

test("Vietnamese is composed (NFC), as fonts and searches expect", () => {
  for (const [key, text] of Object.entries(STRINGS.vi)) assert.equal(text, text.normalize("NFC"), key);
});

test("every kind of event has a name and a phrase", () => {
  for (const kind of EVENT_KINDS) {
    assert.ok(Object.hasOwn(STRINGS.vi, `kind.${kind}`), kind);
    assert.ok(Object.hasOwn(STRINGS.vi, `event.${kind}`), kind);
  }
});

test("Vietnamese comes first; the switch changes what is said", () => {
  assert.equal(lang.value, "vi");
  assert.equal(t("unknown.at_least", { n: 7 }), "không rõ (≥ 7)");
  lang.value = "en";
  assert.equal(t("unknown.at_least", { n: 7 }), "unknown (≥ 7)");
  lang.value = "vi";
});

test("a name without words falls back, also one that every object has", () => {
  assert.equal(tOr("class", "giraffe", "giraffe"), "giraffe");
  assert.equal(tOr("class", "person", "?"), "Người");
  assert.equal(tOr("constructor", "", "fallback"), "fallback");
});
