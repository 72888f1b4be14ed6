//! What of a page isn't its text: what isn't text at all, what a visitor doesn't see, and what leads elsewhere.

use ego_tree::NodeRef;
use scraper::Node;
use scraper::node::Element;

use super::blocks::{Block, Kind};
use super::words::{fold, words};

/// Elements that aren't text. What stands in `azulejo-chat` is for those whose browsers don't run it.
const NOT_TEXT: &[&str] = &[
    "script",
    "style",
    "template",
    "noscript",
    "nav",
    "head",
    "svg",
    "math",
    "iframe",
    "object",
    "canvas",
    "video",
    "audio",
    "button",
    "select",
    "input",
    "textarea",
    "datalist",
    "dialog",
    "menu",
    "azulejo-chat",
    "noframes",
    "noembed",
];
/// Those that are about a site and not about a page, unless they stand in a page's main part.
const AROUND: &[&str] = &["header", "footer", "aside"];
/// The same, told by a role.
const NOT_TEXT_ROLES: &[&str] =
    &["navigation", "menu", "menubar", "toolbar", "search", "alert", "alertdialog", "dialog", "tooltip"];
const AROUND_ROLES: &[&str] = &["banner", "contentinfo", "complementary"];

/// How names of classes, `id` and `aria-label` call the way to a page, in the seven languages, word by word.
const WAYS: &[&str] = &[
    "breadcrumb",
    "breadcrumbs",
    "crumb",
    "crumbs",
    "migas",
    "migadepan",
    "migasdepan",
    "migalhas",
    "faragullas",
    "ariadna",
    "ariadne",
];
/// And what shares a page; words of services for that are among them.
const SHARES: &[&str] = &[
    "share",
    "sharing",
    "sharedaddy",
    "sharethis",
    "shareaholic",
    "addtoany",
    "addthis",
    "a2a",
    "heateor",
    "compartir",
    "comparte",
    "comparta",
    "compartilhar",
    "compartilhe",
    "partilhar",
    "partilhe",
    "partilha",
    "comparteix",
    "compartilla",
    "partekatu",
];
/// Words that only together tell of the same.
const SHARES_BY_TWO: &[(&str, &str)] = &[
    ("social", "share"),
    ("social", "media"),
    ("social", "links"),
    ("social", "icons"),
    ("social", "buttons"),
    ("redes", "sociales"),
    ("redes", "sociais"),
    ("xarxes", "socials"),
    ("sare", "sozialak"),
];
/// A block of links has few elements and says little else, in characters.
const MOST_NODES: usize = 250;
const MOST_BESIDE_LINKS: usize = 120;

/// What a line begins with that tells when a page was changed, folded.
const CHANGED: &[&str] = &[
    "ultima actualizacion",
    "ultima modificacion",
    "ultima revision",
    "fecha de actualizacion",
    "fecha de publicacion",
    "actualizado",
    "actualizada",
    "publicado",
    "publicada",
    "ultima atualizacao",
    "ultima actualizacao",
    "ultima modificacao",
    "data de atualizacao",
    "data de actualizacao",
    "data de publicacao",
    "atualizado",
    "atualizada",
    "darrera actualitzacio",
    "ultima actualitzacio",
    "darrera modificacio",
    "data d actualitzacio",
    "actualitzat",
    "actualitzada",
    "publicat",
    "derradeira actualizacion",
    "data de actualizacion",
    "data de publicacion",
    "azken eguneratzea",
    "azken eguneraketa",
    "azken aldaketa",
    "eguneratze data",
    "eguneratua",
    "argitaratua",
    "last updated",
    "last update",
    "last modified",
    "last reviewed",
    "page updated",
    "updated",
    "published",
];
/// What may stand between that and its date, folded.
const BEFORE_DATES: &[&str] =
    &["el", "em", "a", "o", "on", "dia", "del", "de", "do", "data", "fecha", "date", "at", "en", "in"];
/// English has the month in front. What else a date has (hours, who it was) are so many words at most.
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MOST_OF_A_DATE: usize = 9;

/// Why an element isn't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Whole,
    /// Its text alone: what stands beside it in the row of a table doesn't move to its place.
    Cell,
}

/// Whether an element, and all in it, is left out; `is_whole` where there is no main part, but the whole body is read.
pub(crate) fn left_out(node: NodeRef<'_, Node>, element: &Element, is_whole: bool) -> Option<LeftOut> {
    let role = element.attr("role").unwrap_or_default().to_ascii_lowercase();
    // Of several roles the first one that is known counts; the further ones stand there for old browsers.
    let role = role.split_whitespace().next().unwrap_or_default();
    let is_around = AROUND.contains(&element.name()) || AROUND_ROLES.contains(&role);
    let is_out = NOT_TEXT.contains(&element.name())
        || NOT_TEXT_ROLES.contains(&role)
        || (is_whole && is_around)
        || is_hidden(element)
        || is_links(node, element);
    let is_shown_cell = matches!(element.name(), "td" | "th") && !is_not_rendered(element);
    match (is_out, is_shown_cell) {
        (false, _) => None,
        (true, true) => Some(LeftOut::Cell),
        (true, false) => Some(LeftOut::Whole),
    }
}

/// True if the page says of the element itself that it isn't seen.
pub(crate) fn is_hidden(element: &Element) -> bool {
    is_not_rendered(element)
        || element.attr("aria-hidden").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
        || style(element).contains("visibility:hidden")
}

/// True if it takes no place. What is hidden until it is found is there to be found.
fn is_not_rendered(element: &Element) -> bool {
    element.attr("hidden").is_some_and(|value| !value.trim().eq_ignore_ascii_case("until-found"))
        || element.attr("popover").is_some()
        || style(element).contains("display:none")
}

fn style(element: &Element) -> String {
    let style = element.attr("style").unwrap_or_default();
    style.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// True for the way to a page, and for what shares it: named so, and with little text besides links.
fn is_links(node: NodeRef<'_, Node>, element: &Element) -> bool {
    let is_list = ["itemtype", "typeof"].iter().any(|name| {
        element.attr(name).is_some_and(|kind| kind.to_ascii_lowercase().contains("breadcrumblist"))
    });
    let named = |names: &[&str]| {
        let values = names.iter().filter_map(|name| element.attr(name));
        values.map(names_words).collect::<Vec<_>>()
    };
    let names: Vec<Vec<String>> = named(&["class", "id", "aria-label"]);
    if !is_list && names.iter().all(Vec::is_empty) {
        return false;
    }
    let has = |list: &[&str]| names.iter().flatten().any(|word| list.contains(&word.as_str()));
    let has_two = names.iter().any(|words| {
        let mut pairs = words.iter().zip(words.iter().skip(1));
        pairs.any(|(one, two)| SHARES_BY_TWO.contains(&(one.as_str(), two.as_str())))
    });
    (is_list || has(WAYS) || has(SHARES) || has_two) && is_mostly_links(node)
}

/// The words of a name, folded: `socialShare`, `social-share` and `Social share` are two.
fn names_words(name: &str) -> Vec<String> {
    let mut parted = String::with_capacity(name.len());
    let mut before = ' ';
    for c in name.chars().map(|c| if c == '_' { ' ' } else { c }) {
        if before.is_lowercase() && c.is_uppercase() {
            parted.push(' ');
        }
        parted.push(c);
        before = c;
    }
    words(&parted).iter().map(|word| fold(word)).collect()
}

/// True for few elements with little text that is in no link. Only the first ones are looked at, so that a page takes no
/// time by however many of such names.
fn is_mostly_links(node: NodeRef<'_, Node>) -> bool {
    let mut beside = 0;
    for (number, inner) in node.descendants().enumerate() {
        if number >= MOST_NODES {
            return false;
        }
        let text = match inner.value() {
            Node::Text(text) => text,
            Node::Element(element) if ["h1", "main", "article", "table"].contains(&element.name()) => {
                return false;
            }
            _ => continue,
        };
        let above = inner.ancestors().take_while(|above| above.id() != node.id());
        let is_linked = above.take(MOST_NODES).any(|above| {
            above.value().as_element().is_some_and(|e| e.name() == "a" || NOT_TEXT.contains(&e.name()))
        });
        if !is_linked {
            beside += text.trim().chars().take(MOST_BESIDE_LINKS + 1).count();
        }
        if beside > MOST_BESIDE_LINKS {
            return false;
        }
    }
    true
}

/// True for a line that tells when the page was changed, and nothing else.
pub(crate) fn is_date_of_change(block: &Block) -> bool {
    if block.kind != Kind::Text || block.text.len() > 200 {
        return false;
    }
    let line: Vec<String> = words(&block.text).iter().map(|word| fold(word)).collect();
    CHANGED.iter().any(|begin| {
        let len = begin.split(' ').count();
        let is_begin =
            line.len() > len && line.iter().zip(begin.split(' ')).all(|(word, wanted)| word == wanted);
        let rest = line.iter().skip(len).skip_while(|word| BEFORE_DATES.contains(&word.as_str()));
        let rest: Vec<&String> = rest.collect();
        let is_number = |word: &&&String| word.starts_with(|c: char| c.is_ascii_digit());
        let is_year = |word: &&String| word.len() >= 4 && word.chars().take(4).all(|c| c.is_ascii_digit());
        let is_month = |word: &&&String| MONTHS.iter().any(|month| word.starts_with(month));
        is_begin
            && rest.len() <= MOST_OF_A_DATE
            && rest.first().is_some_and(|word| is_number(&word) || is_month(&word))
            && rest.iter().any(is_year)
            && rest.iter().filter(is_number).count() > 1
    })
}
