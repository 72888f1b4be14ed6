// What azulejo needs of Vite, and two things of this repository: the model is outside of the project, and its name is new
// to Vite.
import { defineConfig } from "vite";

export default defineConfig({
  // The package brings its worker and its WebAssembly as files beside its code, which the pre-bundler would part from it.
  optimizeDeps: { exclude: ["azulejo"] },
  assetsInclude: ["**/*.gguf"],
  server: { fs: { allow: ["../.."] } },
});
