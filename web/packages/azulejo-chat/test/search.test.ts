// The search over a site's pages: what is forgiven, what is fetched, what is told when an index can't be read.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { openIndex, SearchError, type SiteIndex } from "../src/search/index.js";
import type { Parts } from "../src/search/parts.js";
import { wordsOf } from "../src/search/words.js";
import { ADDRESS, fetchOf, type Files, indexOf, type Written } from "./search-index.js";

const PORTUGUESE: Written[] = [
  { page: "pt/lixo.html", title: "Lixo", heading: "Dias de recolha", anchor: "dias", text: "O contentor amarelo é recolhido à terça-feira." },
  { page: "pt/lixo.html", title: "Lixo", heading: "Móveis", anchor: "moveis", text: "Ligue para marcar a recolha de móveis velhos." },
  { page: "pt/taxas.html", title: "Taxas", heading: "Certidões", anchor: "certidoes", text: "A certidão custa 15 euros e demora dois dias." },
  { page: "pt/taxas.html", title: "Taxas", heading: "Mercado", text: "Um lugar no mercado custa 14 euros por dia." },
  { page: "pt/escola.html", title: "Escola", text: "As matrículas fazem-se em maio, na secretaria da escola." },
  { page: "pt/saude.html", title: "Centro de saúde", text: "A consulta com o médico marca-se por telefone." },
];
const SPANISH: Written[] = [
  { page: "es/vivienda.html", title: "Vivienda", text: "La ayuda al alquiler se pide en la oficina de vivienda." },
  { page: "es/piscina.html", title: "Piscina", text: "La piscina abre de martes a domingo." },
  { page: "es/mercado.html", title: "Mercado", text: "El mercado se celebra los sábados." },
  // So many that what stands in one of them tells something.
  ...Array.from({ length: 20 }, (_, i) => ({ page: `es/acta-${i}.html`, title: "Acta", text: `Sesión número ${i} del pleno.` })),
];
const STOP = { "pt-PT": "a ao as com como custa da de do em e na no o os para por que se um uma quanto", es: "a de el en la los se que donde", ca: "de" };
const GROUPS = [["certidao", "certidoes"], ["movel", "moveis"]];

const site = (more = {}) => indexOf({ "pt-PT": PORTUGUESE, es: SPANISH }, { stop: STOP, groups: GROUPS, ...more });
const open = (files: Files, fetched?: string[]): Promise<SiteIndex> => openIndex(ADDRESS, { fetch: fetchOf(files, fetched) });
const places = async (question: string, lang: "pt-PT" | "pt-BR" | "es" | "ca" | "en" = "pt-PT", files = site()) =>
  (await (await open(files)).search(question, { lang })).map(({ passage }) => `${passage.url}#${passage.anchor ?? ""}`);

test("words are those that the program finds", () => {
  const cases = JSON.parse(readFileSync("../../../tests/fixtures/search/words.json", "utf8")) as { text: string; words: string[] }[];
  assert.ok(cases.length > 10);
  for (const { text, words } of cases) assert.deepEqual(wordsOf(text), words, text);
});

test("search finds a passage and says where it stands", async () => {
  const index = await open(site());
  const [found, ...others] = await index.search("Quanto custa uma certidão?", { lang: "pt-PT" });
  const { url, anchor, title, heading, lang, text } = found!.passage;
  assert.deepEqual([url, anchor, title, heading, lang], ["pt/taxas.html", "certidoes", "Taxas", "Certidões", "pt-PT"]);
  assert.match(text, /15 euros/);
  assert.ok(found!.score > 0 && others.every(({ score }) => score <= found!.score));
});

test("search forgives accents, case, plural and slips", async () => {
  for (const question of ["CERTIDOES", "certidao", "certidão", "certidoens", "cetidao", "cerditao"]) {
    assert.equal((await places(question))[0], "pt/taxas.html#certidoes", question);
  }
  assert.equal((await places("matricular-me na escola"))[0], "pt/escola.html#");
  // Two forms that the stems have apart are found by each other.
  assert.equal((await places("contentores")).length, 1);
  const apart = indexOf({ eu: [{ page: "a", text: "udala irekita" }, { page: "b", text: "udalak itxita" }, { page: "c", text: "eskola" }] });
  assert.deepEqual((await (await open(apart)).search("udalak", { lang: "eu" })).map(({ passage }) => passage.url).sort(), ["a", "b"]);
});

test("search weighs titles and headings more", async () => {
  assert.equal((await places("mercado"))[0], "pt/taxas.html#");
  const files = indexOf({ es: [{ page: "a", title: "Otra", text: "piscina grande y piscina vieja" }, { page: "b", title: "Piscina", text: "abre en verano cada tarde" }] });
  assert.equal((await places("piscina abre", "es", files))[0], "b#");
});

test("search of what is nowhere gives an empty list", async () => {
  for (const question of ["", "?!", "como para que", "licença para caçar javalis", "qual a capital da Austrália"]) {
    assert.deepEqual(await places(question), [], question);
  }
});

test("words that only say what is asked carry no passage of another thing", async () => {
  const passages: Written[] = [
    { page: "estacionamento", title: "Dístico", heading: "Quanto custa", text: "Primeiro dístico: doze euros por ano. Custa trinta o segundo." },
    { page: "estacionamento", title: "Dístico", heading: "Documentos", text: "Documentos e preço: certidão e cartão do carro. Documentos de quem custa." },
    { page: "piscina", title: "Piscina", text: "Abre no verão." },
    ...Array.from({ length: 12 }, (_, i) => ({ page: `ata-${i}`, title: "Ata", text: `Sessão ${i} da assembleia.` })),
  ];
  const stop = { "pt-PT": "da de do e no o os por quanto" };
  const topics = { "pt-PT": "custa custar documentos preco", es: "cuesta", en: "cost documents" };
  const asked = async (question: string, lang: "pt-PT" | "en" | "es" = "pt-PT", more: object = { topics }) =>
    (await (await open(indexOf({ "pt-PT": passages }, { stop, groups: [["custa", "custam"]], ...more }))).search(question, { lang })).map(({ passage }) => passage.heading);
  assert.deepEqual(await asked("Quanto custa o passaporte?"), []);
  assert.deepEqual(await asked("Quanto custam os passaportes?"), [], "another form of such a word");
  assert.deepEqual(await asked("What documents cost a passport?", "en"), [], "and one of another language");
  assert.equal((await asked("Quanto custa o dístico?"))[0], "Quanto custa");
  assert.equal((await asked("documentos do dístico"))[0], "Documentos");
  // A question with nothing else asks for what there is.
  assert.equal((await asked("Quanto custa?"))[0], "Quanto custa");
  assert.equal((await asked("documentos"))[0], "Documentos");
  // One of four words may be what it is about, and of five it isn't, however well the others fit.
  assert.equal((await asked("custa, documentos, preço: dístico praia campismo aeroporto"))[0], "Documentos");
  assert.deepEqual(await asked("custa, documentos, preço: dístico praia campismo aeroporto passaporte"), []);
  // An index that an older program wrote.
  assert.equal((await asked("Quanto custa o passaporte?", "pt-PT", {}))[0], "Quanto custa");
});

test("words that only say what is asked and stand nowhere sink no find, however few passages there are", async () => {
  const passages: Written[] = [
    { page: "mobilitat", title: "Mobilitat", heading: "Convocatòria Erasmus", text: "Les candidatures es presenten de novembre a desembre." },
    ...["Ajuts", "Oficina", "Crèdits", "Idiomes"].map((heading) => ({ page: "mobilitat", title: "Mobilitat", heading, text: `Text sobre ${heading}.` })),
  ];
  const files = indexOf({ ca: passages }, { stop: { ca: "de el ha quan quant" }, topics: { ca: "costa demanar preu" } });
  const index = await open(files);
  const asked = async (question: string) => (await index.search(question, { lang: "ca" })).map(({ passage, score }) => [passage.heading, score]);
  const alone = await asked("erasmus");
  assert.equal(alone[0]![0], "Convocatòria Erasmus");
  for (const question of ["demanar erasmus", "preu erasmus", "Quan s'ha de demanar l'Erasmus? Quant costa?"]) {
    assert.deepEqual(await asked(question), alone, question);
  }
  // What a question is about counts, whether it stands there or not.
  assert.deepEqual(await asked("erasmus passaport"), []);
  assert.deepEqual(await asked("preu passaport"), []);
  assert.deepEqual(await asked("preu"), []);
});

test("search looks in the question's language, then in related ones, then in others", async () => {
  // Both languages have a market; the question's own goes first.
  const markets = await places("mercado");
  assert.ok(markets.indexOf("pt/taxas.html#") < markets.indexOf("es/mercado.html#") || !markets.includes("es/mercado.html#"), markets.join());
  assert.equal((await places("mercado", "es"))[0], "es/mercado.html#");
  assert.equal((await places("oficina de vivenda", "ca"))[0], "es/vivienda.html#");
  assert.equal((await places("certidão", "pt-BR"))[0], "pt/taxas.html#certidoes");
  // A question that is thought to be in another language than it is.
  assert.equal((await places("¿Dónde se pide la ayuda al alquiler?", "pt-PT"))[0], "es/vivienda.html#");
  // English has no relative among them, and gets what there is.
  assert.equal((await places("piscina", "en"))[0], "es/piscina.html#");
});

test("search gives at most two passages of a page, and no more than the limit", async () => {
  const many = Array.from({ length: 6 }, (_, i) => ({ page: i < 4 ? "a" : `b${i}`, title: "Piscina", text: `piscina ${i} texto ${i}` }));
  const rest = Array.from({ length: 30 }, (_, i) => ({ page: `c${i}`, title: "Otra", text: `nada de esto ${i}` }));
  const index = await open(indexOf({ es: [...many, ...rest] }));
  const pages = (await index.search("piscina", { lang: "es", limit: 10 })).map(({ passage }) => passage.url);
  assert.deepEqual([...pages].sort(), ["a", "a", "b4", "b5"]);
  assert.equal((await index.search("piscina", { lang: "es", limit: 2 })).length, 2);
});

test("search fetches what it needs, once, and nothing else", async () => {
  const fetched: string[] = [];
  const index = await open(site({ itemsOfAPart: 2 }), fetched);
  assert.deepEqual(fetched.splice(0), ["search-index.json"]);
  await index.search("certidão", { lang: "en" });
  // All languages' words are looked at, as English isn't among them; of postings and texts a part is enough.
  const kinds = (kind: string) => fetched.filter((name) => name.includes(kind));
  assert.deepEqual([kinds("words").length, kinds("pt-PT-postings").length, kinds("texts").length], [2, 1, 1], fetched.join());
  fetched.length = 0;
  await index.search("certidões", { lang: "en" });
  assert.deepEqual(fetched, []);
});

test("search by vectors adds what words don't find", async () => {
  const near = (at: number) => Array.from({ length: 8 }, (_, i) => (i === at ? 1 : 0));
  const filler = Array.from({ length: 20 }, (_, i) => ({ page: `c${i}`, title: "", text: `relleno numero ${i}` }));
  const passages = [{ page: "a", title: "", text: "las medicinas van a la farmacia" }, { page: "b", title: "", text: "los muebles se recogen el lunes" }, ...filler];
  const vectors = { es: passages.map((_, i) => near(Math.min(i, 7))) };
  const index = await open(indexOf({ es: passages }, { vectors }));
  assert.deepEqual(index.vectors, { model: "made-up", size: 8 });
  const urls = async (vector?: Float32Array) =>
    (await index.search("remedios caducados", { lang: "es", ...(vector && { vector }) })).map(({ passage }) => passage.url);
  assert.deepEqual(await urls(), []);
  assert.deepEqual(await urls(new Float32Array(near(0))), ["a"]);
  // In both lists is more than in one.
  const found = await index.search("muebles", { lang: "es", vector: new Float32Array(near(1)) });
  assert.deepEqual(found.map(({ passage }) => passage.url), ["b"]);
  assert.ok(found[0]!.score > 1 / 61);
});

/** The error that comes of files, on opening or on searching. */
async function errorOf(files: Files): Promise<SearchError> {
  try {
    await (await open(files)).search("certidão", { lang: "pt-PT" });
  } catch (error) {
    assert.ok(error instanceof SearchError, String(error));
    return error;
  }
  return assert.fail("it went well");
}

test("errors say which address and what to do", async () => {
  const changed = (name: string, content: string | null) => {
    const files = site();
    const key = new URL(name, ADDRESS).href;
    assert.ok(files.has(key), name);
    if (content === null) files.delete(key);
    else files.set(key, new TextEncoder().encode(content));
    return files;
  };
  const cases: [name: string, content: string | null, code: string, says: RegExp][] = [
    ["search-index.json", null, "not-found", /404; make it by `azulejo index`/],
    ["search-index.json", "<html>", "not-an-index", /not JSON/],
    ["search-index.json", "[1]", "not-an-index", /no index/],
    ["search-index.json", "null", "not-an-index", /no index/],
    ["search-index.json", '{"format":"azulejo-search-9"}', "other-version", /azulejo-search-9.*azulejo-search-1/],
    ["search-index/pt-PT-words.json", null, "not-found", /same run/],
    ["search-index/pt-PT-words.json", "{", "damaged", /1 bytes instead of/],
    ["search-index/pt-PT-postings-0.json", null, "not-found", /same run/],
    ["search-index/pt-PT-texts-0.json", "{}", "damaged", /2 bytes instead of/],
  ];
  for (const [name, content, code, says] of cases) {
    const error = await errorOf(changed(name, content));
    assert.equal(error.code, code, error.message);
    assert.equal(error.address, new URL(name, ADDRESS).href);
    assert.ok(error.message.startsWith(error.address), error.message);
    assert.match(error.message, says);
  }
});

/** The files of the site, one of them with another value, and its length as it is told of it. */
function changedTo(name: string, change: (value: any) => unknown): Files {
  const files = site();
  const put = (name: string, change: (value: any) => unknown): number => {
    const key = new URL(name, ADDRESS).href;
    const value = JSON.parse(new TextDecoder().decode(files.get(key)));
    const bytes = new TextEncoder().encode(JSON.stringify(change(value) ?? value));
    files.set(key, bytes);
    return bytes.byteLength;
  };
  const words = "search-index/pt-PT-words.json";
  const bytes = put(name, change);
  if (name === ADDRESS) return files;
  if (name !== words) {
    put(words, (value) => {
      for (const part of [...value.postings, ...value.texts]) if (part.file === name) part.bytes = bytes;
    });
  }
  put(ADDRESS, (first) => {
    first.languages["pt-PT"].bytes = files.get(new URL(words, ADDRESS).href)!.byteLength;
  });
  return files;
}

test("parts of the right length with something else in them are told as damaged", async () => {
  const [words, postings, texts] = ["words", "postings-0", "texts-0"].map((name) => `search-index/pt-PT-${name}.json`) as [string, string, string];
  const cases: Record<string, [name: string, change: (value: any) => unknown]> = {
    "a stop list is a number": [ADDRESS, (first) => void (first.stop.es = 5)],
    "no stop lists": [ADDRESS, (first) => void (first.stop = null)],
    "topics are a list": [ADDRESS, (first) => void (first.topics = [1])],
    "a language is null": [ADDRESS, (first) => void (first.languages.es = null)],
    "a language has no number of passages": [ADDRESS, (first) => void delete first.languages.es.passages],
    "a language is no file": [ADDRESS, (first) => void (first.languages["pt-PT"].file = 7)],
    "a language's file has no address": [ADDRESS, (first) => void (first.languages["pt-PT"].file = "http://")],
    "vectors without a model": [ADDRESS, (first) => void (first.vectors = { size: 3 })],
    "no words": [words, () => 0],
    "words are a text": [words, (value) => void (value.words = "x")],
    "a word is a number": [words, (value) => void (value.words[0] = 5)],
    "no lengths": [words, (value) => void delete value.lengths],
    "lengths of other passages": [words, (value) => void value.lengths[0].pop()],
    "negative lengths": [words, (value) => void (value.lengths[1][0] = -1)],
    "pages of more passages": [words, (value) => void (value.pages[0] = 4e9)],
    "no postings": [words, (value) => void (value.postings = [])],
    "no texts": [words, (value) => void (value.texts = [])],
    "texts that don't begin": [words, (value) => void (value.texts[0].first = 3)],
    "a part twice": [words, (value) => void value.texts.push(value.texts[0])],
    "postings are an object": [postings, () => ({})],
    "postings out of range": [postings, (value) => value.map((group: number[][]) => group.map((field) => field.map(() => 4e9)))],
    "negative postings": [postings, (value) => value.map((group: number[][]) => group.map((field) => field.map(() => -8)))],
    "postings are texts": [postings, (value) => value.map(() => [["0"]])],
    "postings of fewer groups": [postings, (value) => value.slice(1)],
    "texts are numbers": [texts, (value) => value.passages.forEach((passage: unknown[]) => (passage[4] = 12345))],
    "texts are objects": [texts, (value) => value.passages.forEach((passage: unknown[]) => (passage[4] = { a: 1 }))],
    "a heading is null": [texts, (value) => value.passages.forEach((passage: unknown[]) => (passage[2] = null))],
    "an anchor is a number": [texts, (value) => value.passages.forEach((passage: unknown[]) => (passage[1] = 5))],
    "a passage is short": [texts, (value) => value.passages.forEach((passage: unknown[]) => passage.pop())],
    "pages are missing": [texts, (value) => void (value.pages = {})],
    "pages have no address": [texts, (value) => Object.values(value.pages).forEach((page: any) => (page[0] = ""))],
    "a page is a text": [texts, (value) => Object.keys(value.pages).forEach((page) => (value.pages[page] = "ab"))],
    "passages are missing": [texts, (value) => void (value.passages = [])],
    "a passage's page is a name": [texts, (value) => value.passages.forEach((passage: unknown[]) => (passage[0] = "toString"))],
  };
  for (const [name, [file, change]] of Object.entries(cases)) {
    const error = await errorOf(changedTo(file, change));
    assert.equal(error.code, "damaged", name);
    assert.match(error.message, /put the whole index there again, as `azulejo index` wrote it/, name);
  }
  // What is changed to what it is goes well, so that it is the content that is refused.
  for (const name of [ADDRESS, words, postings, texts]) {
    assert.equal((await places("certidão", "pt-PT", changedTo(name, (value) => value))).length, 1, name);
  }
});

test("a damaged part is fetched anew by the next search", async () => {
  const files = site();
  const key = new URL("search-index/pt-PT-texts-0.json", ADDRESS).href;
  const whole = files.get(key)!;
  files.set(key, new TextEncoder().encode(new TextDecoder().decode(whole).replace('"passages"', '"passagez"')));
  const index = await open(files);
  await assert.rejects(index.search("certidão", { lang: "pt-PT" }), { code: "damaged", address: key });
  files.set(key, whole);
  assert.equal((await index.search("certidão", { lang: "pt-PT" })).length, 1);
});

test("a part on another host is not fetched", async () => {
  const files = site();
  const first = new TextDecoder().decode(files.get(ADDRESS)).replaceAll("search-index/", "https://evil.example.net/");
  files.set(ADDRESS, new TextEncoder().encode(first));
  const error = await errorOf(files);
  assert.equal(error.code, "damaged");
  assert.match(error.message, /evil\.example\.net/);
});

test("a network that is gone is told with its cause, and may come back", async () => {
  const files = site();
  let isGone = false;
  const fetch: typeof globalThis.fetch = async (...args) => {
    if (isGone) throw new TypeError("no network");
    return fetchOf(files)(...args);
  };
  const index = await openIndex(ADDRESS, { fetch });
  isGone = true;
  await assert.rejects(index.search("certidão", { lang: "pt-PT" }), (error: SearchError) => {
    return error.code === "unreachable" && (error.cause as Error).message === "no network";
  });
  isGone = false;
  assert.equal((await index.search("certidão", { lang: "pt-PT" })).length, 1);
});

test("a part that several want at once is fetched once", async () => {
  const fetched: string[] = [];
  const index = await open(site(), fetched);
  const searches = ["certidão", "mercado", "certidão"].map((question) => index.search(question, { lang: "pt-PT" }));
  const found = await Promise.all(searches);
  assert.deepEqual(found[0], found[2]);
  assert.deepEqual(fetched.filter((name, at) => fetched.indexOf(name) !== at), [], fetched.join());
  assert.equal(fetched.filter((name) => name.includes("pt-PT-texts")).length, 1);
});

test("the fetch of a part ends with the last one who waits for it, and not before", async () => {
  const files = site();
  const begun: AbortSignal[] = [];
  let go = () => {};
  let isHeld = false;
  let reached = () => {};
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (!isHeld || !String(input).includes("texts")) return fetchOf(files)(input, init);
    begun.push(init!.signal!);
    reached();
    await new Promise<void>((done, fail) => {
      go = done;
      init!.signal!.addEventListener("abort", () => fail(init!.signal!.reason));
    });
    return fetchOf(files)(input, init);
  };
  const index = await openIndex(ADDRESS, { fetch });
  const parts = (index as unknown as { parts: Parts }).parts;
  isHeld = true;
  const atTexts = () => new Promise<void>((done) => (reached = done));
  const enough = new Error("enough");
  const search = (signal: AbortSignal) => index.search("certidão", { lang: "pt-PT", signal });

  const [one, other] = [new AbortController(), new AbortController()];
  let there = atTexts();
  const first = search(one.signal);
  await there;
  const [texts] = [...files.keys()].filter((name) => name.includes("pt-PT-texts"));
  const part = { file: texts!.slice(new URL(".", ADDRESS).href.length), bytes: files.get(texts!)!.byteLength };
  const second = parts.json(part, (value): value is { passages: unknown[] } => typeof value === "object", other.signal);
  one.abort(enough);
  await assert.rejects(first, enough);
  assert.equal(begun[0]!.aborted, false, "the other one still wants it");
  go();
  assert.equal((await second).passages.length, PORTUGUESE.length);
  other.abort(enough);
  assert.equal((await search(new AbortController().signal)).length, 1, "what is here stays");
  assert.equal(begun.length, 1);

  // Of an index that was just opened nobody else waits for it.
  const again = await openIndex(ADDRESS, { fetch });
  const only = new AbortController();
  there = atTexts();
  const third = again.search("certidão", { lang: "pt-PT", signal: only.signal });
  await there;
  only.abort(enough);
  await assert.rejects(third, enough);
  assert.equal(begun[1]!.aborted, true);
  isHeld = false;
  assert.equal((await again.search("certidão", { lang: "pt-PT" })).length, 1, "and it is fetched anew");
});

test("a search is ended by its signal, with the signal's reason", async () => {
  const reason = new Error("enough");
  const files = site();
  const controller = new AbortController();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (String(input).includes("postings")) controller.abort(reason);
    return fetchOf(files)(input, init);
  };
  const index = await openIndex(ADDRESS, { fetch });
  await assert.rejects(index.search("certidão", { lang: "pt-PT", signal: controller.signal }), reason);
  await assert.rejects(index.search("certidão", { lang: "pt-PT", signal: controller.signal }), reason);
  await assert.rejects(openIndex(ADDRESS, { fetch, signal: controller.signal }), reason);
  // Another search goes on.
  assert.equal((await index.search("certidão", { lang: "pt-PT" })).length, 1);
});
