// Words that say how a sentence is made and not what it is about, folded: articles, prepositions, pronouns, auxiliary
// verbs, question words. Negations are not among them, nor are words for time, quantity and place.

import type { Language } from "./languages.js";

const PORTUGUESE = `a o as os um uma uns umas de do da dos das dum duma em no na nos nas num numa por pelo pela pelos pelas
para pra com ao aos e ou mas que se como quando onde qual quais quem quanto quanta quantos quantas porque pois ja ainda
tambem assim isto isso aquilo este esta estes estas esse essa esses essas aquele aquela eu tu ele ela nos vos eles elas voce
voces me te lhe lhes lo la los las meu minha meus minhas teu tua seu sua seus suas nosso nossa e sao era ser sou somos foi
fui estar esta estao estou ter tem tenho temos ha haver deve devem posso pode podem podemos poder vai vao vou ir fazer faz
faco quero quer preciso precisa preciso-me favor obrigado obrigada ola bom boa dia tarde so entao ate entre sobre`;

const LISTS: { readonly [language in Language]: string } = {
  "pt-PT": PORTUGUESE,
  "pt-BR": PORTUGUESE,
  es: `a al el la los las lo un una unos unas de del en por para con y e o u pero que se si como cuando donde cual cuales
quien quienes cuanto cuanta cuantos cuantas porque pues ya aun tambien asi esto eso aquello este esta estos estas ese esa
esos esas aquel aquella yo tu el ella nosotros vosotros ellos ellas usted ustedes me te le les nos os mi mis tu tus su sus
nuestro nuestra es son era ser soy somos fue estar esta estan estoy tener tiene tienen tengo hay haber ha han he debe deben
debo puede pueden puedo podemos poder va van voy ir hacer hace hago quiero quiere necesito necesita favor gracias hola buenos
buenas dias tardes entonces hasta entre sobre`,
  ca: `a al als el la els les lo un una uns unes de del dels en per pel pels per a amb i o pero que si se com quan on
quin quina quins quines qual quals qui quant quanta quants quantes perque doncs ja encara tambe aixi aixo allo aquest aquesta aquests aquestes aquell
aquella jo tu ell ella nosaltres vosaltres ells elles voste vostes em et li els ens us hi ho meu meva teu teva seu seva
nostre nostra es son era ser soc som va fou estar esta estan estic tenir te tenen tinc hi ha haver han he ha deu poden pot
puc podem poder vaig van anar fer fa faig vull vol necessito necessita cal sisplau plau gracies hola bon bona dia tarda
llavors fins entre sobre`,
  gl: `a o as os ao aos a un unha uns unhas de do da dos das dun dunha en no na nos nas nun nunha por polo pola polos polas
para con e ou pero que se como cando onde cal cales quen canto canta cantos cantas porque pois xa ainda tamen asi isto iso
aquilo este esta estes estas ese esa eses esas aquel aquela eu ti el ela nos vos eles elas vostede vostedes me te lle lles lo
la los las meu mina teu tua seu sua noso nosa e son era ser somos foi estar esta estan estou ter ten tenen teno hai haber
debe deben podo pode poden podemos poder vai van vou ir facer fai fago quero quere preciso precisa necesito favor grazas ola
bos boas dias tardes enton ata entre sobre`,
  eu: `eta edo baina ere da dira dago daude du dute dut dugu zait zaio naiz zara gara ziren zen izan egon egin egiten behar
ahal nahi dezaket dezake dezakegu daiteke daitezke bat batzuk hau hori hura hauek horiek haiek nire zure bere gure zuen beren
nik zuk guk ni zu gu hemen hor han nola noiz non nora nondik zer zein zeintzuk nor nork zenbat zergatik arren mesedez eskerrik
asko kaixo egun on arratsalde gabon bezala arte baino beraz orduan`,
  en: `a an the of to in on at by for from with and or but that this these those which what who whom whose when where why how
i you he she it we they me him her us them my your his its our their is are was were be been being am do does did done doing
have has had having can could may might must shall should will would there here if as so than then into about please thanks
thank hello hi much many any some get got go want need i'm i've it's don`,
};

const SETS = new Map<Language, ReadonlySet<string>>();

/** Whether a folded word is a stop word of a language. */
export function isStopWord(word: string, language: Language): boolean {
  let words = SETS.get(language);
  if (!words) SETS.set(language, (words = new Set(LISTS[language].split(/\s+/))));
  return words.has(word);
}
