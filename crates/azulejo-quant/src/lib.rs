//! GGUF block formats: layout, decode, encode, and the repack into planes that the kernels read.
