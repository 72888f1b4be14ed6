//! A page's text, block by block: headings, paragraphs, list items, rows of tables, each as a line or some lines of text.

use scraper::node::Element;

use super::html::lang_of_element;
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
    /// An `id` that stands on a section, for its heading if that has none.
    section_id: Option<String>,
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
            section_id: None,
        }
    }

    /// Text, as it stands in the source.
    pub(crate) fn text(&mut self, text: &str) {
        self.line().push_str(&text.replace(['\n', '\r'], " "));
    }

    /// An element begins; `is_layout` is true for a table that only arranges the page.
    pub(crate) fn open(&mut self, element: &Element, is_layout: bool) {
        let name = element.name();
        let is_block = is_block(name);
        if is_block {
            self.flush();
        }
        if is_block && let Some(lang) = lang_of_element(element) {
            self.langs.push(lang.to_owned());
        }
        match name {
            "br" => self.line().push('\n'),
            "section" | "article" => self.section_id = element.attr("id").map(str::to_owned),
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
            "td" | "th" | "dd" => self.lines.push(String::new()),
            _ => {}
        }
    }

    /// An element ends.
    pub(crate) fn close(&mut self, element: &Element) {
        let name = element.name();
        match name {
            "td" | "th" if self.table().is_none() => self.flush(),
            "td" | "th" => {
                let cell = self.take_inner();
                if let Some(table) = self.table() {
                    table.cell(element, cell);
                }
            }
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
                let id = element.attr("id").filter(|id| !id.is_empty()).map(str::to_owned);
                let id = id.or_else(|| self.section_id.take());
                self.section_id = None;
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
            table.cell(element, String::new());
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
