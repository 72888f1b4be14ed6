// Markdown as nodes, and the links that may be followed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ComponentChildren, Fragment, isValidElement, type VNode } from "preact";

import { allowedLink } from "../src/markdown/links.js";
import { Markdown } from "../src/markdown/markdown.js";

/** Nodes as HTML, to compare; nothing of it is read as HTML. */
function written(children: ComponentChildren): string {
  if (Array.isArray(children)) return children.map(written).join("");
  if (children === null || children === undefined || typeof children === "boolean") return "";
  if (!isValidElement(children)) return String(children).replace(/</g, "&lt;");
  const { type, props } = children as VNode<{ children?: ComponentChildren; href?: string }>;
  if (typeof type === "function" && type !== Fragment) return written((type as (props: object) => ComponentChildren)(props));
  const inside = written(props.children);
  return typeof type === "string" ? `<${type}${props.href ? ` href=${props.href}` : ""}>${inside}</${type}>` : inside;
}

const html = (text: string) =>
  written(Markdown({
    text,
    link: (href, children) => <a href={href}>{children}</a>,
    citation: (name) => (name === "1" ? <sup>one</sup> : null),
  }));

test("what models write becomes nodes", () => {
  assert.equal(html("**Glass** goes in the *green* bin. [1]"), "<p><strong>Glass</strong> goes in the <em>green</em> bin. <sup>one</sup></p>");
  assert.equal(html("- one\n- two `x`"), "<ul><li>one</li><li>two <code>x</code></li></ul>");
  assert.equal(html("3. one\n4. two"), "<ol><li>one</li><li>two</li></ol>");
  assert.equal(html("# Title"), "<p>Title</p>");
  assert.equal(html("> said"), "<blockquote><p>said</p></blockquote>");
  assert.equal(html("| a | b |\n|---|---|\n| 1 | 2 |"),
    "<div><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>");
  assert.equal(html("See [the page](/waste)."), "<p>See <a href=/waste>the page</a>.</p>");
  assert.equal(html("[9] is text"), "<p>[9] is text</p>");
});

test("HTML, images and half a Markdown are text", () => {
  assert.equal(html("<script>alert(1)</script>"), "<p>&lt;script>alert(1)&lt;/script></p>");
  assert.equal(html("a <b>c</b>"), "<p>a &lt;b>c&lt;/b></p>");
  assert.equal(html("![a picture](https://elsewhere.example/x.png)"), "<p>a picture</p>");
  assert.equal(html("**half"), "<p>**half</p>");
  assert.equal(html("AT&T &lt; 3 < 4"), "<p>AT&T &lt; 3 &lt; 4</p>");
});

test("links lead to the page's site and to allowed hosts, and nowhere else", () => {
  const base = "https://town.example/a/b";
  const leads = (href: string, hosts: string[] = []) => allowedLink(href, base, hosts)?.href ?? null;
  assert.equal(leads("../c#d"), "https://town.example/c#d");
  assert.equal(leads("https://town.example:8443/"), null);
  assert.equal(leads("https://taxes.example/x"), null);
  assert.equal(leads("https://taxes.example/x", ["taxes.example"]), "https://taxes.example/x");
  assert.equal(leads("https://evil.taxes.example/", ["taxes.example"]), null);
  for (const href of ["javascript:alert(1)", "data:text/html,x", "http://town.example/", "tel:112", "mailto:a@b", "blob:https://town.example/1",
    "https://taxes.example@evil.example/", "https://user@town.example/", "//elsewhere.example", "https://"]) {
    assert.equal(leads(href, ["taxes.example"]), null, href);
  }
});
