//! The index's files: a small one that is read first, and parts beside it, whose names hold a hash of what is in them, so
//! that they can be kept for ever.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::statistics::{FIELDS, Statistics};
use super::vectors::Vectors;
use super::words::{stop_words, topic_words};
use super::{Piece, Site, address};
use crate::partial::Partial;

/// The format's name, with its version.
const FORMAT: &str = "azulejo-search-1";
/// Bytes from which another part is begun: of postings, of which a search needs one or two for each word, and of texts, of
/// which it needs one for each passage that it shows.
const POSTINGS_BYTES: usize = 16_384;
const TEXTS_BYTES: usize = 32_768;
/// A word that stands more often than this in a passage counts as so often.
const MOST_OFTEN: u32 = 4;

/// Where an index goes.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The file that is read first.
    pub(crate) file: &'a Path,
    /// How many folders it is below the site's root.
    pub(crate) levels: usize,
    /// What stands in front of the pages' addresses.
    pub(crate) base_url: Option<&'a str>,
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    /// The passages of each language.
    pub(crate) passages: BTreeMap<String, usize>,
}

/// Writes the parts of all languages, then the first file; then parts of a former index are removed.
pub(crate) fn write(
    site: &Site,
    languages: &BTreeMap<String, Vec<Piece<'_>>>,
    vectors: Option<&Vectors>,
    place: &Place<'_>,
) -> Result<Written> {
    let stop: BTreeMap<&str, Vec<String>> = stop_words().into_iter().collect();
    let mut parts = Parts::beside(place.file)?;
    let mut written = Written::default();
    let mut told = Map::new();
    for (language, pieces) in languages {
        let statistics =
            Statistics::of(language, pieces, stop.get(language.as_str()).map_or(&[], Vec::as_slice));
        let mut whole = json!({
            "words": statistics.groups.iter().map(|forms| line(forms)).collect::<Vec<_>>(),
            "lengths": statistics.lengths,
            "pages": runs(pieces),
            "postings": postings(language, &statistics, &mut parts)?,
            "texts": texts(language, site, pieces, place, &mut parts)?,
        });
        if let Some(rows) = vectors.and_then(|vectors| vectors.of.get(language)) {
            whole["vectors"] = parts.write(&format!("{language}-vectors"), "bin", rows)?;
        }
        let mut part = parts.write(&format!("{language}-words"), "json", whole.to_string().as_bytes())?;
        part["passages"] = json!(pieces.len());
        written.passages.insert(language.clone(), pieces.len());
        told.insert(language.clone(), part);
    }
    let lists = |lists: Vec<(&str, Vec<String>)>| -> Map<String, Value> {
        lists.into_iter().map(|(tag, words)| (tag.to_owned(), json!(words.join(" ")))).collect()
    };
    let mut first = json!({
        "format": FORMAT,
        "pages": site.pages.len(),
        "languages": told,
        "stop": lists(stop_words()),
        "topics": lists(topic_words()),
    });
    if let Some(vectors) = vectors {
        first["vectors"] = json!({ "model": vectors.model, "size": vectors.size });
    }
    let first = first.to_string() + "\n";
    let mut out = Partial::create(place.file)?;
    out.write(first.as_bytes())?;
    out.finish()?;
    parts.remove_others();
    written.files = parts.names.len() + 1;
    written.bytes = parts.bytes + first.len() as u64;
    Ok(written)
}

/// A group's forms: what all begin with, then the endings; a form without others is itself alone.
fn line(forms: &[String]) -> String {
    let [first, others @ ..] = forms else { return String::new() };
    if others.is_empty() {
        return first.clone();
    }
    let common = others.iter().fold(first.as_str(), |common, form| {
        let same = common.char_indices().zip(form.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(common.len().min(form.len()), |((at, _), _)| at);
        &common[..end]
    });
    let endings: Vec<&str> = forms.iter().map(|form| &form[common.len()..]).collect();
    format!("{common},{}", endings.join(","))
}

/// Parts of some groups each: a list of fields a group, each a number for each passage: four times how far it is from
/// the one before, and how often the word stands in it, less one.
fn postings(language: &str, statistics: &Statistics, parts: &mut Parts) -> Result<Vec<Value>> {
    let of_field = |field: &Vec<(u32, u32)>| {
        let mut before = 0;
        let mut number = |(passage, count): &(u32, u32)| {
            let gap = passage - before;
            before = *passage;
            (gap * MOST_OFTEN + (count - 1).min(MOST_OFTEN - 1)).to_string()
        };
        format!("[{}]", field.iter().map(&mut number).collect::<Vec<_>>().join(","))
    };
    let groups = statistics.postings.iter().map(|fields| {
        let used = FIELDS - fields.iter().rev().take_while(|field| field.is_empty()).count();
        format!("[{}]", fields[..used].iter().map(of_field).collect::<Vec<_>>().join(","))
    });
    parts.lists(&format!("{language}-postings"), groups, POSTINGS_BYTES, |groups| {
        format!("[{}]", groups.join(",\n"))
    })
}

/// How many passages stand one behind the other of each page.
fn runs(pieces: &[Piece<'_>]) -> Vec<usize> {
    pieces.chunk_by(|a, b| a.page == b.page).map(<[_]>::len).collect()
}

/// Parts of some passages each, with the pages that they are of.
fn texts(
    language: &str,
    site: &Site,
    pieces: &[Piece<'_>],
    place: &Place<'_>,
    parts: &mut Parts,
) -> Result<Vec<Value>> {
    let passages = pieces.iter().map(|piece| {
        let passage = piece.passage;
        let heading = passage.headings.last().map_or("", String::as_str);
        json!([piece.page, passage.anchor, heading, passage.lang, passage.text]).to_string()
    });
    parts.lists(&format!("{language}-texts"), passages, TEXTS_BYTES, |passages| {
        let number = |passage: &String| {
            passage
                .trim_start_matches('[')
                .split(',')
                .next()
                .and_then(|n| n.parse::<usize>().ok())
                .unwrap_or_default()
        };
        let page = |number: usize| {
            let page = &site.pages[number];
            (
                number.to_string(),
                json!([address::told(&page.address, place.levels, place.base_url), page.title]),
            )
        };
        let pages: Map<String, Value> = passages.iter().map(number).map(page).collect();
        format!("{{\"pages\":{},\n\"passages\":[{}]}}", Value::Object(pages), passages.join(",\n"))
    })
}

/// The files beside the first one.
struct Parts {
    folder: PathBuf,
    /// The folder's own name, by which the first file names it.
    name: String,
    names: HashSet<String>,
    bytes: u64,
}

impl Parts {
    /// In the folder that is called as the file is, without its ending.
    fn beside(file: &Path) -> Result<Self> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = file.with_file_name(&name);
        anyhow::ensure!(
            folder != file,
            "{}: give a name with an ending, as search-index.json",
            file.display()
        );
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: the folder can't be made", folder.display()))?;
        Ok(Self { folder, name, names: HashSet::new(), bytes: 0 })
    }

    /// Writes a part; what the index says of it.
    fn write(&mut self, what: &str, ending: &str, bytes: &[u8]) -> Result<Value> {
        let hash: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{what}-{hash}.{ending}");
        let mut out = Partial::create(&self.folder.join(&name))?;
        out.write(bytes)?;
        out.finish()?;
        let told = json!({ "file": format!("{}/{name}", self.name), "bytes": bytes.len() });
        if self.names.insert(name) {
            self.bytes += bytes.len() as u64;
        }
        Ok(told)
    }

    /// Writes a list in parts of about `most` bytes, each with the number of its first item.
    fn lists(
        &mut self,
        what: &str,
        items: impl Iterator<Item = String>,
        most: usize,
        whole: impl Fn(&[String]) -> String,
    ) -> Result<Vec<Value>> {
        let mut told = Vec::new();
        let (mut part, mut bytes, mut first) = (Vec::new(), 0, 0);
        let mut items = items.peekable();
        while let Some(item) = items.next() {
            bytes += item.len() + 2;
            part.push(item);
            let is_full = items.peek().is_none_or(|next| bytes + next.len() > most);
            if is_full {
                let mut value =
                    self.write(&format!("{what}-{}", told.len()), "json", whole(&part).as_bytes())?;
                value["first"] = json!(first);
                told.push(value);
                first += part.len();
                part.clear();
                bytes = 0;
            }
        }
        Ok(told)
    }

    /// Removes parts of a former index: what is called as they are and no part of this one. One that can't be removed is
    /// only in nobody's way.
    fn remove_others(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_part(&name) && !self.names.contains(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// True for `es-texts-0-0123456789abcdef.json`.
fn is_part(name: &str) -> bool {
    let Some((stem, "json" | "bin")) = name.rsplit_once('.') else { return false };
    let Some((what, hash)) = stem.rsplit_once('-') else { return false };
    let is_known = ["-words", "-postings-", "-texts-", "-vectors"].iter().any(|kind| what.contains(kind));
    is_known && hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lines_hold_what_forms_have_in_common() {
        let line = |forms: &[&str]| line(&forms.iter().map(|&form| form.to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&["taxa"]), "taxa");
        assert_eq!(line(&["taxa", "taxas"]), "taxa,,s");
        assert_eq!(line(&["die", "dying"]), "d,ie,ying");
        assert_eq!(line(&["ab", "c"]), ",ab,c");
        assert_eq!(line(&["água", "águas", "água1"]), "água,,s,1");
        assert_eq!(line(&[]), "");
    }

    #[test]
    fn parts_are_told_from_other_files() {
        assert!(is_part("es-texts-0-0123456789abcdef.json") && is_part("pt-PT-vectors-0123456789abcdef.bin"));
        for other in
            ["es.json", "es-texts-0-0123.json", "notes-words.json", "es-words-0123456789abcdef.js", ""]
        {
            assert!(!is_part(other), "{other}");
        }
    }
}
