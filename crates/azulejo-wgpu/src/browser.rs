//! What wgpu doesn't pass on of a browser's WebGPU (`browser.js`).

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = adapterFacts, catch)]
    async fn adapter_facts() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = askForSubgroups)]
    pub(crate) fn ask_for_subgroups();
}

/// Of the adapter that the browser offers.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) has_subgroups: bool,
    /// Empty if the browser doesn't say.
    pub(crate) name: String,
}

/// What a browser says of an error, without what wgpu prints around it: `JsValue(OperationError: why\nstack)`.
pub(crate) fn said(error: &str) -> &str {
    let line = error.lines().next().unwrap_or_default();
    line.rsplit("JsValue(").next().unwrap_or_default().trim_end_matches(')')
}

impl Facts {
    pub(crate) async fn get() -> Self {
        Self::offered().await.unwrap_or_default()
    }

    /// Asks the browser for its adapter; an error is why there is none. To be asked before wgpu asks: what a browser
    /// throws then goes through the module, and the call never ends.
    pub(crate) async fn offered() -> Result<Self, String> {
        let facts = adapter_facts().await.unwrap_or_default().dyn_into::<js_sys::Array>();
        let why = |other: JsValue| {
            other.as_string().unwrap_or_else(|| "the browser offers no WebGPU adapter".to_owned())
        };
        let facts = facts.map_err(why)?;
        let name = facts.get(1).as_string().unwrap_or_default();
        Ok(Self { has_subgroups: facts.get(0).is_truthy(), name })
    }
}
