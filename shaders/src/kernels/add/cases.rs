//! The cases.

use crate::check::Case;

pub(super) fn cases() -> Vec<Case> {
    Vec::new()
}
