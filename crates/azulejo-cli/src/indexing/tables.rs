//! A table's cells on a grid, and its rows as lines of text, each cell with the headings that it stands below.
//!
//! The grid is that of HTML's table model (<https://html.spec.whatwg.org/multipage/tables.html#forming-a-table>): a cell
//! covers the columns and rows that it spans, and the next cell of a row goes to the first column that is free. Headings
//! are only told where it is certain which they are: a row that isn't as wide as its headings has none, but for those that
//! a cell names itself (`headers`).

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
    /// It says of itself that it is the heading of a row.
    is_row_head: bool,
    columns: usize,
    /// None: all further rows of its group.
    rows: Option<usize>,
    id: Option<String>,
    /// The `id`s of its headings, if it names them.
    headers: Vec<String>,
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
    pub(crate) fn cell(&mut self, element: &Element, text: String) {
        let number = |name| element.attr(name).and_then(whole_number);
        if self.rows.is_empty() {
            self.row("");
        }
        self.cells.push(Cell {
            text,
            is_head: element.name() == "th",
            is_row_head: element.attr("scope").is_some_and(|scope| scope.trim().starts_with("row")),
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
        let kinds: Vec<Kind> = (0..grid.len()).map(|row| self.kind(row, &grid[row])).collect();
        // With two columns, the second one's heading is told once.
        let ids = if width < 3 { HashMap::new() } else { self.ids() };
        let sections = kinds.iter().filter(|kind| **kind == Kind::Section).count();
        let mut lines = Vec::new();
        let mut section = "";
        let mut heads = Heads::default();
        let mut row = 0;
        while row < grid.len() {
            let lang = self.rows[row].lang.as_str();
            match kinds[row] {
                Kind::Empty => {}
                Kind::Section => {
                    let text = self.section(&grid[row]);
                    let mut below = kinds[row + 1..].iter().take_while(|kind| **kind != Kind::Section);
                    // One above all the rest is the table's title.
                    let is_title = sections == 1 && kinds[..row].iter().all(|kind| *kind == Kind::Empty);
                    let is_line =
                        is_title || text.len() > LONGEST_HEAD_BYTES || !below.any(|kind| *kind == Kind::Data);
                    section = if is_line { "" } else { text };
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
                        heads = Heads::default();
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
                    let fitting = if heads.fit(&grid[row]) { Some(&heads) } else { None };
                    lines.push((lang, self.data(&grid[row], section, fitting, &ids, budget)?));
                }
            }
            row += 1;
        }
        lines.retain(|(_, line)| !line.is_empty());
        Some(lines)
    }

    fn kind(&self, row: usize, line: &Line) -> Kind {
        let own = || line.places.iter().filter(|place| place.is_own).map(|place| &self.cells[place.cell]);
        if own().all(|cell| cell.text.is_empty()) {
            return Kind::Empty;
        }
        let is_head = |cell: &Cell| cell.is_head && !cell.is_row_head;
        if line.places.len() == 1 {
            return if own().all(is_head) { Kind::Section } else { Kind::Data };
        }
        let all_heads = line
            .places
            .iter()
            .map(|place| &self.cells[place.cell])
            // The corner above the headings of rows is seldom one itself.
            .skip_while(|cell| !cell.is_head && cell.text.is_empty())
            .all(is_head);
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
        let texts: Vec<&str> = cells.iter().map(|cell| self.cells[*cell].text.as_str()).collect();
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
            Some((first, others)) => format!("{first}: {}", others.join("; ")),
            None => String::new(),
        }
    }

    /// "section, heading of the row: heading of the column: cell; ...". A cell in front stands for a heading of the row.
    fn data(
        &self,
        line: &Line,
        section: &str,
        heads: Option<&Heads>,
        ids: &HashMap<&str, usize>,
        budget: &mut Budget,
    ) -> Option<String> {
        // Headings of the row, and the cells that they are of; a row may have several.
        let mut parts: Vec<(Vec<&str>, Vec<String>)> = vec![(Vec::new(), Vec::new())];
        if !section.is_empty() {
            budget.spend(section.len())?;
            parts[0].0.push(section);
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
                }
                if let Some((labels, _)) = parts.last_mut() {
                    labels.push(&cell.text);
                }
                continue;
            }
            let by_name;
            let columns = if named.is_empty() {
                heads.map_or(&[][..], |heads| &heads.columns[place.column..place.end()])
            } else {
                // Those of the row and the section stand in front already.
                let labels = parts.last().map_or(&[][..], |(labels, _)| labels);
                named.retain(|head| !labels.contains(&self.cells[*head].text.as_str()));
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
        let part = |(labels, cells): &(Vec<&str>, Vec<String>)| {
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

/// A number as HTML reads it: what stands behind its digits doesn't count.
fn whole_number(text: &str) -> Option<usize> {
    let text = text.trim_start().trim_start_matches('+');
    let digits = text.find(|c: char| !c.is_ascii_digit()).map_or(text, |end| &text[..end]);
    // One that is too large for the type is larger than every limit.
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::html;

    /// The lines of a page's main part.
    fn lines(html: &str) -> Vec<String> {
        let read = html::read(&format!("<html lang=es><main>{html}</main>"));
        read.blocks.into_iter().map(|block| block.text).collect()
    }

    fn table(rows: &str) -> Vec<String> {
        lines(&format!("<table>{rows}</table>"))
    }

    #[test]
    fn table_cells_reach_over_their_rows() {
        let rows = "<tr><th>Concepto<th>Empadronados<th>No empadronados
            <tr><td>Entrada<td>3,20 €<td>4,50 €
            <tr><td rowspan=2>Abono<td>individual: 48 €<td>72,50 €
            <tr><td>familiar: 95 €<td>140 €
            <tr><td colspan=3>Menores: gratis";
        assert_eq!(
            table(rows),
            [
                "Entrada: Empadronados: 3,20 €; No empadronados: 4,50 €",
                "Abono: Empadronados: individual: 48 €; No empadronados: 72,50 €",
                "Abono: Empadronados: familiar: 95 €; No empadronados: 140 €",
                "Menores: gratis",
            ]
        );
        // In the middle, at the end, and two at once.
        let rows = "<tr><th>Día<th>Mañana<th>Tarde<th>Noche
            <tr><td>Lunes<td rowspan=0>9:00<td>16:00<td rowspan=2>cerrado
            <tr><td>Martes<td>17:00";
        assert_eq!(
            table(rows),
            [
                "Lunes: Mañana: 9:00; Tarde: 16:00; Noche: cerrado",
                "Martes: Mañana: 9:00; Tarde: 17:00; Noche: cerrado"
            ]
        );
    }

    #[test]
    fn table_cells_reach_over_their_columns() {
        let rows = "<tr><th>Día<th>Mañana<th>Tarde<th>Noche<tr><td>Lunes<td colspan=2>10:00<td>22:00
            <tr><td>Martes<td colspan=100>cerrado";
        assert_eq!(
            table(rows),
            [
                "Lunes: Mañana: 10:00; Tarde: 10:00; Noche: 22:00",
                "Martes: Mañana: cerrado; Tarde: cerrado; Noche: cerrado",
            ]
        );
    }

    #[test]
    fn table_headings_of_several_rows() {
        let rows = "<thead><tr><th rowspan=2>Baño<th colspan=2>Verano<th>Invierno
            <tr><th>Adultos<th>Niños<th>Todos
            <tbody><tr><th scope=row>Uno<td>3 €<td>2 €<td>1 €<tr><th>Diez<td>26 €<td>16 €<td>8 €";
        assert_eq!(
            table(rows),
            [
                "Uno: Verano, Adultos: 3 €; Verano, Niños: 2 €; Invierno, Todos: 1 €",
                "Diez: Verano, Adultos: 26 €; Verano, Niños: 16 €; Invierno, Todos: 8 €",
            ]
        );
        // The corner may be no heading; cells in a thead are.
        let rows = "<tr><td><th>A<th>B<tr><th>x<td>1<td>2";
        assert_eq!(table(rows), ["x: A: 1; B: 2"]);
        let rows = "<thead><tr><td>De<td>A<td>B<tbody><tr><td>x<td>1<td>2";
        assert_eq!(table(rows), ["x: A: 1; B: 2"]);
        // Further headings are of what stands below them.
        let rows = "<tr><th>De<th>A<th>B<tr><td>x<td>1<td>2<tr><th>De<th>C<th>D<tr><td>y<td>3<td>4";
        assert_eq!(table(rows), ["x: A: 1; B: 2", "y: C: 3; D: 4"]);
    }

    #[test]
    fn table_headings_of_rows() {
        let rows = "<tr><th rowspan=2>Lunes<th>Mañana<td>9:00<tr><th>Tarde<td>16:00";
        assert_eq!(table(rows), ["Lunes, Mañana: 9:00", "Lunes, Tarde: 16:00"]);
        let rows = "<tr><th>Adultos<td>3 €<th>Niños<td>2 €";
        assert_eq!(table(rows), ["Adultos: 3 €; Niños: 2 €"]);
        let rows = "<tr><th>L1<td><td><tr><th>L2<td>6:10<td>";
        assert_eq!(table(rows), ["L1", "L2: 6:10"]);
    }

    #[test]
    fn table_headings_that_cells_name() {
        // Whatever stands above, in the order of the table, and also in rows that aren't as wide.
        let rows = "<tr><th id=z>Zona<th id=a>Adultos<th id=n>Niños<th id=v>Verano
            <tr><th id=u>Urbana<td headers='u n'>2 €<td headers='v a'>3 €<td>1 €
            <tr><td headers=n>gratis
            <tr><td headers=z>Rural<td headers='u a'>4 €";
        assert_eq!(
            table(rows),
            [
                "Zona: Adultos; Niños; Verano",
                "Urbana: Niños: 2 €; Adultos, Verano: 3 €; Verano: 1 €",
                "Niños: gratis",
                "Rural: Adultos, Urbana: 4 €",
            ]
        );
        // A section is told once, and so is the heading of a row.
        let rows = "<tr><th colspan=3 id=s>Bono<tr><th id=l>Lunes<td headers='s l'>3 €<td headers=l>4 €
            <tr><th colspan=3 id=t>Día<tr><th id=m>Martes<td headers='t m'>1 €<td headers='s m'>2 €";
        assert_eq!(table(rows), ["Bono, Lunes: 3 €; 4 €", "Día, Martes: 1 €; Bono: 2 €"]);
        // What isn't in the table, says nothing or is the cell itself names none; of two with one `id` the first does.
        let rows = "<tr><th>De<th id=a>A<th id=a>B<th id=e><tr><td>x<td headers='zz e'>1<td id=i headers=i>2<td headers='a zz'>3";
        assert_eq!(table(rows), ["x: A: 1; B: 2; A: 3"]);
        // With two columns the heading is told once.
        assert_eq!(table("<tr><th id=a>De<th id=b>A<tr><td headers=a>x<td headers=b>1"), ["De: A", "x: 1"]);
    }

    #[test]
    fn table_sections_go_in_front_of_their_rows() {
        let rows = "<tr><th colspan=3>Adultos<tr><td>Día<td>3 €<td>4 €<tr><th colspan=3>Niños<tr><td>Día<td>1 €<td>2 €";
        assert_eq!(table(rows), ["Adultos, Día: 3 €; 4 €", "Niños, Día: 1 €; 2 €"]);
        // One above all is the table's title; one with nothing below is told, too.
        let rows = "<tr><th colspan=3>Tarifas<tr><td>Día<td>3 €<td>4 €";
        assert_eq!(table(rows), ["Tarifas", "Día: 3 €; 4 €"]);
        let rows = "<tr><td>Día<td>3 €<td>4 €<tr><th colspan=3>Impuestos incluidos";
        assert_eq!(table(rows), ["Día: 3 €; 4 €", "Impuestos incluidos"]);
    }

    #[test]
    fn table_headings_are_dropped_where_they_may_be_wrong() {
        // A heading too few, a cell too few, two cells at one place.
        assert_eq!(table("<tr><th>A<th>B<tr><td>x<td>1<td>2"), ["A: B", "x: 1; 2"]);
        let rows = "<tr><th>De<th>A<th>B<tr><td>x<td>1<td>2<tr><td>y<td>3";
        assert_eq!(table(rows), ["De: A; B", "x: A: 1; B: 2", "y: 3"]);
        let rows = "<tr><th>De<th>A<th>B<tr><td>x<td>1<td rowspan=2>2<tr><td colspan=3>y<td>3";
        let told = table(rows);
        assert_eq!(told[1], "x: A: 1; B: 2");
        assert!(!told[2].contains("A:") && !told[2].contains("B:"), "{told:?}");
        // A heading that is a text, headings of many rows.
        let long = format!("<tr><th>De<th>{}<th>B<tr><td>x<td>1<td>2", "palabra ".repeat(40));
        assert_eq!(table(&long), ["x: 1; B: 2"]);
        let many = format!("{}<tr><td>x<td>1<td>2", "<tr><th>De<th>A<th>B".repeat(9));
        assert_eq!(table(&many).last().map(String::as_str), Some("x: 1; 2"));
        assert_eq!(table("<tr><th>De<th>A<th>B"), ["De: A; B"], "headings of nothing");
    }

    #[test]
    fn table_cell_that_is_not_read_keeps_its_place() {
        let rows = "<tr><th>De<th>A<th>B<tr><td>x<td aria-hidden=true>—<td>2<tr><td>y<td hidden>1<td>3<td>4";
        assert_eq!(table(rows), ["x: B: 2", "y: A: 3; B: 4"]);
    }

    #[test]
    fn table_that_arranges_the_page_is_text() {
        let page = "<table><tr><td><h1>Cementerio</h1></td></tr><tr><td>Inicio<br>Tasas</td><td><p>Abre a las 9:00.</p><h2>Tasas</h2>
            <table><tr><td>Concepto<td>Importe<tr><td>Nicho<td>780 €</table><p>Diríjase a la oficina.</p></td></tr></table>";
        assert_eq!(
            lines(page),
            [
                "Cementerio",
                "Inicio\nTasas",
                "Abre a las 9:00.",
                "Tasas",
                "Concepto: Importe",
                "Nicho: 780 €",
                "Diríjase a la oficina."
            ]
        );
        assert_eq!(table("<tr><td>Uno<tr><td>Dos"), ["Uno", "Dos"], "a cell a row");
        assert_eq!(lines("<table role=presentation><tr><td>Uno<td>Dos</table>"), ["Uno", "Dos"]);
        // A paragraph alone is how some editors write a cell.
        assert_eq!(table("<tr><td><p>Nicho</p><td><p>780 €</p>"), ["Nicho: 780 €"]);
        // Within a cell, lines are kept apart, whatever they end with.
        let rows =
            "<tr><th>Días<th>Horas<tr><td>Lunes<td><p>9 €</p><p>10 €</p><p>Solo en mayo.</p><p>Nunca</p>";
        assert_eq!(table(rows), ["Días: Horas", "Lunes: 9 €; 10 €; Solo en mayo. Nunca"]);
    }

    #[test]
    fn table_with_hostile_spans_is_bounded() {
        let length = |html: &str| table(html).iter().map(String::len).sum::<usize>();
        let spans = |count: usize, rows: &str| {
            let cell = format!("<td rowspan={rows} colspan=65534>{}", "palabra ".repeat(20));
            format!("<tr>{}{}", cell.repeat(count), "<tr><td>x".repeat(3_000))
        };
        for rows in ["65534", "0", "99999999999999999999999", "-3", "2x"] {
            for count in [1, 3, 1_200] {
                let html = spans(count, rows);
                assert!(length(&html) <= 16 * html.len() + 100_000, "{rows} {count}: {}", length(&html));
            }
        }
        // Nothing is lost: what is too much is told cell by cell.
        let told = table(&spans(3, "65534"));
        assert_eq!(told.iter().filter(|line| *line == "x").count(), 3_000);
        let heads = format!(
            "<tr><td><th colspan=900>{}{}",
            "h".repeat(150),
            "<tr><td>x<td colspan=900>y".repeat(2_000)
        );
        assert!(length(&heads) < 20 * heads.len());
        let named = format!(
            "<tr><th><th id=a>{}<th>B{}",
            "h".repeat(150),
            "<tr><td>x<td headers=a>y<td>z".repeat(2_000)
        );
        assert!(length(&named) < 20 * named.len());
        let told =
            table(&format!("<tr><th><th id=a>A<th>B{}", "<tr><td>x<td headers='a a'>y<td>z".repeat(99)));
        assert_eq!(told, ["x: A: y; B: z"; 99]);
    }
}
