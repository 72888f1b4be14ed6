// Whether a visitor tells of a danger to life, in any of the seven languages, whatever the page's: then the emergency
// number is shown at once, before and beside any answer. No model is asked, and a needless number costs a line: so the
// words are wide, and only what speaks of fees, courses, papers and the past is passed over.

import { fold } from "../language/fold.js";

/** Family, friends and neighbours, folded, in the five Romance languages; and in English. */
const KIN =
  "(pai|mae|avos?|avoa?|padre|madre|abuel[oa]|pare|mare|avi|avia|iaia|nai|fil[hl][oa]s?|hij[oa]s?|fill|marido|mulher|muller|mujer|marit|dona|espos[oa]|vizinh[oa]|vecin[oa]|vei|veina|irmao?|irma|irman|herman[oa]|germa|germana|tio|tia|oncle|tieta?|prim[oa]|cosi|novi[oa]|namorad[oa]|coleg[ao]|companh?\\w+|amig[oa]|idos[oa]|ancian[oa]|velh[oa]|viej[oa]|vell[oa]?)";
const KIN_EN = "(mum|mom|dad|nan|gran|granny|grandma|grandad|grandpa|mother|father|brother|sister|son|daughter|husband|wife|neighbou?r|friend)";
/** Whom a danger befalls. */
const PERSON =
  `(${KIN}|crianc[ao]s?|menin[oa]s?|nin[oa]s?|nen[oa]?s?|bebe|homem|hombre|home|senhora?|senora?|senyora?|pessoa|persona|persoa|alguem|alguien|algu|alguen|rapaz|rapariga|moc[oa]|moza?|chic[oa]|noi|noia|joven|jovem|jove|trabalhador\\w*|trabajador\\w*|treballador\\w*|traballador\\w*|obrer[oa]s?|operari[oa]s?)`;
const PERSON_EN = `(${KIN_EN}|he|she|they|someone|somebody|man|woman|lady|guy|kid|child|boy|girl|baby|toddler|worker|person|people|cyclist)`;
const PEOPLE = `(gente?|xente|pessoas|persones|homens|${PERSON}s?)`;
const WATER = "(rio|riu|poco|pozo|pou|agua|aigua|auga|mar|lago|canal|vias?|linha|barranco?|piscina|poza)";
const HEIGHT = "(escad\\w+|escal\\w+|janela|telhado|varanda|ventana|balcon?|tejado|andaimes?|andamio|bastida|finestra|teulada|xanela|fiestra|tellado|ponte|puente|pont|andar)";
/** "Não se consegue", "no puede", "no es pot", "no se". */
const CANNOT = "n(ao|on?) (se |s'|es )?(consig\\w+ |consegu\\w+ |pu?[eo]d\\w* |pot |puc |da )?(se |s')?";

/** What holds nobody but on a screen: "trapped in the web", "can't get out of the app". */
const ON_SCREEN = "(?!( \\S+){1,3}[ '](web\\w*|app|aplic\\w+|pa[gx]in\\w+|page|bu?cle|loop|form\\w*|ses+i?[oa]\\w*|login|ll?ista|cuenta|conta)\\b)";

/** A danger; `~3` is a gap of up to three words. */
const danger = (parts: TemplateStringsArray, ...words: readonly string[]) => new RegExp(String.raw(parts, ...words).replace(/~(\d+)/g, "( \\S+){0,$1}"));

/**
 * Words of a danger that is there now, folded, whole words: a danger a line each of what the five Romance languages share
 * and of what each has of its own, then Basque's and English's. Their groups are plain ones, though none is read: that is
 * shorter, and all of it is fetched with the page.
 */
export const DANGERS: readonly RegExp[] = [
  // Fire, smoke, explosions.
  danger`(ha|tem|esta|houve|hay|veo|sale|hi ha|veig|surt|es cala|hai|vexo|sae)~2 (incendio?|fogo|fumo|fumaca|fuego|humo|llamas|foc|fum|flames|lume|fume|lapas)|incendio? (n[oa]|en|em|al?)|e[mn] (chamas|llamas|flames)`,
  danger`(a|estas?e?|ta|tao|se|s')( a|ha| esta)? ?(peg(ar|ando) fogo|ard(er|endo)|arde mi|queim(ar|ando)|quem(a|ando)|crema(nt|t)?|incendi\w+)|arde (mi|la|el|una?)|pegou fogo|prendido fuego|prendeu lume|ha quemado|queimou-?se|cremant-se|esta ardiendo`,
  danger`(?<=^\W*)((fuego|fogo|foc|lume|fire|sua|incendio?)\W*)+(?=\W*$)|(?<=^\W*)sua \w+an(?=\W*$)`,
  danger`(?<!\b(f[aeo][czr]\w*|hac\w+|h?[ae][ns]?cen\w+|light|make|start|have|quem\w+|can|to|may|not?|nao|non|who|people|de)( \S+)? )(fuego|fogo|foc|lume|fire|humo|fum|fume|smoke) (n[oa]s?|en|em|al?|in|at|on)`,
  danger`(sua|kea|sugarrak) (dago|daude|dator|ateratzen|piztu da|hartu du)|sutan|erretzen ari|sutea dago`,
  danger`(there('?s| is| are)|i (can )?(see|smell)|is on) (an? |lots of )?(house |kitchen )?(fire|smoke|flames)|(is|are|\w+'s) burning( down)?|on fire|caught fire`,
  danger`explo(diu|dio|de|to|tado|tat|sao|sion?|ded)|lehertu da|eztanda\w*`,
  // Not breathing, not conscious, not moving.
  danger`n(ao|on?) (esta |ta |consig\w+ |pu?[eo]d[oe] |puc |pot |da )?(a )?respir\w*|(parou|deixou|dejado|deixat) de respirar|falta(-me)? (o |el |de )?a(ire?|r)|(sem|sin|sense|sen) a(ire?|r)(?! [ac]on)|me ahogo(?!.*(papel|deud|factur))|m'ofego(?!.*(paper|deut|factur))|afogome|(cierra|fecha\w*|pecha|tanca)( \S+)? (la |a )?(garganta|gola)|asfixia\w*|s[uo]foc\w+`,
  danger`inconscien\w+|desma[iy]\w*|desmall\w*|desacordad[oa]|n(ao|on?) (se |es )?(acorda|reage|reac+iona|d?esperta|despierta)|(?<!(ascensor|elevador|p[ou]e?rta|barrei?ra|cancela|semaforo|a[iu]?gu?a) (\S+ )?)n(ao|on?) (se |es )?(mexe|move|mueve|mou)|(?<!(tel|mail|num|cam|ning|nad|ajun|ofi|sem)\S* |(quem|quien|quen|qui|que|se|si) )n(ao|on?) respond?e?|(?<!(li[xc]h?o|basura|escomb\w+|brossa|zabor\w+|residu\w+|sacos?|bolsas?)~5 )(no chao|en el suelo|a terra|no chan|lurrean dago)|(sem|sin|sense|sen) (con[eo]\w+|sentidos?|sentits)|passa(ndo|r) mal`,
  danger`arnasa?(rik)? (ez|ezin)|e(z|zin) d\w+ \S*arnas\w*|konorte?(rik|a)? (gabe|galdu)|ez (da|du) (esnatzen|erantzuten|erreakzionatzen)|(?<!(igogailua|ura|atea|autobusa) )ez da mugitzen|zorabiatu\w* da\w*`,
  danger`(\w*not|\w+n'?t|stopped|hardly|barely|trouble|difficulty|struggling to) breath\w*|unconscious|collapsed|passed out|fainted|(not|\w+n'?t) (wake|waking|respond\w*)|(?<!(lift|elevator|door|gate|water|traffic|queue|bus|train) (is )?)(isn'?t|not) moving|unresponsive|choking|turning blue|can'?t feel|throat (is )?clos\w+`,
  // Heart, stroke, blood, birth.
  danger`[ei]nfarto?e?|ictus|avc|derrame|vessament cerebral|ata(que|c) (al |ao |de )?(cor|corazon)|(ata\w+|par\w+) cardiac[oa]|(d(o[ei](-?me)?|or(es)?|olor|uele)|o?pres+[ai]\w*|mal|aperto|p[ou]n[tz]ad\w+)~3 (n?o|el|al|d[eo]) (peito|pec?ho|pit)|(peito|pecho|pit)~3 (apr?e\w+|do[ilr]\w*|duele|mal)|d(o[ei](-?me)?|or|olor|uele)~4 bra[csz]o? (esq|izq)\w+|convuls\w+|boca tor\w+|espuma p\w+`,
  danger`sangra(r|ndo)?( (m[ou][ciy]\S*|imenso|bastante|se?in? parar))|a sangrar|sangrando|sangra|sagna(nt)?|desangr\w+|dessagn\w+|n(ao|on?) para de sangrar|(perde\w*|mu[iy]t[oa]|mucha|molta|moito) sang\w*|sang\w+ n(ao|on?) para|s(ale|urt|ae|ai)( \S+)? sang\w+|(trabalho )?de part[oe]?|erditzen ari`,
  danger`infartu\w*|bihotzeko(a|ak)? (eman|izan|jo)|iktus\w*|bihotz-?geldi\w*|bular\w* (min|mina|estu)\w*|mina?~2 bular\w*|odol\w* (asko|handi|galtzen|dario|dago)|odoletan`,
  danger`heart attack|cardiac arrest|ha(ving|d) a (stroke|seizure|fit)|chest (pains?|((is|feels) )?(hurt\w*|tight))|(tight\w*|pressure) (in|on) (my|his|her) chest|pains? in (the |my |his |her )?chest|bleed(ing|s) (badly|heavily|a lot|out|to death)|(is|are|\w+'s|and|am|i'm) bleeding|stop bleeding|bleeding~3 stop|losing (a lot of )?blood|waters? (have )?broken?|in labou?r`,
  // Drowning, poison, gas.
  danger`(a[fh]og(a|ando|ar|arse|ase)(-?se)?|ofega(nt|r)-se|s'(esta )?ofega\w*)(?!.*(pap[ei]|deud|divid|deut|debed|factur|hipotec|burocr))|engasg\w+|atrag[ao]\w+|ennuega\w*`,
  danger`(engoliu?|beb(eu|i|io|ido)|tom(ou|ei|ado|[eo])|com(eu|ido)|trag(ado|ou?)|begut|empassat|pres|menjat)~5 (l[ei]xivia|lejia|lleixiu|vene?no|veleno|veri|agua sanitaria|dete\wg?ente?|comprimidos|remedios|medicament[eo]?s|raticida|mata\W?r\w+|acido?|so[ds]a( caustica)?|pil[ah]a?|bateria|pastill[ae]s|amoniaco)`,
  danger`en?v[ei](nen|rin|len)a(d[oa]|t|da|ou)|avelenad[oa]|intoxica(d[oa]|t)|overdose|sobredosis?|(cheir[\w-]+|hu?el\w+|olor\w*|pudor|flaire)~5 (gas|butano?|propano?)|gas (a )?(vaz|fug)\w+|vazando gas|(fu[gi]t?a|vazamento|escape|escapament) de gas`,
  danger`itotzen (ari|dago|da)|ito(ko)? (da|egin)|(lixiba|pozoia?|pilula\w*|pastilla\w*|botikak|detergentea|azidoa)~2 (edan|irentsi|hartu|jan)\w*|pozoitu\w*|gaindosi\w*|gasa? usain\w*|usain\w*( \S+)? gas\w*|gasa?-? ?(ihes|isuri|dario)\w*`,
  danger`drown(ing|ed|s)?(?!.*(paper|debt|work|bill))|(dr[au]nk|swallowed|took|taken|ate|eaten)~5 (bleach|poison|pills|tablets|detergent|acid|battery|antifreeze|medication)|(been|was|is) poisoned|overdos\w*|smell(s|ing)?( of| like|s)? gas|gas leak|carbon monoxide`,
  // Weapons, violence.
  danger`(com|con|amb|cunh?a?|with|got|has|apontando)( \S+)? (faca|navalh?l?a|cuchillo|navaja|ganivet|coitelo|pistola|escopeta|espingarda|arma|machete|knife|gun|weapon)s?|(labana|aizto|pistola|eskopeta)\w* bat\w*`,
  danger`(${PEOPLE}|${PERSON_EN}|m[ae]n|el[ae]s?|cara|gajo|tipo|sujei?to|individuo|bandido|ladr\w+|lladre|atracador|robber)~3 (armad[oa]s?|armats?|armed|a disparar|atirando|disparan(do|t)|shooting|stabb\w+)|armed (man|men|person|guy|robber|intruder|people)|gunm[ae]n|pistoler\w+|(tiros|(ouv\w+|oi\w*|oy\w*|sent\w+|houve|hubo|deram|dispar\w+|\d+)( \S+)? tiros?) (na|no|a|em|en)`,
  danger`tirote[ioj]\w*|tiro(keta|ak)\w*|tiroka (ari|da|hasi)\w*|balea(d[oa]|ram|ron)|disparos|(sent\w*|hi ha|h[ae]n) (\S+ )?(trets|dispars)|(?<!se )(est\w+|tao) (a )?(dispara\w+|atirando|a?os? tiros|a tiros)|(peg|da|die?|deu|lev|fot)\w*~2 (tiro|tret)|(me|l[eoi]|lle|l?m'?)( ?han?)? dispara(d[oa]|ron|t)|dispar(aron|aram|ou?) (a|e[mn]|contra)|tiro egin\w*|gunshots?|gunfire|shots fired|active shoot\w+|shooting (people|at)`,
  danger`bate(r|ndo)?(-me| (\S+ ){0,2}(em mim|na|no|mulher))|me bateu?|agredi(r-me|ndo)|espanca\w+|e?sta ?me (pega|mall|bat)\w*|me (esta |estan |ha |han )?(pega|agred|maltrat)\w*|m'?(esta |estan |ha |han )?(pega|agred|maltract)\w*|pegoume|esta a (pegar|bater|mallar)|(esfaqu|apun[hiy]?al|acoitel|acuchil|estupr)\w+|((deu|de?ram|lev\w+) (\S+ )?faca|navajaz|(pun[hy]?al|coitel|cuchill|ganivet)ad)\w+|clav\w+~2 (ganivet|cuchillo|navaja|coitelo|faca)|(viola(r(am|on\w*|-?me)|d[oa]|n?do|nt|t)|violou-?me|me violou?|van violar)(?! (\S+ )?(d[ei]?r[ei]\w+|privac\w+|norm\w+|ll?e[iy]|dad[eo]s|dat[oe]s))|abus\w+ de mi[mn]?h?a?|s[ou]fri\w* (\S+ )?(viola|agre|abus)\w+|forced himself|sendo (roubad|assaltad|violad)\w+|(tentando|a tentar) (invadir|entrar)|intentando entrar|arromba\w+|break(ing)? in(to)?`,
  danger`me matar?|van? a matar|(estan?|estao?|tao?|esta[nm]?me)( a)? mata(ndo|nt|r)(-\w+)?|([eml]e|em|[mn]os?|ens|l[aeo]) (mati|mate|matara|vol matar|quiere matar|amenaz?c?a)|(vai|quere?|ameac\w+|ameaza con)(-me)? (de )?matar(-?me|nos)?`,
  danger`jo(tzen|ka| egiten) (ari|ditu|nau)|jipoi\w*|eras(o|otzen) (ari|dit)\w*|(gizon|norbait|pertsona)\w*~2 (armatu\w*|tiroka)|hil(ko|tzeko|tzen ari| egingo|tzen)? (nau\w*|gaitu|nahi nau|mehatxu\w*)|sastak\w*|laban(ka)?[dt]\w+|bortxa(tu|tzen)\w*`,
  danger`(beating|hitting|attacking|strangling|hurting)( up)? (me|us|my|her|him|someone)|(hits|beats|attacked|hit|beat) (me|my ${KIN_EN})|(to|will|\w+'ll|might) (kill|shoot|stab) (me|us|her|him|them|my\w*|himself|herself)|being (raped|attacked|robbed|followed)|(raped|stabbed|shot) (me|him|her|my|someone)|(\w+'s|has|have|been|was|got) (been )?(stabbed|shot(?! of)|raped|sexually assaulted)|${PERSON_EN}('s|'re| is| are)?( \w+)? killing`,
  // Suicide.
  danger`(quero|vou|quiero|pi?ens\w+ e[mn]|voy a|gan[ae]s de|vull)( me)? (matar(?!\w* (uma? |o |as? |el )?(duv?d|duvid|saudad|temp|tiemp|fome|curios|aula))|mor(rer|ir))(-?me)?|(acabar|tirar|p[uo]\w+ fi[mn]?|quitar|sacar|treure|llevar)\w*['-]?[ms]?e?( com| con| coa?| amb)?( a| la)? ((m[ie]|su|seva)\w* )?(propria )?vida|acabar (con todo|amb tot)|cort\w+ \w+ (pulsos|ven[ae]s|veas)`,
  danger`matar-?se(?! a )|(se|es)( (quiere|quere?|vol|vai|va a|intento))? matar(?! (a |o )?(aula|saudad|temp))|querese matar|(se ha |s'ha )matad?[ot]|se mat(ou?|aron|aram)|matou-?se|(quere?(ndo|se)?|quiere|vol)( se)? mor(rer|ir)(-?se)?(?! de (?!una|uma|vez))|n(ao|on?) (quere?|quiere|vol)( mais| mas| mes| seguir)? vi(ver|vir|ure|[vw]i?endo)(?! (e[mn]|n[ao]|a|com|con|amb)\b)`,
  danger`(?<!go del )(a[hf]|en[fh])orc(ad[oa]|ou?\w*|ar-?[sm]e)|urkatu\w*|(colgad|pendurad|penja[dt])\w*~2 (cuerda|corda|soga)|h[au]ng(ed|ing|s)? (my|him|her|them)sel\w+`,
  danger`${PERSON}~3 (s'ha|se ha|es vol) (penja|colga)\w+|s'(ha|vol) penja\w+~2 ${KIN}`,
  danger`(nao|non?|do(es)?n'?t|not) (quero|aguento|quiero|aguanto|vull|want)( mais| mas| seguir| mes)? (viver|vivir|viviendo|vivindo|viure|to live)(?! (e[mn]|n[ao]|a|in|with|com|con|amb|at|near)\b)|(nao|non?) (quero|quiero|vull)( ja| mas| mais| mes)? (seguir|continuar|estar aqui|existir)( as+im?| aixi| mais| m[ae]s|( a)? vi[uv]\w*)*(?=\W*($|[,.;!]))|ez dut (gehiago )?(bizi|jarraitu) nahi|hil nahi (dut|nau|naiz|du|zuen)|buru\w* (hil|bota|urkatu)|ez du bizi nahi|bizitza (kendu|amaitu)`,
  danger`kill(ed|ing|s)? (my|him|her|them)sel\w+|(wants?|going|ready) to die|do(es)?( not|n'?t) (want|wish) to (be here|live|exist|wake up|go on)( any ?more| any longer)?(?=\W*($|[,.;!]))|can('?t|not) go on( any ?more| any longer| like this| living)?(?=\W*($|[,.;!]))|end (my life|it all)|take my (own )?life|self-?harm\w*|cut \w+ wrists`,
  danger`(atirar|saltar|tirar|lanzar|llancar|jump\w*)(-?se)? (d[aoe]|del|desde|pela?|por|off|from)( \S+)? (${HEIGHT}|bridge|roof|window|balcony)`,
  danger`(salt(ou|ad[oa]|at|o)|pulou|saltando|se (ha |esta )?(tir|lanz)(ado|ou?|ando)|s'(ha |esta )?(tira|llanca)\w*|(a?tir|lan[cz]|bot)ou-?se|se (atirou|jogou|lancou))~3 (d[aoe]|del|des|desde|pela?|por|per)~2 (${HEIGHT}|predio|edificio)|(da|do|del|desde|des del?) (el |la |a |o )?(puente|ponte|pont) (al|ao|para o|para el|cap al) (rio|riu)|(zubi|leiho|balkoi|teilatu)tik~3 (salto|bota|jauzi)\w*`,
  // Accidents with people hurt or trapped; cries for help.
  danger`(ha|hay|hai|tem|co[mn]|amb|varios|mu[iy]tos|muchos|moitos|uns|um|una?)~2 (ferid[oa]s?|heridos?|ferits?)|[fh]erid[oa]s? grav\w+|feri(ts?|da|des) greus?|ac+ident\w* (mu[iy]t?o? |molt |moi )?gr(ave|eu)|atropel+[aeio]\w*`,
  danger`(pres[oa]s? (no|na|dentro|debaixo|nas)|atrapa[dt][aoe]?s?|n(ao|on?) (consi[gu]\w+|pu?[eo]d\w+|puc|pot) (sair|salir|sortir)|can('?t|not) get out)(?!\w)${ON_SCREEN}`,
  danger`(encarcera|sepulta|soterra|ele[ct]*rocuta)[dt][aoe]?s?|choque eletrico|levou (um )?choque`,
  danger`(?<!pronto.)\bsocorro(?! (finan|mutuo|econo))|auxilio?!|(?<=^\W*)auxilio?(?=\W*$|,| por favor| si us plau)|(peco|pido|demano) auxilio?(?=\W*$)|socors(?! mutu)|lagundu!|lagundu\b.* mesedez\b.*!|sorospena?!|(?<=^\W*)sos|sos(?=\W*$)`,
  danger`zauritu\w* (larri|dago|daude|dira)\w*|larri(ki)? zauritu\w*|istripu larri\w*|harrapatuta|(?<!(aplik|web|orri|saio)\w* )ezin (naiz|da|dira|gara|dut|dute) (irten|atera)\w*|elektrokutatu\w*|(auto|kamioi|tren)\w*~3 harrapatu`,
  danger`(badly|seriously|severely) (hurt|injured|burn(ed|t))|(driver|${PERSON_EN})~3 (injured|wounded|hurt|trapped|stuck)|trapped (in|under|inside|and)|(run|ran|knocked) over|(car|bus|truck|van|train)( just)? hit|hit by an? (car|bus|truck|van|train)|electrocuted`,
  // Falls, and what falls upon people.
  danger`(cai[udr]\w*|caeu\w*|cayo|caigut)~8 ${CANNOT}(levant|aixec|ergu|erg|alz|mo[bv]|mex|mou)\w*|${PERSON}~6 ${CANNOT}(levant|aixec|ergu|erg|alz)\w*`,
  danger`${PERSON}~3 (cai[ud]\w*|caeu|cayo|caigut|precipit\w+)( \S+)? (a|ao?|al|[cd]?[aeo]n?|d[aeo]s?|del|em|na|no|nas|pel[ao]s?|por|per|coas)( (un|un[ah]?a?|l[ao]s?|les|as|el|o))? ?(${WATER}|${HEIGHT})`,
  danger`(cai[ud]\w*|caeu|cayo|caigut|desab\w+|derrumb\w+|desplom\w+|esfondr\w+|ensorr\w+|esborrall\w+)~5 (em cima|encima|enriba|sobre|damunt)~6 ${PEOPLE}|(carro|coche|cotxe|furgon\w*|auto\w*|onibus|comboio|tre[mn]|barco|vaixell|elevador|ascensor|casa|edifici\w*|predio) (com|con|amb) ${PEOPLE}( \S+)? (dentro|dins|debaixo|debajo|sota)`,
  danger`(aita|ama|amona|aitona|ume|haur|gizon|emakume|norbait|pertsona|agure|bizilagun)\w*~3 erori\w*~6 ezin|erori\w*~6 ezin\w*~2 (altxatu|jaiki|zutitu|mugitu)|(ume|haur|gizon|emakume|norbait|pertsona)\w*~3 (putzura|ibaira|uretara|itsasora|\w+tik) erori|erori\w*~8 (jende|pertsona|norbait|haur)\w*( \S+)? (barruan|azpian)`,
  danger`(fell|fallen|falls|collapsed)~5 (\w*not|\w+n'?t|unable to) (get(ting)? up|mov(e|ing)|stand( up)?)|${PERSON_EN}('s)?~3 (fell|fallen|falling)~3 (stairs|roof|ladder|window|balcony|bridge|scaffold\w*|cliff|river|well|water|canal|sea|pool|tracks)|(fell|fallen|collapsed)( \S+)? (on|onto|on top of)~5 ${PERSON_EN}s?`,
  // Somebody who hasn't been heard of and doesn't answer.
  danger`${KIN}~8 n(ao|on?) (me |nos |em )?(contest|respond|atend|abr|obr|coll|coj|cog|agaf)\w*~8 (dias?|dies|desde|des|ontem|ayer|ahir|onte)|(lehengusu|bizilagun|auzokide?|ama|aita|amona|aitona)\w*~3 ez (du|dit|dio|da)( \S+)? (erantzuten|ateak? irekitzen|irteten|hartzen)~3 (egun\w*|atzotik)`,
  danger`${KIN_EN}~3 (not|\w+n'?t) (been )?(answer\w*|open\w*|seen|heard)~10 (days?|since|yesterday|morning)`,
  // The services by their number or name, asked for now.
  danger`(cham|lig|llam|tru[cq]|deitu|call)\w*~3 ((112|911|999|190|192|193)(?![ .-]?\d)|an?m?bulan[ct]z?\w*|fire brigade|bombe\w+|suhiltzaile\w*)|(preciso|precisamos|neces+it\w+|cal|need|behar)~3 an?m?bulan[ct]z?\w*|anbulantzia( bat)? behar`,
];

/** A pattern of whole words. */
export const asWords = (source: string) => new RegExp(`(?<!\\w)(?:${source})(?!\\w)`);

const ANY = asWords(DANGERS.map(({ source }) => source).join("|"));

/** What speaks of a danger without one: fees, courses, papers, shows, and what has been dealt with. */
export const HARMLESS = /\b(?:extint\w+|extinguisher\w*|su-?itzalgailu\w*|simulacr\w+|fire drill|(?:qua|cua|ca)nto? (?:cu|c)e?[ou]?sta|seguros?(?: de)?|courses?|curs(?:os?)?|ikastaro\w*|informe|relatorio|boletim|atestad\w*|txosten\w*|report of|(?:fo|ho)gue[ir]\w+|f\w+ (?:de )?artifici\w+|pre[vb]en\w+|(?:prazo|plazo|exam\w*|azterketa\w*|fila|cola|papel\w+|tramit\w*|traball?[hj]?o|lana\w*|calor|burocra\w+|espera|imp[uo]e?st\w*|iptu|zerga\w*|hipoteca|matricula)(?: \S+){0,5} (?:\w*ta\w* a matar(?:-\w+)?|vaime matar|matan(?:do|t)|mata|hil(?:ko|tzen| egingo))|lume novo)\b/;
/** What is told of others or of another time, in its sentence or the next. */
export const TOLD = /\b(?:no jornal|el periodico|al diari|the news|(?:ano|any|mes) pass?a[dt]o?|fa un any|iaz\w*|last (?:year|month))\b/;
/** What is a danger whatever stands beside it. */
export const ALWAYS = /(?<!\b(?:curs\w*|courses?|tes[ei]s?|tf[gm]|tra?e?bal\w+|essay|ll?i[vb]re?o?|book|charla|palestra)(?: \S+){0,2} (?:sobre|about|on|del?|do)(?: \S+)? )\bsui[cz]id\w+\b(?! (?:prevention )?(?:course|training|talk)| buruz|(?: \S+){1,3} literat)|\b(?:quero|vou|quiero|voy a) matar-?me|\b(?:me quiero|em vull) matar\b|\bhil nahi\b|\bkill myself\b|\b(?:no|nao|non) respira\b|\bburu\w* beste egin/;

/** Words that are known with a letter wrong, missing or too many ("insendio", "repira"): what comes so near to them is no other. */
const SLIPS = "incendio respira respirando socorro ambulancia inconsciente suicidar".split(" ").map((word) => {
  // Not its last: "socorros" are a course's.
  const slips = [...word.slice(1)].map((_, at) => `${word.slice(0, at)}(\\w{0,2}${word[at + 1]}|${word[at + 1]}${word[at]})${word.slice(at + 2)}`);
  return [word, asWords(slips.join("|"))] as const;
});

/** A folded text as it was likely meant: "kiero" is "quiero", "socorroooo" "socorro". */
const meant = (folded: string) =>
  SLIPS.reduce((text, [word, slips]) => text.replace(slips, word), folded.replace(/(\D)\1{2,}/g, "$1").replace(/k(?=[ei])/g, "qu"));

/**
 * Whether a text tells of a danger to life.
 *
 * @example
 * isEmergency("O meu pai caiu e não respira"); // true
 * isEmergency("Quanto custa a inspeção de um extintor de incêndio?"); // false
 */
export function isEmergency(text: string): boolean {
  const folded = fold(text).replace(/\s+/g, " ");
  // What speaks of one thing harmlessly may tell of another in its next sentence.
  const parts = [folded, ...folded.split(/(?<=[.!?;…]) /)];
  return parts.some((part, at) => {
    const isHarmless = HARMLESS.test(part) || TOLD.test(`${part} ${parts[at + 1]}`);
    return [part, meant(part)].some((said) => ALWAYS.test(said) || (!isHarmless && ANY.test(said)));
  });
}
