//! Model files: GGUF, safetensors and Hugging Face folders, from a map of the file or from bytes.
