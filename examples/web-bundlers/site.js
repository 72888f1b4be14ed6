// What the site has besides its JavaScript: each file by its name there. The bundlers copy them.
export default {
  "index.html": "index.html",
  "style.css": "../web-minimal/style.css",
  "icon.svg": "../web-minimal/icon.svg",
  "azulejo-demo.gguf": "../../models/azulejo-demo.gguf",
};
