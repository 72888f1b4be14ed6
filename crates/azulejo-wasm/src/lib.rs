//! The engine as a browser's JavaScript sees it: the wasm-bindgen surface, and nothing else.
//!
//! Whoever calls owns the bytes and the clock: a [`Header`] is read from a growing prefix of a file, a [`Loading`] says
//! which ranges it needs, in the file's order, and takes them one by one. Structured values cross as JSON. Errors are
//! JavaScript `Error`s with a stable `code` and a `hint`. The npm package in `web/packages/azulejo` is its only user.

mod device;
mod error;
mod loading;
mod model;
mod options;
mod session;

pub use device::{Device, probe};
pub use loading::{Header, Loading};
pub use model::Model;
pub use session::Session;

use wasm_bindgen::prelude::wasm_bindgen;

/// Panics become messages of the console, and what the call throws: a trap would only say that there was one.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        wasm_bindgen::throw_str(&panic.to_string());
    }));
}

/// The engine's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The codes of the engine's errors, as the package lists them.
pub fn engine_codes() -> impl Iterator<Item = &'static str> {
    azulejo::Code::ALL.iter().map(|code| code.as_str())
}
