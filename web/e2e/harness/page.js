// What a test can do with a page, the same for each engine: run code in it and hear its answer or its error.

import { PATIENCE } from "./process.js";

/**
 * The text of an expression that runs `code` (a function, or the text of an expression) with `args` in a page and gives
 * `{value}` or `{error}` as JSON text, a promise of it if `code` is asynchronous. Values cross as JSON in every engine,
 * so that a test sees the same of each.
 */
export function wrapped(code, args) {
  const call =
    typeof code === "function" ? `(${code})(...${JSON.stringify(args)})` : `(${code})`;
  return `(async () => {
    try {
      return JSON.stringify({ value: await ${call} });
    } catch (error) {
      const { name, message, code, hint, stack, cause } = error ?? {};
      const where = cause?.stack ? stack + "\\ncaused by: " + cause.stack : stack;
      return JSON.stringify({ error: { name, message: message ?? String(error), code, hint, stack: where } });
    }
  })()`;
}

/** The value of what `wrapped` answered, or its error thrown with its `code` and `hint`. */
export function unwrapped(text) {
  const { value, error } = JSON.parse(text);
  if (!error) return value;
  const thrown = new Error(`in the page: ${error.message}`);
  if (error.code === "internal") thrown.message += `\n${error.stack}`;
  Object.assign(thrown, { name: error.name, code: error.code, hint: error.hint, told: error.message, inPage: error.stack });
  throw thrown;
}

/** The promise, or an error that tells what the page said, if it takes longer than anything should. */
export async function inTime(promise, code, said) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(async () => {
      fail(new Error(`no answer from the page in ${PATIENCE} s to ${String(code).slice(0, 200)}\nit said: ${(await said()).join("\n")}`));
    }, PATIENCE * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Runs `check` until it gives something true; an error that says `what` was waited for otherwise. */
export async function until(check, what) {
  const end = Date.now() + PATIENCE * 1000;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${PATIENCE} s in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** What is no complaint, and what Chromium itself says where WebGPU is off and asked for. */
const HARMLESS = /^(log|info|debug):|Failed to create WebGPU Context Provider/;

/** The lines of a page's console that say that something is wrong. */
export const complaints = (lines) => lines.filter((line) => !HARMLESS.test(line));

/**
 * Opens `url` in a page of a driver (playwright's and puppeteer's are alike in this) and gives what tests do with it; what
 * it asks for and says is kept from the start.
 */
export async function opened(page, url) {
  const seen = { requests: [], console: [] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (message) => seen.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.console.push(`uncaught: ${error}`));
  page.on("crash", () => seen.console.push("crash: the page's process ended"));
  page.setDefaultTimeout(PATIENCE * 1000);
  const goto = (to) => page.goto(to, { waitUntil: "load" });
  await goto(url);
  return {
    evaluate: async (code, ...args) =>
      unwrapped(await inTime(page.evaluate(wrapped(code, args)), code, () => seen.console)),
    goto,
    /** As a person does: types into a field, clicks on something. */
    type: async (selector, text) => {
      await page.focus(selector);
      await page.keyboard.type(text);
    },
    click: (selector) => page.click(selector),
    /** Presses a key (`Tab`, `Shift+Tab`, `Enter`, `Escape`), and types where the focus is. */
    press: async (key) => {
      const [last, ...held] = key.split("+").reverse();
      for (const modifier of held) await page.keyboard.down(modifier);
      await page.keyboard.press(last);
      for (const modifier of held) await page.keyboard.up(modifier);
    },
    write: (text) => page.keyboard.type(text),
    /** The window's size, in CSS pixels; 320 x 256 is what 400 % zoom leaves of 1280 x 1024. */
    resize: (width, height) =>
      page.setViewportSize ? page.setViewportSize({ width, height }) : page.setViewport({ width, height }),
    requests: () => [...seen.requests],
    console: () => [...seen.console],
    close: () => page.close(),
  };
}
