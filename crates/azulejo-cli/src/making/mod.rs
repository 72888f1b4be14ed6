//! What the commands that make files share.

pub(crate) mod importance;
pub(crate) mod write;
