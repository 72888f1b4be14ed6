//! Pages in Markdown: made into HTML, which is then read as any other.
//!
//! At the head there may be lines of `key: value` between two lines of `---`: `title`, `lang`, `permalink` (the page's
//! address) and `draft: true` (a page that is left out) are read, as the generators of sites write them.

use pulldown_cmark::{Options, Parser, html};

/// The HTML of a text in Markdown, to be read by [`super::html::read`].
pub(crate) fn to_html(text: &str) -> String {
    let (head, body) = parted(text);
    let mut head_html = String::new();
    let mut lang = String::new();
    for (key, value) in head.lines().filter_map(|line| line.split_once(':')) {
        // A comment isn't looked for: a title may have a `#`.
        let value = escaped(value.trim().trim_matches(['"', '\'']));
        match key.trim() {
            "title" => head_html.push_str(&format!("<title>{value}</title>")),
            "lang" | "language" | "locale" => lang = value,
            "permalink" | "url" if !value.is_empty() => {
                head_html.push_str(&format!("<link rel=\"canonical\" href=\"{value}\">"));
            }
            "draft" if value == "true" => head_html.push_str("<meta name=\"robots\" content=\"noindex\">"),
            _ => {}
        }
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_DEFINITION_LIST;
    let mut body_html = String::new();
    html::push_html(&mut body_html, Parser::new_ext(body, options));
    format!("<html lang=\"{lang}\"><head>{head_html}</head><body><main>{body_html}</main></body></html>")
}

/// What stands between lines of `---` at the begin, and what is behind.
fn parted(text: &str) -> (&str, &str) {
    let begin = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"));
    let Some(begin) = begin else { return ("", text) };
    let mut at = 0;
    for line in begin.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return (&begin[..at], &begin[at + line.len()..]);
        }
        at += line.len();
    }
    ("", text)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
