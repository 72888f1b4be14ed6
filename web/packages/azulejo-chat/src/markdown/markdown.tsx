// Markdown as elements: marked reads it, and its tokens become nodes. No text is ever read as HTML.

import { lexer, type MarkedToken, type Token, type Tokens } from "marked";
import type { ComponentChildren } from "preact";

export interface MarkdownProps {
  text: string;
  /** A link, or its text where it may not be followed. */
  link(href: string, children: ComponentChildren): ComponentChildren;
  /** What stands for `[2]` or `[?]`; null if it is text. */
  citation(name: string): ComponentChildren | null;
}

export function Markdown({ text, ...how }: MarkdownProps) {
  return <>{blocks(lexer(text, { gfm: true }), how)}</>;
}

type How = Omit<MarkdownProps, "text">;

const blocks = (tokens: readonly Token[], how: How): ComponentChildren => tokens.map((token) => block(token as MarkedToken, how));
const inlines = (tokens: readonly Token[] | undefined, how: How): ComponentChildren =>
  tokens?.map((token) => inline(token as MarkedToken, how));

function block(token: MarkedToken, how: How): ComponentChildren {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      // The conversation's own headings are what readers jump between.
      return <p class="heading">{inlines(token.tokens, how)}</p>;
    case "paragraph":
      return <p>{inlines(token.tokens, how)}</p>;
    case "blockquote":
      return <blockquote>{blocks(token.tokens, how)}</blockquote>;
    case "list":
      return list(token, how);
    case "code":
      return <pre tabIndex={0}><code>{token.text}</code></pre>;
    case "hr":
      return <hr />;
    case "table":
      return table(token, how);
    case "text":
      return token.tokens ? inlines(token.tokens, how) : cited(token.text, how);
    case "html":
      return <p>{token.raw.trim()}</p>;
    default:
      return inline(token, how);
  }
}

function list({ ordered, start, items }: Tokens.List, how: How): ComponentChildren {
  const entries = items.map((item) => (
    <li>
      {item.task && (item.checked ? "☑ " : "☐ ")}
      {blocks(item.tokens, how)}
    </li>
  ));
  return ordered ? <ol start={start === "" ? 1 : start}>{entries}</ol> : <ul>{entries}</ul>;
}

function table({ header, rows }: Tokens.Table, how: How): ComponentChildren {
  return (
    <div class="wide" tabIndex={0}>
      <table>
        <thead>
          <tr>{header.map((cell) => <th scope="col">{inlines(cell.tokens, how)}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => <tr>{row.map((cell) => <td>{inlines(cell.tokens, how)}</td>)}</tr>)}
        </tbody>
      </table>
    </div>
  );
}

function inline(token: MarkedToken, how: How): ComponentChildren {
  switch (token.type) {
    case "strong":
      return <strong>{inlines(token.tokens, how)}</strong>;
    case "em":
      return <em>{inlines(token.tokens, how)}</em>;
    case "del":
      return <del>{inlines(token.tokens, how)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return how.link(token.href, inlines(token.tokens, how));
    case "image":
      // Nothing is fetched for an answer.
      return token.text;
    case "escape":
      return token.text;
    case "text":
      return "tokens" in token && token.tokens ? inlines(token.tokens, how) : cited(token.text, how);
    default:
      return cited(token.raw, how);
  }
}

/** A text with its citations as what stands for them. */
function cited(text: string, { citation }: How): ComponentChildren {
  return text.split(/\[(\d+|\?)\]/).map((part, index) => (index % 2 === 0 ? part : (citation(part) ?? `[${part}]`)));
}
