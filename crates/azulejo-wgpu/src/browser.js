// What wgpu doesn't pass on of a browser's WebGPU: the feature `subgroups`, which wgpu 30 neither reports nor asks for,
// and the adapter's vendor and architecture.

/** `[has subgroups, a name]` of the adapter that the browser offers; undefined if there is none, or a text that says why. */
export async function adapterFacts() {
  let adapter;
  try {
    adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    return `the browser refuses to give an adapter (${error?.message ?? error})`;
  }
  if (!adapter) return undefined;
  const { vendor, architecture, device, description } = adapter.info ?? {};
  const name = description || [vendor, architecture, device].filter(Boolean).join(" ");
  return [adapter.features.has("subgroups"), name];
}

/** Asks the next device that is opened for subgroups; other requests of the page are as they were. */
export function askForSubgroups() {
  const prototype = globalThis.GPUAdapter?.prototype;
  if (!prototype) return;
  const { requestDevice } = prototype;
  prototype.requestDevice = function (descriptor = {}) {
    prototype.requestDevice = requestDevice;
    const requiredFeatures = [...(descriptor.requiredFeatures ?? []), "subgroups"];
    return requestDevice.call(this, { ...descriptor, requiredFeatures });
  };
}
