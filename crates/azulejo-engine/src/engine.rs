//! A plan with its weights on a device.

use std::sync::Arc;

use azulejo_plan::{Backend, Plan};

/// A model, ready for sessions.
pub struct Engine<B: Backend> {
    pub(crate) backend: Arc<B>,
    pub(crate) model: B::Model,
    pub(crate) plan: Plan,
}

impl<B: Backend> std::fmt::Debug for Engine<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({} on {})", self.plan.architecture, self.backend.info().name)
    }
}

impl<B: Backend> Engine<B> {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device.
    pub fn backend(&self) -> &Arc<B> {
        &self.backend
    }

    /// The prepared plan.
    pub fn model(&self) -> &B::Model {
        &self.model
    }
}
