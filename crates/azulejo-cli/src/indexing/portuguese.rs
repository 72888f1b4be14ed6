//! Plurals of Portuguese that Snowball's algorithm takes for other words than their singulars: `certidões`, `papéis`,
//! `municipais`, `jovens`.

/// The fewest letters that an ending leaves.
const LEAST: usize = 2;

/// Plurals: the ending, and the singular's.
const PLURALS: &[(&str, &str)] = &[
    ("ões", "ão"),
    ("ães", "ão"),
    ("ãos", "ão"),
    ("ais", "al"),
    ("áveis", "ável"),
    ("íveis", "ível"),
    ("eis", "el"),
    ("éis", "el"),
    ("óis", "ol"),
    ("uis", "ul"),
    ("ens", "em"),
    ("ins", "im"),
    ("ons", "om"),
    ("uns", "um"),
    ("res", "r"),
    ("zes", "z"),
    ("ses", "s"),
];

/// The singular of a word in lower case, or the word.
pub(crate) fn singular(word: &str) -> String {
    let singular = PLURALS.iter().find_map(|(ending, instead)| {
        let rest = word.strip_suffix(ending).filter(|rest| rest.chars().count() >= LEAST)?;
        Some(format!("{rest}{instead}"))
    });
    singular.unwrap_or_else(|| word.to_owned())
}
