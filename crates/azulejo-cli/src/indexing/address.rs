//! Where a page is found: its address, relative to the folder of the index where nothing else is said.

use std::path::{Component, Path};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What a path's segment can't hold as it is (the URL standard's path percent-encode set, and what parts segments).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What is encoded of an address that stands in a page, whose escapes stay.
const ADDRESS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The address of a file of the site, relative to the site's root: `es/tasas.html`, and `es/` for `es/index.html`. A page in
/// Markdown is where generators put it by default: `es/tasas.html` for `es/tasas.md`.
pub(crate) fn of_file(path: &Path) -> String {
    let segments = path.components().filter_map(|component| match component {
        Component::Normal(segment) => Some(segment.to_string_lossy().into_owned()),
        _ => None,
    });
    let mut segments: Vec<String> = segments.collect();
    let mut name = segments.pop().unwrap_or_default();
    if let Some(stem) = name.strip_suffix(".md").or_else(|| name.strip_suffix(".markdown")) {
        name = format!("{stem}.html");
    }
    if ["index.html", "index.htm", "README.html"].contains(&name.as_str()) {
        name.clear();
    }
    segments.push(name);
    let encoded: Vec<String> = segments.iter().map(|s| utf8_percent_encode(s, SEGMENT).to_string()).collect();
    encoded.join("/")
}

/// An address that stands in a page at `page`, relative to the site's root; one with a scheme or a host stays.
pub(crate) fn joined(page: &str, address: &str) -> String {
    if is_absolute(address) {
        return address.to_owned();
    }
    let address = address.split('#').next().unwrap_or_default();
    if address.is_empty() {
        return page.to_owned();
    }
    let mut segments: Vec<&str> = page.split('/').collect();
    // The page's own name.
    segments.pop();
    if address.starts_with('/') {
        segments.clear();
    }
    let mut others = address.trim_start_matches('/').split('/').peekable();
    while let Some(segment) = others.next() {
        let is_last = others.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            segment => segments.push(segment),
        }
    }
    utf8_percent_encode(without_index(&segments.join("/")), ADDRESS).to_string()
}

/// What an address below `base` is relative to it; none for another.
pub(crate) fn below(address: &str, base: &str) -> Option<String> {
    let rest = address.strip_prefix(base.trim_end_matches('/'))?;
    let rest = rest.strip_prefix('/').or_else(|| rest.is_empty().then_some(""))?;
    Some(without_index(rest.split('#').next().unwrap_or_default()).to_owned())
}

/// True for an address with a scheme or a host.
pub(crate) fn is_absolute(address: &str) -> bool {
    address.starts_with("//")
        || address.split(['/', '?', '#']).next().is_some_and(|begin| begin.contains(':'))
}

fn without_index(address: &str) -> &str {
    match address.strip_suffix("index.html") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => folder,
        _ => address,
    }
}

/// An address relative to the site's root, as it is told from a folder so many levels below it, or below `base`.
pub(crate) fn told(address: &str, levels: usize, base: Option<&str>) -> String {
    if let Some(base) = base {
        return format!("{}/{address}", base.trim_end_matches('/'));
    }
    let up = "../".repeat(levels);
    if up.is_empty() && address.is_empty() { "./".to_owned() } else { format!("{up}{address}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_file() {
        let cases = [
            ("index.html", ""),
            ("es/index.html", "es/"),
            ("es/tasas 50%.html", "es/tasas%2050%25.html"),
            ("docs/água.md", "docs/%C3%A1gua.html"),
            ("docs/README.md", "docs/"),
        ];
        for (path, wanted) in cases {
            assert_eq!(of_file(Path::new(path)), wanted);
        }
    }

    #[test]
    fn address_in_a_page() {
        let cases = [
            ("es/a.html", "b.html", "es/b.html"),
            ("es/a.html", "../ca/b.html", "ca/b.html"),
            ("es/a.html", "/ca/", "ca/"),
            ("es/a.html", "./", "es/"),
            ("es/a.html", "index.html", "es/"),
            ("es/a.html", "a%20b ñ", "es/a%20b%20%C3%B1"),
            ("es/a.html", "#top", "es/a.html"),
            ("a.html", "../../b", "b"),
            ("a.html", "https://www.example.org/x", "https://www.example.org/x"),
            ("a.html", "//www.example.org/x", "//www.example.org/x"),
        ];
        for (page, address, wanted) in cases {
            assert_eq!(joined(page, address), wanted, "{page} {address}");
        }
    }

    #[test]
    fn address_below_another() {
        let base = "https://www.example.org/town/";
        assert_eq!(below("https://www.example.org/town/es/index.html#a", base).as_deref(), Some("es/"));
        assert_eq!(below("https://www.example.org/town", base).as_deref(), Some(""));
        assert_eq!(below("https://www.example.org/townhouse/", base), None);
        assert_eq!(below("https://evil.example.net/town/", base), None);
    }

    #[test]
    fn address_from_the_index() {
        assert_eq!(told("es/", 0, None), "es/");
        assert_eq!(told("", 0, None), "./");
        assert_eq!(told("es/a.html", 2, None), "../../es/a.html");
        assert_eq!(
            told("es/a.html", 2, Some("https://www.example.org/town/")),
            "https://www.example.org/town/es/a.html"
        );
    }
}
