//! A text's words, and which of them are one word in several forms.
//!
//! `web/packages/azulejo-chat/src/search/words.ts` splits and folds a question alike; both are held to
//! `tests/fixtures/search/words.json`. Stems are made here alone: the index lists the forms of each.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use snowball_stemmers_rs::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{galician, portuguese};

/// What is known of a language besides its name.
struct Known {
    /// The tag that its part of the index has.
    tag: &'static str,
    stem: Stem,
    stop_words: &'static str,
    /// Words that say what is asked about a thing (its price, its hours, how it is had), and not which thing.
    topic_words: &'static str,
}

#[derive(Clone, Copy)]
enum Stem {
    Snowball(Algorithm),
    Portuguese,
    Galician,
}

const PORTUGUESE: &str = include_str!("stop_words/pt.txt");
const PORTUGUESE_TOPICS: &str = include_str!("topic_words/pt.txt");

/// The languages with stems and stop words.
const KNOWN: [Known; 7] = [
    Known { tag: "pt-PT", stem: Stem::Portuguese, stop_words: PORTUGUESE, topic_words: PORTUGUESE_TOPICS },
    Known { tag: "pt-BR", stem: Stem::Portuguese, stop_words: PORTUGUESE, topic_words: PORTUGUESE_TOPICS },
    Known {
        tag: "es",
        stem: Stem::Snowball(Algorithm::Spanish),
        stop_words: include_str!("stop_words/es.txt"),
        topic_words: include_str!("topic_words/es.txt"),
    },
    Known {
        tag: "ca",
        stem: Stem::Snowball(Algorithm::Catalan),
        stop_words: include_str!("stop_words/ca.txt"),
        topic_words: include_str!("topic_words/ca.txt"),
    },
    Known {
        tag: "gl",
        stem: Stem::Galician,
        stop_words: include_str!("stop_words/gl.txt"),
        topic_words: include_str!("topic_words/gl.txt"),
    },
    Known {
        tag: "eu",
        stem: Stem::Snowball(Algorithm::Basque),
        stop_words: include_str!("stop_words/eu.txt"),
        topic_words: include_str!("topic_words/eu.txt"),
    },
    Known {
        tag: "en",
        stem: Stem::Snowball(Algorithm::English),
        stop_words: include_str!("stop_words/en.txt"),
        topic_words: include_str!("topic_words/en.txt"),
    },
];

/// The language of the index that a `lang` of a page belongs to: `pt` and `pt-AO` are `pt-PT`, `ca-ES-valencia` is `ca`;
/// one without stems is its first part, in lower case; what is no tag is `und`.
pub(crate) fn language(tag: &str) -> String {
    let wanted = tag.trim().replace('_', "-").to_ascii_lowercase();
    let exact = KNOWN.iter().find(|known| known.tag.eq_ignore_ascii_case(&wanted));
    let primary = wanted.split('-').next().unwrap_or_default();
    let alike = || KNOWN.iter().find(|known| known.tag.split('-').next() == Some(primary));
    if let Some(known) = exact.or_else(alike) {
        return known.tag.to_owned();
    }
    // It becomes part of a file's name.
    let is_tag = (2..=8).contains(&primary.len()) && primary.chars().all(|c| c.is_ascii_lowercase());
    if is_tag { primary.to_owned() } else { "und".to_owned() }
}

/// Which of `KNOWN` have a stop word.
static OWNERS: LazyLock<HashMap<String, Vec<usize>>> = LazyLock::new(|| {
    let mut owners: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, (_, words)) in stop_words().into_iter().enumerate() {
        for word in words {
            owners.entry(word).or_default().push(number);
        }
    }
    owners
});

/// How much a text has to have of a language's stop words to be taken for it, and how many times as much as of another's.
/// A stop word counts as 1 by the number of the languages that have it.
const LEAST_STOP_WORDS: f64 = 2.5;
const LEAD: f64 = 1.2;
/// Words of a text that are looked at.
const WORDS_TO_GUESS: usize = 3_000;

/// The language of the seven that a text's stop words are of; none where it has too few, or nearly as many of another's.
/// Of Portuguese's two it is `likely`, else Portugal's.
pub(crate) fn guessed(text: &str, likely: Option<&str>) -> Option<&'static str> {
    let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
    let primary = |tag: &'static str| tag.split('-').next().unwrap_or(tag);
    for word in words(text).into_iter().take(WORDS_TO_GUESS) {
        let owners = OWNERS.get(&fold(&word)).map_or(&[][..], Vec::as_slice);
        let mut owners: Vec<&str> = owners.iter().map(|number| primary(KNOWN[*number].tag)).collect();
        owners.dedup();
        for owner in &owners {
            *scores.entry(owner).or_default() += 1.0 / owners.len() as f64;
        }
    }
    let mut scores: Vec<(f64, &str)> = scores.into_iter().map(|(tag, score)| (score, tag)).collect();
    scores.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let (best, tag) = *scores.first()?;
    let second = scores.get(1).map_or(0.0, |(score, _)| *score);
    if best < LEAST_STOP_WORDS || best < LEAD * second {
        return None;
    }
    let mut tags = KNOWN.iter().map(|known| known.tag).filter(|known| primary(known) == tag);
    let likely = likely.map(language);
    tags.clone().find(|known| Some(*known) == likely.as_deref()).or_else(|| tags.next())
}

/// The stop words of every language that has some, folded, in order.
pub(crate) fn stop_words() -> Vec<(&'static str, Vec<String>)> {
    KNOWN.iter().map(|known| (known.tag, folded(known.stop_words))).collect()
}

/// The same of the words that say what is asked about a thing, and not which thing.
pub(crate) fn topic_words() -> Vec<(&'static str, Vec<String>)> {
    KNOWN.iter().map(|known| (known.tag, folded(known.topic_words))).collect()
}

fn folded(list: &str) -> Vec<String> {
    let mut words: Vec<String> = list.split_whitespace().flat_map(words).map(|word| fold(&word)).collect();
    words.retain(|word| is_long_enough(word));
    words.sort_unstable();
    words.dedup();
    words
}

/// A text's words in lower case: runs of letters and digits. The middle dot of Catalan's `l·l` parts no word.
pub(crate) fn words(text: &str) -> Vec<String> {
    let whole = text.nfc().filter(|c| *c != '\u{b7}').collect::<String>().to_lowercase();
    let is_in_word = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    whole.split(|c| !is_in_word(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A word without its accents.
pub(crate) fn fold(word: &str) -> String {
    word.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// A single letter tells nothing; a single digit may.
pub(crate) fn is_long_enough(folded: &str) -> bool {
    folded.chars().nth(1).is_some() || folded.chars().all(char::is_numeric)
}

/// Makes stems of one language.
pub(crate) struct Stems {
    known: HashMap<String, String>,
    stem: Box<dyn Fn(&str) -> String>,
}

impl Stems {
    /// Of a language as [`language`] gives it; one that isn't known has no stems, and each word is its own.
    pub(crate) fn of(language: &str) -> Self {
        let known = KNOWN.iter().find(|known| known.tag == language);
        let stem: Box<dyn Fn(&str) -> String> = match known.map(|known| known.stem) {
            Some(Stem::Snowball(algorithm)) => {
                let stemmer = Stemmer::create(algorithm);
                Box::new(move |word| stemmer.stem(word).into_owned())
            }
            Some(Stem::Portuguese) => {
                let stemmer = Stemmer::create(Algorithm::Portuguese);
                Box::new(move |word| stemmer.stem(&portuguese::singular(word)).into_owned())
            }
            Some(Stem::Galician) => Box::new(galician::stem),
            None => Box::new(str::to_owned),
        };
        Self { known: HashMap::new(), stem }
    }

    /// The stem of a word in lower case, without accents: in several languages they come and go with the ending.
    pub(crate) fn stem(&mut self, word: &str) -> String {
        if let Some(stem) = self.known.get(word) {
            return stem.clone();
        }
        // A number has no endings, whatever an algorithm makes of "12a".
        let has_digit = word.contains(|c: char| c.is_numeric());
        let stem = if has_digit { Cow::Borrowed(word) } else { Cow::Owned((self.stem)(word)) };
        let stem = fold(&stem);
        self.known.insert(word.to_owned(), stem.clone());
        stem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            words("L'EDUCACIÓ il·lustrada, 9h30–12,50 €!"),
            ["l", "educació", "illustrada", "9h30", "12", "50"]
        );
        assert_eq!(words("e\u{301}poca ﬁm"), ["época", "ﬁm"]);
        assert!(words(" – … 💬").is_empty());
    }

    #[test]
    fn words_are_those_that_the_browser_finds() {
        let fixture = include_str!("../../../../tests/fixtures/search/words.json");
        let cases: serde_json::Value = serde_json::from_str(fixture).unwrap();
        for case in cases.as_array().unwrap() {
            let folded = words(case["text"].as_str().unwrap()).into_iter().map(|word| fold(&word));
            let found: Vec<String> = folded.filter(|word| is_long_enough(word)).collect();
            assert_eq!(serde_json::json!(found), case["words"], "{}", case["text"]);
        }
    }

    #[test]
    fn words_of_one_stem_are_one() {
        let one = [
            ("pt-PT", "certidão certidões"),
            ("pt-PT", "papel papéis"),
            ("pt-PT", "municipal municipais"),
            ("pt-PT", "imóvel imóveis"),
            ("pt-PT", "mês meses"),
            ("pt-PT", "cidadão cidadãos"),
            ("pt-BR", "renovar renovação renovado"),
            ("es", "empadronamiento empadronarse"),
            ("ca", "impost impostos"),
            ("gl", "certificación certificacións"),
            ("eu", "etxebizitza etxebizitzak"),
            ("en", "renew renewing renewed"),
            ("fr", "carte"),
        ];
        for (language, words) in one {
            let mut stems = Stems::of(language);
            let stems: Vec<String> = words.split(' ').map(|word| stems.stem(word)).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{language}: {words} -> {stems:?}");
        }
    }

    #[test]
    fn language_of_a_tag() {
        let cases = [
            ("pt", "pt-PT"),
            ("pt-br", "pt-BR"),
            ("ca-ES-valencia", "ca"),
            ("en_GB", "en"),
            ("fr-BE", "fr"),
            ("", "und"),
            ("../x", "und"),
        ];
        for (tag, wanted) in cases {
            assert_eq!(language(tag), wanted, "{tag}");
        }
    }

    #[test]
    fn guessed_by_stop_words() {
        let cases = [
            (
                "pt-PT",
                "Os moradores da zona podem estacionar sem pagar com um dístico. Quem não o tem paga uma coima.",
            ),
            (
                "es",
                "Para solicitar una sepultura diríjase a la oficina, que abre los lunes y los jueves hasta las dos.",
            ),
            (
                "ca",
                "Les inscripcions són del 4 al 15 de maig a l'oficina. Cal portar la targeta i el llibre amb les vacunes.",
            ),
            (
                "gl",
                "O Concello recolle os mobles na porta da casa. Hai que chamar antes, e non se recollen máis de tres cunha chamada.",
            ),
            (
                "eu",
                "Txartela harreran eskatzen da, argazki batekin eta agiriarekin. Igandeetan itxita dago, eta ez da inor egoten hor.",
            ),
            (
                "en",
                "You need two witnesses for the ceremony, and they have to be there on time with their own papers.",
            ),
        ];
        for (wanted, text) in cases {
            assert_eq!(guessed(text, None), Some(wanted), "{text}");
        }
        assert_eq!(guessed(cases[0].1, Some("pt_BR")), Some("pt-BR"));
        assert_eq!(guessed(cases[0].1, Some("es")), Some("pt-PT"));
        // Too little, of two languages, of none of the seven.
        for text in [
            "",
            "Tasas de 2026",
            "Tarifas de la piscina",
            "Die Stadt hat eine Bibliothek und ein Bad, das am Montag zu ist.",
        ] {
            assert_eq!(guessed(text, Some("es")), None, "{text}");
        }
    }

    #[test]
    fn stop_words_are_folded() {
        let all = stop_words();
        let (_, portuguese) = &all[0];
        assert!(portuguese.contains(&"apos".to_owned()) && !portuguese.contains(&"à".to_owned()));
        assert!(all.iter().all(|(_, words)| words.is_sorted() && words.len() > 150));
    }

    #[test]
    fn topic_words_are_no_stop_words() {
        for ((tag, stop), (_, topics)) in stop_words().into_iter().zip(topic_words()) {
            assert!(topics.is_sorted() && topics.len() > 100, "{tag}: {}", topics.len());
            let both: Vec<_> = topics.iter().filter(|word| stop.contains(word)).collect();
            assert!(both.is_empty(), "{tag}: {both:?}");
        }
    }
}
