// What a sentence claims beyond its words and facts: for how many it holds ("for everyone", "only"), and by which way
// something is done ("by telephone"). A passage that says neither supports neither.

import { fold } from "../language/fold.js";

const words = (list: string) => new RegExp(`(?<!\\p{L})(?:${list})(?!\\p{L})`, "u");

/** Folded words of the seven languages that widen or narrow a sentence. */
const REACHES: readonly (readonly [string, RegExp])[] = [
  ["all", words("(?:tod[oa]s?|tots|totes)(?! (?:o |a |os |as |los |las |els |les )?(?:segund|terc|quart|quint|sext|sabad|doming|lun|mart|mierc|juev|vier|merc|xov|venr|dill|dim|dij|div|diss|diu|ano|any))|tothom|tod[oa] (?:o )?mundo|(?:qualquer|cualquier|qualsevol|calquera|edozein|any)(?! (?:hora|ordu|momento?|time))|cualquiera|all|everyone|everybody|anyone|anybody|whoever|guzti\\p{L}*|den(?:ak|en|entzat|ek|ontzat)|edonor\\p{L}*|orok")],
  // Not "pays only 2 €", nor "you only need to" or "é só pedir", which narrow nothing.
  ["only", /(?<!\p{L}|(?:nao|no|non|not|e|es|basta)\s)(?:so|apenas|somente|solo|solamente|unicament[e]?|nomes|only|bakarrik|baizik)(?!\p{L})(?!\s(?:(?:\p{L}+\s){0,2}[\d\u20ac]|precis|necesit|necessit|tem|tiene|te |ten |cal |hay |have |has |need))/u],
];

/** Ways of doing something, as a claim names them, and as a passage does: an address is one, too. */
const WAYS: readonly (readonly [RegExp, RegExp])[] = [
  [words("telefon\\p{L}*|phone|telephone|por chamada|llamada"), /telefon|phone|(?<!\p{L})(?:lig|llam|truc|truq|cham|call|deitu|tel\b)|\d{3}[ .-]?\d{3}[ .-]?\d{3}/u],
  [words("e-?mails?|correo electronico|correio eletronico|correu electronic|posta elektroniko\\p{L}*|(?:mezu|mensaje|mensagem|missatge|mensaxe) e?l?ek?c?tr[oô]nic\\p{L}*|mezu elektroniko\\p{L}*"), /@|e-?mail|correo|correio|correu|posta/u],
  [words("(?:por|per|by|in a) (?:carta|letter)|gutun\\p{L}*|(?:por|pelo|per|by) (?:correo|correio|correu|post|mail)|postaz"), /carta|letter|gutun|correo|correio|correu|post\b|posta/u],
  [words("(?:pela|por|per|en|na|a traves de|no) (?:internet|linea|linha|site|sitio web|web|app|aplicacion|aplicacio|aplicativo|rede)|online|on-line|internet bidez|internetez"), /internet|online|on-line|en linea|en linia|web|site/u],
  [words("whatsapp|sms|telegram|fax"), words("whatsapp|sms|telegram|fax")],
  [words("(?:en|em) (?:cartos |diners |dinero )?(?:efectivo|efectiu|metalico)|dinheiro|numerario|cash|eskudiru\\p{L}*"), /efectivo|efectiu|dinheiro|numerario|cash|eskudiru|metalico|diners/u],
];

/** What a sentence reaches: folded once, as it is compared. */
export interface Scope {
  readonly folded: string;
  readonly reaches: readonly string[];
}

/** "Only if" is no narrower than "if". */
const IF = /(?<!\p{L})(?:(?<!so |apenas )se|si|if)(?!\p{L})/u;

export function scopeOf(sentence: string): Scope {
  const folded = fold(sentence);
  const reaches = REACHES.filter(([name, pattern]) => pattern.test(folded) && !(name === "only" && IF.test(folded)));
  return { folded, reaches: reaches.map(([name]) => name) };
}

/** Whether a claim says "all" or "only" where the sentence that it rests on doesn't. */
export const isWider = (claim: readonly Scope[], known: Scope) => claim.some(({ reaches }) => reaches.some((reach) => !known.reaches.includes(reach)));

/** Whether a claim names a way of doing something that nothing of the passage does. */
export const isByAnotherWay = (claim: readonly Scope[], known: readonly Scope[]) =>
  WAYS.some(([claimed, way]) => claim.some(({ folded }) => claimed.test(folded)) && !known.some(({ folded }) => way.test(folded)));
