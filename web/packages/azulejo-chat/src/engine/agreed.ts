// All that is needed only once the visitor has agreed to a model, and so is fetched then: one chunk.

export { written } from "../conversation/writing.js";
export { openDevice } from "./device.js";
export { promptOf } from "./prompt.js";
export { openServer } from "./server.js";
