//! `index`: a site's pages as an index that its visitors search in their browsers.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::args::IndexArgs;
use crate::indexing::{self, Place, Site, site, vectors};
use crate::interrupt;
use crate::output::{Output, Unit};

pub(crate) fn run(args: &IndexArgs, output: &Output) -> Result<()> {
    let mut site = Site::default();
    let files = site::files(&args.folder, &mut site)?;
    let bar = output.bar("pages", files.len() as u64, Unit::Runs);
    let (base, lang) = (args.base_url.as_deref(), args.lang.as_deref());
    let site = site::read(&args.folder, &files, base, lang, site, |done| {
        bar.set(done as u64, files.len() as u64);
        Ok(interrupt::check()?)
    })?;
    drop(bar);
    for warning in &site.warnings {
        output.warning(warning);
    }
    anyhow::ensure!(
        !site.pages.is_empty(),
        "{}: none of its {} pages has text to find{}",
        args.folder.display(),
        files.len(),
        if site.noindex > 0 {
            format!("; {} ask to be left out (noindex)", site.noindex)
        } else {
            String::new()
        }
    );
    let languages = indexing::by_language(&site, args.lang.as_deref());
    let vectors = match &args.load.model {
        Some(_) => Some(vectors::vectors(&args.load, &languages, output)?),
        None => None,
    };
    let place = Place {
        file: &args.output,
        levels: levels(&args.folder, &args.output)?,
        base_url: args.base_url.as_deref(),
    };
    let written = indexing::write(&site, &languages, vectors.as_ref(), &place)?;
    let passages: usize = written.passages.values().sum();
    if output.is_json() {
        return Ok(output.json(&json!({
            "index": args.output.display().to_string(),
            "pages": site.pages.len(),
            "passages": passages,
            "languages": written.passages,
            "files": written.files,
            "bytes": written.bytes,
            "vectors": vectors.map(|vectors| vectors.size),
            "left_out": {
                "noindex": site.noindex,
                "without_text": site.empty,
                "duplicates": site.duplicates,
                "unreadable": site.unreadable,
                "repeated_lines": site.repeated,
            },
        }))?);
    }
    let languages: Vec<String> =
        written.passages.iter().map(|(language, count)| format!("{language} {count}")).collect();
    output.line(&format!(
        "{}: {} pages, {passages} passages ({}), {} bytes in {} files",
        args.output.display(),
        site.pages.len(),
        languages.join(", "),
        written.bytes,
        written.files
    ))?;
    let left_out = [
        (site.noindex, "with noindex"),
        (site.empty, "without text of their own"),
        (site.duplicates, "of an address that another has"),
        (site.unreadable, "that can't be read"),
        (site.repeated, "lines that most pages have"),
    ];
    let left_out: Vec<String> = left_out
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} {why}"))
        .collect();
    if !left_out.is_empty() {
        output.notice(&format!("left out: {}", left_out.join(", ")));
    }
    Ok(())
}

/// How many folders the index is below the site's; one that is written elsewhere will be put into the site's own.
fn levels(site: &Path, index: &Path) -> Result<usize> {
    let parent = index.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)
        .with_context(|| format!("{}: the folder can't be made", parent.display()))?;
    let absolute = |path: &Path| path.canonicalize().with_context(|| path.display().to_string());
    let (site, parent) = (absolute(site)?, absolute(parent)?);
    Ok(parent.strip_prefix(site).map_or(0, |below| below.components().count()))
}
