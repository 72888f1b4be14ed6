//! Blocks of text, put together or cut to passages of some sentences below one heading.

use unicode_segmentation::UnicodeSegmentation;

use super::blocks::{Block, Kind};

/// Words of a passage: another block is added until it would have more than `MOST`, from `ENOUGH` on.
const ENOUGH: usize = 60;
const MOST: usize = 120;
/// A remainder of fewer words is put to the passage before it.
const REMAINDER: usize = 25;

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// The `id` of the nearest heading that has one.
    pub(crate) anchor: Option<String>,
    /// The headings that it stands below, from the second level down, the nearest last.
    pub(crate) headings: Vec<String>,
    /// As the page has it; empty where it doesn't say.
    pub(crate) lang: String,
    pub(crate) text: String,
}

/// The page's title, as its only first heading says it, and its passages.
pub(crate) fn passages(blocks: &[Block]) -> (Option<String>, Vec<Passage>) {
    let mut firsts = blocks.iter().filter(|block| matches!(block.kind, Kind::Heading { level: 1, .. }));
    let title = firsts.next().filter(|_| firsts.next().is_none()).map(|block| block.text.clone());
    let mut done = Vec::new();
    // Level, text and id of the headings that what comes stands below.
    let mut below: Vec<(u8, &str, Option<&str>)> = Vec::new();
    let mut rest = blocks;
    while let Some((block, others)) = rest.split_first() {
        if block.kind == Kind::Break {
            below.retain(|(level, ..)| *level == 1);
            rest = others;
            continue;
        }
        if let Kind::Heading { level, id } = &block.kind {
            below.retain(|(above, ..)| above < level);
            below.push((*level, &block.text, id.as_deref()));
            rest = others;
            continue;
        }
        let is_same = |other: &Block| other.kind == Kind::Text && other.lang == block.lang;
        let end = rest.iter().position(|other| !is_same(other)).unwrap_or(rest.len());
        let is_title = |text: &str| title.as_deref() == Some(text);
        for text in texts(&rest[..end]) {
            done.push(Passage {
                anchor: below.iter().rev().find_map(|(_, _, id)| *id).map(str::to_owned),
                headings: below
                    .iter()
                    .filter(|(_, text, _)| !is_title(text))
                    .map(|(_, text, _)| (*text).to_owned())
                    .collect(),
                lang: block.lang.clone(),
                text,
            });
        }
        rest = &rest[end..];
    }
    (title, done)
}

/// The texts of passages, made of blocks below one heading.
fn texts(blocks: &[Block]) -> Vec<String> {
    let mut texts: Vec<(String, usize)> = Vec::new();
    let (mut text, mut count) = (String::new(), 0);
    for block in blocks {
        let whole = words(&block.text);
        let pieces = if whole > MOST { sentences(&block.text) } else { vec![block.text.as_str()] };
        for (i, piece) in pieces.into_iter().enumerate() {
            let more = words(piece);
            // What ends with a colon stays with what it announces.
            let is_full = count >= ENOUGH && count + more > MOST && !text.ends_with(':');
            if is_full {
                texts.push((std::mem::take(&mut text), count));
                count = 0;
            }
            if !text.is_empty() {
                text.push(if i == 0 { '\n' } else { ' ' });
            }
            text.push_str(piece);
            count += more;
        }
    }
    match texts.last_mut() {
        Some((last, before)) if count < REMAINDER && *before + count <= MOST + REMAINDER => {
            last.push('\n');
            last.push_str(&text);
        }
        _ if text.is_empty() => {}
        _ => texts.push((text, count)),
    }
    texts.into_iter().map(|(text, _)| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// What ends with a full stop and no sentence, in the seven languages.
const ABBREVIATIONS: &[&str] = &[
    "a", "al", "ap", "apdo", "apt", "art", "arts", "av", "avd", "avda", "c", "ca", "cap", "cfr", "co", "cta",
    "dir", "dr", "dra", "dto", "ed", "ej", "eng", "esc", "esq", "etc", "ex", "exa", "excma", "excmo", "exma",
    "exmo", "fig", "hab", "i", "inc", "izda", "izq", "jr", "km", "lda", "ltd", "máx", "mín", "mr", "mrs",
    "ms", "n", "no", "nr", "nro", "núm", "o", "or", "p", "pág", "págs", "pl", "pol", "pp", "prof", "profa",
    "pza", "r", "ref", "s", "sec", "sr", "sra", "srta", "st", "sta", "sto", "tel", "telf", "tfno", "tit",
    "tlf", "trav", "ud", "uds", "us", "v", "vd", "vs", "zk",
];

/// The sentences of a block, each with what stands behind it left out; one that seems to end with an abbreviation goes on.
fn sentences(text: &str) -> Vec<&str> {
    let (mut begin, mut at) = (0, 0);
    let mut done = Vec::new();
    for part in text.split_sentence_bounds() {
        at += part.len();
        let sentence = text[begin..at].trim();
        let last = sentence.trim_end_matches('.').rsplit([' ', '(', '\u{a0}']).next().unwrap_or_default();
        let is_short = sentence.ends_with('.') && ABBREVIATIONS.contains(&last.to_lowercase().as_str());
        if at == text.len() || !is_short {
            if !sentence.is_empty() {
                done.push(sentence);
            }
            begin = at;
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: Kind, text: &str) -> Block {
        Block { lang: "pt-PT".to_owned(), text: text.to_owned(), kind }
    }

    fn heading(level: u8, id: &str, text: &str) -> Block {
        block(Kind::Heading { level, id: Some(id.to_owned()) }, text)
    }

    fn sentence(words: usize, name: &str) -> String {
        format!("{}{}.", name, " palavra".repeat(words - 1))
    }

    #[test]
    fn passages_stand_below_their_headings() {
        let blocks = [
            heading(1, "t", "Taxas"),
            block(Kind::Text, "Aqui estão."),
            heading(2, "a", "Água"),
            heading(3, "b", "Ligação"),
            block(Kind::Text, "Custa 45 €."),
            heading(2, "c", "Lixo"),
            block(Kind::Text, "Grátis."),
        ];
        let (title, passages) = passages(&blocks);
        assert_eq!(title.as_deref(), Some("Taxas"));
        let told: Vec<_> = passages
            .iter()
            .map(|p| (p.anchor.as_deref().unwrap(), p.headings.join(">"), p.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("t", String::new(), "Aqui estão."),
                ("b", "Água>Ligação".to_owned(), "Custa 45 €."),
                ("c", "Lixo".to_owned(), "Grátis."),
            ]
        );
    }

    #[test]
    fn passages_are_cut_between_sentences() {
        let long: Vec<String> = (0..9).map(|i| sentence(37, &format!("Frase{i}"))).collect();
        let (_, passages) = passages(&[block(Kind::Text, &long.join(" "))]);
        assert!(passages.len() > 2, "{passages:?}");
        for passage in &passages {
            assert!((ENOUGH..=MOST + REMAINDER).contains(&words(&passage.text)), "{}", passage.text);
            assert!(passage.text.starts_with("Frase") && passage.text.ends_with('.'));
        }
        let together: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(together.join(" "), long.join(" "));
    }

    #[test]
    fn passages_keep_a_list_with_what_announces_it() {
        let blocks = [
            block(Kind::Text, &sentence(80, "Texto")),
            block(Kind::Text, "Precisa de:"),
            block(Kind::Text, &format!("• {}", sentence(50, "documento"))),
        ];
        let (_, passages) = passages(&blocks);
        assert_eq!(passages.len(), 1, "{passages:?}");
    }

    #[test]
    fn sentences_go_on_behind_abbreviations() {
        let cases = [
            ("Fica na Av. República. Abre às 9h.", vec!["Fica na Av. República.", "Abre às 9h."]),
            ("O Dr. Silva atende. Ligue!", vec!["O Dr. Silva atende.", "Ligue!"]),
            ("Custa 12.50 €. Vale 1.º ano.", vec!["Custa 12.50 €.", "Vale 1.º ano."]),
            ("", vec![]),
        ];
        for (text, wanted) in cases {
            assert_eq!(sentences(text), wanted);
        }
    }
}
