//! The GPU backend: runs the programs that [`azulejo_shaders`] lowers plans to, by wgpu.
