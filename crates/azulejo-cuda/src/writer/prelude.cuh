// What the written kernels are made of: WGSL's types, and its operations wherever they differ from those of C++.
//
// No header is included, since NVRTC has none. What is CUDA's own (threadIdx, __syncthreads, __shfl_xor_sync, expf ...)
// is declared by host/shim.h where this is compiled for the host.

typedef unsigned int u32;
typedef int i32;
typedef float f32;

static_assert(sizeof(u32) == 4 && sizeof(i32) == 4 && sizeof(f32) == 4, "WGSL's scalars have 32 bits");

#ifdef __CUDACC__
// The compiler aims at many threads in flight, and now and then stores registers to memory for it. The host then asks for
// no more than so many. KERNEL_OF asks for so many blocks of a multiprocessor at once, and then for one less.
#ifdef THREADS_IN_FLIGHT
#define KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads, THREADS_IN_FLIGHT / (threads))
#define KERNEL_OF(threads, blocks) extern "C" __global__ void __launch_bounds__(threads, (blocks) - 1)
#else
#define KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)
#define KERNEL_OF(threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks)
#endif
#endif
#define FN static __device__ __forceinline__

// Vectors. Two and four components are aligned, so that they are loaded at once.
template <class T> struct alignas(2 * sizeof(T)) V2 { T x, y; };
template <class T> struct V3 { T x, y, z; };
template <class T> struct alignas(4 * sizeof(T)) V4 { T x, y, z, w; };

// Arrays and matrices as values.
template <class T, u32 N> struct Array { T e[N]; };
template <class Column, u32 N> struct Matrix { Column c[N]; };

// A function or an operator of components: R of A, or R of A and A.
#define COMPONENTS(R, f, A)                                                        \
  FN V2<R> f(V2<A> a) { return {f(a.x), f(a.y)}; }                                 \
  FN V3<R> f(V3<A> a) { return {f(a.x), f(a.y), f(a.z)}; }                         \
  FN V4<R> f(V4<A> a) { return {f(a.x), f(a.y), f(a.z), f(a.w)}; }
#define COMPONENTS2(R, f, A)                                                       \
  FN V2<R> f(V2<A> a, V2<A> b) { return {f(a.x, b.x), f(a.y, b.y)}; }              \
  FN V3<R> f(V3<A> a, V3<A> b) { return {f(a.x, b.x), f(a.y, b.y), f(a.z, b.z)}; } \
  FN V4<R> f(V4<A> a, V4<A> b) { return {f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w)}; }
#define OPERATOR(R, op, A)                                                                             \
  FN V2<R> operator op(V2<A> a, V2<A> b) { return {a.x op b.x, a.y op b.y}; }                          \
  FN V3<R> operator op(V3<A> a, V3<A> b) { return {a.x op b.x, a.y op b.y, a.z op b.z}; }              \
  FN V4<R> operator op(V4<A> a, V4<A> b) { return {a.x op b.x, a.y op b.y, a.z op b.z, a.w op b.w}; }
#define COMPARISONS(A)   \
  OPERATOR(bool, ==, A)  \
  OPERATOR(bool, !=, A)  \
  OPERATOR(bool, <, A)   \
  OPERATOR(bool, <=, A)  \
  OPERATOR(bool, >, A)   \
  OPERATOR(bool, >=, A)
#define SCALED(A)                                                              \
  FN V2<A> operator*(V2<A> a, A b) { return {a.x * b, a.y * b}; }              \
  FN V3<A> operator*(V3<A> a, A b) { return {a.x * b, a.y * b, a.z * b}; }     \
  FN V4<A> operator*(V4<A> a, A b) { return {a.x * b, a.y * b, a.z * b, a.w * b}; } \
  FN V2<A> operator*(A a, V2<A> b) { return b * a; }                           \
  FN V3<A> operator*(A a, V3<A> b) { return b * a; }                           \
  FN V4<A> operator*(A a, V4<A> b) { return b * a; }

OPERATOR(f32, +, f32)
OPERATOR(f32, -, f32)
OPERATOR(f32, *, f32)
OPERATOR(f32, /, f32)
COMPARISONS(f32)
SCALED(f32)
OPERATOR(u32, +, u32)
OPERATOR(u32, -, u32)
OPERATOR(u32, *, u32)
OPERATOR(u32, &, u32)
OPERATOR(u32, |, u32)
OPERATOR(u32, ^, u32)
COMPARISONS(u32)
SCALED(u32)
FN V2<f32> operator-(V2<f32> a) { return {-a.x, -a.y}; }
FN V3<f32> operator-(V3<f32> a) { return {-a.x, -a.y, -a.z}; }
FN V4<f32> operator-(V4<f32> a) { return {-a.x, -a.y, -a.z, -a.w}; }

template <class Column, u32 N> FN Matrix<Column, N> operator*(Matrix<Column, N> a, f32 b) {
  Matrix<Column, N> product;
  for (u32 i = 0u; i < N; i++) product.c[i] = a.c[i] * b;
  return product;
}

namespace wgsl {

template <class T> FN V2<T> splat2(T a) { return {a, a}; }
template <class T> FN V3<T> splat3(T a) { return {a, a, a}; }
template <class T> FN V4<T> splat4(T a) { return {a, a, a, a}; }

// A component by a computed number: of a value by choice, so that it stays in registers; in memory by address.
template <class T> FN T get(V2<T> a, u32 i) { return i == 0u ? a.x : a.y; }
template <class T> FN T get(V3<T> a, u32 i) { return i == 0u ? a.x : i == 1u ? a.y : a.z; }
template <class T> FN T get(V4<T> a, u32 i) { return i < 2u ? (i == 0u ? a.x : a.y) : (i == 2u ? a.z : a.w); }
template <template <class> class V, class T> FN T& at(V<T>& a, u32 i) { return reinterpret_cast<T*>(&a)[i]; }
template <template <class> class V, class T> FN const T& at(const V<T>& a, u32 i) {
  return reinterpret_cast<const T*>(&a)[i];
}

#ifdef __CUDACC__
FN void index_out_of_range(const char*, u32, u32) { __trap(); }
#endif

// An index that stays below `length`.
FN u32 clamped(u32 index, u32 length) { return index < length ? index : length - 1u; }
// An index that is below `length`, or the end of the kernel. `what` is the variable that is indexed.
FN u32 checked(u32 index, u32 length, const char* what) {
  if (index >= length) index_out_of_range(what, index, length);
  return index;
}

// The same bits.
FN u32 bits_u32(u32 a) { return a; }
FN u32 bits_u32(i32 a) { return u32(a); }
FN u32 bits_u32(f32 a) { return __float_as_uint(a); }
FN i32 bits_i32(u32 a) { return i32(a); }
FN i32 bits_i32(i32 a) { return a; }
FN i32 bits_i32(f32 a) { return i32(__float_as_uint(a)); }
FN f32 bits_f32(u32 a) { return __uint_as_float(a); }
FN f32 bits_f32(i32 a) { return __uint_as_float(u32(a)); }
FN f32 bits_f32(f32 a) { return a; }
COMPONENTS(u32, bits_u32, u32)
COMPONENTS(u32, bits_u32, i32)
COMPONENTS(u32, bits_u32, f32)
COMPONENTS(i32, bits_i32, u32)
COMPONENTS(i32, bits_i32, i32)
COMPONENTS(i32, bits_i32, f32)
COMPONENTS(f32, bits_f32, u32)
COMPONENTS(f32, bits_f32, i32)
COMPONENTS(f32, bits_f32, f32)

// Conversions. Floats are cut off towards zero; what is too large becomes the limit, and what is no number zero.
FN u32 to_u32(u32 a) { return a; }
FN u32 to_u32(i32 a) { return u32(a); }
FN u32 to_u32(f32 a) { return __float2uint_rz(a); }
FN u32 to_u32(bool a) { return a ? 1u : 0u; }
FN i32 to_i32(u32 a) { return i32(a); }
FN i32 to_i32(i32 a) { return a; }
FN i32 to_i32(f32 a) { return __float2int_rz(a); }
FN i32 to_i32(bool a) { return a ? 1 : 0; }
FN f32 to_f32(u32 a) { return f32(a); }
FN f32 to_f32(i32 a) { return f32(a); }
FN f32 to_f32(f32 a) { return a; }
FN f32 to_f32(bool a) { return a ? 1.0f : 0.0f; }
COMPONENTS(u32, to_u32, u32)
COMPONENTS(u32, to_u32, i32)
COMPONENTS(u32, to_u32, f32)
COMPONENTS(u32, to_u32, bool)
COMPONENTS(i32, to_i32, u32)
COMPONENTS(i32, to_i32, i32)
COMPONENTS(i32, to_i32, f32)
COMPONENTS(i32, to_i32, bool)
COMPONENTS(f32, to_f32, u32)
COMPONENTS(f32, to_f32, i32)
COMPONENTS(f32, to_f32, f32)
COMPONENTS(f32, to_f32, bool)

// A quotient by zero is the dividend, and its remainder zero.
FN u32 divide(u32 a, u32 b) { return b == 0u ? a : a / b; }
FN u32 modulo(u32 a, u32 b) { return b == 0u ? 0u : a % b; }
// Shifts go by as many bits as the lowest 5 bits say.
FN u32 shift_left(u32 a, u32 b) { return a << (b & 31u); }
FN u32 shift_right(u32 a, u32 b) { return a >> (b & 31u); }
COMPONENTS2(u32, divide, u32)
COMPONENTS2(u32, modulo, u32)
COMPONENTS2(u32, shift_left, u32)
COMPONENTS2(u32, shift_right, u32)

template <class T> FN T select(bool condition, T yes, T no) { return condition ? yes : no; }
template <class T> FN V2<T> select(V2<bool> c, V2<T> yes, V2<T> no) {
  return {c.x ? yes.x : no.x, c.y ? yes.y : no.y};
}
template <class T> FN V3<T> select(V3<bool> c, V3<T> yes, V3<T> no) {
  return {c.x ? yes.x : no.x, c.y ? yes.y : no.y, c.z ? yes.z : no.z};
}
template <class T> FN V4<T> select(V4<bool> c, V4<T> yes, V4<T> no) {
  return {c.x ? yes.x : no.x, c.y ? yes.y : no.y, c.z ? yes.z : no.z, c.w ? yes.w : no.w};
}

FN u32 min(u32 a, u32 b) { return a < b ? a : b; }
FN u32 max(u32 a, u32 b) { return a < b ? b : a; }
FN f32 min(f32 a, f32 b) { return fminf(a, b); }
FN f32 max(f32 a, f32 b) { return fmaxf(a, b); }
COMPONENTS2(u32, min, u32)
COMPONENTS2(u32, max, u32)
COMPONENTS2(f32, min, f32)
COMPONENTS2(f32, max, f32)
template <class T> FN T clamp(T a, T low, T high) { return min(max(a, low), high); }

FN f32 abs(f32 a) { return fabsf(a); }
// Faster ones keep WGSL's precision too (3 + 2 |x| units in the last place), but not the tests' tolerances.
FN f32 exp(f32 a) { return expf(a); }
FN f32 exp2(f32 a) { return exp2f(a); }
FN f32 inverse_sqrt(f32 a) { return rsqrtf(a); }
// Ties go to the even one.
FN f32 round(f32 a) { return rintf(a); }
COMPONENTS(f32, abs, f32)
COMPONENTS(f32, exp, f32)
COMPONENTS(f32, inverse_sqrt, f32)
COMPONENTS(f32, round, f32)

FN f32 dot(V2<f32> a, V2<f32> b) { return a.x * b.x + a.y * b.y; }
FN f32 dot(V3<f32> a, V3<f32> b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
FN f32 dot(V4<f32> a, V4<f32> b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }
FN i32 dot_4_i8(u32 a, u32 b) { return __dp4a(i32(a), i32(b), 0); }

// `count` bits from `offset` on; what lies behind the highest is left out.
FN i32 extract_bits(i32 a, u32 offset, u32 count) {
  const u32 first = min(offset, 32u);
  const u32 bits = min(count, 32u - first);
  return bits == 0u ? 0 : i32(u32(a) << (32u - first - bits)) >> (32u - bits);
}

FN V4<u32> unpack_4_u8(u32 a) { return {a & 255u, (a >> 8) & 255u, (a >> 16) & 255u, a >> 24}; }
// 1 + n / 128 for each byte n of less than 128, its seven bits where a float between 1 and 2 has its highest ones; by
// `bytes_fractions.wesl`.
FN V4<f32> fractions(u32 a) {
  const u32 bytes = a | 0x80808080u;
  return {bits_f32(__byte_perm(bytes, 0x3f000000u, 0x7044u)), bits_f32(__byte_perm(bytes, 0x3f000000u, 0x7144u)),
          bits_f32(__byte_perm(bytes, 0x3f000000u, 0x7244u)), bits_f32(__byte_perm(bytes, 0x3f000000u, 0x7344u))};
}
FN V4<i32> unpack_4_i8(u32 a) {
  return {i32(a << 24) >> 24, i32(a << 16) >> 24, i32(a << 8) >> 24, i32(a) >> 24};
}

#ifdef __CUDACC__
FN f32 half_to_f32(u32 bits) {
  f32 value;
  asm("{ .reg .b16 half; cvt.u16.u32 half, %1; cvt.f32.f16 %0, half; }" : "=f"(value) : "r"(bits));
  return value;
}
FN u32 f32_to_half(f32 value) {
  u32 bits;
  asm("{ .reg .b16 half; cvt.rn.f16.f32 half, %1; cvt.u32.u16 %0, half; }" : "=r"(bits) : "f"(value));
  return bits;
}
#endif
FN V2<f32> unpack_2_f16(u32 a) { return {half_to_f32(a & 0xffffu), half_to_f32(a >> 16)}; }
FN u32 pack_2_f16(V2<f32> a) { return f32_to_half(a.x) | f32_to_half(a.y) << 16; }

// Over a subgroup of 32 lanes, all of which take part: WGSL demands that. In a butterfly, so that every lane gets the
// same sum, and the same as on every other device.
FN f32 subgroup_add(f32 a) {
  for (i32 step = 16; step > 0; step /= 2) a += __shfl_xor_sync(0xffffffffu, a, step);
  return a;
}
FN f32 subgroup_max(f32 a) {
  for (i32 step = 16; step > 0; step /= 2) a = fmaxf(a, __shfl_xor_sync(0xffffffffu, a, step));
  return a;
}
COMPONENTS(f32, subgroup_add, f32)
COMPONENTS(f32, subgroup_max, f32)

// Makes workgroup memory words that are no numbers, so that whoever reads what nobody wrote is found out.
template <u32 THREADS, class T> FN void poison(T& memory) {
  u32* words = reinterpret_cast<u32*>(&memory);
  for (u32 i = threadIdx.x; i < sizeof(T) / 4u; i += THREADS) words[i] = 0x7fc0deadu;
  __syncthreads();
}

}  // namespace wgsl

// What all lanes of a warp do together to small matrices, of which each lane holds a fragment; devices from compute
// capability 8.0 on. Source of the fragments' layouts: NVIDIA, *PTX ISA*, "Matrix Fragments for mma.m16n8k16" and
// "ldmatrix".
#ifdef __CUDACC__
namespace tensor {

// Two numbers rounded to bf16, to the nearest, ties to even: the first in the lower half.
FN u32 pack_2_bf16(f32 a, f32 b) {
  u32 both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(b), "f"(a));
  return both;
}

// An address of shared memory, to which bytes can be added.
typedef u32 Address;
FN Address address(const void* pointer) {
  u32 address;
  asm("{ .reg .u64 shared; cvta.to.shared.u64 shared, %1; cvt.u32.u64 %0, shared; }" : "=r"(address) : "l"(pointer));
  return address;
}

// Four matrices of 8 x 8 halves out of shared memory: lanes 0 to 7 name the rows of the first, of 16 bytes, and so on. A lane
// gets two neighbours of row lane / 4 of each.
FN V4<u32> ldmatrix_x4(Address row) {
  V4<u32> all;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(all.x), "=r"(all.y), "=r"(all.z), "=r"(all.w)
               : "r"(row)
               : "memory");
  return all;
}
// The same of each matrix transposed: two neighbours of column lane / 4.
FN V4<u32> ldmatrix_x4_trans(Address row) {
  V4<u32> all;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(all.x), "=r"(all.y), "=r"(all.z), "=r"(all.w)
               : "r"(row)
               : "memory");
  return all;
}

// a (16 x 16) times b (16 x 8) plus c (16 x 8): a and b of bf16, c of f32.
FN V4<f32> mma_bf16(V4<u32> a, V2<u32> b, V4<f32> c) {
  V4<f32> d;
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
      : "=f"(d.x), "=f"(d.y), "=f"(d.z), "=f"(d.w)
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y), "f"(c.x), "f"(c.y), "f"(c.z), "f"(c.w));
  return d;
}

}  // namespace tensor
#endif

namespace tensor {

// Above, or of the host.
FN u32 pack_2_bf16(f32 a, f32 b);

// Two numbers as what they are when rounded to bf16, and what that leaves, rounded again: 16 bits of each.
FN void split(f32 a, f32 b, u32& upper, u32& lower) {
  upper = pack_2_bf16(a, b);
  lower = pack_2_bf16(a - wgsl::bits_f32(upper << 16), b - wgsl::bits_f32(upper & 0xffff0000u));
}

struct Split {
  V4<u32> upper, lower;
};
FN Split split(V2<f32> a, V2<f32> b, V2<f32> c, V2<f32> d) {
  Split s;
  split(a.x, a.y, s.upper.x, s.lower.x);
  split(b.x, b.y, s.upper.y, s.lower.y);
  split(c.x, c.y, s.upper.z, s.lower.z);
  split(d.x, d.y, s.upper.w, s.lower.w);
  return s;
}
FN Split split(V4<f32> a, V4<f32> b) { return split({a.x, a.y}, {a.z, a.w}, {b.x, b.y}, {b.z, b.w}); }

}  // namespace tensor
