// Has JavaScriptCore compile each function at its first call.
//
// By itself it interprets a function first and changes over to compiled code in the middle of a loop, and up to the
// version of WebKitGTK 2.50 at least that change now and then gives wrong values: with its thresholds turned down
// (JSC_thresholdForBBQOptimizeAfterWarmUp=1) 5 of 672 starts of a real model answered wrongly, failed or trapped; with
// functions like this none of 248, and without the interpreter or without that change none of 384. Functions with an
// instruction of SIMD are never interpreted there, so each one gets one, whose value is dropped: 5 bytes, of which
// compression leaves hardly any. Other engines compile at once, and drop the instruction.

import assert from "node:assert/strict";

const CODE_SECTION = 10;
/** `i32.const 0`, `i8x16.splat`, `drop`. */
const DROPPED = Buffer.from([0x41, 0x00, 0xfd, 0x0f, 0x1a]);

/** A module's bytes with the instruction in each of its functions: https://webassembly.github.io/spec/core/binary. */
export function uninterpreted(module) {
  const parts = [module.subarray(0, 8)];
  for (let at = 8; at < module.length; ) {
    const [size, start] = number(module, at + 1);
    const end = start + size;
    if (module[at] === CODE_SECTION) {
      const code = functions(module, start);
      parts.push(Buffer.from([CODE_SECTION]), encoded(code.length), code);
    } else parts.push(module.subarray(at, end));
    at = end;
  }
  const changed = Buffer.concat(parts);
  assert(WebAssembly.validate(changed), "the changed module is no WebAssembly");
  return changed;
}

/** The contents of the code section. */
function functions(module, start) {
  const [count, first] = number(module, start);
  const parts = [encoded(count)];
  for (let i = 0, at = first; i < count; i++) {
    const [size, body] = number(module, at);
    at = body + size;
    // Locals come first: groups of a number and a type, each of one byte, as there are no references to own types.
    let [groups, instructions] = number(module, body);
    for (; groups > 0; groups--) instructions = number(module, instructions)[1] + 1;
    const changed = [module.subarray(body, instructions), DROPPED, module.subarray(instructions, at)];
    parts.push(encoded(size + DROPPED.length), ...changed);
  }
  return Buffer.concat(parts);
}

/** An unsigned LEB128 number, and where it ends. */
function number(bytes, at) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++];
    assert(byte !== undefined, "the module ends within a number");
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at];
  }
}

function encoded(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}
