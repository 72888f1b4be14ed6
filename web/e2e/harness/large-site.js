// Makes a site of many pages whose words are as many and as frequent as those of real ones (Zipf's law), for sizes and
// speed: `node harness/large-site.js 1000 FOLDER`. Its sentences make no sense, so they compress worse than real ones.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BEGINS = "a ba be bri ca ce cla co cri da de di do e es fa fi flo fo ga go gra ha i la le li lo ma me mi mo na no nu o pa pe pla po pre pro ra re ri ro sa se si so su ta te ti to tra u va ve vi vo".split(" ");
const MIDDLES = "ba bla ca ci co cu da de di fi ga gi la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po ra re ri ro rra sa se si ta te ti to tu va ve vi za".split(" ");
const ENDINGS = "ción ciones miento mientos dad dades do da dos das ble bles nte ntes rio ria rios rias l les r ra res sta stas mo ma s o a os as e es".split(" ");
const SMALL = "de la el en y a los se del las un por con para una su al es lo como más o pero sus le ya este que si sobre entre cuando muy sin hasta desde está nos durante todos uno ni otro ese eso ante ellos e".split(" ");
/** Words of a page, of a sentence, and how many of them are small ones. */
const PAGE_WORDS = 350;
const SENTENCE_WORDS = 14;
const SMALL_SHARE = 0.45;
/** How many other words there are for a site of so many pages: Heaps' law, with the constants that Spanish text has. */
const vocabulary = (pages) => Math.round(12 * (pages * PAGE_WORDS) ** 0.58);

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes the pages into `folder`. */
export async function makeLargeSite(folder, pages) {
  const next = random(7);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const words = new Set();
  while (words.size < vocabulary(pages)) {
    words.add(pick(BEGINS) + Array.from({ length: Math.floor(next() * 3) }, () => pick(MIDDLES)).join("") + pick(ENDINGS));
  }
  const list = [...words];
  // By rank: the probability of each is in inverse proportion to it.
  const weights = list.map((_, rank) => 1 / (rank + 3));
  const sums = [];
  let whole = 0;
  for (const weight of weights) sums.push((whole += weight));
  const frequent = () => {
    const at = next() * whole;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < at) low = middle + 1;
      else high = middle;
    }
    return list[low];
  };
  const sentence = (length) => {
    const text = Array.from({ length }, () => (next() < SMALL_SHARE ? pick(SMALL) : frequent())).join(" ");
    return `${text[0].toUpperCase()}${text.slice(1)}.`;
  };
  const title = (length) => sentence(length).slice(0, -1);
  for (let page = 0; page < pages; page++) {
    const path = join(folder, `seccion-${page % 20}`, `pagina-${page}.html`);
    await mkdir(join(path, ".."), { recursive: true });
    const sections = Array.from({ length: 5 }, (_, section) => {
      const sentences = Array.from({ length: PAGE_WORDS / SENTENCE_WORDS / 5 }, () => sentence(SENTENCE_WORDS));
      const price = `Cuesta ${Math.floor(next() * 200)} €.`;
      return `<h2 id="s${section}">${title(4)}</h2><p>${sentences.join(" ")} ${price}</p>`;
    });
    const html = `<!doctype html><html lang="es"><head><meta charset="utf-8"><title>Página</title></head><body><nav><a href="/">Inicio</a></nav><main><h1 id="h">${title(5)}</h1>${sections.join("\n")}</main></body></html>`;
    await writeFile(path, html);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [pages, folder] = process.argv.slice(2);
  await makeLargeSite(folder, Number(pages));
}
