//! What of a page isn't its text: what isn't text at all, what a visitor doesn't see, and what leads elsewhere.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use scraper::Node;
use scraper::node::Element;

use super::blocks::{Block, Kind};
use super::panels::{self, Panels};
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
/// What menus are called where they are no `<nav>`, in the seven languages.
const MENUS: &[&str] = &[
    "menu",
    "menus",
    "megamenu",
    "submenu",
    "nav",
    "navbar",
    "subnav",
    "sidenav",
    "sidebar",
    "navigation",
    "navegacion",
    "navegacao",
    "navegacio",
    "nabigazioa",
];
/// And what a list of tabs is called besides: their names say what is in the panels.
const TABS: &[&str] = &["tab", "tabs", "tablist", "pills"];
/// What notices about cookies are called, by pages and by services.
const COOKIES: &[&str] = &[
    "cookie",
    "cookies",
    "cookiebar",
    "cookiebanner",
    "cookienotice",
    "cookieconsent",
    "cookielaw",
    "cookiebot",
    "galetes",
    "consent",
    "gdpr",
    "rgpd",
    "onetrust",
    "cmplz",
    "borlabs",
    "tarteaucitron",
    "iubenda",
    "didomi",
];
/// What such a notice leads to is a page, which is called so, too.
const POLICIES: &[&str] =
    &["policy", "politica", "politika", "declaracion", "declaracao", "declaration", "declaracio"];
/// A block of links has few elements and says little else, in characters; so has a notice, in which more is said.
const MOST_NODES: usize = 250;
const MOST_OF_A_MENU: usize = 800;
const MOST_BESIDE_LINKS: usize = 120;
const MOST_OF_A_NOTICE: usize = 1_000;
/// Longer texts of links needn't be counted.
const MOST_COUNTED: usize = 400;

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
pub(crate) fn left_out(
    node: NodeRef<'_, Node>,
    element: &Element,
    panels: &Panels,
    is_whole: bool,
) -> Option<LeftOut> {
    let role = element.attr("role").unwrap_or_default().to_ascii_lowercase();
    // Of several roles the first one that is known counts; the further ones stand there for old browsers.
    let role = role.split_whitespace().next().unwrap_or_default();
    let is_around = AROUND.contains(&element.name()) || AROUND_ROLES.contains(&role);
    let is_beside = element.name() == "aside" || role == "complementary";
    let names = Names::of(element);
    let is_out = (NOT_TEXT.contains(&element.name()) && !panels::is_in_heading(node, element))
        || NOT_TEXT_ROLES.contains(&role)
        || (is_whole && is_around)
        || (is_hidden(element) && !panels.has(node, element, role, &names))
        || is_links(node, element, &names)
        || ((is_beside || (role != "tablist" && names.is_menu(element))) && is_menu(node))
        || (names.is_about_cookies() && is_notice(node));
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

/// Its `style`, in lower case and without white space.
pub(crate) fn style(element: &Element) -> String {
    let style = element.attr("style").unwrap_or_default();
    style.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// What an element is called: the words of its `class`, `id` and `aria-label`, each by itself.
pub(crate) struct Names(Vec<Vec<String>>);

impl Names {
    fn of(element: &Element) -> Self {
        let values = ["class", "id", "aria-label"].into_iter().filter_map(|name| element.attr(name));
        Self(values.map(names_words).collect())
    }

    pub(crate) fn has(&self, list: &[&str]) -> bool {
        self.0.iter().flatten().any(|word| list.contains(&word.as_str()))
    }

    /// Two words one behind the other.
    pub(crate) fn has_two(&self, list: &[(&str, &str)]) -> bool {
        self.0.iter().any(|words| {
            let mut pairs = words.iter().zip(words.iter().skip(1));
            pairs.any(|(one, two)| list.contains(&(one.as_str(), two.as_str())))
        })
    }

    /// True for what is called a menu, and isn't the names of tabs.
    fn is_menu(&self, element: &Element) -> bool {
        let may_be = matches!(element.name(), "ul" | "ol" | "div" | "section");
        may_be && self.has(MENUS) && !self.has(TABS)
    }

    fn is_about_cookies(&self) -> bool {
        self.has(COOKIES) && !self.has(POLICIES)
    }
}

/// True for the way to a page, and for what shares it: named so, and with little text besides links.
fn is_links(node: NodeRef<'_, Node>, element: &Element, names: &Names) -> bool {
    let is_list = ["itemtype", "typeof"].iter().any(|name| {
        element.attr(name).is_some_and(|kind| kind.to_ascii_lowercase().contains("breadcrumblist"))
    });
    let is_named = is_list || names.has(WAYS) || names.has(SHARES) || names.has_two(SHARES_BY_TWO);
    is_named && links(node, MOST_NODES).is_some()
}

/// True for what is hardly more than links to pages. Telephone numbers and addresses are what a visitor looks for.
pub(crate) fn is_menu(node: NodeRef<'_, Node>) -> bool {
    links(node, MOST_OF_A_MENU).is_some_and(|links| links.linked > links.beside && !links.is_contact)
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

/// The text of an element, in characters.
#[derive(Default)]
struct Links {
    linked: usize,
    beside: usize,
    /// A link calls or writes to somebody.
    is_contact: bool,
}

/// What is linked in few elements with little other text; none where there is more. Only the first `most` are looked at, so
/// that a page takes no time by however many of such names.
fn links(node: NodeRef<'_, Node>, most: usize) -> Option<Links> {
    let mut links = Links::default();
    let (mut nodes, mut links_open, mut left_out_open) = (0, 0_usize, 0_usize);
    for edge in node.traverse() {
        let (inner, is_open) = match edge {
            Edge::Open(inner) => (inner, true),
            Edge::Close(inner) => (inner, false),
        };
        if is_open {
            nodes += 1;
            if nodes > most {
                return None;
            }
        }
        match inner.value() {
            Node::Text(text) if is_open && left_out_open == 0 => {
                let len = text.trim().chars().take(MOST_COUNTED).count();
                if links_open > 0 {
                    links.linked += len;
                } else {
                    links.beside += len;
                }
                if links.beside > MOST_BESIDE_LINKS {
                    return None;
                }
            }
            Node::Element(element) => {
                let name = element.name();
                let is_link = name == "a";
                if is_open {
                    if ["h1", "body", "main", "article", "table"].contains(&name) {
                        return None;
                    }
                    let href = element.attr("href").unwrap_or_default().trim_start();
                    links.is_contact |= is_link && (href.starts_with("tel:") || href.starts_with("mailto:"));
                    links_open += usize::from(is_link);
                    left_out_open += usize::from(NOT_TEXT.contains(&name));
                } else {
                    links_open = links_open.saturating_sub(usize::from(is_link));
                    left_out_open = left_out_open.saturating_sub(usize::from(NOT_TEXT.contains(&name)));
                }
            }
            _ => {}
        }
    }
    Some(links)
}

/// True for a short text that tells of cookies and is no page's own.
fn is_notice(node: NodeRef<'_, Node>) -> bool {
    let (mut len, mut is_of_cookies) = (0, false);
    for (number, inner) in node.descendants().enumerate() {
        match inner.value() {
            _ if number >= MOST_NODES => return false,
            Node::Element(element) if ["h1", "body", "main", "article"].contains(&element.name()) => {
                return false;
            }
            Node::Text(text) => {
                let is_text = |parent: NodeRef<'_, Node>| {
                    parent.value().as_element().is_none_or(|parent| !NOT_TEXT.contains(&parent.name()))
                };
                if inner.parent().is_none_or(is_text) {
                    len += text.trim().chars().take(MOST_OF_A_NOTICE + 1).count();
                    if len > MOST_OF_A_NOTICE {
                        return false;
                    }
                    let text = fold(&text.to_lowercase());
                    is_of_cookies |= text.contains("cookie") || text.contains("galet");
                }
            }
            _ => {}
        }
    }
    is_of_cookies
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

#[cfg(test)]
mod tests {
    use super::super::html;

    fn text(body: &str) -> String {
        let read = html::read(&format!("<html lang=es><body>{body}</body>"));
        read.blocks.into_iter().map(|block| block.text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn left_out_menus_that_are_no_nav() {
        let links = "<li><a href=/a>Tasas</a><li><a href=/b>Padrón</a>";
        for class in ["nav menu mod-list", "subnav", "mega-menu", "sidebar_links navbar"] {
            assert_eq!(text(&format!("<ul class='{class}'>{links}</ul><p>Texto.")), "Texto.", "{class}");
        }
        // The names of tabs say what their panels are about.
        assert_eq!(text(&format!("<ul class='nav nav-tabs'>{links}</ul>")), "• Tasas|• Padrón");
        assert_eq!(text(&format!("<ul class=list>{links}</ul>")), "• Tasas|• Padrón");
        // A menu with dishes, and what holds the page.
        let dishes =
            "<div class=menu><p>Sopa de ajo, merluza o albóndigas, y fruta. <a href=/m>Más</a></div>";
        assert_eq!(text(dishes), "Sopa de ajo, merluza o albóndigas, y fruta. Más");
        assert_eq!(
            text("<div class=has-menu><h1>Tasas</h1><a href=/a>Tasas de agua</a></div>"),
            "Tasas|Tasas de agua"
        );
        assert_eq!(text("<div id=menu-telefonos><a href=tel:112>112</a></div>"), "112");
    }

    #[test]
    fn left_out_asides_with_links_and_no_others() {
        let aside = |text_of: &str| text(&format!("<main><p>Texto.</p><aside>{text_of}</aside></main>"));
        assert_eq!(aside("<h2>Sede</h2><ul><li><a href=/c>Contacto y cita</a></ul>"), "Texto.");
        assert_eq!(aside("Traiga el carné. <a href=/c>Más</a>"), "Texto.|Traiga el carné. Más");
        assert_eq!(aside("<a href='mailto:a@b.example'>a@b.example</a>"), "Texto.|a@b.example");
        assert_eq!(
            text("<main><p>Texto.</p><div role=complementary><a href=/c>Contacto</a></div></main>"),
            "Texto."
        );
    }

    #[test]
    fn left_out_notices_about_cookies_and_not_what_is_said_of_them() {
        let notice = "<p>Usamos cookies. Puede aceptarlas.</p>";
        for class in ["cookie-consent js-cookie", "cookiebar", "cmplz-cookiebanner", "gdprNotice"] {
            assert_eq!(text(&format!("<div class='{class}'>{notice}</div><p>Texto.")), "Texto.", "{class}");
        }
        let told = "Usamos cookies. Puede aceptarlas.";
        assert_eq!(text(&format!("<div id=politica-de-cookies>{notice}</div>")), told);
        assert_eq!(
            text(&format!("<div class=cookies><h1>Cookies</h1>{notice}</div>")),
            format!("Cookies|{told}")
        );
        assert_eq!(
            text("<div class=cookies><p>Galletas de la abuela: harina y azúcar.</div>"),
            "Galletas de la abuela: harina y azúcar."
        );
        let long = format!("<div class=cookies>{}</div>", notice.repeat(40));
        assert!(text(&long).starts_with(told));
        assert_eq!(html::read(&format!("<body class=cookies-accepted>{notice}")).blocks.len(), 1);
    }
}
