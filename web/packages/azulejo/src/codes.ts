// The engine's error codes, written by the engine's own tests (crates/azulejo-wasm/tests/codes.rs).

export const ENGINE_CODES = [
  "corrupt",
  "unsupported",
  "io",
  "out_of_memory",
  "device_lost",
  "no_device",
  "device",
  "cancelled",
  "context_full",
  "invalid_argument",
] as const;
