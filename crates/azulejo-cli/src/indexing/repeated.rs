//! What a site's pages have in common: lines that stand on most of them are about the site and not about a page.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::{Block, Kind};
use super::words::language;

/// What stands on fewer pages isn't told to be common to them.
const LEAST_PAGES: usize = 4;
/// A longer text is told, wherever it stands.
const MOST_WORDS: usize = 30;

/// Takes lines out that stand on more than half of a language's pages; how many different ones. A language of few pages can't
/// tell by itself: there it is what most pages of another language, or of the whole site, have too. `otherwise` is the
/// language where a page says none.
pub(crate) fn take_out(pages: &mut [&mut Vec<Block>], otherwise: &str) -> usize {
    let key = |block: &Block| {
        let lang = if block.lang.is_empty() { otherwise } else { &block.lang };
        (language(lang), block.text.clone())
    };
    let is_short =
        |block: &Block| block.kind == Kind::Text && block.text.split_whitespace().nth(MOST_WORDS).is_none();
    let mut pages_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut count_of: BTreeMap<(String, String), usize> = BTreeMap::new();
    for blocks in pages.iter() {
        let texts = || blocks.iter().filter(|block| block.kind == Kind::Text);
        let lines: BTreeSet<(String, String)> = texts().filter(|block| is_short(block)).map(key).collect();
        let languages: BTreeSet<String> = texts().map(|block| key(block).0).collect();
        for language in languages {
            *pages_of.entry(language).or_default() += 1;
        }
        for line in lines {
            *count_of.entry(line).or_default() += 1;
        }
    }
    let is_common = |count: usize, of: usize| count * 2 > of;
    let mut count_everywhere: BTreeMap<&str, usize> = BTreeMap::new();
    for blocks in pages.iter() {
        let lines: BTreeSet<&str> =
            blocks.iter().filter(|block| is_short(block)).map(|block| block.text.as_str()).collect();
        for line in lines {
            *count_everywhere.entry(line).or_default() += 1;
        }
    }
    let of_language = |language: &String| pages_of.get(language).copied().unwrap_or_default();
    let everywhere = count_everywhere
        .into_iter()
        .filter(|(_, count)| *count >= LEAST_PAGES && is_common(*count, pages.len()))
        .map(|(line, _)| line.to_owned());
    let in_a_language = count_of
        .iter()
        .filter(|((language, _), count)| **count >= LEAST_PAGES && is_common(**count, of_language(language)))
        .map(|((_, line), _)| line.clone());
    let of_the_site: BTreeSet<String> = everywhere.chain(in_a_language).collect();
    count_of.retain(|(language, line), count| {
        is_common(*count, of_language(language)) && of_the_site.contains(line)
    });
    for blocks in pages.iter_mut() {
        blocks.retain(|block| !is_short(block) || !count_of.contains_key(&key(block)));
    }
    count_of.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lang: &str, lines: &[&str]) -> Vec<Block> {
        let block = |text: &&str| Block { lang: lang.to_owned(), text: (*text).to_owned(), kind: Kind::Text };
        lines.iter().map(block).collect()
    }

    fn left(pages: &mut [Vec<Block>]) -> Vec<String> {
        let mut all: Vec<&mut Vec<Block>> = pages.iter_mut().collect();
        take_out(&mut all, "es");
        let line =
            |blocks: &Vec<Block>| blocks.iter().map(|block| block.text.clone()).collect::<Vec<_>>().join("|");
        pages.iter().map(line).collect()
    }

    #[test]
    fn repeated_lines_are_taken_from_most_pages() {
        let long = "palabra ".repeat(31);
        let mut pages: Vec<Vec<Block>> = (0..5)
            .map(|i| {
                page("es", &[if i < 4 { "Ir al contenido" } else { "Otra" }, &format!("Texto {i}"), &long])
            })
            .collect();
        pages.push(page("", &["Ir al contenido", "Sin lengua"]));
        pages.push(page("gl", &["Ir al contenido"]));
        let told = left(&mut pages);
        assert!(told[0].starts_with("Texto 0|palabra"), "{told:?}");
        assert!(told[4].starts_with("Otra|Texto 4|palabra"), "{told:?}");
        assert_eq!(told[5..], ["Sin lengua", ""]);
    }

    #[test]
    fn repeated_lines_of_one_language_are_known_in_another_with_few_pages() {
        let mut pages: Vec<Vec<Block>> =
            (0..5).map(|i| page("es", &["Mobilitat", &format!("Texto {i}")])).collect();
        pages.push(page("ca", &["Mobilitat", "Sol·licituds"]));
        // Where most pages do without it, it says something.
        pages.push(page("gl", &["Mobilitat"]));
        pages.extend((0..2).map(|i| page("gl", &[&format!("Páxina {i}")])));
        let told = left(&mut pages);
        assert_eq!(told[4..7], ["Texto 4", "Sol·licituds", "Mobilitat"]);
        // No language has four pages, but the site does.
        let mut pages: Vec<Vec<Block>> =
            ["es", "es", "ca", "gl", "eu"].iter().map(|lang| page(lang, &["Menú", "Texto"])).collect();
        pages[4] = page("eu", &["Testua", "Menú"]);
        assert_eq!(left(&mut pages), ["", "", "", "", "Testua"]);
        let mut pages: Vec<Vec<Block>> =
            ["es", "ca", "gl"].iter().map(|lang| page(lang, &["Menú"])).collect();
        assert_eq!(left(&mut pages), ["Menú"; 3], "three pages are too few to tell");
    }

    #[test]
    fn repeated_lines_stay_on_few_pages_and_on_half_of_them() {
        let mut three: Vec<Vec<Block>> = (0..3).map(|_| page("es", &["Cita previa"])).collect();
        assert!(left(&mut three).iter().all(|line| line == "Cita previa"));
        let mut half: Vec<Vec<Block>> =
            (0..8).map(|i| page("es", &[if i < 4 { "Cita previa" } else { "Nada" }])).collect();
        assert_eq!(left(&mut half)[0], "Cita previa");
        // Twice on a page is one page.
        let mut twice: Vec<Vec<Block>> = (0..5)
            .map(|i| page("es", if i < 2 { &["Cita previa", "Cita previa"] } else { &["Nada"] }))
            .collect();
        assert_eq!(left(&mut twice)[0], "Cita previa|Cita previa");
    }
}
