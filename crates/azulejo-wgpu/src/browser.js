// What wgpu doesn't pass on of a browser's WebGPU: the feature `subgroups`, which wgpu 30 neither reports nor asks for,
// and the adapter's vendor and architecture.

let wantsSubgroups = false;
let isPatched = false;

/** `[has subgroups, a name]` of the adapter that the browser offers, or undefined. */
export async function adapterFacts() {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const { vendor, architecture, device, description } = adapter.info ?? {};
  const name = description || [vendor, architecture, device].filter(Boolean).join(" ");
  return [adapter.features.has("subgroups"), name];
}

/** Whether devices that are opened from now on are asked for subgroups. */
export function askForSubgroups(wanted) {
  wantsSubgroups = wanted;
  if (isPatched || !globalThis.GPUAdapter) return;
  isPatched = true;
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = function (descriptor = {}) {
    if (!wantsSubgroups) return requestDevice.call(this, descriptor);
    const requiredFeatures = [...(descriptor.requiredFeatures ?? []), "subgroups"];
    return requestDevice.call(this, { ...descriptor, requiredFeatures });
  };
}
