//! Opening a device: which adapter, which limits, which tier.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use azulejo_plan::DeviceInfo;
use azulejo_shaders::{Limits, Target, Tier};

use crate::WgpuError;
use crate::pipelines::Pipelines;
use crate::read::Signal;
use crate::report::{Counters, Counts, Reporter, count};

/// Which adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The first that can be opened, by its kind: a GPU of its own before one in the processor before one made of
    /// software.
    #[default]
    Auto,
    /// The same, but none made of software.
    Hardware,
    /// The one at that place of [`devices`].
    Index(usize),
}

/// How a device is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which adapter.
    pub selection: Selection,
    /// No tier with more than this one has.
    pub max_tier: Option<Tier>,
    /// Bind at most so many bytes at once.
    pub binding_bytes: Option<u64>,
    /// Whether kernels are chosen for a device of few lanes ([`Limits::is_narrow`]), whatever the device is.
    pub is_narrow: Option<bool>,
}

/// An adapter, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// The device's own name.
    pub name: String,
    /// The interface: `vulkan`, `metal`, `dx12`, `webgpu`.
    pub interface: String,
    /// The driver and its version.
    pub driver: String,
    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `software`, `other`.
    pub kind: &'static str,
    /// The tier that it would get.
    pub tier: Tier,
    /// Bytes that it binds at once.
    pub binding_bytes: u64,
}

/// The kinds in the order in which they are preferred.
const KINDS: [&str; 5] = ["discrete GPU", "integrated GPU", "virtual GPU", "other", SOFTWARE];
/// The kind of a GPU that is a program on the CPU.
const SOFTWARE: &str = "software";

impl Adapter {
    /// True for a GPU that is one, not a program on the CPU.
    pub fn is_hardware(&self) -> bool {
        KINDS[..2].contains(&self.kind)
    }

    async fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let words =
            |words: [&str; 2]| words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        #[cfg(not(target_arch = "wasm32"))]
        let (name, has_subgroups) =
            (info.name.clone(), adapter.features().contains(wgpu::Features::SUBGROUP));
        #[cfg(target_arch = "wasm32")]
        let crate::browser::Facts { name, has_subgroups } = crate::browser::Facts::get().await;
        let kind = match info.device_type {
            _ if is_software(&info, &name) => SOFTWARE,
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu | wgpu::DeviceType::Other => "other",
        };
        Self {
            name: if name.is_empty() { "a GPU that gives no name".to_owned() } else { name },
            interface: info.backend.to_str().to_owned(),
            driver: words([&info.driver, &info.driver_info]),
            kind,
            tier: Tier::of(has_subgroups, adapter.features().contains(wgpu::Features::SHADER_F16)),
            binding_bytes: binding_bytes(&adapter.limits()),
        }
    }
}

/// A binding is never greater than a buffer; whole multiples of the 256 bytes that bindings are aligned to.
fn binding_bytes(limits: &wgpu::Limits) -> u64 {
    limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) / 256 * 256
}

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    // The checks that these flags add are for indirect calls, which nobody makes, and for the debugging of drivers.
    descriptor.flags = wgpu::InstanceFlags::empty();
    wgpu::Instance::new(descriptor)
}

/// All adapters, each with why it can't be opened, if so; in a browser the one that it gives, which isn't tried.
pub async fn devices() -> Vec<(Adapter, Option<WgpuError>)> {
    let mut devices = Vec::new();
    for adapter in adapters().await {
        let described = Adapter::of(&adapter).await;
        let tried = match cfg!(target_arch = "wasm32") {
            true => None,
            false => request(&adapter, &described, described.tier).await.err(),
        };
        devices.push((described, tried));
    }
    devices
}

/// Why a browser gives no adapter; none natively, where there may be several.
pub async fn missing() -> Option<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::browser::Facts::offered().await.err();
    #[cfg(not(target_arch = "wasm32"))]
    None
}

/// All adapters. Where there is no browser (Node), wgpu can't even be asked.
async fn adapters() -> Vec<wgpu::Adapter> {
    #[cfg(target_arch = "wasm32")]
    if crate::browser::Facts::offered().await.is_err() {
        return Vec::new();
    }
    instance().enumerate_adapters(wgpu::Backends::all()).await
}

/// A GPU.
pub struct WgpuBackend {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) limits: Limits,
    pub(crate) pipelines: Mutex<Pipelines>,
    pub(crate) reporter: Reporter,
    pub(crate) counters: Counters,
    /// Bytes of weights that wait in staging buffers.
    pub(crate) staged: AtomicU64,
    #[cfg(target_arch = "wasm32")]
    pub(crate) verdicts: std::cell::RefCell<Vec<crate::pipelines::Verdict>>,
    /// Whether passes can be timed.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) has_timestamps: bool,
    #[cfg(not(target_arch = "wasm32"))]
    pci_address: String,
    skipped: Vec<WgpuError>,
    tier: Tier,
    info: DeviceInfo,
}

impl std::fmt::Debug for WgpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WgpuBackend({:?})", self.info)
    }
}

/// Opens a device.
///
/// # Errors
/// [`WgpuError::NoAdapter`], [`WgpuError::NoSuchDevice`], [`WgpuError::Request`].
pub async fn open(options: Options) -> Result<WgpuBackend, WgpuError> {
    let mut skipped = Vec::new();
    for adapter in candidates(options.selection).await? {
        let described = Adapter::of(&adapter).await;
        let (tier, reason) = choose(&described, &adapter.get_info(), options.max_tier);
        match request(&adapter, &described, tier).await {
            Ok(opened) => return Ok(backend(described, opened, (tier, reason), skipped, options)),
            Err(error) => skipped.push(error),
        }
    }
    Err(match (options.selection, skipped.len()) {
        // What was asked for by its number, or the only one there is.
        (_, 1) => skipped.remove(0),
        _ => WgpuError::NoAdapter { detail: words_of(&skipped) },
    })
}

fn words_of(errors: &[WgpuError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The adapters to try, in their order.
async fn candidates(selection: Selection) -> Result<Vec<wgpu::Adapter>, WgpuError> {
    if let Selection::Index(index) = selection {
        let all = adapters().await;
        let count = all.len();
        let chosen = all.into_iter().nth(index).ok_or(WgpuError::NoSuchDevice { index, count })?;
        return Ok(vec![chosen]);
    }
    #[cfg(target_arch = "wasm32")]
    {
        // A browser has one, and says why if it has none.
        crate::browser::Facts::offered().await.map_err(|detail| WgpuError::NoAdapter { detail })?;
        let wanted = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let no_adapter = |e: wgpu::RequestAdapterError| WgpuError::NoAdapter { detail: e.to_string() };
        Ok(vec![instance().request_adapter(&wanted).await.map_err(no_adapter)?])
    }
    #[cfg(not(target_arch = "wasm32"))]
    Ok(by_kind(selection).await)
}

/// All adapters in the order of their kinds.
#[cfg(not(target_arch = "wasm32"))]
async fn by_kind(selection: Selection) -> Vec<wgpu::Adapter> {
    let mut known = Vec::new();
    for adapter in adapters().await {
        let described = Adapter::of(&adapter).await;
        if selection != Selection::Hardware || described.is_hardware() {
            let place = KINDS.iter().position(|kind| *kind == described.kind);
            known.push((place, adapter));
        }
    }
    known.sort_by_key(|(place, _)| *place);
    known.into_iter().map(|(_, adapter)| adapter).collect()
}

/// Asks an adapter for its device, with the features of a tier.
async fn request(
    adapter: &wgpu::Adapter,
    described: &Adapter,
    tier: Tier,
) -> Result<(wgpu::Device, wgpu::Queue), WgpuError> {
    let limits = wgpu::Limits {
        max_storage_buffer_binding_size: described.binding_bytes,
        max_buffer_size: adapter.limits().max_buffer_size,
        ..Default::default()
    };
    let mut features = wgpu::Features::empty();
    #[cfg(not(target_arch = "wasm32"))]
    {
        features.set(wgpu::Features::SUBGROUP, tier.subgroups());
        features |= adapter.features() & wgpu::Features::TIMESTAMP_QUERY;
    }
    features.set(wgpu::Features::SHADER_F16, tier.f16());
    let wanted = wgpu::DeviceDescriptor {
        label: Some("azulejo"),
        required_features: features,
        required_limits: limits,
        // Weights are few and large; big blocks around them would be mostly empty.
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    };
    #[cfg(target_arch = "wasm32")]
    if tier.subgroups() {
        crate::browser::ask_for_subgroups();
    }
    // In a browser this asks at once, before it is waited for.
    let asked = adapter.request_device(&wanted);
    asked.await.map_err(|e| {
        let detail = e.to_string();
        #[cfg(target_arch = "wasm32")]
        let detail = crate::browser::said(&detail).to_owned();
        WgpuError::Request { name: described.name.clone(), detail }
    })
}

/// The back-end over an open device.
fn backend(
    described: Adapter,
    (device, queue): (wgpu::Device, wgpu::Queue),
    (tier, reason): (Tier, String),
    skipped: Vec<WgpuError>,
    options: Options,
) -> WgpuBackend {
    let reporter = Reporter::listen(&device);
    let binding_bytes =
        options.binding_bytes.map_or(described.binding_bytes, |b| b.min(described.binding_bytes));
    // GPUs made of software execute a workgroup by few lanes.
    let is_narrow = options.is_narrow.unwrap_or(described.kind == SOFTWARE);
    let info = DeviceInfo {
        backend: "wgpu",
        name: described.name,
        driver: format!("{} {}", described.interface, described.driver).trim().to_owned(),
        tier: tier.name().to_owned(),
        reason,
    };
    WgpuBackend {
        #[cfg(not(target_arch = "wasm32"))]
        has_timestamps: device.features().contains(wgpu::Features::TIMESTAMP_QUERY),
        #[cfg(not(target_arch = "wasm32"))]
        pci_address: device.adapter_info().device_pci_bus_id,
        device,
        queue,
        limits: Limits { binding_bytes, is_narrow },
        pipelines: Mutex::default(),
        reporter,
        counters: Counters::default(),
        staged: AtomicU64::new(0),
        #[cfg(target_arch = "wasm32")]
        verdicts: std::cell::RefCell::default(),
        skipped,
        tier,
        info,
    }
}

/// True for GPUs made of software. Browsers don't always say it of them, but name them. Small subgroups are no sign: a
/// Mali's have 4 to 16 lanes.
fn is_software(info: &wgpu::AdapterInfo, name: &str) -> bool {
    const NAMES: [&str; 4] = ["swiftshader", "llvmpipe", "lavapipe", "basic render"];
    let name = name.to_ascii_lowercase();
    info.device_type == wgpu::DeviceType::Cpu || NAMES.iter().any(|known| name.contains(known))
}

/// The tier, and why that one.
fn choose(adapter: &Adapter, info: &wgpu::AdapterInfo, max: Option<Tier>) -> (Tier, String) {
    let subgroups = if adapter.tier.subgroups() {
        format!("subgroups (size {}..{})", info.subgroup_min_size, info.subgroup_max_size)
    } else {
        "no subgroups".to_owned()
    };
    let f16 = if adapter.tier.f16() { "shader-f16" } else { "no shader-f16" };
    let mut reason = format!("the adapter offers {subgroups} and {f16}");
    let cap = max.unwrap_or(Tier::SubgroupsF16);
    let tier = Tier::of(adapter.tier.subgroups() && cap.subgroups(), adapter.tier.f16() && cap.f16());
    if tier != adapter.tier {
        reason.push_str(&format!("; held to {} on request", cap.name()));
    }
    (tier, reason)
}

impl WgpuBackend {
    /// The tier that kernels are linked for.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// What plans are lowered for.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What was asked of the device so far.
    pub fn counts(&self) -> Counts {
        self.counters.snapshot()
    }

    /// The devices that would have been preferred, and can't be opened.
    pub fn skipped(&self) -> &[WgpuError] {
        &self.skipped
    }

    /// Where the device is on the PCI bus (`0000:65:00.0`), if its driver says so.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn pci_address(&self) -> Option<&str> {
        Some(self.pci_address.as_str()).filter(|address| !address.is_empty())
    }

    /// Submits nothing. Firefox answers a read only when its device is polled, each 100 ms or at the next submit, so
    /// that a caller who has nothing to submit while it waits calls this every few milliseconds.
    pub fn nudge(&self) {
        self.queue.submit([]);
    }

    /// Waits until the device has taken what was written and submitted.
    ///
    /// # Errors
    /// What the device reports late.
    pub async fn flush(&self) -> Result<(), WgpuError> {
        let done = Signal::default();
        let to = done.clone();
        self.queue.on_submitted_work_done(move || to.set(()));
        let index = self.queue.submit([]);
        self.wait(index)?;
        done.wait().await;
        self.settle().await
    }

    /// Ends the device; what comes after fails with [`WgpuError::DeviceLost`].
    pub fn destroy(&self) {
        self.device.destroy();
    }

    pub(crate) fn device_info(&self) -> &DeviceInfo {
        &self.info
    }

    pub(crate) fn target(&self) -> Target {
        if cfg!(target_arch = "wasm32") { Target::Browser } else { Target::Native }
    }

    /// A buffer, zeroed.
    pub(crate) fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        count(&self.counters.buffers, 1);
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Submits a command buffer.
    pub(crate) fn submit(&self, encoder: wgpu::CommandEncoder) -> wgpu::SubmissionIndex {
        count(&self.counters.submits, 1);
        self.queue.submit([encoder.finish()])
    }
}
