//! The back-ends of this build as one: the only place that lists them besides [`Device`](crate::Device), which opens
//! them.

#[cfg(not(target_arch = "wasm32"))]
use azulejo_plan::CallTime;
use azulejo_plan::{Backend, Constant, DeviceInfo, Memory, Plan, StepInput};
use azulejo_quant::Plane;

use crate::options::DEFAULT_CHUNK;

/// One of the back-ends.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of them, and it is moved once")]
pub(crate) enum AnyBackend {
    #[cfg(feature = "cpu")]
    Cpu(azulejo_cpu::CpuBackend),
    #[cfg(feature = "cuda")]
    Cuda(azulejo_cuda::CudaBackend),
    #[cfg(feature = "wgpu")]
    Wgpu(azulejo_wgpu::WgpuBackend),
}

/// A plan that one of them has prepared.
#[allow(clippy::large_enum_variant, reason = "there is one of them, and it is moved once")]
pub(crate) enum AnyModel {
    #[cfg(feature = "cpu")]
    Cpu(<azulejo_cpu::CpuBackend as Backend>::Model),
    #[cfg(feature = "cuda")]
    Cuda(<azulejo_cuda::CudaBackend as Backend>::Model),
    #[cfg(feature = "wgpu")]
    Wgpu(<azulejo_wgpu::WgpuBackend as Backend>::Model),
}

/// A state of such a plan.
#[allow(clippy::large_enum_variant, reason = "there is one of them, and it is moved once")]
pub(crate) enum AnyState {
    #[cfg(feature = "cpu")]
    Cpu(<azulejo_cpu::CpuBackend as Backend>::State),
    #[cfg(feature = "cuda")]
    Cuda(<azulejo_cuda::CudaBackend as Backend>::State),
    #[cfg(feature = "wgpu")]
    Wgpu(<azulejo_wgpu::WgpuBackend as Backend>::State),
}

/// What went wrong on one of them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnyError {
    #[cfg(feature = "cpu")]
    #[error(transparent)]
    Cpu(#[from] azulejo_cpu::CpuError),
    #[cfg(feature = "cuda")]
    #[error(transparent)]
    Cuda(#[from] azulejo_cuda::CudaError),
    #[cfg(feature = "wgpu")]
    #[error(transparent)]
    Wgpu(#[from] azulejo_wgpu::WgpuError),
}

/// The expression with what is inside of each value, all of which are of one back-end.
macro_rules! inside {
    ($($any:ident: $value:expr => $inner:ident),+; $body:expr) => {
        match ($($value),+) {
            #[cfg(feature = "cpu")]
            ($($any::Cpu($inner)),+) => $body,
            #[cfg(feature = "cuda")]
            ($($any::Cuda($inner)),+) => $body,
            #[cfg(feature = "wgpu")]
            ($($any::Wgpu($inner)),+) => $body,
            #[allow(unreachable_patterns, reason = "with one back-end, all was said")]
            _ => unreachable!("an engine's model and a session's state are of the engine's back-end"),
        }
    };
}

impl AnyBackend {
    /// The tokens of a step where nobody asks for a number. A data-centre GPU has more multiprocessors than a matrix of
    /// 4,096 rows has tiles for 128 tokens.
    pub(crate) fn default_chunk(&self) -> u32 {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(_) => 512,
            #[allow(unreachable_patterns, reason = "a build may have CUDA alone")]
            _ => DEFAULT_CHUNK,
        }
    }
}

impl Backend for AnyBackend {
    type Model = AnyModel;
    type State = AnyState;
    type Error = AnyError;

    fn info(&self) -> DeviceInfo {
        match self {
            #[cfg(feature = "cpu")]
            Self::Cpu(backend) => backend.info(),
            #[cfg(feature = "cuda")]
            Self::Cuda(backend) => backend.info(),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(backend) => backend.info(),
        }
    }

    fn prepare(&self, plan: &Plan) -> Result<AnyModel, AnyError> {
        Ok(match self {
            #[cfg(feature = "cpu")]
            Self::Cpu(backend) => AnyModel::Cpu(backend.prepare(plan)?),
            #[cfg(feature = "cuda")]
            Self::Cuda(backend) => AnyModel::Cuda(backend.prepare(plan)?),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(backend) => AnyModel::Wgpu(backend.prepare(plan)?),
        })
    }

    fn constants<'m>(&self, model: &'m AnyModel) -> &'m [Constant] {
        inside!(AnyBackend: self => backend, AnyModel: model => model; backend.constants(model))
    }

    fn memory(&self, model: &AnyModel) -> Memory {
        inside!(AnyBackend: self => backend, AnyModel: model => model; backend.memory(model))
    }

    fn write(
        &self,
        model: &mut AnyModel,
        constant: usize,
        plane: Plane,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), AnyError> {
        inside!(AnyBackend: self => backend, AnyModel: model => model;
            Ok(backend.write(model, constant, plane, offset, bytes)?))
    }

    fn new_state(&self, model: &AnyModel) -> Result<AnyState, AnyError> {
        Ok(match (self, model) {
            #[cfg(feature = "cpu")]
            (Self::Cpu(backend), AnyModel::Cpu(model)) => AnyState::Cpu(backend.new_state(model)?),
            #[cfg(feature = "cuda")]
            (Self::Cuda(backend), AnyModel::Cuda(model)) => AnyState::Cuda(backend.new_state(model)?),
            #[cfg(feature = "wgpu")]
            (Self::Wgpu(backend), AnyModel::Wgpu(model)) => AnyState::Wgpu(backend.new_state(model)?),
            #[allow(unreachable_patterns, reason = "with one back-end, all was said")]
            _ => unreachable!("an engine's model is of the engine's back-end"),
        })
    }

    fn step(&self, model: &AnyModel, state: &mut AnyState, input: StepInput<'_>) -> Result<(), AnyError> {
        inside!(AnyBackend: self => backend, AnyModel: model => model, AnyState: state => state;
            Ok(backend.step(model, state, input)?))
    }

    async fn read_token(&self, model: &AnyModel, state: &mut AnyState) -> Result<u32, AnyError> {
        inside!(AnyBackend: self => backend, AnyModel: model => model, AnyState: state => state;
            Ok(backend.read_token(model, state).await?))
    }

    async fn read_logits(&self, model: &AnyModel, state: &mut AnyState) -> Result<Vec<f32>, AnyError> {
        inside!(AnyBackend: self => backend, AnyModel: model => model, AnyState: state => state;
            Ok(backend.read_logits(model, state).await?))
    }

    #[cfg(not(target_arch = "wasm32"))]
    async fn time_calls(
        &self,
        model: &AnyModel,
        state: &mut AnyState,
        input: StepInput<'_>,
    ) -> Result<Option<Vec<CallTime>>, AnyError> {
        inside!(AnyBackend: self => backend, AnyModel: model => model, AnyState: state => state;
            Ok(backend.time_calls(model, state, input).await?))
    }
}
