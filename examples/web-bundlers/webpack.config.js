// webpack finds the package's worker and its WebAssembly by itself.
import { fileURLToPath } from "node:url";

import CopyPlugin from "copy-webpack-plugin";

import site from "./site.js";

export default {
  mode: "production",
  entry: "./main.js",
  // A module, as the page says.
  experiments: { outputModule: true },
  output: { module: true, filename: "main.js", path: fileURLToPath(new URL("dist/webpack", import.meta.url)) },
  // It warns of files above 244 KB, and a language model is none of these.
  performance: { hints: false },
  plugins: [new CopyPlugin({ patterns: Object.entries(site).map(([to, from]) => ({ from, to })) })],
};
