// All styles as one sheet, which every element on a page adopts: no policy speaks of it, and none is written into the page.

import base from "./base.css";
import composer from "./composer/composer.css";
import consent from "./consent/consent.css";
import launcher from "./launcher/launcher.css";
import log from "./log/log.css";
import panel from "./panel/panel.css";
import results from "./results/results.css";
import status from "./status/status.css";
import turn from "./turn/turn.css";

/** Styles without light-dark(), which browsers before 2024 don't know. */
export const inLight = (css: string) => css.replace(/light-dark\((.+?),.+?\)/g, "$1");

let sheet: CSSStyleSheet | null = null;

export function styles(): CSSStyleSheet {
  if (sheet) return sheet;
  sheet = new CSSStyleSheet();
  const css = [base, launcher, panel, log, turn, results, composer, consent, status].join("\n");
  const knowsDark = CSS.supports("color", "light-dark(#000,#fff)");
  sheet.replaceSync(knowsDark ? css : inLight(css));
  return sheet;
}
