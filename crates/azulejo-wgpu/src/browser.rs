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

impl Facts {
    pub(crate) async fn get() -> Self {
        let Some(facts) = adapter_facts().await.ok().and_then(|f| f.dyn_into::<js_sys::Array>().ok()) else {
            return Self::default();
        };
        Self { has_subgroups: facts.get(0).is_truthy(), name: facts.get(1).as_string().unwrap_or_default() }
    }
}
