//! Which passages of a language each of its words stands in, and how often.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Piece;
use super::words::{Stems, fold, is_long_enough, words};

/// The fields of a passage, in the order in which the index has them.
pub(crate) const FIELDS: usize = 3;

/// What a search in one language needs.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Words of one stem, in all the forms that the pages have, each group sorted, the groups by their first.
    pub(crate) groups: Vec<Vec<String>>,
    /// For each group and each field (text, headings, title) the passages and how often.
    pub(crate) postings: Vec<[Vec<(u32, u32)>; FIELDS]>,
    /// How many words each passage has in each field, without stop words.
    pub(crate) lengths: [Vec<u32>; FIELDS],
}

impl Statistics {
    /// Counts; `stop_words` are folded.
    pub(crate) fn of(language: &str, pieces: &[Piece<'_>], stop_words: &[String]) -> Self {
        let stop_words: HashSet<&str> = stop_words.iter().map(String::as_str).collect();
        let mut stems = Stems::of(language);
        // A form without its accents may be of several stems; the one that it is of most often is taken.
        let mut stems_of: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        let mut passages: Vec<[Vec<String>; FIELDS]> = Vec::new();
        for piece in pieces {
            let fields =
                [piece.passage.text.clone(), piece.passage.headings.join("\n"), piece.title.to_owned()];
            passages.push(fields.map(|text| {
                let mut forms = Vec::new();
                for word in words(&text) {
                    let form = fold(&word);
                    if !is_long_enough(&form) || stop_words.contains(form.as_str()) {
                        continue;
                    }
                    *stems_of.entry(form.clone()).or_default().entry(stems.stem(&word)).or_default() += 1;
                    forms.push(form);
                }
                forms
            }));
        }
        let mut forms_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (form, stems) in &stems_of {
            // Of two that are as frequent the first one in order.
            let most = stems.iter().rev().max_by_key(|(_, count)| **count);
            if let Some((stem, _)) = most {
                forms_of.entry(stem).or_default().insert(form);
            }
        }
        let mut groups: Vec<Vec<String>> =
            forms_of.into_values().map(|forms| forms.into_iter().map(str::to_owned).collect()).collect();
        groups.sort_unstable();
        let numbers: HashMap<&str, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(number, forms)| forms.iter().map(move |form| (form.as_str(), number)))
            .collect();

        let mut postings = vec![<[Vec<(u32, u32)>; FIELDS]>::default(); groups.len()];
        let mut lengths = <[Vec<u32>; FIELDS]>::default();
        for (passage, fields) in (0..).zip(&passages) {
            for (field, forms) in fields.iter().enumerate() {
                lengths[field].push(u32::try_from(forms.len()).unwrap_or(u32::MAX));
                let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
                for number in forms.iter().filter_map(|form| numbers.get(form.as_str())) {
                    *counts.entry(*number).or_default() += 1;
                }
                for (number, count) in counts {
                    postings[number][field].push((passage, count));
                }
            }
        }
        Self { groups, postings, lengths }
    }
}

#[cfg(test)]
mod tests {
    use super::super::passages::Passage;
    use super::*;

    fn passage(heading: &str, text: &str) -> Passage {
        Passage {
            anchor: None,
            headings: vec![heading.to_owned()],
            lang: "pt-PT".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn statistics_count_stems_by_field() {
        let passages = [
            passage("Renovação", "Renove a certidão. As certidões renovam-se."),
            passage("Taxas", "Certidão: 5 €."),
        ];
        let pieces: Vec<Piece<'_>> =
            passages.iter().map(|passage| Piece { page: 0, title: "Certidões", passage }).collect();
        let found = Statistics::of("pt-PT", &pieces, &["a".to_owned(), "as".to_owned(), "se".to_owned()]);
        let group =
            |form: &str| found.groups.iter().position(|forms| forms.iter().any(|f| f == form)).unwrap();
        assert_eq!(found.groups[group("certidao")], ["certidao", "certidoes"]);
        assert_eq!(found.groups[group("renovacao")], ["renovacao", "renovam", "renove"]);
        assert_eq!(found.postings[group("certidao")], [vec![(0, 2), (1, 1)], vec![], vec![(0, 1), (1, 1)]]);
        assert_eq!(found.postings[group("renove")], [vec![(0, 2)], vec![(0, 1)], vec![]]);
        assert_eq!(found.lengths, [vec![4, 2], vec![1, 1], vec![1, 1]]);
        assert!(found.groups.is_sorted());
    }
}
