//! A site's folder, page by page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use walkdir::{DirEntry, WalkDir};

use super::blocks::{Block, Kind};
use super::passages::{Passage, passages};
use super::{address, html, markdown, repeated, words};

/// A page with text to find.
#[derive(Debug)]
pub(crate) struct Page {
    /// Relative to the site's root.
    pub(crate) address: String,
    pub(crate) title: String,
    pub(crate) passages: Vec<Passage>,
}

/// A page whose text isn't cut yet.
struct Draft {
    /// What it is called where it has no heading that says so.
    title: String,
    blocks: Vec<Block>,
}

/// What became of a site's files.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// In the order of their addresses.
    pub(crate) pages: Vec<Page>,
    /// Files that can't be read, or not wholly, each with the reason.
    pub(crate) warnings: Vec<String>,
    /// How many files couldn't be read at all.
    pub(crate) unreadable: usize,
    /// Pages that ask to be left out.
    pub(crate) noindex: usize,
    /// Pages without text of their own: redirections, mere navigation.
    pub(crate) empty: usize,
    /// Pages that say of another one that it is the same.
    pub(crate) duplicates: usize,
    /// Short lines that stand on most pages of a language, and so on none in the index.
    pub(crate) repeated: usize,
}

/// Pages that are named for having no language; of more only the number is told.
const MOST_NAMED: usize = 10;

/// The pages' files, in order.
pub(crate) fn files(folder: &Path, site: &mut Site) -> Result<Vec<PathBuf>> {
    anyhow::ensure!(
        folder.is_dir(),
        "{}: no such folder; give the one that the site is built in",
        folder.display()
    );
    let is_shown = |entry: &DirEntry| {
        entry.depth() == 0
            || !(entry.file_name().to_string_lossy().starts_with('.') || entry.file_name() == "node_modules")
    };
    let mut files = Vec::new();
    // Links are followed (walkdir finds loops), since a build may be made of them.
    for entry in
        WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_shown)
    {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_page(entry.path()) => {
                files.push(entry.into_path())
            }
            Ok(_) => {}
            Err(error) => {
                site.warnings.push(format!("{error}: left out"));
                site.unreadable += 1;
            }
        }
    }
    anyhow::ensure!(
        !files.is_empty() || site.unreadable > 0,
        "{}: there is no page (.html, .htm, .xhtml, .md) in it; give the folder that the site is built in",
        folder.display()
    );
    Ok(files)
}

fn is_page(path: &Path) -> bool {
    extension(path).is_some_and(|e| ["html", "htm", "xhtml", "md", "markdown"].contains(&e.as_str()))
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase)
}

/// Reads the pages; `base` is the site's own address, where it is known, and `lang` the language of pages that don't say
/// theirs and whose words don't tell; `tell` is told after each how many are done.
pub(crate) fn read(
    folder: &Path,
    files: &[PathBuf],
    base: Option<&str>,
    lang: Option<&str>,
    mut site: Site,
    mut tell: impl FnMut(usize) -> Result<()>,
) -> Result<Site> {
    // By address; a page that stands at the address which it gives itself goes before one that names another's.
    let mut pages: BTreeMap<String, (bool, Draft)> = BTreeMap::new();
    let (mut no_lang, mut guessed, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for (i, file) in files.iter().enumerate() {
        tell(i)?;
        let bytes = match std::fs::read(file).with_context(|| file.display().to_string()) {
            Ok(bytes) => bytes,
            Err(error) => {
                site.warnings.push(format!("{error:#}: left out"));
                site.unreadable += 1;
                continue;
            }
        };
        let text = decoded(&bytes, file, &mut site.warnings);
        let is_markdown = extension(file).is_some_and(|e| e.starts_with('m'));
        let mut read = html::read(&if is_markdown { markdown::to_html(&text) } else { text });
        if read.is_noindex {
            site.noindex += 1;
            continue;
        }
        if !has_text(&read.blocks) {
            site.empty += 1;
            continue;
        }
        match guess(&mut read.blocks, lang) {
            Guess::NotNeeded => {}
            Guess::Language(language) => guessed.push((file, language)),
            Guess::None => no_lang.push(file),
        }
        let own = address::of_file(file.strip_prefix(folder).unwrap_or(file));
        let canonical = read.canonical.map(|canonical| address::joined(&own, &canonical));
        // What a page says of itself leads nobody to another host.
        let address = match canonical {
            Some(canonical) if address::is_absolute(&canonical) => {
                let below = base.and_then(|base| address::below(&canonical, base));
                if below.is_none() {
                    elsewhere.push(canonical);
                }
                below
            }
            relative => relative,
        };
        let address = address.unwrap_or_else(|| own.clone());
        let named = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let title = if read.title.is_empty() { named() } else { read.title };
        let page = Draft { title, blocks: read.blocks };
        let is_own = own == address;
        let known = pages.get(&address).map(|(known_is_own, _)| *known_is_own);
        site.duplicates += usize::from(known.is_some());
        if known.is_none_or(|known_is_own| is_own && !known_is_own) {
            pages.insert(address, (is_own, page));
        }
    }
    for (file, language) in guessed.iter().take(MOST_NAMED) {
        site.warnings.push(format!(
            "{}: it doesn't say its language, and by its words it is {language}: write <html lang=\"{language}\"> if that is so",
            file.display()
        ));
    }
    if guessed.len() > MOST_NAMED {
        site.warnings.push(format!(
            "{} more pages don't say their language, and by their words it is one: write <html lang=\"...\">",
            guessed.len() - MOST_NAMED
        ));
    }
    if let (Some(first), None) = (no_lang.first(), lang) {
        site.warnings.push(format!(
            "{} pages don't say their language, {} first, and have too few words to tell: write <html lang=\"...\">, or give the language of such pages by --lang",
            no_lang.len(),
            first.display()
        ));
    }
    if let Some(first) = elsewhere.first() {
        let what = if base.is_some() {
            "it isn't below --base-url"
        } else {
            "give the site's own address by --base-url"
        };
        site.warnings.push(format!(
            "{} pages give themselves an address that isn't taken, {first} first: {what}",
            elsewhere.len()
        ));
    }
    let mut blocks: Vec<&mut Vec<Block>> = pages.values_mut().map(|(_, page)| &mut page.blocks).collect();
    site.repeated = repeated::take_out(&mut blocks, lang.unwrap_or_default());
    for (address, (_, draft)) in pages {
        let (heading, passages) = passages(&draft.blocks);
        if passages.is_empty() {
            site.empty += 1;
            continue;
        }
        let title = heading.filter(|heading| !heading.is_empty()).unwrap_or(draft.title);
        site.pages.push(Page { address, title, passages });
    }
    Ok(site)
}

fn has_text(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| block.kind == Kind::Text)
}

/// What is known of the language of a page's text that says none.
enum Guess {
    NotNeeded,
    Language(&'static str),
    None,
}

/// Gives the language that they seem to be in to the blocks that have none.
fn guess(blocks: &mut [Block], likely: Option<&str>) -> Guess {
    let is_unsaid = |block: &&Block| block.lang.is_empty();
    if !blocks.iter().any(|block| block.kind == Kind::Text && block.lang.is_empty()) {
        return Guess::NotNeeded;
    }
    let texts: Vec<&str> = blocks.iter().filter(is_unsaid).map(|block| block.text.as_str()).collect();
    let Some(language) = words::guessed(&texts.join("\n"), likely) else { return Guess::None };
    for block in blocks.iter_mut().filter(|block| block.lang.is_empty()) {
        language.clone_into(&mut block.lang);
    }
    Guess::Language(language)
}

/// The text of a file: as its byte-order mark says, else as UTF-8, else as a `meta` says.
fn decoded(bytes: &[u8], file: &Path, warnings: &mut Vec<String>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return lossy(encoding, &bytes[mark..], file, warnings);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    match declared(bytes) {
        Some(encoding) => lossy(encoding, bytes, file, warnings),
        None => {
            warnings.push(format!(
                "{}: it isn't UTF-8 and has no <meta charset=\"...\">; it is read as windows-1252",
                file.display()
            ));
            lossy(WINDOWS_1252, bytes, file, warnings)
        }
    }
}

fn lossy(encoding: &'static Encoding, bytes: &[u8], file: &Path, warnings: &mut Vec<String>) -> String {
    let (text, has_errors) = encoding.decode_without_bom_handling(bytes);
    if has_errors {
        warnings.push(format!(
            "{}: some of its bytes aren't {}; a � stands for each",
            file.display(),
            encoding.name()
        ));
    }
    text.into_owned()
}

/// Bytes in which a page says its encoding; the standard's first kilobyte is too few for some that browsers read.
const HEAD_BYTES: usize = 8_192;

/// The encoding that a `<meta charset>`, a `<meta http-equiv="content-type">` or, of XHTML, an `<?xml encoding="...">` names
/// at the page's beginning; what comments, scripts and links say doesn't count.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]).to_ascii_lowercase();
    let mut rest = head.as_str();
    while let Some(begin) = rest.find('<') {
        rest = &rest[begin..];
        let skipped = [("<!--", "-->"), ("<script", "</script"), ("<style", "</style")];
        if let Some((_, end)) = skipped.iter().find(|(begin, _)| rest.starts_with(begin)) {
            rest = rest.split_once(end)?.1;
            continue;
        }
        let tag = rest.split_once('>').map_or(rest, |(tag, _)| tag);
        let name = if tag.starts_with("<meta") { "charset" } else { "encoding" };
        if (tag.starts_with("<meta") || tag.starts_with("<?xml"))
            && let Some(encoding) = tag.split(name).skip(1).find_map(encoding_of)
        {
            return Some(encoding);
        }
        rest = &rest[1..];
    }
    None
}

/// The encoding that stands behind `charset`: `="utf-8"`.
fn encoding_of(behind: &str) -> Option<&'static Encoding> {
    let label = behind.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = label.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c))).unwrap_or(label.len());
    // A meta can be read as ASCII, so that it means UTF-8 where it says UTF-16.
    Encoding::for_label(&label.as_bytes()[..end])
        .map(|encoding| if encoding.is_ascii_compatible() { encoding } else { UTF_8 })
}
