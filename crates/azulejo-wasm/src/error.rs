//! Errors as JavaScript sees them: an `Error` with `code` and `hint`.

use azulejo::Error;
use wasm_bindgen::JsValue;

/// What every fallible function returns.
pub(crate) type Result<T> = std::result::Result<T, JsValue>;

/// The engine's error as a JavaScript one.
pub(crate) fn thrown(error: impl Into<Error>) -> JsValue {
    let error = error.into();
    let thrown = js_sys::Error::new(&error.to_string());
    let set = |name: &str, value: &str| {
        // Setting a property of a fresh object does not fail.
        let _ = js_sys::Reflect::set(&thrown, &name.into(), &value.into());
    };
    set("code", error.code().as_str());
    set("hint", error.code().hint());
    thrown.into()
}

/// An argument that makes no sense.
pub(crate) fn invalid(message: impl Into<String>) -> JsValue {
    thrown(Error::invalid(message))
}
