//! What a model computes, as data.
//!
//! A [`Plan`] is a list of [`Op`]s over weights ([`Tensor`]), activations ([`Activation`]) and the KV cache. An
//! architecture writes it in elementary ops ([`PlanBuilder`]); [`passes::fuse`] gathers runs of them into fused
//! ones, each of which still knows its parts ([`Op::unfused`]). A [`Backend`] executes it. Nothing here knows a
//! device, a kernel or a file.

mod backend;
mod constant;
mod op;
pub mod passes;
mod plan;
mod room;

pub use backend::{Backend, CallTime, DeviceInfo, Memory, Outputs, StepInput, Tokens};
pub use constant::{Constant, Piece, rope_table};
pub use op::{Attention, Gate, GroupNorm, LayerNorm, Linears, Map, Norm, Op, Part, Reach, RopeKv, Row, Then};
pub use plan::{
    Activation, ActivationId, Change, KvCache, KvType, Plan, PlanBuilder, RopeLayout, RopeTable, Tensor,
    TensorId, View,
};
pub use room::NoRoom;
