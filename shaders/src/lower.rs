//! Turns a plan into kernel calls.

use azulejo_plan::Plan;

use crate::program::{Limits, Program};

/// Why a plan can't be lowered.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {}

/// Lowers.
pub fn lower(_plan: &Plan, _limits: Limits) -> Result<Program, LowerError> {
    Err(unreachable!())
}
