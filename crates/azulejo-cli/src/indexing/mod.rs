//! A site's pages as an index to search in: what `index` is made of.
//!
//! `site` (the folder's pages) - `html`, `markdown`, `left_out`, `panels`, `blocks`, `tables` (a page's text) - `repeated` (what all pages
//! have) - `passages` - `words`, `galician`, `portuguese` (words and their stems) - `statistics` (which passages a word stands in) - `parts` (the files). The format is told in
//! `docs/search.md`; `web/packages/azulejo-chat/src/search` reads it.

mod address;
mod blocks;
mod galician;
mod html;
mod left_out;
mod markdown;
mod panels;
mod parts;
mod passages;
mod portuguese;
mod repeated;
pub(crate) mod site;
mod statistics;
mod tables;
pub(crate) mod vectors;
mod words;

use std::collections::BTreeMap;

pub(crate) use self::parts::{Place, write};
use self::passages::Passage;
pub(crate) use self::site::Site;

/// A passage with the page that it is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// The number of its page in the site.
    pub(crate) page: usize,
    pub(crate) title: &'a str,
    pub(crate) passage: &'a Passage,
}

impl Piece<'_> {
    /// All its words, for an encoder.
    pub(crate) fn whole(&self) -> String {
        let headings = self.passage.headings.join("\n");
        let lines = [self.title, &headings, &self.passage.text];
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

/// The passages of each language of the index, in the pages' order; `otherwise` is the language of a page that says none.
pub(crate) fn by_language<'a>(site: &'a Site, otherwise: Option<&str>) -> BTreeMap<String, Vec<Piece<'a>>> {
    let mut languages: BTreeMap<String, Vec<Piece<'a>>> = BTreeMap::new();
    for (number, page) in site.pages.iter().enumerate() {
        for passage in &page.passages {
            let lang = if passage.lang.is_empty() { otherwise.unwrap_or_default() } else { &passage.lang };
            let piece = Piece { page: number, title: &page.title, passage };
            languages.entry(words::language(lang)).or_default().push(piece);
        }
    }
    languages
}
