//! Models split over several files: their names, and the parts put together.

use super::{Gguf, GgufError};

const NO: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

/// The name of a part of a split model: `prefix-00002-of-00005.gguf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitName {
    /// What the names of all parts begin with.
    pub prefix: String,
    /// The part, from 0 (the name counts from 1).
    pub index: u32,
    /// The number of parts.
    pub count: u32,
}

impl SplitName {
    /// Takes a file's name (without folder) apart; `None` if it isn't the name of a part.
    pub fn parse(file_name: &str) -> Option<Self> {
        let stem = file_name.strip_suffix(".gguf")?;
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (prefix, number) = rest.rsplit_once('-')?;
        let five_digits = |text: &str| {
            let all_digits = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
            if all_digits { text.parse::<u32>().ok() } else { None }
        };
        let (number, count) = (five_digits(number)?, five_digits(count)?);
        if number == 0 || number > count {
            return None;
        }
        Some(Self { prefix: prefix.to_owned(), index: number - 1, count })
    }

    /// The file names of all parts, in order.
    pub fn all(&self) -> Vec<String> {
        let name = |number| format!("{}-{number:05}-of-{:05}.gguf", self.prefix, self.count);
        (1..=self.count).map(name).collect()
    }
}

impl Gguf {
    /// The number of files that this model is split into; `None` if it isn't split.
    ///
    /// # Errors
    /// [`GgufError::Metadata`] if the key isn't a number.
    pub fn split_count(&self) -> Result<Option<u32>, GgufError> {
        Ok(self.metadata.find_u32(COUNT)?.filter(|count| *count > 1))
    }
}

/// Puts the parts of a split model together: the metadata of the first one, the tensors of all, each with the
/// index of its part in [`crate::TensorInfo::file`]. A single file that isn't split is left as it is.
///
/// # Errors
/// [`GgufError::Split`] if parts are missing, in the wrong order, or of different models;
/// [`GgufError::DuplicateTensor`].
pub fn merge(parts: Vec<Gguf>) -> Result<Gguf, GgufError> {
    let given = parts.len();
    let problem = |index: usize, problem: String| GgufError::Split { part: index + 1, parts: given, problem };
    for (index, part) in parts.iter().enumerate() {
        let number = part.metadata.find_u32(NO)?;
        let count = part.split_count()?.unwrap_or(1);
        if count as usize != given {
            return Err(problem(index, format!("it says that there are {count} parts: give all of them")));
        }
        if given > 1 && number != Some(index as u32) {
            let number =
                number.map_or("no number".to_owned(), |number| format!("number {}", u64::from(number) + 1));
            return Err(problem(index, format!("it has {number}: give the parts in order")));
        }
    }
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else {
        return Err(problem(0, "no part was given".to_owned()));
    };
    for (index, mut part) in parts.enumerate() {
        part.tensors.iter_mut().for_each(|tensor| tensor.file = index + 1);
        whole.tensors.append(&mut part.tensors);
    }
    if given > 1 {
        if let Some(expected) = whole.metadata.find_u64(TENSORS)?
            && expected != whole.tensors.len() as u64
        {
            let found = whole.tensors.len();
            return Err(problem(
                0,
                format!("it says that there are {expected} tensors; the parts have {found}"),
            ));
        }
        let mut names: Vec<&str> = whole.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(GgufError::DuplicateTensor { name: pair[0].to_owned() });
        }
    }
    Ok(whole)
}
