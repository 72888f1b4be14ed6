// The themes: they set what the element has, and can be read, light and dark.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { inLight } from "../src/view/styles.js";

const FOLDER = "themes";
const base = readFileSync("src/view/base.css", "utf8");
const styles = readdirSync("src/view", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".css"))
  .map((name) => readFileSync(`src/view/${name}`, "utf8"))
  .join("\n");

/** What stands on what, and the least contrast of WCAG 2.2: 4.5 for text, 3 for what shows where something is. */
const PAIRS = [
  ["on-accent", "accent", 4.5], ["on-accent", "accent-strong", 4.5],
  ["text", "surface", 4.5], ["text", "sunken", 4.5], ["text", "question", 4.5], ["text", "warning", 4.5],
  ["quiet", "surface", 4.5], ["quiet", "sunken", 4.5],
  ["link", "surface", 4.5], ["link", "sunken", 4.5],
  ["danger", "surface", 4.5], ["danger", "sunken", 4.5],
  ["edge", "surface", 3], ["focus", "surface", 3], ["focus", "sunken", 3],
] as const;

/** The colours that a style sheet sets, each light and dark; of a variable what stands for it where there is none. */
function colours(css: string): Map<string, readonly [string, string]> {
  const isLight = /^\s*color-scheme: light;/m.test(css);
  const found = new Map<string, readonly [string, string]>();
  for (const [, name, value] of css.matchAll(/--azulejo-chat-([a-z-]+)[:,] ([^;]+);/g)) {
    const told = value!.match(/#(?:[0-9a-f]{6}|[0-9a-f]{3})\b/g);
    if (told) found.set(name!, isLight ? [told[0]!, told[0]!] : [told[0]!, told.at(-1)!]);
  }
  return found;
}

function luminance(hex: string): number {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g)!;
  const [r, g, b] = digits.map((digit) => {
    const value = Number.parseInt(digit, 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

test("where dark colours aren't known, the light ones are taken", () => {
  const light = inLight(base);
  assert.doesNotMatch(light, /light-dark\(#/);
  assert.match(light, /var\(--azulejo-chat-accent, #12508f\);/);
  assert.match(light, /1\.5em #0a1e3238\);/);
  assert.deepEqual([...colours(light)].map(([name]) => name), [...colours(base)].map(([name]) => name));
});

test("contrast is WCAG's", () => {
  assert.equal(contrast("#000", "#ffffff"), 21);
  assert.equal(contrast("#767676", "#fff").toFixed(2), "4.54");
});

for (const name of ["", ...readdirSync(FOLDER)]) {
  test(`${name || "the element's own colours"}: it sets what the element has, and can be read, light and dark`, () => {
    const css = name === "" ? "" : readFileSync(`${FOLDER}/${name}`, "utf8");
    for (const [, property] of css.matchAll(/^\s*(--azulejo-chat-[a-z-]+):/gm)) {
      assert.ok(styles.includes(`var(${property},`), `${property} is none of the element's`);
    }
    const all = new Map([...colours(base), ...colours(css)]);
    // A dark page's colours on a theme that has light ones alone are nobody's choice.
    if (css.includes("color-scheme: light;")) {
      const own = colours(css);
      for (const pair of PAIRS) for (const colour of pair.slice(0, 2)) assert.ok(own.has(colour as string), `${colour} isn't set`);
    }
    for (const [one, other, least] of PAIRS) {
      for (const mode of [0, 1] as const) {
        const [a, b] = [all.get(one)![mode], all.get(other)![mode]];
        const told = `${one} ${a} on ${other} ${b}, ${mode ? "dark" : "light"}: ${contrast(a, b).toFixed(2)}`;
        assert.ok(contrast(a, b) >= least, told);
      }
    }
  });
}
