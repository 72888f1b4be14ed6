// `tensor` of the prelude on the host, behind it: fragments are laid out among the lanes of a warp as the PTX ISA says
// ("Matrix Fragments for mma.m16n8k16", "ldmatrix").

#define KERNEL_OF(threads, blocks) KERNEL(threads)

namespace host {

// What each lane of a warp gives to all of them.
template <class T> struct Given {
  T of[2][MAX_THREADS];

  // Those of the warp, when all have come. Sides alternate as in `exchange`.
  UNSEEN const T* gather(const T& mine) {
    T* side = of[next_side()];
    // Word by word: a call that copies would be seen.
    const unsigned long* from = reinterpret_cast<const unsigned long*>(&mine);
    volatile unsigned long* to = reinterpret_cast<volatile unsigned long*>(side + number());
    for (size_t i = 0; i < sizeof(T) / sizeof(*to); i++) to[i] = from[i];
    wait_for_warp();
    return side + number() / WARP * WARP;
  }
  static_assert(sizeof(T) % sizeof(unsigned long) == 0, "whole words");
};

struct Fragments {
  double a[4][2], b[2][2];
};

static Given<const char*> given_rows;
static Given<Fragments> given_fragments;

static inline unsigned f32_to_bf16(float value) {
  const unsigned bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

static inline void unpack_2_bf16(unsigned both, double* two) {
  two[0] = __uint_as_float(both << 16);
  two[1] = __uint_as_float(both & 0xffff0000u);
}

// Cut off, as tensor cores were found to do: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores",
// 2021.
static inline float cut_off(double value) {
  const float nearest = float(value);
  return fabs(double(nearest)) > fabs(value) ? nextafterf(nearest, 0.0f) : nearest;
}

}  // namespace host

namespace tensor {

static inline u32 pack_2_bf16(f32 a, f32 b) { return host::f32_to_bf16(a) | host::f32_to_bf16(b) << 16; }

typedef const char* Address;
static inline Address address(const void* pointer) { return static_cast<Address>(pointer); }

static V4<u32> ldmatrix_x4(Address row) {
  const u32 lane = threadIdx.x % host::WARP;
  const char* const* rows = host::given_rows.gather(row);
  u32 all[4];
  for (u32 matrix = 0; matrix < 4; matrix++) memcpy(&all[matrix], rows[matrix * 8 + lane / 4] + lane % 4 * 4, 4);
  return {all[0], all[1], all[2], all[3]};
}

static V4<u32> ldmatrix_x4_trans(Address row) {
  const u32 lane = threadIdx.x % host::WARP;
  const char* const* rows = host::given_rows.gather(row);
  u32 all[4];
  for (u32 matrix = 0; matrix < 4; matrix++) {
    u32 two[2] = {};
    for (u32 i = 0; i < 2; i++) memcpy(&two[i], rows[matrix * 8 + lane % 4 * 2 + i] + lane / 4 * 2, 2);
    all[matrix] = two[0] | two[1] << 16;
  }
  return {all[0], all[1], all[2], all[3]};
}

static V4<f32> mma_bf16(V4<u32> a, V2<u32> b, V4<f32> c) {
  host::Fragments mine;
  const u32 of_a[] = {a.x, a.y, a.z, a.w}, of_b[] = {b.x, b.y};
  for (u32 i = 0; i < 4; i++) host::unpack_2_bf16(of_a[i], mine.a[i]);
  for (u32 i = 0; i < 2; i++) host::unpack_2_bf16(of_b[i], mine.b[i]);
  const host::Fragments* lanes = host::given_fragments.gather(mine);
  const u32 group = threadIdx.x % host::WARP / 4, in_group = threadIdx.x % 4;
  double sums[] = {c.x, c.y, c.z, c.w};
  for (u32 i = 0; i < 4; i++) {
    // Sums 0 and 1 are of row `group`, the others of the one 8 below; each of two columns. A lane of the group has columns 2 l
    // and 2 l + 1 of a's row in words 0 (1 for the lower row), and those 8 behind in words 2 (3).
    const u32 half = i / 2, column = in_group * 2 + i % 2;
    for (u32 l = 0; l < 4; l++) {
      const host::Fragments &row = lanes[group * 4 + l], &of_column = lanes[column * 4 + l];
      for (u32 k = 0; k < 2; k++) {
        for (u32 j = 0; j < 2; j++) sums[i] += row.a[half + 2 * k][j] * of_column.b[k][j];
      }
    }
  }
  return {host::cut_off(sums[0]), host::cut_off(sums[1]), host::cut_off(sums[2]), host::cut_off(sums[3])};
}

}  // namespace tensor
