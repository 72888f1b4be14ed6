// Whether a visitor tells of a danger to life, in any of the seven languages, whatever the page's: then the emergency
// number is shown at once, before and beside any answer. No model is asked, and a needless number costs a line: so the
// words are wide, and only what speaks of fees, courses, papers and the past is passed over.

import { fold } from "../language/fold.js";

/**
 * Words of a danger that is there now, folded, whole words: a danger a line each of what the five Romance languages share
 * and of what each has of its own, then Basque's and English's.
 */
const DANGERS = [
  // Fire, smoke, explosions.
  /(?:ha|tem|esta|houve|hay|veo|sale|hi ha|veig|surt|es cala|hai|vexo|sae)(?: \S+){0,2} (?:incendio?|fogo|fumo|fumaca|fuego|humo|llamas|foc|fum|flames|lume|fume|lapas)|incendio? (?:n[oa]|en|em|al?)|e[mn] (?:chamas|llamas|flames)/,
  /(?:a|estas?e?|ta|tao|se|s')(?: a|ha| esta)? ?(?:peg(?:ar|ando) fogo|ard(?:er|endo)|arde mi|queim(?:ar|ando)|quem(?:a|ando)|crema(?:nt|t)?|incendi\w+)|arde (?:mi|la|el|una?)|pegou fogo|prendido fuego|prendeu lume|ha quemado|queimou-?se|cremant-se|esta ardiendo/,
  /(?:sua|kea|sugarrak) (?:dago|daude|dator|ateratzen|piztu da|hartu du)|sutan|erretzen ari|sutea dago/,
  /(?:there(?:'?s| is| are)|i (?:can )?(?:see|smell)|is on) (?:an? |lots of )?(?:house |kitchen )?(?:fire|smoke|flames)|(?:is|are|'s) (?:burning(?: down)?|on fire)|caught fire/,
  /explo(?:diu|dio|de|to|tado|tat|sao|sion?|ded)|lehertu da|eztanda\w*/,
  // Not breathing, not conscious, not moving.
  /n(?:ao|on?) (?:esta |ta |consig\w+ |pu?[eo]d[oe] |puc |pot |da )?(?:a )?respir\w*|(?:parou|deixou|dejado|deixat) de respirar|falta(?:-me)? (?:o |el |de )?a(?:ire?|r)|(?:sem|sin|sense|sen) a(?:ire?|r)(?! [ac]on)|me ahogo(?!.*(?:papel|deud|factur))|m'ofego(?!.*(?:paper|deut|factur))|afogome|(?:cierra|fecha\w*|pecha|tanca)(?: \S+)? (?:la |a )?(?:garganta|gola)|asfixia\w*|s[uo]foc\w+/,
  /inconscien\w+|desma[iy]\w*|desmall\w*|desacordad[oa]|n(?:ao|on?) (?:se |es )?(?:acorda|reage|reac+iona|d?esperta|despierta|mexe|move|mueve|mou)|(?<!(?:tel|mail|num|cam|ning|nad|ajun|ofi|sem)\S* )n(?:ao|on?) respond?e?|(?:no chao|en el suelo|a terra|no chan|lurrean dago)|(?:sem|sin|sense|sen) (?:con[eo]\w+|sentidos?|sentits)|passa(?:ndo|r) mal/,
  /arnasa?(?:rik)? (?:ez|ezin)|e(?:z|zin) d\w+ \S*arnas\w*|konorte?(?:rik|a)? (?:gabe|galdu)|ez (?:da|du) (?:esnatzen|erantzuten|erreakzionatzen|mugitzen)|zorabiatu\w* da\w*/,
  /(?:isn'?t|not|stopped|can'?t|cannot|can not|hardly|barely|trouble|difficulty|struggling to) breath\w*|unconscious|collapsed|passed out|fainted|(?:won'?t|will not|doesn'?t|can'?t|isn'?t|not) (?:wake|waking|respond\w*|moving)|unresponsive|choking|turning blue|can'?t feel|throat (?:is )?clos\w+/,
  // Heart, stroke, blood, birth.
  /[ei]nfarto?e?|ictus|avc|derrame|vessament cerebral|ata(?:que|c) (?:al |ao |de )?(?:cor|corazon|cardiaco)|(?:parada|paragem|paro|aturada) cardiac[oa]|(?:do[er]\w*|duele|presion|pressio|mal|aperto)(?: \S+){0,3} (?:o |no |el |al )(?:peito|pecho|pit)|convuls\w+|boca tor\w+|espuma p\w+/,
  /sangra(?:r|ndo)?(?: (?:mu[iy]t\S*|much\S*|moit\S*|imenso|bastante|se?in? parar))|a sangrar|sangrando|sangra|sagna(?:nt)?|desangr\w+|dessagn\w+|n(?:ao|on?) para de sangrar|(?:perde\w*|mu[iy]t[oa]|mucha|molta|moito) sang\w*|sang\w+ n(?:ao|on?) para|s(?:ale|urt|ae|ai)(?: \S+)? sang\w+|(?:trabalho )?de part[oe]?|erditzen ari/,
  /infartu\w*|bihotzeko(?:a|ak)? (?:eman|izan|jo)|iktus\w*|bihotz-?geldi\w*|bular\w* (?:min|mina|estu)\w*|odol\w* (?:asko|handi|galtzen|dario|dago)|odoletan/,
  /heart attack|cardiac arrest|ha(?:ving|d) a (?:stroke|seizure|fit)|chest (?:pains?|hurts|is tight)|pains? in (?:the |my |his |her )?chest|bleed(?:ing|s) (?:badly|heavily|a lot|out|to death)|(?:is|are|'s|and|am|i'm) bleeding|stop bleeding|bleeding(?: \S+){0,3} stop|losing (?:a lot of )?blood|waters? (?:have )?broken?|in labou?r/,
  // Drowning, poison, gas.
  /a[fh]og(?:a|ando|ar|arse|ase)(?:-?se)?|ofega(?:nt|r)-se|s'(?:esta )?ofega\w*|engasg\w+|atrag[ao]\w+|ennuega\w*/,
  /(?:engoliu?|beb(?:eu|i|io|ido)|tom(?:ou|ei|ado|[eo])|com(?:eu|ido)|trag(?:ado|ou?)|begut|empassat|pres|menjat)(?: \S+){0,5} (?:l[ei]xivia|lejia|lleixiu|vene?no|veleno|veri|agua sanitaria|dete\wg?ente?|comprimidos|remedios|medicament[eo]?s|raticida|mata-?rat[ae]s|matarratas|acido?|so[ds]a(?: caustica)?|pil[ah]a?|bateria|pastill[ae]s|amoniaco)/,
  /en?v[ei](?:nen|rin|len)a(?:d[oa]|t|da|ou)|avelenad[oa]|intoxica(?:d[oa]|t)|overdose|sobredosis?|(?:cheir\w+|huele|olor|pudor|flaire)(?: \S+){0,2} (?:a |de )?gas|gas (?:a )?(?:vaz|fug)\w+|vazando gas|(?:fu[gi]t?a|vazamento|escape|escapament) de gas/,
  /itotzen (?:ari|dago|da)|ito(?:ko)? (?:da|egin)|(?:lixiba|pozoia?|pilula\w*|pastilla\w*|botikak|detergentea|azidoa)(?: \S+){0,2} (?:edan|irentsi|hartu|jan)\w*|pozoitu\w*|gaindosi\w*|gasa? usain\w*|gasa?-? ?(?:ihes|isuri|dario)\w*/,
  /drown(?:ing|ed|s)?(?!.*(?:paper|debt|work|bill))|(?:drank|drunk|swallowed|took|taken|ate|eaten)(?: \S+){0,5} (?:bleach|poison|pills|tablets|detergent|acid|battery|antifreeze|medication)|(?:been|was|is) poisoned|overdos\w*|smell(?:s|ing)?(?: of| like|s)? gas|gas leak|carbon monoxide/,
  // Weapons, violence.
  /(?:com|con|amb|cunh?a?|with|got|has|apontando)(?: \S+)? (?:faca|navalh?l?a|cuchillo|navaja|ganivet|coitelo|pistola|escopeta|espingarda|arma|machete|knife|gun|weapon)s?|(?:labana|aizto|pistola|eskopeta)\w* bat\w*/,
  /(?:homem|alguem|pessoa|el[ae]|hombre|alguien|persona|tio|home|algu|noi|alguen|persoa|man|some(?:one|body)|guy|s?he)(?: \S+){0,3} (?:armad[oa]|armat|armed|a disparar|atirando|disparan(?:do|t)|shooting|stabb\w+)|tiros? (?:na|no|a|em|en)/,
  /bate(?:r|ndo)?(?:-me| (?:\S+ ){0,2}(?:em mim|na|no|mulher))|me bateu?|agredi(?:r-me|ndo)|espanca\w+|e?sta ?me (?:pega|mall|bat)\w*|me (?:esta |estan |ha |han )?(?:pega|agred|maltrat)\w*|m'?(?:esta |estan |ha |han )?(?:pega|agred|maltract)\w*|pegoume|esta a (?:pegar|bater|mallar)|esfaque\w+|apun[ay]l?al\w+|acoitel\w+|viola(?:ram|d[oa]|n?do|t)|m'estan violant|sendo (?:roubad|assaltad|violad)\w+|(?:tentando|a tentar) (?:invadir|entrar)|intentando entrar|arromba\w+|break(?:ing)? in(?:to)?/,
  /me matar?|me va a matar|(?:[eml]e|[mn]os?|ens|l[aeo]) (?:mati|mate|matara|va a matar|vol matar|quiere matar|amenaz?c?a)|(?:vai|quere?|ameac\w+|ameaza con)(?:-me)? (?:de )?matar(?:-?me|nos)?/,
  /jo(?:tzen|ka| egiten) (?:ari|ditu|nau)|jipoi\w*|eras(?:o|otzen) (?:ari|dit)\w*|(?:gizon|norbait|pertsona)\w*(?: \S+){0,2} (?:armatu\w*|tiroka)|hil(?:ko|tzeko)? (?:nau|gaitu|nahi nau|mehatxu\w*)|sastak\w*|bortxa(?:tu|tzen)\w*/,
  /(?:beating|hitting|attacking|strangling|hurting)(?: up)? (?:me|us|my|her|him|someone)|(?:hits|beats|attacked|hit|beat) (?:me|my (?:mother|mum|sister|child|son|daughter))|(?:to|will|'ll|might) (?:kill|shoot|stab) (?:me|us|her|him|them|my\w*|himself|herself)|being (?:raped|attacked|robbed|followed)|(?:raped|stabbed|shot) (?:me|him|her|someone)/,
  // Suicide.
  /(?:quero|vou|penso em|pensar em|quiero|voy a|pienso en|ganas de|vull|penso en|ganes de)(?: me)? (?:matar(?!\w* (?:uma? |o |as? |el )?(?:duv?d|duvid|saudad|temp|tiemp|fome|curios|aula))|mor(?:rer|ir))(?:-?me)?|(?:acabar|tirar|por fim|quitar|sacar|treure|llevar)\w*['-]?m?e?(?: com| con| coa?| amb)?(?: a| la)? (?:m[ie]\w* )?(?:propria )?vida|acabar (?:con todo|amb tot)|cort\w+ (?:os pulsos|[al]?es venes|l?as venas|as veas)/,
  /(?:nao|non?|don'?t|not) (?:quero|aguento|quiero|aguanto|vull|want)(?: mais| mas| seguir| mes)? (?:viver|vivir|viviendo|vivindo|viure|to live)(?! (?:e[mn]|n[ao]|a|in|with|com|con|amb|at|near)\b)|hil nahi (?:dut|nau|naiz)|ez dut bizi nahi|bizitza (?:kendu|amaitu)/,
  /kill(?:ing)? myself|(?:want|going|ready) to die|end (?:my life|it all)|take my (?:own )?life|self-?harm\w*|cut \w+ wrists/,
  /(?:atirar|saltar|tirar|lanzar|llancar|jump\w*)(?:-?se)? (?:d[aoe]|del|desde|pela?|por|off|from)(?: \S+)? (?:janela|ponte|varanda|ventana|puente|balcon?|finestra|pont|fiestra|xanela|bridge|roof|window|balcony)/,
  // Accidents with people hurt or trapped; cries for help.
  /(?:ha|hay|hai|tem|co[mn]|amb|varios|mu[iy]tos|muchos|moitos|uns|um|una?)(?: \S+){0,2} (?:ferid[oa]s?|heridos?|ferits?)|[fh]erid[oa]s? grav\w+|feri(?:ts?|da|des) greus?|ac+ident\w* (?:mu[iy]t?o? |molt |moi )?gr(?:ave|eu)|atropel+[aeio]\w*/,
  /pres[oa]s? (?:no|na|dentro|debaixo|nas)|atrapa[dt][aoe]?s?|(?:encarcera|sepulta|soterra|ele[ct]*rocuta)[dt][aoe]?s?|choque eletrico|levou (?:um )?choque|n(?:ao|on?) (?:consi[gu]\w+|pu?[eo]d\w+|puc|pot) (?:sair|salir|sortir)/,
  /(?<!pronto.)\bsocorro(?! (?:finan|mutuo|econo))|auxilio?|socors(?! mutu)|lagundu!|lagundu\b.*\bmesedez\b.*!|sorospena?!|(?<=^\W*)sos|sos(?=\W*$)/,
  /zauritu\w* (?:larri|dago|daude|dira)\w*|larri(?:ki)? zauritu\w*|istripu larri\w*|harrapatuta|ezin (?:naiz|da|dira|gara|dut|dute) (?:irten|atera)\w*|elektrokutatu\w*|(?:auto|kamioi|tren)\w*(?: \S+){0,3} harrapatu/,
  /(?:badly|seriously|severely) (?:hurt|injured|burn(?:ed|t))|(?:people|someone|somebody|man|woman|child|person|driver)(?: \S+){0,3} (?:injured|wounded|hurt|trapped|stuck)|trapped (?:in|under|inside|and)|(?:run|ran|knocked) over|(?:car|bus|truck|van|train)(?: just)? hit|hit by an? (?:car|bus|truck|van|train)|electrocuted|can(?:'?t|not) get out/,
  // The services by their number or name, asked for now.
  /(?:cham|lig|llam|tru[cq]|deitu|call)\w*(?: \S+){0,3} (?:112|911|999|190|192|193|an?m?bulan[ct]z?\w*|fire brigade|bombe?[ie]?rs|bombe(?:ir|r)os|suhiltzaile\w*)|(?:preciso|precisamos|neces+it\w+|cal|need|behar)(?: \S+){0,3} an?m?bulan[ct]z?\w*|anbulantzia(?: bat)? behar/,
];

const ANY = new RegExp(`(?<!\\w)(?:${DANGERS.map(({ source }) => source).join("|")})(?!\\w)`);

/** What speaks of a danger without one: fees, courses, papers, shows, and what has been dealt with. */
const HARMLESS = /\b(?:extint\w+|extinguisher\w*|su-?itzalgailu\w*|simulacr\w+|no jornal|el periodico|al diari|the news|fire drill|(?:ano|mes) pass?ado|any passat|fa un any|iaz\w*|last (?:year|month)|(?:qua|cua|ca)nto? (?:cu|c)e?[ou]?sta|seguros?(?: de)?|courses?|curs(?:os?)?|ikastaro\w*|informe|relatorio|boletim|atestad\w*|txosten\w*|report of|(?:fo|ho)gue[ir]\w+|f\w+ (?:de )?artifici\w+|pre[vb]en\w+)\b/;
/** What is a danger whatever stands beside it. */
const ALWAYS = /\bsuicid\w+|\bsuizid\w*|\bmatar-?me\b|\bkill myself\b|\b(?:no|nao|non) respira\b|\bburu\w* beste egin/;

/**
 * Whether a text tells of a danger to life.
 *
 * @example
 * isEmergency("O meu pai caiu e não respira"); // true
 * isEmergency("Quanto custa a inspeção de um extintor de incêndio?"); // false
 */
export function isEmergency(text: string): boolean {
  const folded = fold(text).replace(/\s+/g, " ");
  if (ALWAYS.test(folded)) return true;
  return !HARMLESS.test(folded) && ANY.test(folded);
}
