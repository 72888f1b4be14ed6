//! Stems of Galician, which Snowball has no algorithm for: endings that are taken off, of nouns and adjectives in number
//! and gender, of derived nouns, and of verbs.
//!
//! It is light on purpose: two words that are taken for one cost more in a search than two that aren't, which their common
//! beginning may still bring together.

/// The fewest letters that an ending leaves.
const LEAST: usize = 3;

/// Plurals: the ending, and what stands in its place.
const PLURALS: &[(&str, &str)] = &[
    ("cións", "ción"),
    ("sións", "sión"),
    ("óns", "ón"),
    ("áns", "án"),
    ("íns", "ín"),
    ("úns", "ún"),
    ("ais", "al"),
    ("áis", "al"),
    ("éis", "el"),
    ("eis", "el"),
    ("óis", "ol"),
    ("ois", "ol"),
    ("ís", "il"),
    ("ces", "z"),
    ("res", "r"),
    ("ns", "n"),
    ("s", ""),
];

/// Endings of words, the longest first, of which one is taken off: of nouns that were made of verbs and adjectives, and of
/// verbs.
const ENDINGS: &[&str] = &[
    "amentos", "imentos", "amento", "imento", "mente", "acións", "icións", "adores", "adoras", "idores",
    "ación", "ición", "ución", "adora", "adoiro", "adeiro", "ancia", "encia", "abamos", "aremos", "eremos",
    "iremos", "ariamos", "aríamos", "ásemos", "ción", "sión", "ador", "edor", "idor", "idade", "dade",
    "ible", "able", "arán", "erán", "irán", "arán", "ando", "endo", "indo", "aban", "aron", "eron", "iron",
    "aría", "ería", "iría", "ados", "adas", "idos", "idas", "ería", "arse", "erse", "irse", "amos", "emos",
    "imos", "ado", "ada", "ido", "ida", "aba", "ará", "erá", "irá", "are", "ase", "ar", "er", "ir", "an",
    "en", "ou", "eu", "iu", "ía", "a", "e", "o",
];

/// The stem of a word in lower case.
pub(crate) fn stem(word: &str) -> String {
    let singular =
        PLURALS.iter().find_map(|(ending, instead)| Some(format!("{}{instead}", without(word, ending)?)));
    let word = singular.as_deref().unwrap_or(word);
    let stem = ENDINGS.iter().find_map(|ending| without(word, ending));
    stem.unwrap_or(word).to_owned()
}

/// The word without an ending that it has, where enough is left.
fn without<'a>(word: &'a str, ending: &str) -> Option<&'a str> {
    word.strip_suffix(ending).filter(|rest| rest.chars().count() >= LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn galician_forms_of_a_word_have_one_stem() {
        let groups = [
            "empadroamento empadroar",
            "renovación renovar renovado renovan renovacións",
            "imposto impostos",
            "vivenda vivendas",
            "municipal municipais",
            "documento documentos",
        ];
        for group in groups {
            let stems: Vec<String> = group.split(' ').map(stem).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{group}: {stems:?}");
        }
    }

    #[test]
    fn galician_short_words_stay() {
        for word in ["", "s", "os", "mes", "é", "áis"] {
            assert_eq!(stem(word), word);
        }
    }
}
