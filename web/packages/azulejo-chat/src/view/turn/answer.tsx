// An answer: its text, what is said about it, and what can be done with it.

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { Answer as AnswerState } from "../../conversation/state.js";
import type { Language } from "../../language/languages.js";
import type { MarkdownProps } from "../../markdown/markdown.js";
import type { Found } from "../../search/passage.js";
import { Citation, Link } from "../results/results.js";
import type { Ui } from "../ui.js";

/** Fetched with the first answer; until then, and if that fails, an answer is shown as its text. */
let Markdown: FunctionComponent<MarkdownProps> | null = null;

function useMarkdown(): FunctionComponent<MarkdownProps> | null {
  const [, loaded] = useState(Markdown !== null);
  useEffect(() => {
    if (Markdown) return;
    import("../../markdown/markdown.js").then((module) => loaded(Boolean((Markdown = module.Markdown))), () => {});
  }, []);
  return Markdown;
}

interface AnswerProps extends Ui {
  answer: AnswerState;
  found: readonly Found[];
  lang: Language;
  isLast: boolean;
}

export function Answer({ answer, found, lang, isLast, ...ui }: AnswerProps) {
  const { speaker } = ui;
  const [asText, setAsText] = useState(false);
  const [isCopied, setCopied] = useState(false);
  const Formatted = useMarkdown();
  const { status, text, hidden, where } = answer;
  const isOpen = status === "reading" || status === "writing";
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    ui.acts.announce(speaker.say("copied"));
  };
  const canCopy = Boolean(globalThis.navigator?.clipboard);
  return (
    <div class="answer" part="message assistant" data-ai-generated={where} aria-busy={isOpen}>
      <p class="author">{speaker.say("madeByAi")}</p>
      {text && (asText || !Formatted ? <p class="text" lang={lang}>{text}</p> : (
        <div class="formatted" lang={lang}>
          <Formatted text={text}
            link={(href, children) => <Link {...ui} href={href}>{children}</Link>}
            citation={(name) => {
              if (name === "?") return <span class="unsupported" part="unsupported" lang={speaker.language}>({speaker.say("unsupported")})</span>;
              const passage = found[Number(name) - 1]?.passage;
              return passage ? <Citation {...ui} passage={passage} number={Number(name)} /> : null;
            }} />
        </div>
      ))}
      {isOpen && (
        <p class="row">
          <span class="aside writing">{speaker.say(status === "reading" ? "reading" : "writing")}</span>
          <button type="button" class="plain" onClick={ui.acts.stop}>{speaker.say("stop")}</button>
        </p>
      )}
      {status === "done" && hidden > 0 && text && <p class="aside">{speaker.count("hidden", hidden)}</p>}
      {!isOpen && text && (
        <p class="row actions">
          {canCopy && <button type="button" class="plain" onClick={copy} onBlur={() => setCopied(false)}>{speaker.say(isCopied ? "copied" : "copy")}</button>}
          <button type="button" class="plain" aria-pressed={asText} onClick={() => setAsText(!asText)}>{speaker.say("asText")}</button>
          {isLast && status === "done" && <button type="button" class="plain" onClick={ui.acts.retry}>{speaker.say("retry")}</button>}
        </p>
      )}
    </div>
  );
}
