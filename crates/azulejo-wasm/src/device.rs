//! Opening a device, and trying it.

use azulejo::shape::{Quant, TRIAL};
use azulejo::{BlockFormat, DeviceInfo, Loading, ModelOptions};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Result, thrown};
use crate::options::{DeviceOptions, read};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;

    #[wasm_bindgen(thread_local_v2, js_name = isSecureContext)]
    static IS_SECURE: Option<bool>;
}

/// What could be used here, as JSON; nothing is opened.
#[wasm_bindgen]
pub async fn probe() -> String {
    let webgpu = azulejo::find_adapters().await.into_iter().next().map(|a| {
        json!({
            "name": a.name, "driver": a.driver, "kind": a.kind, "tier": a.tier,
            "bindingBytes": a.binding_bytes, "isSoftware": a.kind == "software",
        })
    });
    let missing = match (webgpu.is_some(), IS_SECURE.with(Clone::clone)) {
        (true, _) => None,
        (false, Some(false)) => Some("browsers offer WebGPU only to pages that come by https".to_owned()),
        (false, _) => azulejo_wgpu::missing().await,
    };
    json!({ "webgpu": webgpu, "webgpuMissing": missing, "cpu": { "name": "WebAssembly" } }).to_string()
}

/// A device's description.
pub(crate) fn described(info: &DeviceInfo) -> Value {
    json!({
        "backend": if info.backend == "wgpu" { "webgpu" } else { info.backend },
        "name": info.name, "driver": info.driver, "tier": info.tier, "reason": info.reason,
    })
}

/// An opened device.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Device(pub(crate) azulejo::Device);

#[wasm_bindgen]
impl Device {
    /// Opens a device: `{device: "webgpu" | "cpu", maxTier?, bindingBytes?}`.
    pub async fn open(options: String) -> Result<Device> {
        let options: DeviceOptions = read(&options)?;
        let options = options.model_options()?;
        Ok(Device(azulejo::Device::open(&options).await.map_err(thrown)?))
    }

    /// `{backend, name, driver, tier, reason}`.
    pub fn info(&self) -> String {
        described(&self.0.info()).to_string()
    }

    /// Runs small kernel cases; the ones that failed, as `[{name, problem}]`.
    #[wasm_bindgen(js_name = selfTest)]
    pub async fn self_test(&self) -> Result<String> {
        let failed = self.0.self_test().await.map_err(thrown)?;
        let failed: Vec<Value> =
            failed.iter().map(|f| json!({ "name": f.name, "problem": f.to_string() })).collect();
        Ok(Value::from(failed).to_string())
    }

    /// Milliseconds that a token of a small made-up model takes here.
    pub async fn measure(&self) -> Result<f64> {
        const TOKENS: usize = 8;
        let options = ModelOptions::new().chunk(8);
        let file = TRIAL.file(Quant::Plain(BlockFormat::Q4_0)).map_err(thrown)?;
        let mut loading = Loading::new(&file, &self.0, &options).map_err(thrown)?;
        loading.fill_random(&mut |_, _| true).map_err(thrown)?;
        let mut session = loading.finish().and_then(|model| model.session()).map_err(thrown)?;
        session.greedy_tokens_async(&[1], 2).await.map_err(thrown)?;
        let start = now();
        session.greedy_tokens_async(&[2], TOKENS).await.map_err(thrown)?;
        Ok((now() - start) / TOKENS as f64)
    }

    /// Waits until shaders and buffers are accepted that a loading asked for.
    pub async fn settle(&self) -> Result<()> {
        self.0.settle().await.map_err(thrown)
    }

    /// Waits until everything is there that a loading was given so far.
    pub async fn flush(&self) -> Result<()> {
        self.0.flush().await.map_err(thrown)
    }

    /// Submits nothing, so that Firefox looks at what is done; every few milliseconds while something is awaited.
    pub fn nudge(&self) {
        self.0.nudge();
    }

    /// Ends a GPU; what comes after fails with the code `device_lost`.
    pub fn destroy(&self) {
        self.0.destroy();
    }
}
