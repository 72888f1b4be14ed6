//! Whether a device has room for a model, and what to do where it hasn't.

use std::fmt::{Display, Formatter};

use crate::Memory;

/// Contexts that are told are multiples of this.
const TOKENS: u64 = 256;

/// A model that a device has no room for, with one state.
///
/// ```
/// use azulejo_plan::{Memory, NoRoom};
///
/// let gib = 1 << 30;
/// let memory = Memory { weights: 60 * gib, kv: 32 * gib, activations: gib };
/// let room = NoRoom::check(memory, 131_072, 70 * gib, 80 * gib).unwrap_err();
/// assert_eq!(room.context(), Some(36_864));
/// assert!(room.to_string().contains("a context of 36864 tokens would fit"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoRoom {
    /// What it takes.
    pub memory: Memory,
    /// The tokens of its context.
    pub capacity: u32,
    /// Bytes that are free, and bytes that there are, where the device tells.
    pub room: Option<(u64, u64)>,
}

impl NoRoom {
    /// An error if a model of that context takes more bytes than are free.
    ///
    /// # Errors
    /// The numbers, as an error.
    pub fn check(memory: Memory, capacity: u32, free: u64, total: u64) -> Result<(), Self> {
        if memory.total() <= free {
            return Ok(());
        }
        Err(Self { memory, capacity, room: Some((free, total)) })
    }

    /// The longest context, in tokens, with which it would fit into what is free; its activations are counted as they are
    /// now, though they may shrink too. `None`: it fits with none, or nobody knows.
    pub fn context(&self) -> Option<u32> {
        let (free, _) = self.room?;
        let left = free.checked_sub(self.memory.weights)?.checked_sub(self.memory.activations)?;
        if self.memory.kv == 0 {
            return None;
        }
        let tokens = u128::from(left) * u128::from(self.capacity) / u128::from(self.memory.kv);
        let tokens = tokens.min(u128::from(self.capacity)) as u64 / TOKENS * TOKENS;
        (tokens > 0).then_some(tokens as u32)
    }

    /// How many devices of this size would hold it together, if one doesn't even when it is empty.
    pub fn devices(&self) -> Option<u64> {
        let (_, total) = self.room?;
        let devices = self.memory.total().div_ceil(total.max(1));
        (devices > 1).then_some(devices)
    }
}

impl Display for NoRoom {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Memory { weights, kv, activations } = self.memory;
        write!(
            f,
            "the model takes {}: {} of weights, {} of KV cache for {} tokens, {} of activations; ",
            Gib(self.memory.total()),
            Gib(weights),
            Gib(kv),
            self.capacity,
            Gib(activations)
        )?;
        let Some((free, total)) = self.room else {
            return f.write_str(
                "that is more than the GPU has free; choose a shorter context, a smaller model or quantisation, or the CPU",
            );
        };
        write!(f, "the GPU has {} free of {}; ", Gib(free), Gib(total))?;
        if let Some(context) = self.context() {
            write!(f, "a context of {context} tokens would fit; or ")?;
        }
        match self.devices() {
            None => f.write_str(
                "end what else uses the GPU, or choose a smaller model or quantisation, or the CPU",
            ),
            Some(devices) => write!(
                f,
                "choose a smaller model or quantisation, or the CPU; {devices} such GPUs would hold it together, which a server \
                 for several GPUs such as vLLM uses as one"
            ),
        }
    }
}

impl std::error::Error for NoRoom {}

/// Bytes as people read them.
struct Gib(u64);

impl Display for Gib {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let mib = self.0 as f64 / f64::from(1 << 20);
        if mib < 1000.0 { write!(f, "{mib:.1} MiB") } else { write!(f, "{:.1} GiB", mib / 1024.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn memory(weights: u64, kv: u64, activations: u64) -> Memory {
        Memory { weights: weights * GIB, kv: kv * GIB, activations: activations * GIB }
    }

    #[test]
    fn room_is_what_all_of_it_takes() {
        assert_eq!(NoRoom::check(memory(4, 2, 1), 4096, 7 * GIB, 8 * GIB), Ok(()));
        assert!(NoRoom::check(memory(4, 2, 1), 4096, 7 * GIB - 1, 8 * GIB).is_err());
    }

    #[test]
    fn room_for_a_shorter_context_is_told_with_what_takes_it() {
        let error = NoRoom::check(memory(4, 4, 1), 8192, 6 * GIB, 16 * GIB).unwrap_err();
        assert_eq!((error.context(), error.devices()), (Some(2048), None));
        let text = error.to_string();
        let wanted = "the model takes 9.0 GiB: 4.0 GiB of weights, 4.0 GiB of KV cache for 8192 tokens, 1.0 GiB of \
                      activations; the GPU has 6.0 GiB free of 16.0 GiB; a context of 2048 tokens would fit; or end what \
                      else uses the GPU";
        assert!(text.starts_with(wanted), "{text}");
        assert!(!text.contains("vLLM"), "{text}");
    }

    #[test]
    fn room_that_no_context_has_names_how_many_gpus_and_a_server() {
        let error = NoRoom::check(memory(150, 8, 2), 4096, 79 * GIB, 80 * GIB).unwrap_err();
        assert_eq!((error.context(), error.devices()), (None, Some(2)));
        let text = error.to_string();
        assert!(
            text.contains("2 such GPUs") && text.contains("vLLM") && !text.contains("would fit;"),
            "{text}"
        );
        // An encoder has no cache that would shrink.
        assert_eq!(NoRoom::check(memory(4, 0, 1), 512, GIB, GIB).unwrap_err().context(), None);
        // Less than a step of the context is none.
        let error = NoRoom::check(memory(4, 4, 1), 8192, 5 * GIB + 1, 16 * GIB).unwrap_err();
        assert_eq!(error.context(), None);
    }

    #[test]
    fn room_that_nobody_knows_is_not_invented() {
        let error = NoRoom { memory: memory(1, 1, 1), capacity: 256, room: None };
        let text = error.to_string();
        assert!(text.contains("3.0 GiB") && text.contains("more than the GPU has free"), "{text}");
        assert_eq!((error.context(), error.devices()), (None, None));
    }
}
