// Three pages, one a framework. A project has the one plugin that it needs.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    svelte(),
    // Vue would look for a component of its own by that name.
    vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === "azulejo-chat" } } }),
  ],
  // As of the package azulejo: files beside the code, which the pre-bundler would part from it.
  optimizeDeps: { exclude: ["azulejo", "azulejo-chat"] },
  // The package is linked from this tree, where there is no React.
  resolve: { dedupe: ["react"] },
  build: { rolldownOptions: { input: ["react.html", "vue.html", "svelte.html"] } },
  server: { fs: { allow: ["../.."] } },
});
