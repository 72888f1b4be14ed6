// Which of the element's languages a text is written in: by its function words, and by letters and endings that the
// others don't have. Short questions have little of either, so that what the page says decides where the text doesn't.

import { fold } from "./fold.js";
import { LANGUAGES, type Language } from "./languages.js";
import { isStopWord } from "./stop-words.js";

/** Spellings of one language among the seven (of two, for Portuguese's); what they weigh beside a function word's 1. */
const SIGNS: readonly (readonly [RegExp, number, readonly Language[]])[] = [
  [/[ãõ]/gu, 2, ["pt-PT", "pt-BR"]],
  [/(?:ção|ções|ães)(?!\p{L})/gu, 2, ["pt-PT", "pt-BR"]],
  [/[lrnpdmtv]h[aeoiuáéóíú]/gu, 0.7, ["pt-PT", "pt-BR"]],
  [/(?<!\p{L})(?:não|é|são|à|às|também|você|há|até)(?!\p{L})/gu, 1.5, ["pt-PT", "pt-BR"]],
  [/(?<!\p{L})(?:vocês?|ônibus|celular|prefeitura|trem|cadastro|gente|cadê|tô|to|tá|pra|dá|aluguel|boletos?|geladeira|caminhão|posto|banheiro|registrar)(?!\p{L})|ôn?ic[ao]|êmico/gu, 1.5, ["pt-BR"]],
  [/(?<!\p{L})(?:autocarro|telemóvel|câmara|junta|freguesia|utente|comboio|morada|registo|coima|contentor|renda)(?!\p{L})|(?<!\p{L})estou a \p{L}+r(?!\p{L})/gu, 1.5, ["pt-PT"]],
  [/(?<!\p{L})(?:do|da|das|nas?|aos?|os|onde)(?!\p{L})|^o /gu, 0.5, ["pt-PT", "pt-BR", "gl"]],
  [/\p{L}[ae]m(?!\p{L})/gu, 0.5, ["pt-PT", "pt-BR"]],
  [/\p{L}[ae]n(?!\p{L})/gu, 0.5, ["es", "ca", "gl"]],
  [/ss/gu, 0.5, ["pt-PT", "pt-BR", "ca"]],
  [/\p{L}{3}[aiu]t(?!\p{L})/gu, 0.5, ["ca"]],
  [/(?<!\p{L})non(?!\p{L})|ín(?!\p{L})|x[ei]/gu, 0.6, ["gl"]],
  [/[¿¡]/gu, 1.5, ["es"]],
  [/[¿¡]/gu, 0.5, ["gl"]],
  [/ñ/gu, 0.8, ["es", "gl"]],
  [/(?:ción|ciones|dad|miento)(?!\p{L})/gu, 1.2, ["es"]],
  [/(?<!\p{L})(?:dónde|cuándo|cuánto|qué|cómo|está|sí|mi|hay|y|el)(?!\p{L})/gu, 0.8, ["es"]],
  [/[ŀ]|l·l|ny(?!\p{L})|[àòè]/gu, 1, ["ca"]],
  [/(?:ció|cions|tat|ment)(?!\p{L})/gu, 0.8, ["ca"]],
  [/(?<!\p{L})[ldnmts]['’](?=\p{L})|['’](?:hi|ho|n|ls)(?!\p{L})/gu, 1.5, ["ca"]],
  [/(?<!\p{L})(?:quin[ae]?s?|quant|quan|amb|els|dies|és|són)(?!\p{L})/gu, 0.6, ["ca"]],
  [/(?:ixes?|itja|tge|tjar|ig)(?!\p{L})/gu, 0.6, ["ca"]],
  [/(?:ción|cións|dade|mento|cións|ións)(?!\p{L})/gu, 0.7, ["gl"]],
  [/(?<!\p{L})(?:unha|nunha|dunha|xa|hai|cando|canto|son|polo|pola|ata|aos|podo|grazas|teño|concello|vivenda|coche|cun|cunha|de balde)(?!\p{L})/gu, 1, ["gl"]],
  [/(?<!\p{L})x[aeiou]|[mñ]e(?!\p{L})|(?<=\p{L})(?:cción|ncia|llo|lla|lle)(?!\p{L})/gu, 0.3, ["gl"]],
  [/t[xz]|tt|k/gu, 1, ["eu"]],
  [/(?:aren|etan|etara|etatik|arekin|rako|tzeko|zko|ko|tik|ak|ek)(?!\p{L})/gu, 0.7, ["eu"]],
  [/(?<!\p{L})w|th|sh|ck|ght|oo|ee|ph|(?:ing|ed|wn|ors|all|[b-df-hj-np-tvz]y)(?!\p{L})|[it]['’](?:m|s|t|ve)(?!\p{L})/gu, 0.6, ["en"]],
];

/** How far the best must be before the page's language for a text to be another one's. */
const LEAD = 0.5;

/**
 * The language of `text` among `among`; `fallback` where the text is too short to tell, or fits it nearly as well.
 *
 * @example
 * languageOf("On puc renovar el carnet?", LANGUAGES, "es"); // "ca"
 */
export function languageOf(text: string, among: readonly Language[], fallback: Language): Language {
  const lower = text.normalize("NFC").toLowerCase();
  const words = fold(text).match(/\p{L}+/gu) ?? [];
  const scores = new Map<Language, number>(LANGUAGES.map((language) => [language, 0]));
  for (const word of words) {
    const owners = LANGUAGES.filter((language) => isStopWord(word, language));
    // A word of all languages says nothing; Portuguese's two count as one.
    const share = 1 / Math.max(1, new Set(owners.map((language) => language.slice(0, 2))).size);
    for (const language of owners) scores.set(language, scores.get(language)! + share);
  }
  for (const [sign, weight, owners] of SIGNS) {
    const count = lower.match(sign)?.length ?? 0;
    for (const language of owners) scores.set(language, scores.get(language)! + Math.min(count, 3) * weight);
  }
  let best = fallback;
  let most = (scores.get(fallback) ?? 0) + LEAD;
  for (const language of among) {
    const score = scores.get(language)!;
    if (score > most) [best, most] = [language, score];
  }
  return best;
}
