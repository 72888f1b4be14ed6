// CUDA on the host: what NVRTC offers a kernel without being asked. How a block's threads come about is said by what stands
// behind it: fibres.h or threads.h.

#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>

#define KERNEL(threads) static void
#define __device__
#define __forceinline__ inline

struct uint3 { unsigned x, y, z; };

namespace host {

constexpr unsigned MAX_THREADS = 1024, WARP = 32;

// Waits for the block's other threads; `line` is the barrier's.
static void barrier(int line);
// What lane `lane ^ mask` of the warp gives for what this one gives.
static unsigned exchange(unsigned value, unsigned mask);
// Ends the kernel.
static void out_of_range(const char* what, unsigned index, unsigned length);

struct Kernel {
  const char* name;
  void (*body)(void* const*, const unsigned*);
  unsigned threads;
};

// A pointer that becomes whatever a kernel's parameter is.
struct Pointer {
  void* address;
  template <class T> operator T*() const { return static_cast<T*>(address); }
};

// Halves by software: of every bit pattern, rounded to the nearest, ties to even.
static inline float half_to_f32(unsigned bits) {
  const unsigned sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u, mantissa = bits & 1023u;
  float value;
  if (exponent == 0) {
    value = float(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  const unsigned wide = sign | (exponent == 31 ? 255u << 23 : (exponent + 112u) << 23) | mantissa << 13;
  memcpy(&value, &wide, 4);
  return value;
}

static inline unsigned f32_to_half(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  const unsigned sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
  // Below the smallest normal half, 2^-14, steps are 2^-24 wide; rintf rounds to even.
  if (magnitude < 0x38800000u) return sign | unsigned(rintf(fabsf(value) * 0x1p24f));
  const unsigned odd = (magnitude >> 13) & 1u;
  return sign | ((magnitude - (112u << 23) + 0xfffu + odd) >> 13);
}

}  // namespace host

#define __syncthreads() host::barrier(__LINE__)

static inline unsigned __float_as_uint(float a) {
  unsigned bits;
  memcpy(&bits, &a, 4);
  return bits;
}
static inline float __uint_as_float(unsigned bits) {
  float a;
  memcpy(&a, &bits, 4);
  return a;
}
// As the device converts: towards zero, limits beyond the limits, zero for what is no number.
static inline unsigned __float2uint_rz(float a) { return a >= 4294967296.0f ? ~0u : a > 0.0f ? unsigned(a) : 0u; }
static inline int __float2int_rz(float a) {
  return a >= 2147483648.0f ? 2147483647 : a > -2147483648.0f ? int(a) : a <= -2147483648.0f ? -2147483647 - 1 : 0;
}
// A macro, since newer systems have a function of this name.
#define rsqrtf(a) (1.0f / sqrtf(a))
static inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 32; i += 8) sum += int8_t(a >> i) * int8_t(b >> i);
  return sum;
}
// A byte of eight for each of the lowest four digits of the selector.
static inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const uint64_t bytes = uint64_t(high) << 32 | low;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) result |= unsigned(bytes >> 8 * (selector >> 4 * i & 7u) & 0xffu) << 8 * i;
  return result;
}
static inline float __shfl_xor_sync(unsigned, float value, int mask) {
  return __uint_as_float(host::exchange(__float_as_uint(value), unsigned(mask)));
}

namespace wgsl {
using host::f32_to_half;
using host::half_to_f32;
static inline void index_out_of_range(const char* what, unsigned index, unsigned length) {
  host::out_of_range(what, index, length);
}
}  // namespace wgsl
