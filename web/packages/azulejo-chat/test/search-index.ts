// Makes small indexes as `azulejo index` writes them, with a group for each word, and serves them to the search's `fetch`.

import { wordsOf } from "../src/search/words.js";

/** A passage of a made-up site. */
export interface Written {
  readonly page: string;
  readonly title?: string;
  readonly heading?: string;
  readonly anchor?: string;
  readonly text: string;
}

export const ADDRESS = "https://town.example/search-index.json";

/** Files by their address. */
export type Files = Map<string, Uint8Array<ArrayBuffer>>;

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The files of an index over passages by language; words that share a group stand in `groups`, as one stem's forms do. */
export function indexOf(
  languages: Record<string, readonly Written[]>,
  more: { groups?: readonly string[][]; stop?: Record<string, string>; topics?: Record<string, string>; vectors?: Record<string, number[][]>; itemsOfAPart?: number } = {},
): Files {
  const files: Files = new Map();
  const part = (name: string, content: Uint8Array<ArrayBuffer>) => {
    files.set(new URL(`search-index/${name}`, ADDRESS).href, content);
    return { file: `search-index/${name}`, bytes: content.byteLength };
  };
  const cut = <T>(name: string, items: readonly T[], whole: (items: readonly T[]) => unknown) => {
    const size = more.itemsOfAPart ?? 1000;
    const starts = items.map((_, i) => i).filter((i) => i % size === 0);
    return starts.map((first) => ({ ...part(`${name}-${first}.json`, bytes(whole(items.slice(first, first + size)))), first }));
  };
  const told = Object.fromEntries(
    Object.entries(languages).map(([language, passages]) => {
      const fields = passages.map(({ text, heading = "", title = "" }) => [text, heading, title].map(wordsOf));
      const stop = new Set((more.stop?.[language] ?? "").split(" "));
      const words = [...new Set(fields.flat(2))].filter((word) => !stop.has(word)).sort();
      const groups = words
        .map((word) => more.groups?.find((group) => group.includes(word)) ?? [word])
        .filter((group, i, all) => all.findIndex((other) => other[0] === group[0]) === i);
      const postings = groups.map((group) =>
        [0, 1, 2].map((field) => {
          let before = 0;
          return fields.flatMap((of, passage) => {
            const count = (of[field] ?? []).filter((word) => group.includes(word)).length;
            if (count === 0) return [];
            const gap = passage - before;
            before = passage;
            return [gap * 4 + Math.min(count, 4) - 1];
          });
        }),
      );
      const pages = [...new Set(passages.map(({ page }) => page))];
      const vectors = more.vectors?.[language];
      const whole = {
        words: groups.map((group) => (group.length === 1 ? group[0] : `,${group.join(",")}`)),
        lengths: [0, 1, 2].map((field) => fields.map((of) => (of[field] ?? []).filter((word) => !stop.has(word)).length)),
        pages: pages.map((page) => passages.filter((passage) => passage.page === page).length),
        postings: cut(`${language}-postings`, postings, (items) => items),
        texts: cut(`${language}-texts`, passages, (items) => ({
          pages: Object.fromEntries(items.map(({ page, title = "" }) => [pages.indexOf(page), [page, title]])),
          passages: items.map(({ page, anchor = null, heading = "", text }) => [pages.indexOf(page), anchor, heading, language, text]),
        })),
        ...(vectors && { vectors: part(`${language}-vectors.bin`, packed(vectors)) }),
      };
      return [language, { ...part(`${language}-words.json`, bytes(whole)), passages: passages.length }];
    }),
  );
  const size = Object.values(more.vectors ?? {})[0]?.[0]?.length;
  const vectors = size ? { vectors: { model: "made-up", size } } : {};
  files.set(ADDRESS, bytes({ format: "azulejo-search-1", pages: 1, languages: told, stop: more.stop ?? {}, ...(more.topics && { topics: more.topics }), ...vectors }));
  return files;
}

function packed(rows: readonly number[][]): Uint8Array<ArrayBuffer> {
  const scales = new Float32Array(rows.map((row) => Math.max(...row.map(Math.abs)) / 127));
  const numbers = new Int8Array(rows.flatMap((row, i) => row.map((value) => Math.round(value / (scales[i] || 1)))));
  return new Uint8Array([...new Uint8Array(scales.buffer), ...new Uint8Array(numbers.buffer)]);
}

/** A `fetch` of these files; `fetched` gets the names of those that it was asked for. */
export function fetchOf(files: Files, fetched: string[] = []): typeof fetch {
  return async (input, init) => {
    init?.signal?.throwIfAborted();
    const url = String(input);
    fetched.push(url.slice(url.lastIndexOf("/") + 1));
    const content = files.get(url);
    return content ? new Response(content) : new Response("nothing", { status: 404 });
  };
}
