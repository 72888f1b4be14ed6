// Whether a visitor tells of a danger to life, in any of the seven languages, whatever the page's: then the emergency
// number is shown at once, before and beside any answer. No model is asked, and a needless number costs a line: so the
// words are wide, and only what speaks of fees, courses, papers and the past is passed over.

import { fold } from "../language/fold.js";

/** Family, friends and neighbours, folded, in the five Romance languages; and in English. */
const KIN =
  "(?:pai|mae|avos?|avoa?|padre|madre|abuel[oa]|pare|mare|avi|avia|iaia|nai|fil[hl][oa]s?|hij[oa]s?|fill|marido|mulher|muller|mujer|marit|dona|espos[oa]|vizinh[oa]|vecin[oa]|vei|veina|irmao?|irma|irman|herman[oa]|germa|germana|tio|tia|amig[oa]|idos[oa]|ancian[oa]|velh[oa]|viej[oa]|vell[oa]?)";
const KIN_EN = "(?:mum|mom|dad|nan|gran|granny|grandma|grandad|grandpa|mother|father|brother|sister|son|daughter|husband|wife|neighbou?r|friend)";
/** Whom a danger befalls. */
const PERSON =
  `(?:${KIN}|crianc[ao]s?|menin[oa]s?|nin[oa]s?|nen[oa]?s?|bebe|homem|hombre|home|senhora?|senora?|senyora?|pessoa|persona|persoa|alguem|alguien|algu|alguen|rapaz|rapariga|moc[oa]|moza?|chic[oa]|noi|noia|joven|jovem|jove|trabalhador\\w*|trabajador\\w*|treballador\\w*|traballador\\w*|obrer[oa]s?|operari[oa]s?)`;
const PERSON_EN = `(?:${KIN_EN}|he|she|they|someone|somebody|man|woman|lady|guy|kid|child|boy|girl|baby|toddler|worker|person|people|cyclist)`;
const PEOPLE =
  "(?:gente|xente|gent|pessoas?|personas?|persoas?|persones|alguem|alguien|algu|alguen|crianc[ao]s?|nin[oa]s?|nen[oa]?s?|homes?|homem|homens|hombres?|mulher|mujer|muller|senhora?|senora?|obrer[oa]s?|operari[oa]s?|trabajador\\w*|trabalhador\\w*|treballador\\w*|traballador\\w*)";
const WATER = "(?:rio|riu|poco|pozo|pou|agua|aigua|auga|mar|lago|canal|vias?|linha|barranco?|piscina|poza)";
const HEIGHT = "(?:escad\\w+|escal\\w+|janela|telhado|varanda|ventana|balcon?|tejado|andaimes?|andamio|bastida|finestra|teulada|xanela|fiestra|tellado|ponte|puente|pont|andar)";
/** "Não se consegue", "no puede", "no es pot", "no se". */
const CANNOT = "n(?:ao|on?) (?:se |s'|es )?(?:consig\\w+ |consegu\\w+ |pu?[eo]d\\w* |pot |puc |da )?(?:se |s')?";

/** A danger of which some words are those above. */
const danger = (parts: TemplateStringsArray, ...words: readonly string[]) => new RegExp(String.raw(parts, ...words));

/**
 * Words of a danger that is there now, folded, whole words: a danger a line each of what the five Romance languages share
 * and of what each has of its own, then Basque's and English's.
 */
export const DANGERS: readonly RegExp[] = [
  // Fire, smoke, explosions.
  /(?:ha|tem|esta|houve|hay|veo|sale|hi ha|veig|surt|es cala|hai|vexo|sae)(?: \S+){0,2} (?:incendio?|fogo|fumo|fumaca|fuego|humo|llamas|foc|fum|flames|lume|fume|lapas)|incendio? (?:n[oa]|en|em|al?)|e[mn] (?:chamas|llamas|flames)/,
  /(?:a|estas?e?|ta|tao|se|s')(?: a|ha| esta)? ?(?:peg(?:ar|ando) fogo|ard(?:er|endo)|arde mi|queim(?:ar|ando)|quem(?:a|ando)|crema(?:nt|t)?|incendi\w+)|arde (?:mi|la|el|una?)|pegou fogo|prendido fuego|prendeu lume|ha quemado|queimou-?se|cremant-se|esta ardiendo/,
  /(?:sua|kea|sugarrak) (?:dago|daude|dator|ateratzen|piztu da|hartu du)|sutan|erretzen ari|sutea dago/,
  /(?:there(?:'?s| is| are)|i (?:can )?(?:see|smell)|is on) (?:an? |lots of )?(?:house |kitchen )?(?:fire|smoke|flames)|(?:is|are|\w+'s) (?:burning(?: down)?|on fire)|caught fire/,
  /explo(?:diu|dio|de|to|tado|tat|sao|sion?|ded)|lehertu da|eztanda\w*/,
  // Not breathing, not conscious, not moving.
  /n(?:ao|on?) (?:esta |ta |consig\w+ |pu?[eo]d[oe] |puc |pot |da )?(?:a )?respir\w*|(?:parou|deixou|dejado|deixat) de respirar|falta(?:-me)? (?:o |el |de )?a(?:ire?|r)|(?:sem|sin|sense|sen) a(?:ire?|r)(?! [ac]on)|me ahogo(?!.*(?:papel|deud|factur))|m'ofego(?!.*(?:paper|deut|factur))|afogome|(?:cierra|fecha\w*|pecha|tanca)(?: \S+)? (?:la |a )?(?:garganta|gola)|asfixia\w*|s[uo]foc\w+/,
  /inconscien\w+|desma[iy]\w*|desmall\w*|desacordad[oa]|n(?:ao|on?) (?:se |es )?(?:acorda|reage|reac+iona|d?esperta|despierta)|(?<!(?:ascensor|elevador|puerta|porta|barrera|barreira|cancela|semaforo|agua|aigua|auga) (?:\S+ )?)n(?:ao|on?) (?:se |es )?(?:mexe|move|mueve|mou)|(?<!(?:tel|mail|num|cam|ning|nad|ajun|ofi|sem)\S* |(?:quem|quien|quen|qui|que|se|si) )n(?:ao|on?) respond?e?|(?<!(?:lixo|licho|basura|escombraries|brossa|zaborr\w*|residuos?|residus|sacos?|bolsas?)(?: \S+){0,5} )(?:no chao|en el suelo|a terra|no chan|lurrean dago)|(?:sem|sin|sense|sen) (?:con[eo]\w+|sentidos?|sentits)|passa(?:ndo|r) mal/,
  /arnasa?(?:rik)? (?:ez|ezin)|e(?:z|zin) d\w+ \S*arnas\w*|konorte?(?:rik|a)? (?:gabe|galdu)|ez (?:da|du) (?:esnatzen|erantzuten|erreakzionatzen)|(?<!(?:igogailua|ura|atea|autobusa) )ez da mugitzen|zorabiatu\w* da\w*/,
  /(?:isn'?t|not|stopped|can'?t|cannot|can not|hardly|barely|trouble|difficulty|struggling to) breath\w*|unconscious|collapsed|passed out|fainted|(?:won'?t|will not|doesn'?t|can'?t|isn'?t|not) (?:wake|waking|respond\w*)|(?<!(?:lift|elevator|door|gate|water|traffic|queue|bus|train) (?:is )?)(?:isn'?t|not) moving|unresponsive|choking|turning blue|can'?t feel|throat (?:is )?clos\w+/,
  // Heart, stroke, blood, birth.
  /[ei]nfarto?e?|ictus|avc|derrame|vessament cerebral|ata(?:que|c) (?:al |ao |de )?(?:cor|corazon|cardiaco)|(?:parada|paragem|paro|aturada) cardiac[oa]|(?:do[er]\w*|duele|presion|pressio|mal|aperto)(?: \S+){0,3} (?:o |no |el |al )(?:peito|pecho|pit)|convuls\w+|boca tor\w+|espuma p\w+/,
  /sangra(?:r|ndo)?(?: (?:mu[iy]t\S*|much\S*|moit\S*|imenso|bastante|se?in? parar))|a sangrar|sangrando|sangra|sagna(?:nt)?|desangr\w+|dessagn\w+|n(?:ao|on?) para de sangrar|(?:perde\w*|mu[iy]t[oa]|mucha|molta|moito) sang\w*|sang\w+ n(?:ao|on?) para|s(?:ale|urt|ae|ai)(?: \S+)? sang\w+|(?:trabalho )?de part[oe]?|erditzen ari/,
  /infartu\w*|bihotzeko(?:a|ak)? (?:eman|izan|jo)|iktus\w*|bihotz-?geldi\w*|bular\w* (?:min|mina|estu)\w*|odol\w* (?:asko|handi|galtzen|dario|dago)|odoletan/,
  /heart attack|cardiac arrest|ha(?:ving|d) a (?:stroke|seizure|fit)|chest (?:pains?|hurts|is tight)|pains? in (?:the |my |his |her )?chest|bleed(?:ing|s) (?:badly|heavily|a lot|out|to death)|(?:is|are|\w+'s|and|am|i'm) bleeding|stop bleeding|bleeding(?: \S+){0,3} stop|losing (?:a lot of )?blood|waters? (?:have )?broken?|in labou?r/,
  // Drowning, poison, gas.
  /(?:a[fh]og(?:a|ando|ar|arse|ase)(?:-?se)?|ofega(?:nt|r)-se|s'(?:esta )?ofega\w*)(?!.*(?:papel|paper|deud|divid|deut|debed|factur|hipotec|burocr))|engasg\w+|atrag[ao]\w+|ennuega\w*/,
  /(?:engoliu?|beb(?:eu|i|io|ido)|tom(?:ou|ei|ado|[eo])|com(?:eu|ido)|trag(?:ado|ou?)|begut|empassat|pres|menjat)(?: \S+){0,5} (?:l[ei]xivia|lejia|lleixiu|vene?no|veleno|veri|agua sanitaria|dete\wg?ente?|comprimidos|remedios|medicament[eo]?s|raticida|mata-?rat[ae]s|matarratas|acido?|so[ds]a(?: caustica)?|pil[ah]a?|bateria|pastill[ae]s|amoniaco)/,
  /en?v[ei](?:nen|rin|len)a(?:d[oa]|t|da|ou)|avelenad[oa]|intoxica(?:d[oa]|t)|overdose|sobredosis?|(?:cheir[\w-]+|hu?el\w+|olor\w*|pudor|flaire)(?: \S+){0,5} (?:gas|butano?|propano?)|gas (?:a )?(?:vaz|fug)\w+|vazando gas|(?:fu[gi]t?a|vazamento|escape|escapament) de gas/,
  /itotzen (?:ari|dago|da)|ito(?:ko)? (?:da|egin)|(?:lixiba|pozoia?|pilula\w*|pastilla\w*|botikak|detergentea|azidoa)(?: \S+){0,2} (?:edan|irentsi|hartu|jan)\w*|pozoitu\w*|gaindosi\w*|gasa? usain\w*|gasa?-? ?(?:ihes|isuri|dario)\w*/,
  /drown(?:ing|ed|s)?(?!.*(?:paper|debt|work|bill))|(?:drank|drunk|swallowed|took|taken|ate|eaten)(?: \S+){0,5} (?:bleach|poison|pills|tablets|detergent|acid|battery|antifreeze|medication)|(?:been|was|is) poisoned|overdos\w*|smell(?:s|ing)?(?: of| like|s)? gas|gas leak|carbon monoxide/,
  // Weapons, violence.
  /(?:com|con|amb|cunh?a?|with|got|has|apontando)(?: \S+)? (?:faca|navalh?l?a|cuchillo|navaja|ganivet|coitelo|pistola|escopeta|espingarda|arma|machete|knife|gun|weapon)s?|(?:labana|aizto|pistola|eskopeta)\w* bat\w*/,
  /(?:homem|homens|alguem|pessoas?|el[ae]s?|cara|gajo|sujeito|individuo|bandido|ladrao|rapaz|hombres?|alguien|personas?|tio|tipo|sujeto|chico|ladron|atracador|homes?|algu|noi|lladre|alguen|persoas?|man|men|some(?:one|body)|guy|people|robber|s?he)(?: \S+){0,3} (?:armad[oa]s?|armats?|armed|a disparar|atirando|disparan(?:do|t)|shooting|stabb\w+)|armed (?:man|men|person|guy|robber|intruder|people)|gunman|(?:tiros|(?:ouv\w+|oi\w*|oy\w*|sent\w+|houve|hubo|deram|dispar\w+|\d+)(?: \S+)? tiros?) (?:na|no|a|em|en)/,
  /bate(?:r|ndo)?(?:-me| (?:\S+ ){0,2}(?:em mim|na|no|mulher))|me bateu?|agredi(?:r-me|ndo)|espanca\w+|e?sta ?me (?:pega|mall|bat)\w*|me (?:esta |estan |ha |han )?(?:pega|agred|maltrat)\w*|m'?(?:esta |estan |ha |han )?(?:pega|agred|maltract)\w*|pegoume|esta a (?:pegar|bater|mallar)|esfaque\w+|apun[ay]l?al\w+|acoitel\w+|viola(?:ram|d[oa]|n?do|t)|m'estan violant|sendo (?:roubad|assaltad|violad)\w+|(?:tentando|a tentar) (?:invadir|entrar)|intentando entrar|arromba\w+|break(?:ing)? in(?:to)?/,
  /me matar?|me va a matar|(?:[eml]e|[mn]os?|ens|l[aeo]) (?:mati|mate|matara|va a matar|vol matar|quiere matar|amenaz?c?a)|(?:vai|quere?|ameac\w+|ameaza con)(?:-me)? (?:de )?matar(?:-?me|nos)?/,
  /jo(?:tzen|ka| egiten) (?:ari|ditu|nau)|jipoi\w*|eras(?:o|otzen) (?:ari|dit)\w*|(?:gizon|norbait|pertsona)\w*(?: \S+){0,2} (?:armatu\w*|tiroka)|hil(?:ko|tzeko)? (?:nau|gaitu|nahi nau|mehatxu\w*)|sastak\w*|bortxa(?:tu|tzen)\w*/,
  /(?:beating|hitting|attacking|strangling|hurting)(?: up)? (?:me|us|my|her|him|someone)|(?:hits|beats|attacked|hit|beat) (?:me|my (?:mother|mum|sister|child|son|daughter))|(?:to|will|\w+'ll|might) (?:kill|shoot|stab) (?:me|us|her|him|them|my\w*|himself|herself)|being (?:raped|attacked|robbed|followed)|(?:raped|stabbed|shot) (?:me|him|her|someone)|(?:\w+'s|has|have|been|was|got) (?:been )?(?:stabbed|shot)(?! of)/,
  // Suicide.
  /(?:quero|vou|penso em|pensar em|quiero|voy a|pienso en|ganas de|vull|penso en|ganes de)(?: me)? (?:matar(?!\w* (?:uma? |o |as? |el )?(?:duv?d|duvid|saudad|temp|tiemp|fome|curios|aula))|mor(?:rer|ir))(?:-?me)?|(?:acabar|tirar|por fim|quitar|sacar|treure|llevar)\w*['-]?m?e?(?: com| con| coa?| amb)?(?: a| la)? (?:m[ie]\w* )?(?:propria )?vida|acabar (?:con todo|amb tot)|cort\w+ (?:os pulsos|[al]?es venes|l?as venas|as veas)/,
  /(?:nao|non?|don'?t|not) (?:quero|aguento|quiero|aguanto|vull|want)(?: mais| mas| seguir| mes)? (?:viver|vivir|viviendo|vivindo|viure|to live)(?! (?:e[mn]|n[ao]|a|in|with|com|con|amb|at|near)\b)|(?:nao|non?) (?:quero|quiero|vull)(?: ja| mas| mais| mes)? (?:seguir|continuar|estar aqui|existir)(?: asi| assim| aixi| mais| mas| mes| vivo| viva| viu| (?:a )?viver| viviendo| vivindo| vivint)*(?=\W*(?:$|[,.;!]))|ez dut (?:gehiago )?(?:bizi|jarraitu) nahi|hil nahi (?:dut|nau|naiz)|ez dut bizi nahi|bizitza (?:kendu|amaitu)/,
  /kill(?:ing)? myself|(?:want|going|ready) to die|(?:do not|don'?t) (?:want|wish) to (?:be here|live|exist|wake up|go on)(?: any ?more| any longer)?(?=\W*(?:$|[,.;!]))|can(?:'?t|not) go on(?: any ?more| any longer| like this| living)?(?=\W*(?:$|[,.;!]))|end (?:my life|it all)|take my (?:own )?life|self-?harm\w*|cut \w+ wrists/,
  /(?:atirar|saltar|tirar|lanzar|llancar|jump\w*)(?:-?se)? (?:d[aoe]|del|desde|pela?|por|off|from)(?: \S+)? (?:janela|ponte|varanda|ventana|puente|balcon?|finestra|pont|fiestra|xanela|bridge|roof|window|balcony)/,
  danger`(?:salt(?:ou|ad[oa]|at|o)|pulou|saltando|se (?:ha |esta )?(?:tir(?:ado|o|ou|ando)|lanz(?:ado|o|ou|ando))|s'(?:ha |esta )?(?:tira|llanca)\w*|(?:atir|lanc|tir|bot|lanz)ou-?se|se (?:atirou|jogou|lancou))(?: \S+){0,3} (?:d[aoe]|del|des|desde|pela?|por|per)(?: \S+){0,2} (?:janela|ponte|varanda|ventana|puente|balcon?|finestra|pont|fiestra|xanela|telhado|tejado|teulada|tellado|predio|edificio)|(?:da|do|del|desde|des del?) (?:el |la |a |o )?(?:puente|ponte|pont) (?:al|ao|para o|para el|cap al) (?:rio|riu)|(?:zubi|leiho|balkoi|teilatu)tik(?: \S+){0,3} (?:salto|bota|jauzi)\w*`,
  // Accidents with people hurt or trapped; cries for help.
  /(?:ha|hay|hai|tem|co[mn]|amb|varios|mu[iy]tos|muchos|moitos|uns|um|una?)(?: \S+){0,2} (?:ferid[oa]s?|heridos?|ferits?)|[fh]erid[oa]s? grav\w+|feri(?:ts?|da|des) greus?|ac+ident\w* (?:mu[iy]t?o? |molt |moi )?gr(?:ave|eu)|atropel+[aeio]\w*/,
  /pres[oa]s? (?:no|na|dentro|debaixo|nas)|atrapa[dt][aoe]?s?|(?:encarcera|sepulta|soterra|ele[ct]*rocuta)[dt][aoe]?s?|choque eletrico|levou (?:um )?choque|n(?:ao|on?) (?:consi[gu]\w+|pu?[eo]d\w+|puc|pot) (?:sair|salir|sortir)/,
  /(?<!pronto.)\bsocorro(?! (?:finan|mutuo|econo))|auxilio?!|(?<=^\W*)auxilio?(?=\W*$|,| por favor| si us plau)|(?:peco|pido|demano) auxilio?(?=\W*$)|socors(?! mutu)|lagundu!|lagundu\b.* mesedez\b.*!|sorospena?!|(?<=^\W*)sos|sos(?=\W*$)/,
  /zauritu\w* (?:larri|dago|daude|dira)\w*|larri(?:ki)? zauritu\w*|istripu larri\w*|harrapatuta|ezin (?:naiz|da|dira|gara|dut|dute) (?:irten|atera)\w*|elektrokutatu\w*|(?:auto|kamioi|tren)\w*(?: \S+){0,3} harrapatu/,
  /(?:badly|seriously|severely) (?:hurt|injured|burn(?:ed|t))|(?:people|someone|somebody|man|woman|child|person|driver)(?: \S+){0,3} (?:injured|wounded|hurt|trapped|stuck)|trapped (?:in|under|inside|and)|(?:run|ran|knocked) over|(?:car|bus|truck|van|train)(?: just)? hit|hit by an? (?:car|bus|truck|van|train)|electrocuted|can(?:'?t|not) get out/,
  // Falls, and what falls upon people.
  danger`(?:cai[udr]\w*|caeu\w*|cayo|caigut)(?: \S+){0,8} ${CANNOT}(?:levant|aixec|ergu|erg|alz|mo[bv]|mex|mou)\w*|${PERSON}(?: \S+){0,6} ${CANNOT}(?:levant|aixec|ergu|erg|alz)\w*`,
  danger`${PERSON}(?: \S+){0,3} (?:cai[ud]\w*|caeu|cayo|caigut|precipit\w+)(?: \S+)? (?:a|ao?|al|[cd]?[aeo]n?|d[aeo]s?|del|em|na|no|nas|pel[ao]s?|por|per|coas)(?: (?:un|un[ah]?a?|l[ao]s?|les|as|el|o))? ?(?:${WATER}|${HEIGHT})`,
  danger`(?:cai[ud]\w*|caeu|cayo|caigut|desab\w+|derrumb\w+|desplom\w+|esfondr\w+|ensorr\w+|esborrall\w+)(?: \S+){0,5} (?:em cima|encima|enriba|sobre|damunt)(?: \S+){0,6} ${PEOPLE}|(?:carro|coche|auto|cotxe|furgon\w*|autocarro|onibus|autobus|comboio|trem|tren|barco|vaixell|elevador|ascensor|casa|edificio|predio|edifici) (?:com|con|amb) ${PEOPLE}(?: \S+)? (?:dentro|dins|debaixo|debajo|sota)`,
  danger`(?:aita|ama|amona|aitona|ume|haur|gizon|emakume|norbait|pertsona|agure|bizilagun)\w*(?: \S+){0,3} erori\w*(?: \S+){0,6} ezin|erori\w*(?: \S+){0,6} ezin\w*(?: \S+){0,2} (?:altxatu|jaiki|zutitu|mugitu)|(?:ume|haur|gizon|emakume|norbait|pertsona)\w*(?: \S+){0,3} (?:putzura|ibaira|uretara|itsasora|leihotik|zubitik|balkoitik|teilatutik) erori|erori\w*(?: \S+){0,8} (?:jende|pertsona|norbait|haur)\w*(?: \S+)? (?:barruan|azpian)`,
  danger`(?:fell|fallen|falls|collapsed)(?: \S+){0,5} (?:can(?:'?t|not)|unable to|won'?t|not|isn'?t) (?:get(?:ting)? up|mov(?:e|ing)|stand(?: up)?)|${PERSON_EN}(?:'s)?(?: \S+){0,3} (?:fell|fallen|falling)(?: \S+){0,3} (?:stairs|roof|ladder|window|balcony|bridge|scaffold\w*|cliff|river|well|water|canal|sea|pool|tracks)|(?:fell|fallen|collapsed)(?: \S+)? (?:on|onto|on top of)(?: \S+){0,5} (?:people|person|child\w*|man|woman|someone|workers?)`,
  // Somebody who hasn't been heard of and doesn't answer.
  danger`${KIN}(?: \S+){0,8} n(?:ao|on?) (?:me |nos |em )?(?:contest|respond|atend|abr|obr|coll|coj|cog|agaf)\w*(?: \S+){0,8} (?:dias?|dies|desde|des|ontem|ayer|ahir|onte)|(?:lehengusu|bizilagun|auzokide?|ama|aita|amona|aitona)\w*(?: \S+){0,3} ez (?:du|dit|dio|da)(?: \S+)? (?:erantzuten|ateak? irekitzen|irteten|hartzen)(?: \S+){0,3} (?:egun\w*|atzotik)`,
  danger`${KIN_EN}(?: \S+){0,3} (?:isn'?t|not|won'?t|doesn'?t|hasn'?t|haven'?t) (?:been )?(?:answer\w*|open\w*|seen|heard)(?: \S+){0,10} (?:days?|since|yesterday|morning)`,
  // The services by their number or name, asked for now.
  /(?:cham|lig|llam|tru[cq]|deitu|call)\w*(?: \S+){0,3} (?:(?:112|911|999|190|192|193)(?![ .-]?\d)|an?m?bulan[ct]z?\w*|fire brigade|bombe?[ie]?rs|bombe(?:ir|r)os|suhiltzaile\w*)|(?:preciso|precisamos|neces+it\w+|cal|need|behar)(?: \S+){0,3} an?m?bulan[ct]z?\w*|anbulantzia(?: bat)? behar/,
];

/** A pattern of whole words. */
export const asWords = (source: string) => new RegExp(`(?<!\\w)(?:${source})(?!\\w)`);

const ANY = asWords(DANGERS.map(({ source }) => source).join("|"));

/** What speaks of a danger without one: fees, courses, papers, shows, and what has been dealt with. */
export const HARMLESS = /\b(?:extint\w+|extinguisher\w*|su-?itzalgailu\w*|simulacr\w+|no jornal|el periodico|al diari|the news|fire drill|(?:ano|mes) pass?ado|any passat|fa un any|iaz\w*|last (?:year|month)|(?:qua|cua|ca)nto? (?:cu|c)e?[ou]?sta|seguros?(?: de)?|courses?|curs(?:os?)?|ikastaro\w*|informe|relatorio|boletim|atestad\w*|txosten\w*|report of|(?:fo|ho)gue[ir]\w+|f\w+ (?:de )?artifici\w+|pre[vb]en\w+)\b/;
/** What is a danger whatever stands beside it. */
export const ALWAYS = /\bsuicid\w+|\bsuizid\w*|\bmatar-?me\b|\bkill myself\b|\b(?:no|nao|non) respira\b|\bburu\w* beste egin/;

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
