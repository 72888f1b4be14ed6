// Words that exclude each other: where the place that a claim rests on has one of them, the claim mustn't have another.

import type { Item, Text } from "./text.js";

/** Folded stems of the seven languages: a row's are of one matter, and of two of them only one holds. */
type Row = readonly RegExp[];

export const OPEN = /^(?:abert|abiert|obert|abre|abrir|obre|obrir|open|irek|zabal)/;
export const CLOSED = /^(?:fechad?|cerrad|tancad?|pechad?|pecha|encerra|cierra|closed?|closing|itxi)/;
export const PAYS = /^(?:pag[ao](?:r|[mn]|s)?$|pay|paid|custa|cuesta|costa|costs?$|kosta|ordain)/;

const ROWS: readonly Row[] = [
  [OPEN, CLOSED],
  [/^(?:comec|comenz|comenc|empez|empie|inici(?!ativ)|start|begin|begun|hasi|hast)/, /^(?:acab|termin(?!is?$|al|os?$)|finali[tz]|remata|conclu|end(?:s|ed|ing)?$|finish|amai|buka)/],
  [/^(?:antes|abans|before|prior|previ[ao]|aurre)/, /^(?:depois|despues|despres|despois|after|ondoren|gero|posterior)/],
  [/^(?:minim|menos|menys|least|gutxien|fewer|less)/, /^(?:maxim|mais|mas$|mes$|most|gehien|more)/],
  [/^(?:obrigat|obligat|mandator|required|compuls|nahitaez|derrigor)/, /^(?:opcional|facultativ|voluntar|optional|aukera|hautaz|dispens)/],
  [/^(?:manha|manana|mati|morning|goiz)/, /^(?:tarde|tarda|afternoon|arratsalde)/, /^(?:noite|noche|nit|night|gau)s?$/],
  [/^(?:permit|allow|autoriz|autoritz|baimen|admit|admes|admis)/, /^(?:proib|prohib|forbid|forbidden|debeka|banned|inadmi)/],
  [
    /^(?:conce[ds]|otorg|atorg|outorg|aprob|aprov|grant|approv|accept|acept|aceit|defer|estima[dt]|onart|onets)/,
    /^(?:deneg|nega[dt]|recus|rechaz|rebutj|rexeit|rejeit|indefer|desestim|refus|reject|den(?:y|ied|ies)$|ukat|baztert)/,
  ],
  [/^(?:gratis|gratuit|free|doan)/, PAYS],
  [
    /^(?:primeir|primer|first|lehen)/, /^(?:segund|segon|second|bigarren)/, /^(?:terceir|terceros?$|tercera|tercer$|third|hirugarren)/,
    /^(?:ultim|darrer|last|azken)/, /^(?:repeti|repeated|reincid|reitera|successiv|sucesiv|subsequent)/,
  ],
  [/^(?:maior|mayor|major|adult|heldu)/, /^(?:menor|minor|child|crianc|nin[oa]s?$|nens?$|nenes?$|haur|umeak?$)/],
  [/^(?:comprar|compra|buy)/, /^(?:vender|venda|venta|sell)/],
  [/^(?:inclu|inclos)/, /^(?:exclu|exclos)/],
  [/^(?:verao|verano|veran|estiu|summer|uda(?:n|ko)?)$/, /^(?:inverno|invierno|hivern|winter|negu(?:an|ko)?)$/],
  [/^(?:provis|behin-behin)/, /^(?:defini?tiv|behin-betiko)/],
  [/^(?:propietari|proprietari|owner|jabe)/, /^(?:inquilin|arrendatari|llogater|tenant|maizter)/],
  [/^(?:public|publik)/, /^(?:privad|privat|private|pribatu)/],
  [/^(?:entrada|arrival|chegada|llegada|arribada|entrance|sarrera)s?$/, /^(?:saida|salida|sortida|departure|exit|irteera)s?$/],
  [/^(?:aument|increas|sobe|sube|puja|igo)/, /^(?:diminu|dismin|reduz|reduc|decreas|baixa|baja|jaits)/],
  [/^(?:altos?|altas?|alts?|altes|high|altu\w*)$/, /^(?:baix[oae]?s?|baj[oa]s?|low|baxu\w*)$/],
];

/** Ordinals and the like: a claim that counts ("from the first") rests on a place that does. */
const COUNTS = ROWS[9]!;

/** "Indeferido" of "deferido", "unpaid" of "paid": what a prefix turns into its opposite. */
const PREFIX = /^(?:in|im|ir|un|des|dis)(?=\p{L}{6})/u;

/** How much of what stands in the next clause is said of a word. */
const NEXT = 0.4;
/** A number tells which clause is meant where words do not: an ellipsis leaves the words out ("a repeated one up to 1,500"). */
const FACT = 3;

type IsSame = (claimed: Item, known: Item) => boolean;

/**
 * Whether a claim has one of a row's words where the sentence of the passage that it rests on, `unit`, has another: in the
 * clause that shares more with the claim, where the sentence has both ("must begin within 6 months and end within a year").
 */
export function isOpposite(claim: Text, passage: Text, unit: number, isSame: IsSame): boolean {
  const there = passage.items.filter((item) => item.unit === unit);
  const has = (items: readonly Item[], side: RegExp) => items.some(({ word }) => word && side.test(word.text));
  if (isNegated(claim, there)) return true;
  return ROWS.some((row) => {
    const mine = row.filter((side) => has(claim.items, side));
    if (mine.length !== 1) return false;
    const [side] = mine;
    const others = row.filter((other) => other !== side);
    if (!others.some((other) => has(there, other))) return false;
    if (!has(there, side!)) return true;
    const said = claim.items.filter(({ word }) => !word || !row.some((one) => one.test(word.text)));
    const clauses = [...new Set(there.map(({ clause }) => clause))];
    const shared = (clause: number) => said.reduce((sum, item) => sum + (there.some((other) => other.clause === clause && isSame(item, other)) ? (item.fact ? FACT : 1) : 0), 0);
    const nearness = (of: (items: readonly Item[]) => boolean) =>
      Math.max(-1, ...clauses.filter((clause) => of(there.filter((item) => item.clause === clause))).map((clause) => shared(clause) + NEXT * shared(clause + 1)));
    return nearness((items) => others.some((other) => has(items, other)) && !has(items, side!)) > nearness((items) => has(items, side!));
  });
}

/** Whether one has a word that the other has with a prefix that denies it, and not the word itself. */
function isNegated(claim: Text, there: readonly Item[]): boolean {
  const words = (items: readonly Item[]) => new Set(items.flatMap(({ word }) => word?.text ?? []));
  const [claimed, known] = [words(claim.items), words(there)];
  const denies = (these: ReadonlySet<string>, those: ReadonlySet<string>) =>
    [...these].some((word) => PREFIX.test(word) && those.has(word.replace(PREFIX, "")) && !those.has(word) && !these.has(word.replace(PREFIX, "")));
  return denies(claimed, known) || denies(known, claimed);
}

/** Whether a claim counts ("the second", "a repeated one") and neither the sentence that it rests on nor the heading does. */
export function isCountedElsewhere(claim: Text, passage: Text, head: Text, unit: number): boolean {
  const has = (items: readonly Item[], side: RegExp) => items.some(({ word }) => word && side.test(word.text));
  const there = [...passage.items.filter((item) => item.unit === unit), ...head.items];
  return COUNTS.some((side) => has(claim.items, side) && !has(there, side));
}
