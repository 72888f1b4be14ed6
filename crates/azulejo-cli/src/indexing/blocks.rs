//! A page's text, block by block: headings, paragraphs, list items, rows of tables, each as a line or some lines of text.

use std::collections::HashSet;

use scraper::node::Element;

use super::html::lang_of_element;
use super::left_out::style;
use super::tables::Table;

/// A piece of a page that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What `lang` says where it stands; empty where nothing does.
    pub(crate) lang: String,
    /// Its text, without line breaks but for those of `<br>`.
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// What comes has nothing to do with what is before, nor with its headings but for the first level's; without text.
    Break,
    /// From 1 to 6, and the `id` by which a link finds it.
    Heading {
        level: u8,
        id: Option<String>,
    },
}

/// Elements that end the line before them and behind them.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "details",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// Makes blocks of a document's elements and texts, as they come.
pub(crate) struct Blocks {
    done: Vec<Block>,
    /// The languages of the elements that are open and have one.
    langs: Vec<String>,
    /// The text of the line; of each cell that is open, and of what each stands in.
    lines: Vec<String>,
    /// Those that are open; none for one that only arranges the page, whose cells are text like any other.
    tables: Vec<Option<Table>>,
    /// The numbers of the next items of the lists that are open; none where they aren't numbered.
    lists: Vec<Option<u32>>,
    /// What the next line of text begins with.
    mark: String,
    /// The `<dt>` that what follows belongs to, and whether something did.
    term: String,
    is_described: bool,
    anchors: Anchors,
    /// How many elements are open that emphasise what is in them.
    emphasis: usize,
    /// The cell says something that isn't emphasised.
    is_plain: bool,
}

/// Where links may lead to: what stands on headings, and on what only has a heading behind it.
#[derive(Default)]
struct Anchors {
    /// Links only find the first of several with one name.
    known: HashSet<String>,
    /// The last one since which there was no text.
    here: Option<String>,
    /// That of the section that is open and had no heading yet.
    of_section: Option<String>,
    is_in_heading: bool,
    /// On the heading, or else in it.
    of_heading: Option<String>,
    /// What is around the first heading of the first level, with its place among the blocks: the page itself leads to a title.
    of_title: Option<(usize, String)>,
}

impl Anchors {
    fn open(&mut self, element: &Element, is_heading: bool) {
        let name = element.attr("name").filter(|_| element.name() == "a");
        let id = element.attr("id").or(name).filter(|id| !id.is_empty() && !id.contains(char::is_whitespace));
        let id = id.filter(|id| self.known.insert((*id).to_owned())).map(str::to_owned);
        if is_heading {
            (self.is_in_heading, self.of_heading) = (true, id);
        } else if self.is_in_heading {
            self.of_heading = self.of_heading.take().or(id);
        } else {
            if matches!(element.name(), "section" | "article") {
                self.of_section.clone_from(&id);
            }
            self.here = id.or(self.here.take());
        }
    }

    fn text(&mut self) {
        if !self.is_in_heading {
            self.here = None;
        }
    }

    /// The anchor of a heading that ends, to be the block of that number. One that says nothing leaves it to what comes.
    fn end_heading(&mut self, level: u8, block: usize, is_first: bool, is_empty: bool) -> Option<String> {
        self.is_in_heading = false;
        let own = self.of_heading.take();
        if is_empty {
            self.here = own.or(self.here.take());
            return None;
        }
        let around = self.here.take().or(self.of_section.take());
        self.of_section = None;
        if own.is_none() && level == 1 && is_first {
            self.of_title = around.map(|id| (block, id));
            return None;
        }
        own.or(around)
    }
}

impl Blocks {
    /// Where `lang` is the language.
    pub(crate) fn new(lang: &str) -> Self {
        Self {
            done: Vec::new(),
            langs: vec![lang.to_owned()],
            lines: vec![String::new()],
            tables: Vec::new(),
            lists: Vec::new(),
            mark: String::new(),
            term: String::new(),
            is_described: false,
            anchors: Anchors::default(),
            emphasis: 0,
            is_plain: false,
        }
    }

    /// Text, as it stands in the source.
    pub(crate) fn text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.anchors.text();
        }
        self.is_plain |= self.emphasis == 0 && text.contains(char::is_alphanumeric);
        self.line().push_str(&text.replace(['\n', '\r'], " "));
    }

    /// An element begins; `is_layout` is true for a table that only arranges the page.
    pub(crate) fn open(&mut self, element: &Element, is_layout: bool) {
        let name = element.name();
        let is_block = is_block(name);
        if is_block {
            self.flush();
        }
        self.anchors.open(element, heading_level(name).is_some() && self.lines.len() == 1);
        self.emphasis += usize::from(is_emphasis(element));
        if is_block && let Some(lang) = lang_of_element(element) {
            self.langs.push(lang.to_owned());
        }
        match name {
            "br" => self.line().push('\n'),
            "ul" => self.lists.push(None),
            "ol" => self.lists.push(Some(element.attr("start").and_then(|n| n.parse().ok()).unwrap_or(1))),
            "li" => {
                self.mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => "• ".to_owned(),
                }
            }
            "footer" => self.part(),
            "table" => self.tables.push((!is_layout).then(Table::default)),
            "thead" | "tbody" | "tfoot" => {
                if let Some(table) = self.table() {
                    table.group(name == "thead");
                }
            }
            "tr" => {
                let lang = self.langs.last().cloned().unwrap_or_default();
                if let Some(table) = self.table() {
                    table.row(&lang);
                }
            }
            "td" | "th" if self.table().is_none() => self.flush(),
            "dt" => {
                self.end_term();
                self.lines.push(String::new());
            }
            "td" | "th" => {
                self.is_plain = false;
                self.lines.push(String::new());
            }
            "dd" => self.lines.push(String::new()),
            _ => {}
        }
    }

    /// An element ends.
    pub(crate) fn close(&mut self, element: &Element) {
        let name = element.name();
        self.emphasis = self.emphasis.saturating_sub(usize::from(is_emphasis(element)));
        match name {
            "td" | "th" if self.table().is_none() => self.flush(),
            "td" | "th" => {
                let cell = self.take_inner();
                let is_emphasised = !self.is_plain && !cell.is_empty();
                // What it stands in, if it is a cell, holds a table.
                self.is_plain = true;
                if let Some(table) = self.table() {
                    table.cell(element, cell, is_emphasised);
                }
            }
            "section" | "article" => self.anchors.of_section = None,
            "thead" | "tbody" | "tfoot" => {
                if let Some(table) = self.table() {
                    table.group(false);
                }
            }
            "table" => {
                self.flush();
                if let Some(table) = self.tables.pop().flatten() {
                    self.lines_of(&table);
                }
            }
            "footer" => self.part(),
            "dt" => (self.term, self.is_described) = (self.take_inner(), false),
            "dd" => {
                let text = self.take_inner();
                let line = if self.term.is_empty() { text } else { format!("{}: {text}", self.term) };
                self.is_described = true;
                self.line().push_str(&line);
                self.flush();
            }
            "dl" => self.end_term(),
            "ul" | "ol" => {
                self.flush();
                self.lists.pop();
                self.mark.clear();
            }
            _ => {}
        }
        match heading_level(name) {
            Some(level) if self.lines.len() == 1 => {
                let is_first = !self.done.iter().any(is_title);
                let (number, is_empty) = (self.done.len(), self.line().trim().is_empty());
                let id = self.anchors.end_heading(level, number, is_first, is_empty);
                self.push(Kind::Heading { level, id });
            }
            _ if is_block(name) => self.flush(),
            _ => {}
        }
        if is_block(name) && lang_of_element(element).is_some() && self.langs.len() > 1 {
            self.langs.pop();
        }
    }

    /// All blocks.
    pub(crate) fn finish(mut self) -> Vec<Block> {
        self.end_term();
        self.flush();
        // One of several is no title, but a heading like any other.
        if let Some((number, around)) = self.anchors.of_title.take()
            && self.done.iter().filter(|block| is_title(block)).count() > 1
            && let Some(Block { kind: Kind::Heading { id, .. }, .. }) = self.done.get_mut(number)
        {
            *id = id.take().or(Some(around));
        }
        self.done
    }

    fn line(&mut self) -> &mut String {
        if self.lines.is_empty() {
            self.lines.push(String::new());
        }
        let last = self.lines.len() - 1;
        &mut self.lines[last]
    }

    /// Ends a line. In a cell, lines are parted by semicolons: the cell stands in a line of its own row.
    fn flush(&mut self) {
        if self.lines.len() == 1 {
            self.push(Kind::Text);
            return;
        }
        let line = self.line();
        line.truncate(line.trim_end().len());
        if let Some(end) = line.chars().next_back() {
            line.push_str(if ".;:,!?…".contains(end) { " " } else { "; " });
        }
    }

    /// Ends a block outside of cells.
    fn push(&mut self, kind: Kind) {
        let text = collapsed(&std::mem::take(self.line()));
        if text.is_empty() {
            return;
        }
        let text = match kind {
            Kind::Text => format!("{}{text}", std::mem::take(&mut self.mark)),
            Kind::Heading { .. } | Kind::Break => text.replace('\n', " "),
        };
        let lang = self.langs.last().cloned().unwrap_or_default();
        self.done.push(Block { lang, text, kind });
    }

    /// Ends a `<dt>`: one that nothing followed is a line of its own.
    fn end_term(&mut self) {
        let term = std::mem::take(&mut self.term);
        if !term.is_empty() && !self.is_described {
            self.line().push_str(&term);
            self.flush();
        }
    }

    /// The text of a cell, a term or its description, which ends.
    fn take_inner(&mut self) -> String {
        if self.lines.len() < 2 {
            return String::new();
        }
        let text = collapsed(&self.lines.pop().unwrap_or_default()).replace('\n', "; ");
        text.trim_end_matches([';', ' ']).to_owned()
    }

    /// The table whose cells are read; none in one that only arranges the page.
    fn table(&mut self) -> Option<&mut Table> {
        self.tables.last_mut().and_then(Option::as_mut)
    }

    /// A cell that isn't told, but stands in its row.
    pub(crate) fn empty_cell(&mut self, element: &Element) {
        if let Some(table) = self.table() {
            table.cell(element, String::new(), false);
        }
    }

    /// A table ends.
    fn lines_of(&mut self, table: &Table) {
        for (lang, line) in table.lines() {
            self.langs.push(lang.to_owned());
            self.line().push_str(&line);
            self.flush();
            self.langs.pop();
        }
    }

    /// What comes stands by itself. In a cell nothing does.
    fn part(&mut self) {
        self.flush();
        if self.lines.len() == 1 {
            let lang = self.langs.last().cloned().unwrap_or_default();
            self.done.push(Block { lang, text: String::new(), kind: Kind::Break });
        }
    }
}

fn is_block(name: &str) -> bool {
    BLOCKS.contains(&name) || heading_level(name).is_some()
}

fn is_title(block: &Block) -> bool {
    matches!(block.kind, Kind::Heading { level: 1, .. })
}

/// True for what editors make headings of where they have none.
fn is_emphasis(element: &Element) -> bool {
    let is_bold = || {
        let style = style(element);
        let weight = style.split_once("font-weight:").map_or("", |(_, weight)| weight);
        weight.starts_with("bold") || weight.starts_with(['6', '7', '8', '9'])
    };
    matches!(element.name(), "strong" | "b") || heading_level(element.name()).is_some() || is_bold()
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// Text with one space where it has several and none at its lines' ends; without characters that show nothing.
pub(crate) fn collapsed(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let shown: String = line.chars().filter(|c| !is_invisible(*c)).collect();
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Soft hyphens, marks of direction, spaces of no width, and control characters that are no white space.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || (c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::super::html;
    use super::Kind;

    /// A page's headings, each with its anchor.
    fn anchors(html: &str) -> Vec<(String, Option<String>)> {
        let read = html::read(&format!("<html lang=es><main>{html}</main>"));
        let heading = |kind| match kind {
            Kind::Heading { id, .. } => Some(id),
            _ => None,
        };
        read.blocks.into_iter().filter_map(|block| Some((block.text, heading(block.kind)?))).collect()
    }

    #[test]
    fn anchors_are_on_headings_or_around_them() {
        for (html, anchor) in [
            ("<h2 id=a>T</h2>", Some("a")),
            ("<div id=b><h2 id=a>T</h2></div>", Some("a")),
            ("<div id=c201 class=frame><header><h2>T</h2></header><p>x</div>", Some("c201")),
            ("<div id=out><div id=in><h2>T</h2></div></div>", Some("in")),
            ("<section id=s><h2>T</h2></section>", Some("s")),
            ("<section id=s><p>Martes</p><h2>T</h2></section>", Some("s")),
            ("<section id=s><p>Martes</p></section><h2>T</h2>", None),
            ("<div id=b><p>Martes</p><h2>T</h2></div>", None),
            ("<a name=n></a><h2>T</h2>", Some("n")),
            ("<p><a id=n>&nbsp;</a></p><h2>T</h2>", Some("n")),
            ("<h2><span class=mw-headline id=m>T</span></h2>", Some("m")),
            ("<div id=b><h2>T <a id=m></a></h2></div>", Some("m")),
            ("<h2 id=e></h2><h2>T</h2>", Some("e")),
            ("<h2 id=''>T</h2>", None),
            ("<img name=n><h2>T</h2>", None),
            ("<div id='a b'><h2>T</h2></div>", None),
        ] {
            let wanted = vec![("T".to_owned(), anchor.map(str::to_owned))];
            assert_eq!(anchors(html), wanted, "{html}");
        }
    }

    #[test]
    fn anchors_are_used_once() {
        let told = |html: &str| anchors(html).into_iter().map(|(_, id)| id).collect::<Vec<_>>();
        let some = |id: &str| Some(id.to_owned());
        // The first one is where a link leads to.
        assert_eq!(
            told("<div id=a><h2>A</h2><h2>B</h2></div><div id=a><h2>C</h2></div>"),
            [some("a"), None, None]
        );
        assert_eq!(told("<h2 id=a>A</h2><h2 id=a>B</h2>"), [some("a"), None]);
        // What is around all of a page leads to its title, which is where it begins.
        let page = "<section id=portlet><h1>A</h1><h2>B</h2><div id=c>x</div><h2>C</h2></section>";
        assert_eq!(told(page), [None, None, None]);
        assert_eq!(told("<div id=a><h1>A</h1></div><div id=b><h1>B</h1></div>"), [some("a"), some("b")]);
        assert_eq!(told("<div id=a><h1 id=h>A</h1></div>"), [some("h")]);
    }
}
