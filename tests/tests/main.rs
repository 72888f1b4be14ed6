//! One binary, for link time; a module a topic.

mod damaged;
mod devices;
mod golden;
mod parity;
mod session;
mod window;
