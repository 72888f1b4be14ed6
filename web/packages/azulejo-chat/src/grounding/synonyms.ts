// Words that an answer may say for a page's: of one meaning where an administration speaks, in the seven languages. They
// count as words that are shared; what must be right to the letter (numbers, names) has no synonyms.

/** Folded, a meaning a line; with a star, how they begin. */
const MEANINGS = [
  // Colours first: bins and lines are told by them.
  "amarel* amarill* groc groga grocs yellow horia horiak horira horian",
  "azul azuis azules blau blava blaus blue urdin*",
  "verde verdes verd verds green berde*",
  "castanh* marron* marro marrom brown marroi*",
  "cinzent* cinza gris grisa grises grey gray",
  "laranja laranxa naranja taronja orange",
  "branc* blanc* white zuri*",
  "vermelh* vermell* rojo roja rojos red gorri*",
  "preto preta pretos pretas negr* black beltz*",
  "custa custam custar custo cuesta cuestan costar coste costa costen custan cost costs preco precos precio prezo preu preus price prezio* pago pagos pagament* payment* paga pagam pagar pagan paguen pagas pay pays vale valem valen val valor balio ordain*",
  "telefon* ligue ligar liga ligando llame llama llamar llamando truqueu truca trucar trucant chame chama chamar call calling ring phone deitu",
  "pedir peca pede pedem pedido pida pide pidan pidiendo peticion demaneu demanar demana solicit* sollicit* request apply application eska* eske* reserv* agend* book",
  "dura duran duram dure validade valid* vigor serve sirve sirven indarr*",
  "morada endereco* domicili* adreca helbide* address",
  "casa casas habitac* habitatge* vivend* moradia* etxe* home homes house dwelling",
  "abre abrem abren aberto aberta abierto abierta obre obert oberta obren ireki* open opens opening horario horari horarios ordutegi* hours atende* atiende* aten atenen artatz* attend*",
  "fechado fechada encerrad* cerrado cerrada tancat tancada pechado pechada closed closes itxita itxia itxi itxik* fecha fecham encerra cierra cierran tanca tanquen pecha pechan",
  "recolh* recog* recoj* recoll* recull* biltz* bildu* hust* buida* empt* collect* busca buscam buscar buscamos",
  "ano anos anual anuais anuales anuals any anys year years annual annually yearly urte urtean urteko",
  "mes meses mesos mensal mensais mensual* mensuals month months monthly hilabete*",
  "diari* daily",
  "ganha ganham ganhar gana ganan ganar guanya guanyen guanyar ganen ingresa* ingress* rendiment* renda income earn earns earning irabaz*",
  "papel paper impress* print* papera* papere*",
  "crianc* nino ninos nina ninas neno nenos nena nenas nen nens infant* haur* umea* child children kid kids",
  "vencid* caducad* caducat* iraungi* expired",
  "descont* descuent* bonific* reduc* rebaix* rebaja* deskontu* hobari* discount* off",
  "deixe deixar deixa deixeu deje dejar deja coloque* coloca* coloc ponha ponga pon poner utzi leave put",
  "responde respond* respost* respuest* contest* erantz* reply answer",
  "traga trazer traia traer traiga leve levar lleve llevar portar porteu ekarri bring carry",
  "inscri* apunt* empadroa* empadron* registe* registar* regist* enrol* sign",
  "avis* comuni* inform* notif* jakinaraz* abisa*",
  "bus autobus* autocarr* onibus",
  "demora* tarda tardan tardar triga triguen take takes",
  "medic* doctor doctors doutor* sendagile* mediku*",
  "multa* coima* isun* fine fines",
  "gravid* embaraz* embarass* haurdun* pregnan*",
  "movel moveis mueble* moble* objeto* objecto* objecte* objekt* obxecto* item items",
].map((line) => {
  const words = line.split(" ");
  return { whole: new Set(words), starts: words.filter((word) => word.endsWith("*")).map((word) => word.slice(0, -1)) };
});

const COLOURS = 9;

/** Whether a folded word is one that nothing else may stand for. */
export const isTelling = (word: string): boolean => {
  const meaning = meaningOf(word);
  return meaning >= 0 && meaning < COLOURS;
};

/** Whether a folded word says that something has a price. */
export const isOfPrices = (word: string): boolean => meaningOf(word) === COLOURS;

const known = new Map<string, number>();

/** Which of the meanings a folded word has; -1 of none. */
export function meaningOf(word: string): number {
  let meaning = known.get(word);
  if (meaning === undefined) {
    meaning = MEANINGS.findIndex(({ whole, starts }) => whole.has(word) || starts.some((start) => word.startsWith(start)));
    known.set(word, meaning);
  }
  return meaning;
}
