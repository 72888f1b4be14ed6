//! What a page of HTML says: its title, language and address, and its main text as blocks.
//!
//! Left out is what isn't the page's text (navigation, scripts, forms' controls) and what a visitor doesn't see, as far as
//! the page itself says so: style sheets aren't read.

use scraper::node::Element;
use scraper::{Html, Node};

use ego_tree::NodeRef;
use ego_tree::iter::Edge;

use super::blocks::{Block, Blocks};
use super::left_out::{LeftOut, is_date_of_change, is_hidden, left_out};
use super::panels::Panels;
use super::tables::arranging;

/// What a page says.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// What `<title>` says.
    pub(crate) title: String,
    /// The address that the page gives itself.
    pub(crate) canonical: Option<String>,
    /// True if the page asks search engines to leave it out.
    pub(crate) is_noindex: bool,
    /// Its main text.
    pub(crate) blocks: Vec<Block>,
}

/// Reads a page of HTML.
pub(crate) fn read(text: &str) -> Read {
    let document = Html::parse_document(text);
    let mut read = Read::default();
    let mut declared = String::new();
    for node in document.tree.nodes() {
        let Node::Element(element) = node.value() else { continue };
        let attribute = |name| element.attr(name).unwrap_or_default().trim().to_ascii_lowercase();
        match element.name() {
            "title" if read.title.is_empty() && !is_within(node, "svg") => read.title = joined(node),
            "link" if attribute("rel").split_whitespace().any(|rel| rel == "canonical") => {
                let address = element.attr("href").map(str::trim).filter(|href| !href.is_empty());
                read.canonical = read.canonical.or_else(|| address.map(str::to_owned));
            }
            "meta" if attribute("name") == "robots" => {
                let content = attribute("content");
                let mut words = content.split([',', ' ']);
                read.is_noindex |= words.any(|word| word == "noindex" || word == "none");
            }
            "meta" if attribute("http-equiv") == "content-language" => declared = attribute("content"),
            _ => {}
        }
    }
    let (main, is_whole) = main_part(&document);
    let lang = main.ancestors().find_map(lang_of).map_or(declared, str::to_owned);
    read.blocks = blocks(main, &Panels::of(&document), is_whole, &lang);
    read.blocks.retain(|block| !is_date_of_change(block));
    read
}

/// The part with the page's own text: `<main>`, or what stands for it; true if that is the whole body.
fn main_part(document: &Html) -> (NodeRef<'_, Node>, bool) {
    let find = |is_it: &dyn Fn(&Element) -> bool| {
        let is_it =
            |node: &NodeRef<'_, Node>| node.value().as_element().is_some_and(|e| is_it(e) && !is_hidden(e));
        document.tree.root().descendants().find(is_it)
    };
    let main = find(&|element| element.name() == "main")
        .or_else(|| find(&|element| element.attr("role").is_some_and(|role| role.trim() == "main")))
        .or_else(|| find(&|element| element.name() == "article"));
    match main {
        Some(main) => (main, false),
        None => (find(&|element| element.name() == "body").unwrap_or(document.tree.root()), true),
    }
}

/// Walks without recursion: a page may be nested however deep.
fn blocks(main: NodeRef<'_, Node>, panels: &Panels, is_whole: bool, lang: &str) -> Vec<Block> {
    let mut blocks = Blocks::new(lang);
    let arranging = arranging(main);
    let mut outside = None;
    for edge in main.traverse() {
        match edge {
            Edge::Open(node) if outside.is_none() => match node.value() {
                Node::Text(text) => blocks.text(text),
                Node::Element(element) => match left_out(node, element, panels, is_whole) {
                    Some(what) => {
                        if what == LeftOut::Cell {
                            blocks.empty_cell(element);
                        }
                        outside = Some(node.id());
                    }
                    None => blocks.open(element, arranging.contains(&node.id())),
                },
                _ => {}
            },
            Edge::Close(node) if outside == Some(node.id()) => outside = None,
            Edge::Close(node) if outside.is_none() => {
                if let Node::Element(element) = node.value() {
                    blocks.close(element);
                }
            }
            _ => {}
        }
    }
    blocks.finish()
}

/// The `lang` of an element, or the `xml:lang` of XHTML.
pub(crate) fn lang_of_element(element: &Element) -> Option<&str> {
    let lang = element.attr("lang").or_else(|| element.attr("xml:lang"));
    lang.map(str::trim).filter(|lang| !lang.is_empty())
}

fn lang_of(node: NodeRef<'_, Node>) -> Option<&str> {
    node.value().as_element().and_then(lang_of_element)
}

fn is_within(node: NodeRef<'_, Node>, name: &str) -> bool {
    node.ancestors().any(|node| node.value().as_element().is_some_and(|element| element.name() == name))
}

/// All text in an element.
fn joined(node: NodeRef<'_, Node>) -> String {
    let texts = node.descendants().filter_map(|node| node.value().as_text().map(|text| text.to_string()));
    super::blocks::collapsed(&texts.collect::<String>())
}
