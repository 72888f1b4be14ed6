//! A table of scores as a picture: SVG, which every browser shows.

use std::fmt::Write;

/// Width and height of a cell.
const CELL: (usize, usize) = (72, 36);
/// Room for the names of rows, and for the title and the names of columns.
const MARGIN: (usize, usize) = (90, 70);

/// The picture: a column for each length, a row for each depth; `score` is from 0 (red) to 1 (green).
pub(crate) fn svg(
    title: &str,
    lengths: &[u32],
    depths: &[u32],
    score: impl Fn(usize, usize) -> f64,
) -> String {
    let width = (MARGIN.0 + CELL.0 * lengths.len() + 20).max(360);
    let height = MARGIN.1 + CELL.1 * depths.len() + 50;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n<title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"10\" y=\"22\" font-size=\"15\">{0}</text>\n",
        escaped(title)
    );
    let mut text = |x: usize, y: usize, anchor: &str, words: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", escaped(words));
    };
    text(MARGIN.0 - 8, MARGIN.1 - 10, "end", "depth");
    text(MARGIN.0, MARGIN.1 + CELL.1 * depths.len() + 36, "start", "tokens of the text");
    for (x, length) in lengths.iter().enumerate() {
        let left = MARGIN.0 + CELL.0 * x + CELL.0 / 2;
        text(left, MARGIN.1 + CELL.1 * depths.len() + 18, "middle", &length.to_string());
    }
    for (y, depth) in depths.iter().enumerate() {
        text(MARGIN.0 - 8, MARGIN.1 + CELL.1 * y + 23, "end", &format!("{depth} %"));
    }
    for x in 0..lengths.len() {
        for y in 0..depths.len() {
            let score = score(x, y).clamp(0.0, 1.0);
            let (left, top) = (MARGIN.0 + CELL.0 * x, MARGIN.1 + CELL.1 * y);
            // From red by yellow to green, light enough for black numbers.
            let _ = writeln!(
                out,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"hsl({:.0},70%,62%)\" stroke=\"#fff\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{score:.2}</text>",
                CELL.0,
                CELL.1,
                120.0 * score,
                left + CELL.0 / 2,
                top + 23
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_map_has_a_cell_for_each_place() {
        let svg = svg("a <b> & c", &[512, 1024, 2048], &[0, 100], |x, y| (x + y) as f64 / 3.0);
        assert_eq!(svg.matches("<rect x=").count(), 6);
        assert_eq!(svg.matches("hsl(0,").count(), 1);
        assert_eq!(svg.matches("hsl(120,").count(), 1);
        assert!(svg.contains("a &lt;b&gt; &amp; c") && svg.ends_with("</svg>\n"));
    }
}
