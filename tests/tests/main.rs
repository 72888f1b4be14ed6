//! One binary, for link time; a module a topic.

#[cfg(target_os = "linux")]
mod cuda;
mod damaged;
mod devices;
mod golden;
mod parity;
mod session;
mod window;
