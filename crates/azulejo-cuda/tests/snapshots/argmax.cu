struct alignas(16) Group {
  alignas(16) V3<u32> id;
  alignas(16) V3<u32> count;
};
static_assert(sizeof(Group) == 32, "as in WGSL");

struct alignas(4) Params {
  u32 count;
};
static_assert(sizeof(Params) == 4, "as in WGSL");

struct Shared {
  Array<f32, 64> values;
  Array<u32, 64> indices;
};
__shared__ Shared shared;

static __device__ u32 group_x(const Group group_1) {
  return group_1.id.x + (group_1.id.y * group_1.count.x);
}

KERNEL(64) argmax(const Params* __restrict__ params, const f32* __restrict__ logits, u32 logits_length, V2<u32>* __restrict__ best, u32 best_length) {
  const Group group = {V3<u32>{blockIdx.x, blockIdx.y, blockIdx.z}, V3<u32>{gridDim.x, gridDim.y, gridDim.z}};
  const u32 lane = threadIdx.x;
  f32 value = (-3.4e38f);
  u32 index = 4294967295u;
  u32 i = {};
  u32 half = 32u;
  bool local = {};
  bool local_1 = {};
  const u32 e2 = group_x(group);
  const u32 begin = e2 * 1024u;
  const u32 e7 = params->count;
  if (begin >= e7) {
    return;
  }
  const u32 e13 = params->count;
  const u32 end = wgsl::min(begin + 1024u, e13);
  i = begin + lane;
  for (;;) {
    const u32 e21 = i;
    if (!(e21 < end)) {
      break;
    }
    {
      const u32 e24 = i;
      const f32 v = logits[e24];
      const f32 e27 = value;
      if (v > e27) {
        value = v;
        const u32 e29 = i;
        index = e29;
      }
    }
    const u32 e30 = i;
    i = e30 + 64u;
  }
  const f32 e35 = value;
  shared.values.e[lane] = e35;
  const u32 e38 = index;
  shared.indices.e[lane] = e38;
  __syncthreads();
  for (;;) {
    const u32 e41 = half;
    if (!(e41 > 0u)) {
      break;
    }
    {
      const u32 e44 = half;
      if (lane < e44) {
        const u32 e47 = half;
        const f32 v_1 = shared.values.e[lane + e47];
        const u32 e52 = half;
        const u32 i_1 = shared.indices.e[lane + e52];
        const f32 e58 = shared.values.e[lane];
        if (!((v_1 > e58))) {
          const f32 e65 = shared.values.e[lane];
          if (v_1 == e65) {
            const u32 e71 = shared.indices.e[lane];
            local_1 = i_1 < e71;
          } else {
            local_1 = false;
          }
          const bool e74 = local_1;
          local = e74;
        } else {
          local = true;
        }
        const bool e76 = local;
        if (e76) {
          shared.values.e[lane] = v_1;
          shared.indices.e[lane] = i_1;
        }
      }
      __syncthreads();
    }
    const u32 e81 = half;
    half = wgsl::divide(e81, 2u);
  }
  if (lane == 0u) {
    const u32 e87 = group_x(group);
    const f32 e91 = shared.values.e[0];
    const u32 e95 = shared.indices.e[0];
    best[e87] = V2<u32>{wgsl::bits_u32(e91), e95};
    return;
  } else {
    return;
  }
}
