//! Parts of a page that are hidden until a visitor opens them, and so are the page's text: panels of tabs, answers below
//! their questions.
//!
//! By ARIA's patterns for tabs, accordions and disclosures (<https://www.w3.org/WAI/ARIA/apg/patterns/>), by those of
//! Bootstrap, and by what such parts are called where a page declares nothing.

use std::collections::HashSet;

use ego_tree::NodeRef;
use scraper::node::Element;
use scraper::{Html, Node};

use super::left_out::{Names, is_menu};

/// Elements that control something else than a part of the text: suggestions, what else is to be filled in.
const FIELDS: &[&str] = &["input", "select", "textarea", "form"];
const FIELD_ROLES: &[&str] =
    &["combobox", "searchbox", "textbox", "slider", "spinbutton", "menuitem", "scrollbar"];
/// What Bootstrap calls elements that open parts of the text; others open windows and menus.
const TOGGLES: &[&str] = &["collapse", "tab", "pill", "list"];
/// What one element controls; more isn't looked at.
const MOST_CONTROLLED: usize = 32;

/// Elements between a heading and its button.
const MOST_ABOVE: usize = 4;

/// What panels are called, word by word.
const PANELS: &[&str] = &[
    "accordion",
    "accordeon",
    "acordeon",
    "acordeao",
    "collapse",
    "collapsible",
    "tabpanel",
    "spoiler",
    "faq",
];
const PANELS_BY_TWO: &[(&str, &str)] = &[
    ("tab", "pane"),
    ("tab", "panel"),
    ("tab", "content"),
    ("tabs", "pane"),
    ("tabs", "panel"),
    ("tabs", "content"),
    ("toggle", "content"),
];
/// What is no text of a page, though it is opened in the same way.
const OTHERS: &[&str] = &[
    "menu",
    "nav",
    "navbar",
    "navigation",
    "modal",
    "dialog",
    "cookie",
    "cookies",
    "popup",
    "tooltip",
    "search",
];

/// The parts of a page that its tabs and buttons show.
pub(crate) struct Panels {
    controlled: HashSet<String>,
}

impl Panels {
    pub(crate) fn of(document: &Html) -> Self {
        let elements = document.tree.nodes().filter_map(|node| node.value().as_element());
        Self { controlled: elements.flat_map(controlled).map(str::to_owned).collect() }
    }

    /// True for a part of the text, hidden or not, that a visitor can open.
    pub(crate) fn has(&self, node: NodeRef<'_, Node>, element: &Element, role: &str, names: &Names) -> bool {
        let is_controlled = || element.attr("id").is_some_and(|id| self.controlled.contains(id));
        let is_panel =
            role == "tabpanel" || is_controlled() || names.has(PANELS) || names.has_two(PANELS_BY_TWO);
        is_panel && element.attr("popover").is_none() && !names.has(OTHERS) && !is_menu(node)
    }
}

/// True for a button that a heading consists of, and that opens what stands below: its text is the heading's.
pub(crate) fn is_in_heading(node: NodeRef<'_, Node>, element: &Element) -> bool {
    let is_heading = |above: NodeRef<'_, Node>| {
        let name = above.value().as_element().map_or("", |element| element.name());
        matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dt")
    };
    element.name() == "button"
        && (controlled(element).next().is_some() || element.attr("aria-expanded").is_some())
        && node.ancestors().take(MOST_ABOVE).any(is_heading)
}

/// The `id`s of what an element shows and hides.
fn controlled(element: &Element) -> impl Iterator<Item = &str> {
    let attribute = |name| element.attr(name).unwrap_or_default().trim();
    let role = attribute("role");
    let toggle =
        [attribute("data-bs-toggle"), attribute("data-toggle")].into_iter().find(|kind| !kind.is_empty());
    let is_toggle = toggle.is_some_and(|kind| TOGGLES.contains(&kind));
    let is_other = FIELDS.contains(&element.name())
        || FIELD_ROLES.contains(&role)
        || !matches!(attribute("aria-haspopup"), "" | "false")
        || (toggle.is_some() && !is_toggle);
    // Of addresses only those within the page count.
    let targets = match is_toggle || role == "tab" {
        true => [attribute("data-bs-target"), attribute("data-target"), attribute("href")],
        false => [""; 3],
    };
    let targets = targets.into_iter().filter_map(|target| target.strip_prefix('#'));
    let named = attribute("aria-controls").split_ascii_whitespace().take(MOST_CONTROLLED);
    named.chain(targets).filter(move |id| !is_other && !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::html;

    fn text(page: &str) -> String {
        let read = html::read(&format!("<html lang=es><main><h1>Piscina</h1>{page}</main>"));
        read.blocks.into_iter().skip(1).map(|block| block.text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn panels_of_tabs_are_read_though_they_are_hidden() {
        let tabs = "<ul role=tablist><li role=tab aria-controls=a>Verano<li role=tab aria-controls=b>Invierno</ul>
            <div role=tabpanel id=a>Abre a las 10.</div><div role=tabpanel id=b style='display: none'>Abre a las 12.</div>";
        assert_eq!(text(tabs), "• Verano|• Invierno|Abre a las 10.|Abre a las 12.");
        for hidden in ["hidden", "aria-hidden=true", "style='visibility:hidden'"] {
            assert_eq!(text(&format!("<div role=tabpanel {hidden}>Texto.</div>")), "Texto.");
            let button = format!(
                "<h2><button aria-controls='x y'>¿Precio?</button></h2><div id=y {hidden}>3 €.</div>"
            );
            assert_eq!(text(&button), "¿Precio?|3 €.", "a heading may be a button");
            assert_eq!(text(&format!("<div {hidden}>Texto.</div>")), "", "nothing opens it");
        }
        // What is hidden within a panel stays so.
        assert_eq!(text("<div role=tabpanel hidden>Uno.<p hidden>Dos.</p></div>"), "Uno.");
    }

    #[test]
    fn panels_of_editors_are_read() {
        for opens in [
            "<a data-toggle=collapse href='#p'>Más</a>",
            "<a data-bs-toggle=tab data-bs-target='#p'>Más</a>",
            "<a role=tab href='#p'>Más</a>",
            "<button data-toggle=collapse data-target='#p'>Más</button>",
        ] {
            let told = text(&format!("{opens}<div id=p hidden>Texto.</div>"));
            assert!(told.ends_with("Texto."), "{opens}: {told}");
        }
        for class in [
            "accordion-content",
            "tab-pane fade",
            "panel-collapse collapse",
            "ui-tabs-panel",
            "toggle-content",
        ] {
            assert_eq!(
                text(&format!("<div class='{class}' style=display:none>Texto.</div>")),
                "Texto.",
                "{class}"
            );
        }
    }

    #[test]
    fn panels_are_no_menus_windows_or_suggestions() {
        for (opens, panel) in [
            ("<button aria-controls=p aria-haspopup=true>Más</button>", "<div id=p hidden>Texto.</div>"),
            ("<input aria-controls=p>", "<ul id=p hidden><li>Texto.</ul>"),
            ("<button role=combobox aria-controls=p>Más</button>", "<ul id=p hidden><li>Texto.</ul>"),
            ("<button data-toggle=modal data-target='#p'>Más</button>", "<div id=p hidden>Texto.</div>"),
            ("<button aria-controls=p>Más</button>", "<div id=p hidden role=dialog>Texto.</div>"),
            ("<button aria-controls=p>Más</button>", "<div id=p popover>Texto.</div>"),
            (
                "<button aria-controls=p>Menú</button>",
                "<ul id=p hidden><li><a href=/a>Tasas</a><li><a href=/b>Padrón</a></ul>",
            ),
            ("", "<div class='navbar-collapse collapse' hidden>Texto.</div>"),
        ] {
            assert_eq!(text(&format!("{opens}{panel}")), "", "{opens}{panel}");
        }
    }
}
