//! Errors as JavaScript sees them: an `Error` with `code`, `hint` and `parameters`.

use azulejo::Error;
use wasm_bindgen::JsValue;

/// What every fallible function returns.
pub(crate) type Result<T> = std::result::Result<T, JsValue>;

/// The engine's error as a JavaScript one.
pub(crate) fn thrown(error: impl Into<Error>) -> JsValue {
    let error = error.into();
    let thrown = js_sys::Error::new(&error.to_string());
    let set = |object: &JsValue, name: &str, value: JsValue| {
        // Setting a property of a fresh object does not fail.
        let _ = js_sys::Reflect::set(object, &name.into(), &value);
    };
    set(&thrown, "code", error.code().as_str().into());
    set(&thrown, "hint", error.code().hint().into());
    let parameters = js_sys::Object::new();
    for &(name, number) in error.numbers() {
        set(&parameters, name, (number as f64).into());
    }
    set(&thrown, "parameters", parameters.into());
    thrown.into()
}

/// An argument that makes no sense.
pub(crate) fn invalid(message: impl Into<String>) -> JsValue {
    thrown(Error::invalid(message))
}
