// WebKitGTK's MiniBrowser, driven by plain WebDriver over HTTP on a display of its own (Xvfb).
//
// Its automation mode is always a private window: what it stores lives as long as the process does.

import { createServer } from "node:net";
import { request } from "node:http";

import { unwrapped, until, wrapped } from "./page.js";
import { kill, PATIENCE, printed, start } from "./process.js";

const MINI_BROWSER = process.env.AZULEJO_WEBKIT ?? "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

/** Keys as WebDriver names them. */
const KEYS = { Tab: "\uE004", Enter: "\uE007", Shift: "\uE008", Escape: "\uE00C" };

/** WebDriver's actions of a key and its modifiers, or of a text's letters. */
const keyActions = (keys) => {
  const [last, ...held] = keys.split("+").reverse().map((key) => KEYS[key] ?? key);
  const down = (value) => ({ type: "keyDown", value });
  const up = (value) => ({ type: "keyUp", value });
  return [...held.map(down), down(last), up(last), ...held.map(up)];
};

/** A TCP port that was free a moment ago. */
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** One WebDriver command; its error thrown with what the driver said. */
function command(port, method, path, body) {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method, path, timeout: PATIENCE * 1000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("error", reject).on("end", () => {
        let value;
        try {
          ({ value } = JSON.parse(text));
        } catch {
          return reject(new Error(`WebKitWebDriver answered ${text.slice(0, 200)}`));
        }
        if (response.statusCode === 200) resolve(value);
        else reject(new Error(`WebKitWebDriver: ${method} ${path}: ${value?.error}: ${value?.message}`));
      });
    });
    call.on("error", reject).on("timeout", () => call.destroy(new Error(`WebKitWebDriver: no answer to ${path}`)));
    call.setHeader("content-type", "application/json; charset=utf-8");
    call.end(method === "POST" ? JSON.stringify(body ?? {}) : undefined);
  });
}

export async function startWebkit({ profile, features = [] }) {
  const xvfb = start("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
  const [, display] = await printed(xvfb, /^(\d+)\n/m);
  const port = await freePort();
  const driver = start(process.env.AZULEJO_WEBKIT_DRIVER ?? "WebKitWebDriver", [`--port=${port}`], {
    env: {
      DISPLAY: `:${display}`,
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
      LIBGL_ALWAYS_SOFTWARE: "1",
      GTK_A11Y: "none",
      NO_AT_BRIDGE: "1",
      HOME: profile,
      XDG_CACHE_HOME: `${profile}/cache`,
      XDG_DATA_HOME: `${profile}/data`,
      XDG_CONFIG_HOME: `${profile}/config`,
    },
  });
  await until(async () => {
    if (driver.exitCode !== null) throw new Error(`WebKitWebDriver did not start:\n${driver.said}`);
    return command(port, "GET", "/status").catch(() => null);
  }, "WebKitWebDriver listens");
  const { sessionId, capabilities } = await command(port, "POST", "/session", {
    capabilities: {
      alwaysMatch: {
        "webkitgtk:browserOptions": {
          binary: MINI_BROWSER,
          args: ["--automation", ...(features.length ? [`--features=${features.join(",")}`] : [])],
        },
      },
    },
  });
  const at = (path) => `/session/${sessionId}${path}`;

  // A session has one current window, and runs one command at a time.
  let turn = Promise.resolve();
  const inTurn = (work) => (turn = turn.then(work, work));
  const inWindow = (handle, work) =>
    inTurn(async () => {
      await command(port, "POST", at("/window"), { handle });
      return work();
    });

  // The first window stays, empty, as closing the last one would end the session.
  const first = await command(port, "GET", at("/window"));
  let calls = 0;
  const newWindow = () =>
    inTurn(async () => {
      await command(port, "POST", at("/window"), { handle: first });
      return (await command(port, "POST", at("/window/new"), { type: "window" })).handle;
    });

  return {
    version: `${capabilities.browserName} ${capabilities.browserVersion}`,
    async newPage(url) {
      const handle = await newWindow();
      const goto = async (to) => {
        await inWindow(handle, () => command(port, "POST", at("/url"), { url: to }));
        // The driver may answer before the page's modules have run.
        await until(() => run(`return location.href === arguments[0] && document.readyState === "complete"`, to), `${to} is loaded`);
      };
      const run = (script, ...args) =>
        inWindow(handle, () => command(port, "POST", at("/execute/sync"), { script, args }));
      await goto(url);
      // The answer is left in the page and asked for, so that several pages can work at the same time.
      const evaluate = async (code, ...args) => {
        const slot = `answer${++calls}`;
        await run(
          `const answers = (window.e2eAnswers ??= {});
           (${wrapped(code, args)}).then((text) => (answers["${slot}"] = text), (e) => (answers["${slot}"] = JSON.stringify({ error: { message: String(e) } })));`,
        );
        const text = await until(
          () => run(`const a = (window.e2eAnswers ??= {}); const t = a["${slot}"]; delete a["${slot}"]; return t ?? null;`),
          `an answer of the page to ${String(code).slice(0, 200)}`,
        );
        return unwrapped(text);
      };
      const act = (actions) =>
        inWindow(handle, () => command(port, "POST", at("/actions"), { actions: [{ type: "key", id: "keys", actions }] }));
      return {
        evaluate,
        goto,
        press: (keys) => act(keyActions(keys)),
        write: (text) => act([...text].flatMap(keyActions)),
        // The window's frame is no part of what a page has.
        async resize(width, height) {
          const set = (width, height) => inWindow(handle, () => command(port, "POST", at("/window/rect"), { width, height }));
          await set(width, height);
          const [w, h] = await evaluate(() => [innerWidth, innerHeight]);
          await set(2 * width - w, 2 * height - h);
        },
        // WebDriver tells no requests; the page's own list lacks those of its workers (the server's log has them).
        requests: () => evaluate(() => [location.href, ...performance.getEntriesByType("resource").map((e) => e.name)]),
        console: () => evaluate(() => window.e2eConsole ?? []),
        close: () => inWindow(handle, () => command(port, "DELETE", at("/window"))),
      };
    },
    async kill() {
      await kill(driver);
      await kill(xvfb);
    },
    async close() {
      await inTurn(() => command(port, "DELETE", at(""))).catch(() => {});
      await kill(driver);
      await kill(xvfb);
    },
  };
}
