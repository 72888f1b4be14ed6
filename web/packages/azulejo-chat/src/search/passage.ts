// What a search over a site's pages finds.

/** A piece of a page, as `azulejo index` cut it: some sentences below one heading. */
export interface Passage {
  /** The page's address, canonical where the page says so; relative to the index's own address where it isn't absolute. */
  readonly url: string;
  /** The `id` of the heading that it stands below, for a link to the place; null where there is none. */
  readonly anchor: string | null;
  /** The page's title. */
  readonly title: string;
  /** The heading that it stands below; empty where that is the title. */
  readonly heading: string;
  /** The passage's language, as the page's `lang` says: a BCP 47 tag. */
  readonly lang: string;
  /** Its plain text. */
  readonly text: string;
}

/** A passage that was found, the best first. */
export interface Found {
  readonly passage: Passage;
  /** How well it fits; only to be compared with others of the same search. */
  readonly score: number;
}
