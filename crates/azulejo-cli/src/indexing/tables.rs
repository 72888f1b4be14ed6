//! A table's cells on a grid, and its rows as lines of text, each cell with the headings that it stands below.
//!
//! The grid is that of HTML's table model (<https://html.spec.whatwg.org/multipage/tables.html#forming-a-table>): a cell
//! covers the columns and rows that it spans, and the next cell of a row goes to the first column that is free. Headings
//! are only told where it is certain which they are: a row that isn't as wide as its headings has none, but for those that
//! a cell names itself (`headers`). What a cell's `scope` says counts; where nothing says so, bold cells are headings of
//! columns in a first row, and of groups of rows if they stand alone in theirs.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::slice;

use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use scraper::Node;
use scraper::node::Element;

/// Columns of a table, and of a cell, at most (the standard's limit of `colspan`), and rows of a cell.
const MOST_COLUMNS: usize = 1_000;
const MOST_ROWS: usize = 65_534;
/// Bytes that spans may repeat besides `REPEATED` times what the cells say: a few bytes of a hostile page could say
/// "65,534 times this".
const MOST_REPEATED: usize = 16_384;
const REPEATED: usize = 8;
/// What a place on the grid costs, however little is in it.
const PLACE_BYTES: usize = 16;
/// A longer heading is no heading; nor are those of more rows.
const LONGEST_HEAD_BYTES: usize = 160;
const MOST_HEAD_ROWS: usize = 4;
/// A longer text in bold is a note, and no heading of a group of rows.
const LONGEST_GROUP_CHARS: usize = 80;
/// Headings that a cell may name; further ones aren't looked for.
const MOST_NAMED: usize = 8;

/// What only stands in a cell of a table that arranges a page, if nothing in the table is a heading.
const OF_A_PAGE: &[&str] = &[
    "table",
    "ul",
    "ol",
    "dl",
    "form",
    "fieldset",
    "section",
    "article",
    "blockquote",
    "pre",
    "figure",
    "address",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
];

/// What is seen of a table when its elements are counted.
struct Seen {
    has_heads: bool,
    /// Its cells hold parts of a page: what `OF_A_PAGE` names, or several paragraphs.
    has_parts: bool,
    /// Cells of the row, and of the longest one.
    cells: usize,
    most_cells: usize,
    /// Paragraphs of the cell.
    paragraphs: usize,
}

/// The tables in a part of a page that only arrange it: their cells are text like any other.
pub(crate) fn arranging(main: NodeRef<'_, Node>) -> HashSet<NodeId> {
    let mut found = HashSet::new();
    let mut open: Vec<Seen> = Vec::new();
    for edge in main.traverse() {
        let (node, is_open) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        let Node::Element(element) = node.value() else { continue };
        let name = element.name();
        if is_open && let Some(seen) = open.last_mut() {
            seen.has_parts |= OF_A_PAGE.contains(&name);
            match name {
                "tr" => seen.cells = 0,
                "td" | "th" => {
                    seen.has_heads |= name == "th";
                    seen.cells += 1;
                    seen.most_cells = seen.most_cells.max(seen.cells);
                    seen.paragraphs = 0;
                }
                "p" => {
                    seen.paragraphs += 1;
                    seen.has_parts |= seen.paragraphs > 1;
                }
                _ => {}
            }
        }
        if name == "table" && is_open {
            open.push(Seen { has_heads: false, has_parts: false, cells: 0, most_cells: 0, paragraphs: 0 });
        } else if name == "table"
            && let Some(seen) = open.pop()
        {
            let role = element.attr("role").unwrap_or_default().trim();
            let is_said = role.eq_ignore_ascii_case("presentation") || role.eq_ignore_ascii_case("none");
            if is_said || seen.most_cells < 2 || (seen.has_parts && !seen.has_heads) {
                found.insert(node.id());
            }
        }
    }
    found
}

/// A table while it is read, cell by cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    cells: Vec<Cell>,
    rows: Vec<Row>,
    /// The number of the `<thead>`, `<tbody>` or `<tfoot>` that is open: no cell spans rows of two.
    group: usize,
    is_head_group: bool,
}

#[derive(Debug)]
struct Cell {
    text: String,
    is_head: bool,
    scope: Scope,
    /// All its text is in bold.
    is_emphasised: bool,
    columns: usize,
    /// None: all further rows of its group.
    rows: Option<usize>,
    id: Option<String>,
    /// The `id`s of its headings, if it names them.
    headers: Vec<String>,
}

impl Cell {
    /// It says of itself that it is the heading of a row, or of some that follow.
    fn is_row_head(&self) -> bool {
        self.is_head && matches!(self.scope, Scope::Row | Scope::RowGroup)
    }

    /// True for a heading of columns, or of all that follows.
    fn is_column_head(&self) -> bool {
        self.is_head && !self.is_row_head()
    }

    fn stands_out(&self) -> bool {
        self.is_head || self.is_emphasised
    }
}

/// What a heading says that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Unsaid,
    Row,
    /// The rest of its `<tbody>`.
    RowGroup,
    /// One column or several.
    Columns,
}

impl Scope {
    fn of(element: &Element) -> Self {
        match element.attr("scope").unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "row" => Self::Row,
            "rowgroup" => Self::RowGroup,
            "col" | "colgroup" => Self::Columns,
            _ => Self::Unsaid,
        }
    }
}

#[derive(Debug)]
struct Row {
    lang: String,
    group: usize,
    is_in_head: bool,
    /// Its own cells.
    cells: Range<usize>,
}

/// A cell in a row of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    cell: usize,
    column: usize,
    columns: usize,
    /// False where a cell of a row above reaches down.
    is_own: bool,
}

impl Place {
    fn end(&self) -> usize {
        self.column + self.columns
    }
}

/// A row of the grid.
#[derive(Debug, Default)]
struct Line {
    /// By column; those without text, too.
    places: Vec<Place>,
    /// Two cells claim one place.
    is_odd: bool,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No cell of its own says anything.
    Empty,
    /// One heading over all that follows.
    Section,
    /// Headings of columns.
    Heads,
    Data,
}

impl Table {
    /// A group of rows begins or ends.
    pub(crate) fn group(&mut self, is_head: bool) {
        self.group += 1;
        self.is_head_group = is_head;
    }

    /// A row begins, where `lang` is the language.
    pub(crate) fn row(&mut self, lang: &str) {
        let at = self.cells.len();
        let (group, is_in_head) = (self.group, self.is_head_group);
        self.rows.push(Row { lang: lang.to_owned(), group, is_in_head, cells: at..at });
    }

    /// A cell of the row.
    pub(crate) fn cell(&mut self, element: &Element, text: String, is_emphasised: bool) {
        let number = |name| element.attr(name).and_then(whole_number);
        if self.rows.is_empty() {
            self.row("");
        }
        self.cells.push(Cell {
            text,
            is_head: element.name() == "th",
            scope: Scope::of(element),
            is_emphasised,
            columns: number("colspan").unwrap_or(1).clamp(1, MOST_COLUMNS),
            rows: match number("rowspan") {
                Some(0) => None,
                rows => Some(rows.unwrap_or(1).min(MOST_ROWS)),
            },
            id: element.attr("id").map(str::to_owned),
            headers: names(element.attr("headers").unwrap_or_default()),
        });
        if let Some(row) = self.rows.last_mut() {
            row.cells.end = self.cells.len();
        }
    }

    /// The lines that tell it, each with its language.
    pub(crate) fn lines(&self) -> Vec<(&str, String)> {
        let said: usize = self.cells.iter().map(|cell| cell.text.len() + PLACE_BYTES).sum();
        let mut budget = Budget(MOST_REPEATED + REPEATED * said);
        self.grid(&mut budget)
            .and_then(|grid| self.told(&grid, &mut budget))
            .unwrap_or_else(|| self.cell_by_cell())
    }

    /// Where it can't be laid out: no cell has to do with another.
    fn cell_by_cell(&self) -> Vec<(&str, String)> {
        let of_row = |row: &'_ Row| row.cells.clone();
        let all = self.rows.iter().flat_map(|row| of_row(row).map(move |cell| (row, cell)));
        all.map(|(row, cell)| (row.lang.as_str(), self.cells[cell].text.clone()))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }

    /// The cells on the grid, row by row; none where spans ask for too much.
    fn grid(&self, budget: &mut Budget) -> Option<Vec<Line>> {
        // A last cell may claim more columns than there are ("colspan=100" for all).
        let narrow = self.laid_out(MOST_COLUMNS, true, budget)?;
        let width = narrow.iter().filter_map(|line| line.places.last()).map(Place::end).max().unwrap_or(0);
        self.laid_out(width, false, budget)
    }

    /// With so many columns; last cells of their rows are one column wide if they are to be narrow.
    fn laid_out(&self, width: usize, is_narrow: bool, budget: &mut Budget) -> Option<Vec<Line>> {
        let mut grid: Vec<Line> = Vec::with_capacity(self.rows.len());
        // What reaches down from rows above, with the row where it ends.
        let mut reaching: Vec<(Place, usize)> = Vec::new();
        let mut group_end = 0;
        for (number, row) in self.rows.iter().enumerate() {
            if number == group_end {
                let len = self.rows[number..].iter().take_while(|other| other.group == row.group).count();
                group_end = number + len;
                reaching.clear();
            }
            reaching.retain(|(_, end)| *end > number);
            let mut line = Line { places: Vec::new(), is_odd: false };
            for (place, _) in &reaching {
                budget.spend(self.cells[place.cell].text.len() + PLACE_BYTES)?;
                line.places.push(Place { is_own: false, ..*place });
            }
            let mut held = line.places.clone();
            held.sort_unstable_by_key(|place| place.column);
            let mut held = held.into_iter().peekable();
            let mut column = 0;
            for cell in row.cells.clone() {
                while let Some(place) = held.next_if(|place| place.column <= column) {
                    column = column.max(place.end());
                }
                let (columns, rows) = (self.cells[cell].columns, self.cells[cell].rows);
                let is_last = cell + 1 == row.cells.end;
                let columns = if is_last && is_narrow { 1 } else { columns };
                let columns =
                    if is_last { columns.min(width.saturating_sub(column).max(1)) } else { columns };
                let place = Place { cell, column, columns, is_own: true };
                if place.end() > MOST_COLUMNS {
                    return None;
                }
                line.is_odd |= held.peek().is_some_and(|other| other.column < place.end());
                line.places.push(place);
                let end = rows.map_or(group_end, |rows| (number + rows).min(group_end));
                if end > number + 1 {
                    reaching.push((place, end));
                }
                column = place.end();
            }
            line.places.sort_by_key(|place| (place.column, !place.is_own));
            grid.push(line);
        }
        Some(grid)
    }

    /// All rows: those of headings give theirs to the rows that follow.
    fn told(&self, grid: &[Line], budget: &mut Budget) -> Option<Vec<(&str, String)>> {
        let width = grid.iter().filter_map(|line| line.places.last()).map(Place::end).max().unwrap_or(0);
        let kinds = self.kinds(grid, width);
        // With two columns, the second one's heading is told once.
        let ids = if width < 3 { HashMap::new() } else { self.ids() };
        let sections = kinds.iter().filter(|kind| **kind == Kind::Section).count();
        let mut lines = Vec::new();
        // A section reaches to the next one, and if rows of its own group follow, not beyond them.
        let (mut section, mut section_group, mut is_of_group) = ("", 0, false);
        // What says that it is a heading of the rest of its group, in front of rows.
        let (mut of_group, mut of_group_group) = ("", 0);
        let mut heads = Heads::default();
        let mut row = 0;
        while row < grid.len() {
            let lang = self.rows[row].lang.as_str();
            let group = self.rows[row].group;
            if is_of_group && group != section_group {
                (section, is_of_group) = ("", false);
            }
            match kinds[row] {
                Kind::Empty => {}
                Kind::Section => {
                    let text = self.section(&grid[row]);
                    (section_group, is_of_group) = (group, false);
                    let mut below = kinds[row + 1..].iter().take_while(|kind| **kind != Kind::Section);
                    // One above all the rest is the table's title.
                    let is_title = sections == 1 && kinds[..row].iter().all(|kind| *kind == Kind::Empty);
                    let is_line =
                        is_title || text.len() > LONGEST_HEAD_BYTES || !below.any(|kind| *kind == Kind::Data);
                    section = if is_line { "" } else { without_colon(text) };
                    if section.is_empty() {
                        lines.push((lang, text.to_owned()));
                    }
                }
                Kind::Heads => {
                    let len = kinds[row..].iter().take_while(|kind| **kind == Kind::Heads).count();
                    let end = row + len;
                    let below = kinds[end..].iter().take_while(|kind| **kind != Kind::Heads).count();
                    heads = self.heads(&grid[row..end]);
                    let fits = |line: &Line| heads.fit(line) || self.said(line).count() < 2;
                    let is_data = |at: &usize| kinds[*at] == Kind::Data;
                    let all_fit = (end..end + below).filter(is_data).all(|at| fits(&grid[at]));
                    let is_line = width < 3 || below == 0 || !all_fit;
                    if width < 3 {
                        heads.columns.iter_mut().skip(1).for_each(String::clear);
                    }
                    if is_line {
                        for (own, line) in self.rows[row..end].iter().zip(&grid[row..end]) {
                            lines.push((own.lang.as_str(), self.plain(line)));
                        }
                    }
                    row = end;
                    continue;
                }
                Kind::Data => {
                    is_of_group |= group == section_group;
                    let front = grid[row].places.first().map(|place| &self.cells[place.cell]);
                    match front {
                        Some(cell) if cell.text.is_empty() && group == of_group_group => {}
                        Some(cell) if cell.is_head && cell.scope == Scope::RowGroup => {
                            (of_group, of_group_group) = (without_colon(&cell.text), group);
                        }
                        _ => of_group = "",
                    }
                    let is_left_blank = front.is_some_and(|cell| cell.text.is_empty());
                    let above = [section, if is_left_blank { of_group } else { "" }];
                    let fitting = if heads.fit(&grid[row]) { Some(&heads) } else { None };
                    lines.push((lang, self.data(&grid[row], above, fitting, &ids, budget)?));
                }
            }
            row += 1;
        }
        lines.retain(|(_, line)| !line.is_empty());
        Some(lines)
    }

    fn kinds(&self, grid: &[Line], width: usize) -> Vec<Kind> {
        let mut kinds: Vec<Kind> =
            grid.iter().enumerate().map(|(row, line)| self.kind(row, line, width)).collect();
        let is_data = |kinds: &[Kind], row: usize| kinds[row] == Kind::Data;
        let is_alone = |line: &Line| self.is_alone(line, width);
        // A first row in bold, where nothing is said to be headings.
        if !kinds.contains(&Kind::Heads) {
            let is_bold = |row: &usize| {
                let is_bold = self.said(&grid[*row]).all(|(_, cell)| cell.is_emphasised && !cell.is_head);
                is_data(&kinds, *row) && is_bold && self.said(&grid[*row]).count() > 1
            };
            let is_before = |row: &usize| !is_data(&kinds, *row) || is_alone(&grid[*row]);
            let begin = (0..grid.len()).take_while(is_before).count();
            let end = begin + (begin..grid.len()).take_while(is_bold).count();
            if (end..grid.len()).any(|row| is_data(&kinds, row)) {
                kinds[begin..end].fill(Kind::Heads);
            }
        }
        // Groups of rows below what stands alone: not where each row begins so, nor where rows stand before the first.
        let begins = |line: &Line| {
            self.said(line).count() > 1 && self.said(line).next().is_some_and(|(_, cell)| cell.stands_out())
        };
        let rows = |kinds: &[Kind]| (0..grid.len()).filter(|row| is_data(kinds, *row)).collect::<Vec<_>>();
        let rows = rows(&kinds);
        let is_grouped =
            rows.first().is_some_and(|row| is_alone(&grid[*row]) || kinds[..*row].contains(&Kind::Section))
                && !rows.iter().any(|row| begins(&grid[*row]));
        if is_grouped {
            for row in rows.into_iter().filter(|row| is_alone(&grid[*row])) {
                kinds[row] = Kind::Section;
            }
        }
        kinds
    }

    /// True for a row with nothing but a bold text or a heading in front: over its whole width, or beside blank cells.
    fn is_alone(&self, line: &Line, width: usize) -> bool {
        let Some(place) = line.places.first() else { return false };
        let cell = &self.cells[place.cell];
        let is_over_all = line.places.len() == 1 && place.columns > 1 && place.end() == width;
        let others = || line.places[1..].iter().map(|place| &self.cells[place.cell]);
        let is_before_blanks =
            line.places.len() > 1 && others().all(|cell| cell.text.is_empty() && !cell.is_head);
        let is_short = cell.text.chars().nth(LONGEST_GROUP_CHARS).is_none();
        place.is_own
            && cell.stands_out()
            && (is_over_all || is_before_blanks)
            && (cell.is_head || (is_short && !cell.text.ends_with(['.', '!', '?', ';'])))
    }

    fn kind(&self, row: usize, line: &Line, width: usize) -> Kind {
        let own = || line.places.iter().filter(|place| place.is_own).map(|place| &self.cells[place.cell]);
        if own().all(|cell| cell.text.is_empty()) {
            return Kind::Empty;
        }
        // One in front of blank cells says by itself that it is of a group.
        let is_of_group = || own().next().is_some_and(|cell| cell.is_head && cell.scope == Scope::RowGroup);
        if line.places.len() > 1 && is_of_group() && self.is_alone(line, width) {
            return Kind::Section;
        }
        if let [place] = line.places.as_slice() {
            // Over all columns it is of no row, whatever it says.
            let is_over_all = place.columns > 1 && place.end() == width;
            let is_section = |cell: &Cell| {
                cell.is_column_head() || (cell.is_head && (is_over_all || cell.scope == Scope::RowGroup))
            };
            return if own().all(is_section) { Kind::Section } else { Kind::Data };
        }
        let cells = line.places.iter().map(|place| &self.cells[place.cell]);
        // The corner above the headings of rows is seldom one itself, or says that it is one of them.
        let cells: Vec<&Cell> = cells.skip_while(|cell| !cell.is_head && cell.text.is_empty()).collect();
        let is_corner = |cells: &[&Cell]| match cells {
            [corner, others @ ..] => {
                let is_of_columns = |cell: &&Cell| cell.is_head && cell.scope == Scope::Columns;
                corner.is_head && !others.is_empty() && others.iter().all(is_of_columns)
            }
            [] => false,
        };
        let all_heads = cells.iter().all(|cell| cell.is_column_head()) || is_corner(&cells);
        if all_heads || self.rows[row].is_in_head { Kind::Heads } else { Kind::Data }
    }

    /// The places with text.
    fn said<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = (&'a Place, &'a Cell)> {
        let cells = line.places.iter().map(|place| (place, &self.cells[place.cell]));
        cells.filter(|(_, cell)| !cell.text.is_empty())
    }

    fn section(&self, line: &Line) -> &str {
        line.places.first().map_or("", |place| self.cells[place.cell].text.as_str())
    }

    /// The headings of each column, where rows of headings say one thing.
    fn heads(&self, lines: &[Line]) -> Heads {
        let ends = || lines.iter().map(|line| line.places.last().map_or(0, Place::end));
        let width = ends().max().unwrap_or(0);
        let is_certain = lines.len() <= MOST_HEAD_ROWS
            && ends().all(|end| end == width)
            && !lines.iter().any(|line| line.is_odd);
        if !is_certain {
            return Heads::default();
        }
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); width];
        for place in lines.iter().flat_map(|line| &line.places) {
            for cells in &mut columns[place.column..place.end()] {
                if !cells.contains(&place.cell) && !self.cells[place.cell].text.is_empty() {
                    cells.push(place.cell);
                }
            }
        }
        Heads { columns: columns.iter().map(|cells| self.heading(cells)).collect() }
    }

    /// Headings as one; empty where that is too long to be one.
    fn heading(&self, cells: &[usize]) -> String {
        let texts: Vec<&str> = cells.iter().map(|cell| without_colon(&self.cells[*cell].text)).collect();
        let len: usize = texts.iter().map(|text| text.len()).sum();
        if len > LONGEST_HEAD_BYTES { String::new() } else { texts.join(", ") }
    }

    /// The cells by their `id`s; of several with one, the first.
    fn ids(&self) -> HashMap<&str, usize> {
        let with_ids = self.cells.iter().enumerate().filter_map(|(at, cell)| Some((cell.id.as_deref()?, at)));
        // The last one that is put in stays.
        with_ids.rev().collect()
    }

    /// The headings that a cell names, as the table has them one behind the other
    /// (<https://html.spec.whatwg.org/multipage/tables.html#header-and-data-cell-semantics>). None are found where it names
    /// none of its table: then its place tells which they are.
    fn named(&self, cell: usize, ids: &HashMap<&str, usize>) -> Vec<usize> {
        let found = self.cells[cell].headers.iter().filter_map(|id| ids.get(id.as_str()).copied());
        let mut named: Vec<usize> =
            found.filter(|at| *at != cell && !self.cells[*at].text.is_empty()).collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// "first cell: second; third".
    fn plain(&self, line: &Line) -> String {
        let texts: Vec<&str> = self.said(line).map(|(_, cell)| cell.text.as_str()).collect();
        match texts.split_first() {
            Some((first, [])) => (*first).to_owned(),
            Some((first, others)) => format!("{}: {}", without_colon(first), others.join("; ")),
            None => String::new(),
        }
    }

    /// "section, heading of the row: heading of the column: cell; ...". A cell in front stands for a heading of the row. One
    /// that is a number or a letter says too little by itself: what its column is called goes before it ("Escalão A").
    fn data(
        &self,
        line: &Line,
        above: [&str; 2],
        heads: Option<&Heads>,
        ids: &HashMap<&str, usize>,
        budget: &mut Budget,
    ) -> Option<String> {
        // Headings of the row, and the cells that they are of; a row may have several.
        let mut parts: Vec<(Vec<String>, Vec<String>)> = vec![(Vec::new(), Vec::new())];
        // All headings so far, as they stand in the table.
        let mut labels: Vec<&str> = Vec::new();
        for text in above.into_iter().filter(|text| !text.is_empty()) {
            budget.spend(text.len())?;
            parts[0].0.push(text.to_owned());
            labels.push(text);
        }
        let is_alone = self.said(line).count() == 1;
        let mut is_first = true;
        for (place, cell) in self.said(line) {
            let mut named = self.named(place.cell, ids);
            let is_front = match named.as_slice() {
                [] => heads.is_none() || place.column == 0,
                _ => place.column == 0 && !is_alone,
            };
            let is_label = cell.is_head || (is_first && is_front);
            is_first = false;
            if is_label {
                if parts.last().is_some_and(|(_, cells)| !cells.is_empty()) {
                    parts.push((Vec::new(), Vec::new()));
                    labels.clear();
                }
                let name = match (is_bare(&cell.text), named.as_slice(), heads) {
                    (false, ..) | (true, [], None) => String::new(),
                    (true, [], Some(heads)) => heads.columns[place.column].clone(),
                    (true, ..) => {
                        named.retain(|head| !labels.contains(&without_colon(&self.cells[*head].text)));
                        self.heading(&named)
                    }
                };
                budget.spend(name.len())?;
                let text = without_colon(&cell.text);
                labels.push(text);
                if let Some((told, _)) = parts.last_mut() {
                    told.push(if name.is_empty() { text.to_owned() } else { format!("{name} {text}") });
                }
                continue;
            }
            let by_name;
            let columns = if named.is_empty() {
                heads.map_or(&[][..], |heads| &heads.columns[place.column..place.end()])
            } else {
                // Those of the row and the section stand in front already.
                named.retain(|head| !labels.contains(&without_colon(&self.cells[*head].text)));
                by_name = self.heading(&named);
                budget.spend(by_name.len())?;
                slice::from_ref(&by_name)
            };
            let mut told: Vec<String> = Vec::new();
            let mut before = "";
            for head in columns {
                if head.is_empty() || head == before {
                    continue;
                }
                before = head;
                budget.spend(if told.is_empty() { 0 } else { head.len() + cell.text.len() + PLACE_BYTES })?;
                told.push(format!("{head}: {}", cell.text));
            }
            if told.is_empty() {
                told.push(cell.text.clone());
            }
            if let Some((_, cells)) = parts.last_mut() {
                cells.append(&mut told);
            }
        }
        let part = |(labels, cells): &(Vec<String>, Vec<String>)| {
            let both = [labels.join(", "), cells.join("; ")];
            both.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
        };
        Some(parts.iter().map(part).collect::<Vec<_>>().join("; "))
    }
}

/// The headings of columns, by column; none where it isn't certain which.
#[derive(Debug, Default)]
struct Heads {
    columns: Vec<String>,
}

impl Heads {
    /// True for a row that is as wide, so that its cells stand where they seem to.
    fn fit(&self, line: &Line) -> bool {
        !line.is_odd && line.places.last().is_some_and(|place| place.end() == self.columns.len())
    }
}

/// How many bytes may yet be repeated.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(())
    }
}

/// The first of a list with blank space between them.
fn names(list: &str) -> Vec<String> {
    list.split_ascii_whitespace().take(MOST_NAMED).map(str::to_owned).collect()
}

/// What a heading says: one comes behind it in any case.
fn without_colon(text: &str) -> &str {
    text.trim_end_matches([':', ' '])
}

/// True for what doesn't say what it is: numbers, letters, abbreviations ("A", "1.º", "de 5 a 10", "III").
fn is_bare(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    let is_short = |word: &str| {
        let len = word.chars().count();
        let is_code = len <= 4 && word.chars().all(|c| c.is_uppercase() || c.is_numeric());
        len <= 2 || is_code || word.chars().all(char::is_numeric)
    };
    words.peek().is_some() && words.all(is_short)
}

/// A number as HTML reads it: what stands behind its digits doesn't count.
fn whole_number(text: &str) -> Option<usize> {
    let text = text.trim_start().trim_start_matches('+');
    let digits = text.find(|c: char| !c.is_ascii_digit()).map_or(text, |end| &text[..end]);
    // One that is too large for the type is larger than every limit.
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
