// A static server on this machine as strict as a site can be, that can be told to misbehave, and keeps a log.

import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

/** The policy that a page with azulejo in any kind of worker or in none must be able to have. It is on every answer. */
export const STRICT_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  // Pages and workers of every engine tell their violations here.
  "report-uri /violations",
].join("; ");
/** The strictest one, README's: only the worker itself, which imports nothing, may compile WebAssembly. */
export const STRICTEST_POLICY = (path) =>
  path.endsWith("/worker.js")
    ? "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; report-uri /violations"
    : STRICT_POLICY.replace(" 'wasm-unsafe-eval'", "");

/** Stricter still, for pages whose address has `trusted-types` in its query: only trusted addresses become workers. */
export const TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};
const PIECE = 64 * 1024;
const drained = (response) =>
  new Promise((done) => {
    const settled = () => {
      response.off("drain", settled).off("close", settled);
      done();
    };
    response.on("drain", settled).on("close", settled);
  });
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** A path as static servers read it: what is no escape, or no UTF-8, stands for itself. */
function unescaped(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * What a server can be told to do wrong with a path (`server.faults.set(path, {...})`); `times` of a fault is how often
 * it happens, always if absent.
 *
 * - `noRanges`: answers 200 with the whole file to a range
 * - `status`, `retryAfter`, `times`: answers that status (404, 416, 503 ...)
 * - `cut: {after, times}`: cuts the connection after so many bytes of an answer
 * - `short: {by, times}`: ends an answer properly, so many bytes too early
 * - `total`: the file's size that Content-Range (and a HEAD's Content-Length) tells, whatever it is
 * - `flip: {at, times}`: one bit of the file's byte `at` is wrong in the answers that have it
 * - `etag`: an ETag other than the file's (a function is called for each answer)
 * - `hold: {after}`: stops sending for good once so many bytes of the path have been sent in all
 * - `bytesPerSecond`: sends that slowly, each connection
 *
 * With `cors` all files may be read by pages of other origins. `policy` is a policy, or a function of a path. A page whose address has `trusted-types` in its query takes trusted
 * addresses only, by the policies that the query's value names.
 */
export async function serve(mounts = {}, { policy = STRICT_POLICY, host = "127.0.0.1", cors = false } = {}) {
  const folders = new Map(Object.entries(mounts));
  const handlers = new Map();
  const faults = new Map();
  const log = [];
  const violations = [];
  const sockets = new Set();

  /** The file that a URL path stands for, or null. The longest mounted prefix wins. */
  function located(path) {
    const prefixes = [...folders.keys()].filter((p) => path === p || (p.endsWith("/") && path.startsWith(p)));
    const prefix = prefixes.sort((a, b) => b.length - a.length)[0];
    if (prefix === undefined) return null;
    const rest = normalize(`/${path.slice(prefix.length)}`);
    return path === prefix && !prefix.endsWith("/") ? folders.get(prefix) : join(folders.get(prefix), rest);
  }

  function policyOf(path, search) {
    const own = typeof policy === "function" ? policy(path) : policy;
    const trusted = new URLSearchParams(search).get("trusted-types");
    return trusted === null ? own : `${own}; ${TRUSTED_TYPES} ${trusted}`;
  }

  const happens = (fault) => {
    if (!fault || fault.times === 0) return false;
    if (fault.times !== undefined) fault.times -= 1;
    return true;
  };

  async function answer(request, response) {
    const { pathname, search } = new URL(request.url, "http://127.0.0.1");
    const path = unescaped(pathname);
    if (path === "/violations") {
      let text = "";
      for await (const part of request) text += part;
      violations.push(JSON.parse(text)["csp-report"] ?? JSON.parse(text));
      return response.writeHead(204).end();
    }
    const fault = faults.get(path) ?? {};
    const entry = { method: request.method, path, search, range: request.headers.range ?? null, status: 0, sent: 0 };
    log.push(entry);
    const headers = {
      ...(policy && { "content-security-policy": policyOf(path, search) }),
      ...(cors && { "access-control-allow-origin": "*" }),
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    };
    const fail = (status, more = {}) => {
      entry.status = status;
      response.writeHead(status, { ...headers, "content-type": "text/plain", ...more }).end(`${status}\n`);
    };
    if (fault.status && happens(fault)) {
      return fail(fault.status, fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) });
    }
    const handler = handlers.get(path);
    if (handler) {
      entry.status = 200;
      return handler(request, response, headers);
    }
    const name = located(path.endsWith("/") ? `${path}index.html` : path);
    const found = name && (await stat(name).catch(() => null));
    if (!found?.isFile()) return fail(404);
    if (request.method !== "GET" && request.method !== "HEAD") return fail(405);

    const size = found.size;
    const told = fault.total ?? size;
    const plainTag = `"${createHash("sha256").update(`${size} ${found.mtimeMs} ${name}`).digest("hex").slice(0, 16)}"`;
    headers.etag = typeof fault.etag === "function" ? fault.etag() : (fault.etag ?? plainTag);
    headers["content-type"] = TYPES[extname(name)] ?? "application/octet-stream";
    let [from, to] = [0, size];
    const range = /^bytes=(\d*)-(\d*)$/.exec(entry.range ?? "");
    const stale = request.headers["if-range"] && request.headers["if-range"] !== headers.etag;
    entry.status = 200;
    if (!fault.noRanges) headers["accept-ranges"] = "bytes";
    if (range && !fault.noRanges && !stale) {
      const [, first, last] = range;
      from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
      to = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
      if (from >= size || from >= to) return fail(416, { "content-range": `bytes */${told}` });
      entry.status = 206;
      headers["content-range"] = `bytes ${from}-${to - 1}/${told}`;
    }
    if (fault.short && request.method === "GET" && happens(fault.short)) to = Math.max(from, to - fault.short.by);
    headers["content-length"] = String(entry.status === 200 ? (fault.total ?? to - from) : to - from);
    response.writeHead(entry.status, headers);
    if (request.method === "HEAD") return response.end();
    response.flushHeaders();

    const cut = fault.cut && happens(fault.cut) ? fault.cut.after : Infinity;
    const flip = fault.flip && fault.flip.at >= from && fault.flip.at < to && happens(fault.flip) ? fault.flip.at : -1;
    const file = await open(name);
    try {
      for (let at = from; at < to; ) {
        let want = Math.min(PIECE, to - at, cut - entry.sent);
        if (fault.hold) {
          const left = () => fault.hold.after - server.bytes(path);
          while (left() <= 0 && !response.destroyed && faults.get(path) === fault) await wait(20);
          if (faults.get(path) === fault) want = Math.min(want, Math.max(1, left()));
        }
        if (fault.bytesPerSecond) {
          want = Math.min(want, Math.ceil(fault.bytesPerSecond / 20));
          await wait((want / fault.bytesPerSecond) * 1000);
        }
        if (response.destroyed) break;
        if (want <= 0) {
          response.destroy();
          break;
        }
        const piece = Buffer.alloc(want);
        await file.read(piece, 0, want, at);
        if (flip >= at && flip < at + want) piece[flip - at] ^= 1;
        entry.sent += want;
        at += want;
        if (!response.write(piece) && !response.destroyed) await drained(response);
      }
    } finally {
      await file.close();
    }
    response.end();
  }

  const http = createServer((request, response) => {
    response.on("error", () => {});
    answer(request, response).catch((error) => {
      log.push({ error: String(error), path: request.url });
      response.destroy();
    });
  });
  // A connection that is closed just when it's used again is an error to Node's fetch; all are closed in the end.
  http.keepAliveTimeout = 0;
  http.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise((done) => http.listen(0, host, done));

  const server = {
    origin: `http://${host}:${http.address().port}`,
    url: (path) => `${server.origin}${path}`,
    /** Serves a file or, where `prefix` ends in a slash, a folder. */
    mount: (prefix, where) => folders.set(prefix, where),
    /** Has a function answer a path: `(request, response, headers)`, with the headers that every answer has. */
    handle: (path, handler) => handlers.set(path, handler),
    faults,
    log,
    violations,
    /** The bytes of a path's body that were handed out so far (GET only). */
    bytes: (path) => log.reduce((sum, e) => sum + (e.path === path ? e.sent : 0), 0),
    /** Requests of a path. */
    count: (path) => log.filter((e) => e.path === path).length,
    /** Cuts every connection. */
    drop: () => sockets.forEach((socket) => socket.destroy()),
    /** Forgets the log, the violations and all faults. */
    reset() {
      faults.clear();
      log.length = 0;
      violations.length = 0;
    },
    async close() {
      faults.clear();
      sockets.forEach((socket) => socket.destroy());
      await new Promise((done) => http.close(done));
    },
  };
  return server;
}
