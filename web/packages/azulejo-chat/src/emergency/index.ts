// Whether a visitor tells of a danger to life, in any of the seven languages, whatever the page's: then the emergency
// number is shown at once, before and beside any answer. No model is asked, and a needless number costs a line: so the
// words are wide, and only what speaks of fees, courses, papers and the past is passed over.

import { fold } from "../language/fold.js";

/** Words of a danger that is there now, folded; a danger a line in each language, so that a gap is seen. */
const DANGERS: readonly RegExp[] = [
  // Fire and smoke.
  /\b(?:ha|tem|esta|houve) (?:um |muito )?(?:incendio|fogo|fumo|fumaca)\b|\b(?:a|esta|ta|tao) (?:pegar|pegando|arder|ardendo|queimar|queimando)(?: fogo)?\b|\bem chamas\b|\bpegou fogo\b/,
  /\b(?:hay|veo|sale)(?: \S+){0,2} (?:fuego|incendio|humo|llamas)\b|\bse (?:esta )?(?:quema|quemando|incendia)\w*|\ben llamas\b|\b(?:arde|esta ardiendo) (?:mi|la|el|una?)\b|\bha prendido fuego\b/,
  /\b(?:hi ha|veig|surt|es cala)(?: \S+){0,2} (?:foc|fum|flames|incendi)\b|\bs'(?:esta )?(?:crema|cremant|incendia)\w*|\ben flames\b|\bcremant-se\b/,
  /\b(?:hai|vexo|sae) (?:un |moito )?(?:lume|incendio|fume|lapas)\b|\b(?:estase|esta) (?:a )?(?:queimar|queimando|arder|ardendo)\b|\bprendeu lume\b/,
  /\b(?:sua|kea|sugarrak) (?:dago|daude|dator|ateratzen|piztu da|hartu du)|\bsutan\b|\berretzen ari\b|\bsutea dago\b/,
  /\b(?:there(?:'s| is| are)|i (?:can )?(?:see|smell)|is on) (?:an? |lots of )?(?:house |kitchen )?(?:fire|smoke|flames)\b|\b(?:is|are|'s) (?:burning(?: down)?|on fire)\b|\bcaught fire\b/,
  // Not breathing, not conscious.
  /\bnao (?:esta |ta |consig\w+ )?(?:a )?respir\w*|\b(?:parou de|deixou de) respirar\b|\binconsciente\b|\bdesmai(?:ou|ada|ado|ei)\b|\bnao (?:acorda|reage|responde|desperta)\b|\bsem sentidos\b|\bfalta(?:-me)? (?:o |de )?ar\b/,
  /\bno (?:esta |puedo |puede )?respir\w*|\bdejado de respirar\b|\binconsciente\b|\bdesma[iy]\w*|\bdesmall\w*|\bno (?:despierta|reac+iona|responde|se despierta)\b|\bsin (?:conocimiento|sentido)\b|\bme ahogo\b|\bfalta el aire\b/,
  /\bno (?:esta |puc |pot |puede )?respir\w*|\bdeixat de respirar\b|\binconscient\b|\bdesma(?:i|y)\w*|\bno (?:es desperta|reacciona|respon|desperta)\b|\bsense (?:coneixement|sentits)\b|\bm'ofego\b/,
  /\bnon (?:esta |podo |pode |da )?(?:a )?respir\w*|\bdeixou de respirar\b|\bdesmai?ou\w*|\bnon (?:acorda|reacciona|responde|esperta|desperta)\b|\bsen (?:coñecemento|conecemento|sentido)\b|\bafogo(?:me)\b/,
  /\barnasa?(?:rik)? (?:ez|ezin)|\bez (?:du|dut|dio) arnas\w*|\bezin (?:du|dut) arnas\w*|\bez d\w+ arnas\w*|\bkonorte?(?:rik|a)? (?:gabe|galdu)|\bez (?:da|du) (?:esnatzen|erantzuten|erreakzionatzen)|\bzorabiatu(?:ta)? (?:da|dago)\b|\bez du \S*arnas\w*/,
  /\b(?:isn'?t|not|stopped|can'?t|cannot|can not|hardly|barely|trouble|difficulty|struggling to) breath\w*|\bunconscious\b|\b(?:has |have )?(?:collapsed|passed out|fainted)\b|\b(?:won'?t|will not|doesn'?t|can'?t|isn'?t|not) (?:wake|waking|respond\w*)\b|\bunresponsive\b|\bchoking\b/,
  // Heart, stroke, blood, birth.
  /\b(?:enfarte|infarto|ataque cardiaco|parada cardiaca|paragem cardiaca|derrame|avc)\b|\bdor(?:es)? (?:muito )?(?:forte |fortes |intensa )?no peito\b|\baperto no peito\b|\bsangr(?:ar|ando|a) (?:muito|imenso|bastante|sem parar)|\bperde(?:ndo|r)? (?:muito )?sangue\b|\ba sangrar\b|\bsangrando\b/,
  /\b(?:infarto|ataque al corazon|ataque cardiaco|paro cardiaco|ictus|derrame cerebral)\b|\b(?:duele|dolor|presion)(?: \S+){0,3} (?:el |en el )?pecho\b|\bsangr(?:a|ando) (?:mucho|muchisimo|bastante|sin parar)|\bsangrando\b|\bperdiendo (?:mucha )?sangre\b|\bconvulsion\w*/,
  /\b(?:infart|atac de cor|atac al cor|aturada cardiaca|ictus|vessament cerebral)\b|\b(?:mal|dolor|fa mal|pressio)(?: \S+){0,3} (?:al |el )pit\b|\bsagna(?:nt)?\b(?: molt)?|\bperdent (?:molta )?sang\b|\bconvulsio\w*/,
  /\b(?:infarto|ataque ao corazon|ataque cardiaco|parada cardiaca|ictus)\b|\b(?:doe|doelle|doeme|dor)(?: \S+){0,3} (?:o |no )peito\b|\bsangra(?:ndo)?\b|\ba sangrar\b|\bperdendo (?:moito )?sangue\b/,
  /\b(?:infartu\w*|bihotzeko(?:a|ak)? (?:eman|izan|jo)|iktus\w*|bihotz-?geldi\w*)|\bbular\w* (?:min|mina|estu)\w*|\bodol(?:a|etan|jario)\w* (?:asko|handi|galtzen|dario|dago)|\bodola dario|\bodoletan\b|\bodol asko\b/,
  /\bheart attack\b|\bcardiac arrest\b|\b(?:having|had|has had|having had) a (?:stroke|seizure|fit)\b|\bchest (?:pains?|hurts|is tight)\b|\bpains? in (?:the |my |his |her )?chest\b|\bbleed(?:ing|s) (?:badly|heavily|a lot|out|to death)\b|\b(?:is|are|'s|and|am|i'm) bleeding\b|\blosing (?:a lot of )?blood\b|\bwaters? (?:have )?broken?\b|\bin labou?r\b/,
  // Drowning, poison, gas.
  /\b(?:a |se |esta |ta )?(?:afogar-se|afogando(?:-se)?|afogar)\b|\b(?:engoliu|engoli|bebeu|bebi|tomou|tomei|comeu)(?: \S+){0,4} (?:lixivia|veneno|agua sanitaria|detergente|comprimidos|remedios|medicamentos|raticida|acido|soda caustica|pilha|bateria)\b|\benvenen(?:ado|ada|ou)\b|\bintoxicad[oa]\b|\boverdose\b|\bcheir\w+(?: \S+){0,2} a? ?gas\b|\bgas (?:a )?(?:vaz|fug)\w+|\bvazando gas\b|\b(?:fuga|vazamento|escape) de gas\b|\bengasg\w+/,
  /\bahog(?:a|ando|andose|o)\b|\b(?:tragado|tomado|bebido|comido|trago|bebio|tomo)(?: \S+){0,5} (?:lejia|veneno|pastillas|matarratas|detergente|medicamentos|acido|sosa|pila|amoniaco)\b|\benvenenad[oa]\b|\bintoxicad[oa]\b|\bsobredosis\b|\bhuele(?: \S+){0,2} a gas\b|\bolor a gas\b|\b(?:fuga|escape) de gas\b|\batragant\w+/,
  /\bofega(?:nt-se|r-se)\b|\bs'(?:esta )?ofega\w*|\b(?:begut|empassat|pres|menjat)(?: \S+){0,4} (?:lleixiu|veri|pastilles|mata-rates|matarates|detergent|medicaments|acid|sosa|pila)\b|\benverinat\b|\benverinada\b|\bintoxicat\b|\bintoxicada\b|\bsobredosi\b|\b(?:olor|pudor|flaire) (?:de|a) gas\b|\b(?:fuita|escapament|fuga) de gas\b|\bennuega\w*/,
  /\bafog(?:a|ando|ar|arse|andose|ase)\w*|\bestase afogando\b|\b(?:tragou|bebeu|tomou|comeu)(?: \S+){0,4} (?:lixivia|veleno|pastillas|matarratas|deterxente|medicamentos|acido|pila)\b|\bavelenad[oa]\b|\benvelenad[oa]\b|\bcheir\w+(?: \S+){0,2} a? ?gas\b|\bcheiro a gas\b|\b(?:fuga|escape) de gas\b|\batragoa\w*/,
  /\bitotzen (?:ari|dago|da)\b|\bito(?:ko)? (?:da|egin)\b|\b(?:lixiba|pozoia?|pilulak|pastillak|botikak|detergentea|azidoa|arratoi-pozoia)(?: \S+){0,2} (?:edan|irentsi|hartu|jan)\w*|\bpozoitu\w*|\bgaindosi\w*|\bgas usain\w*|\bgas-?(?:ihes|isuri)\w*|\bgas(?:a)? (?:ihes|dario)/,
  /\bdrown(?:ing|ed|s)?\b|\b(?:drank|drunk|swallowed|took|taken|ate|eaten)(?: \S+){0,5} (?:bleach|poison|pills|tablets|detergent|acid|battery|antifreeze|medication)\b|\b(?:been|was|is) poisoned\b|\boverdos\w*|\bsmell(?:s|ing)?(?: of| like|s)? gas\b|\bgas leak\b|\bcarbon monoxide\b/,
  // Violence, weapons, suicide.
  /\b(?:a |me |esta a |ta |esta |te )?(?:bater-me|batendo(?: \S+){0,2} (?:em mim|na|no|mulher)|bate-me|me bate|me bateu|agredir-me|agredindo|espancar|espancando|espancad[oa])\b|\b(?:homem|alguem|pessoa|ele|ela)(?: \S+){0,3} (?:armad[oa]|com uma faca|com uma arma|com faca|com arma|a disparar|atirando)\b|\bme matar\b|\b(?:vai|quer|ameaca|ameacou)(?:-me)? (?:de )?mat(?:ar|ar-me)\b|\b(?:quero|vou|penso em|pensar em)(?: me)? (?:matar-me|matar|morrer|suicidar-me|suicidar)\b|\bsuicid\w+|\b(?:acabar com|tirar|por fim a)(?: a)? (?:minha )?(?:propria )?vida\b|\bviola(?:ram|da|do|ndo)\b|\bsendo (?:roubad|assaltad|violad)\w+|\besfaque\w+|\btiros?\b (?:na|no|a|em)/,
  /\bme (?:esta |estan |ha |han )?(?:pega|pegan|pegando|pegado|agrede|agrediendo|maltrata)\w*|\b(?:hombre|alguien|persona|tio)(?: \S+){0,3} (?:armado|armada|con un cuchillo|con cuchillo|con una pistola|con un arma|disparando)\b|\b(?:me|nos|la|lo) (?:mate|va a matar|quiere matar|amenaza)\b|\bsuicid\w+|\b(?:quiero|voy a|pienso en|ganas de) (?:morir(?:me)?|matarme)\b|\bquitar(?:me)? la vida\b|\bacabar con (?:mi vida|todo)\b|\bapunal\w+|\bme (?:estan )?(?:violando|violado)\b|\btiros?\b (?:en|a)\b/,
  /\bm'?(?:esta |estan |ha |han )?(?:pega|pegant|pegat|agredeix|agredint|maltracta)\w*|\b(?:home|algu|persona|noi)(?: \S+){0,3} (?:armat|armada|amb un ganivet|amb ganivet|amb una pistola|disparant)\b|\b(?:em|ens|la|el) (?:mati|matara|vol matar|amenaca)\b|\bsuicid\w+|\b(?:vull|penso en|ganes de) (?:morir(?:-me)?|matar-me)\b|\b(?:treure'?m|llevar'?m|treure-?m) la vida\b|\bacabar amb (?:la meva vida|tot)\b|\bapunyal\w+|\bm'(?:estan violant|han violat)\b/,
  /\b(?:estame|esta a|me esta|anda) ?(?:pegando|pegar|bater|batendo|agredindo|mallar|mallando)\w*|\bpegoume\b|\bpegame\b|\b(?:home|alguen|persoa)(?: \S+){0,3} (?:armad[oa]|cun coitelo|con coitelo|cunha pistola|cunha arma|disparando)\b|\b(?:quere|vai|ameaza con) matar(?:me|nos)?\b|\bsuicid\w+|\b(?:quero|vou|penso en) (?:matarme|morrer)\b|\b(?:quitarme|sacarme) a vida\b|\bacabar coa mina vida\b|\bacoitel\w+/,
  /\bjo(?:tzen|ka) (?:ari|ditu|nau)|\bjipoi\w*|\beras(?:o|otzen) (?:ari|dit)\w*|\b(?:gizon|norbait|pertsona)\w*(?: \S+){0,2} (?:armatu\w*|labana\w*|aizto\w*|pistola\w*|tiroka)\b|\bhil(?:ko|tzeko)? (?:nau|gaitu|nahi nau|mehatxu\w*)|\bhil nahi (?:dut|nau|naiz)|\b(?:nire )?buru\w* (?:beste|bestez?) egin\w*|\bsuizid\w*|\bbizitza (?:kendu|amaitu)|\bsastak\w*|\bbortxa(?:tu|tzen)\w*/,
  /\b(?:is|are|was|'s|keeps?|been) (?:beat(?:ing)?|hitting|attacking|strangling|hurting)(?: up)? (?:me|us|my|her|him|someone)\b|\b(?:hits|beats|attacked|hit|beat) (?:me|my (?:mother|mum|sister|child|son|daughter))\b|\b(?:man|someone|somebody|person|guy|he|she)(?: \S+){0,3} (?:armed|with a (?:knife|gun|weapon)|shooting|stabb\w+)\b|\b(?:going to|wants? to|will|'ll|might|threatens? to|threatened to) (?:kill|shoot|stab) (?:me|us|her|him|them|my\w*|himself|herself)\b|\bkill(?:ing)? myself\b|\bsuicid\w+|\b(?:want|going|ready) to die\b|\bend (?:my life|it all)\b|\btake my (?:own )?life\b|\bself-?harm\w*|\bbeing (?:raped|attacked|robbed|followed)\b|\b(?:raped|stabbed|shot) (?:me|him|her|someone)\b/,
  // Accidents with people hurt or trapped.
  /\b(?:ha|tem|com|varios|muitos|um)(?: \S+){0,2} ferid[oa]s?\b|\bferid[oa]s? grav\w+|\bpres[oa]s? (?:no|na|dentro|debaixo|nas)\b|\b(?:encarcerad|soterrad|eletrocutad|electrocutad|atropelad)[oa]s?\b|\b(?:foi|fui) atropelad[oa]\b|\bchoque eletrico\b|\bnao consig(?:o|e|uem|uimos) sair\b|\bsocorro\b(?!s)/,
  /\b(?:hay|con|varios|muchos|un)(?: \S+){0,2} heridos?\b|\bheridos? grav\w+|\batrapad[oa]s?\b|\b(?:sepultad|electrocutad|atropellad)[oa]s?\b|\bno (?:puedo|puede|pueden|podemos) salir\b|\bsocorro\b|\bauxilio\b(?!s)/,
  /\b(?:hi ha|amb|uns|un|una)(?: \S+){0,2} ferits?\b|\bferi(?:t|ts|da|des) greus?\b|\batrapa(?:t|da|ts|des)\b|\b(?:sepulta|electrocuta|atropella)(?:t|da|ts|des)\b|\bno (?:puc|pot|poden|podem) sortir\b|\bsocors\b(?! mutu)|\bauxili\b(?!s)/,
  /\b(?:hai|con|varios|moitos|un)(?: \S+){0,2} ferid[oa]s?\b|\bferid[oa]s? grav\w+|\batrapad[oa]s?\b|\b(?:soterrad|electrocutad|atropelad)[oa]s?\b|\bnon (?:podo|pode|poden|podemos) sair\b|\bauxilio\b(?!s)/,
  /\bzauritu\w* (?:larri|dago|daude|dira)\w*|\blarri(?:ki)? zauritu\w*|\bharrapatuta\b|\bezin (?:naiz|da|dira|gara|dut|dute) (?:irten|atera)\w*|\belektrokutatu\w*|\bharrapatu (?:du|dute) (?:auto|kamioi|tren)\w*|\blagundu\b.*\bmesedez\b.*!|\bsorospen(?:a)?!|\blagundu!/,
  /\b(?:badly|seriously|severely) (?:hurt|injured|burn(?:ed|t))\b|\b(?:people|someone|somebody|man|woman|child|person|driver)(?: \S+){0,3} (?:injured|wounded|hurt|trapped|stuck)\b|\btrapped (?:in|under|inside|and)\b|\b(?:run|knocked) over\b|\belectrocuted\b|\bcan(?:'?t|not) get out\b|\bcall (?:an ambulance|the fire brigade|112|911|999)\b|\bneed an ambulance\b/,
  // The services by their number or name, asked for now.
  /\b(?:chama|chame|chamem|liga|ligue|llama|llame|llamen|truca|truqueu|chamade|deitu)\w*(?: \S+){0,3} (?:112|190|192|193|ambulancia|anbulantzia\w*|bombers|bombeiros|bomberos|suhiltzaile\w*)\b/,
  /\b(?:preciso|precisamos|necesito|necesitamos|necessito|cal|necesito|behar)(?: \S+){0,3} (?:ambulancia|anbulantzia\w*)\b|\banbulantzia(?: bat)? behar\b/,
];

/** What speaks of a danger without one: fees, courses, papers, shows, and what has been dealt with. */
const HARMLESS = /\b(?:extint\w+|extinguisher\w*|su-?itzalgailu\w*|simulacr\w+|fire drill|ano passado|mes passado|ano pasado|mes pasado|any passat|fa un any|iaz\w*|last (?:year|month)|quanto custa|quant costa|cuanto cuesta|canto custa|seguro de|seguros|course|curso|cursos|curs|ikastaro\w*|informe|relatorio|boletim|atestad\w*|txosten\w*|report of|fogueiras|hogueras|fogueres|fogos? de artificio|fuegos artificiales|focs artificials|prevencao de|prevencion de|prevencio de|prebentzio\w*|prevention)\b/;
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
  return !HARMLESS.test(folded) && DANGERS.some((danger) => danger.test(folded));
}
