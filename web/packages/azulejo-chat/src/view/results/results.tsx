// What the search found: passages with links to where they stand; and one quoted in its own words.

import type { ComponentChildren } from "preact";

import { allowedLink } from "../../markdown/links.js";
import { cut } from "../../search/cut.js";
import type { Found, Passage } from "../../search/passage.js";
import { Icon } from "../icon.js";
import type { Ui } from "../ui.js";
import { addressOf, nameOf } from "./place.js";

/** Characters that are shown of the best passage, and of each other one. */
const BEST = 400;
const OTHER = 180;

/** With an answer they are its sources, and short. */
export function Results({ found, short, id, ...ui }: Ui & { found: readonly Found[]; short: boolean; id: number }) {
  const { speaker } = ui;
  if (found.length === 0) {
    return (
      <div class="results">
        <p>{speaker.say("nothingFound")}</p>
        <p>{speaker.say("nothingFoundHelp")}</p>
        <Human {...ui} />
      </div>
    );
  }
  const heading = `found-${id}`;
  return (
    <div class="results" part="sources" role="group" aria-labelledby={heading}>
      <h3 id={heading}>{speaker.say("fromThePages")}</h3>
      <ol>
        {found.map(({ passage }, index) => (
          <li>
            <PlaceLink {...ui} passage={passage}>{nameOf(passage)}</PlaceLink>
            {!short && <p lang={passage.lang}>{cut(passage.text, index === 0 ? BEST : OTHER)}</p>}
          </li>
        ))}
      </ol>
    </div>
  );
}

export function Human({ settings, speaker }: Ui) {
  if (!settings.human) return null;
  return <a class="button" href={settings.human}><Icon name="person" />{speaker.say("human")}</a>;
}

interface LinkProps extends Ui {
  href: string;
  lang?: string;
  label?: string;
  children: ComponentChildren;
}

/** A link to another page in another tab, so that the conversation stays; as text where it may not be followed. */
export function Link({ href, lang, label, children, settings, speaker, base }: LinkProps) {
  const url = allowedLink(href, base, settings.hosts);
  if (!url) return <span lang={lang}>{children} <span class="address">({href})</span></span>;
  const here = new URL(base);
  const isHere = url.origin === here.origin && url.pathname === here.pathname && url.search === here.search;
  if (isHere) return <a href={url.href} lang={lang} aria-label={label}>{children}</a>;
  const newTab = speaker.say("newTab");
  return (
    <a href={url.href} target="_blank" rel="noopener" part="source" aria-label={label && `${label} (${newTab})`}>
      <span lang={lang}>{children}</span>
      <Icon name="out" />
      {!label && <span class="unseen"> ({newTab})</span>}
    </a>
  );
}

function PlaceLink({ passage, children, ...ui }: Ui & { passage: Passage; children: ComponentChildren }) {
  return <Link {...ui} href={addressOf(passage, ui.settings)} lang={passage.lang}>{children}</Link>;
}

/** `[2]` as a link to the passage. */
export function Citation({ passage, number, ...ui }: Ui & { passage: Passage; number: number }) {
  const label = ui.speaker.say("source", { number, title: nameOf(passage) });
  return (
    <sup class="citation">
      <Link {...ui} href={addressOf(passage, ui.settings)} label={label}>{`[${number}]`}</Link>
    </sup>
  );
}

/** A passage in its own words, in place of an answer. */
export function Quotation({ passage, number, ...ui }: Ui & { passage: Passage; number: number }) {
  return (
    <div class="quotation" part="quotation">
      <p>{ui.speaker.say("quoted")}</p>
      <blockquote lang={passage.lang}>{passage.text}</blockquote>
      <p>
        <PlaceLink {...ui} passage={passage}>{`[${number}] ${nameOf(passage)}`}</PlaceLink>
      </p>
    </div>
  );
}
