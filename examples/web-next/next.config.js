// Two things of this repository (the package and the model are outside of the project), and the policy of the engine's
// worker; the pages' own is in proxy.js.
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

export default {
  reactStrictMode: true,
  turbopack: { root: repository },
  outputFileTracingRoot: repository,
  async headers() {
    // The worker alone compiles WebAssembly, and it imports nothing.
    const value = "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'";
    return [{ source: "/_next/static/media/worker.:hash.js", headers: [{ key: "Content-Security-Policy", value }] }];
  },
};
