//! The twin.

use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;

pub(super) fn run(_call: &Call, _run: Run, _read: &Reads<'_>, _write: &mut Writes<'_>) {}
