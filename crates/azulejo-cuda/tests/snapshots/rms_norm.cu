struct alignas(16) Group {
  alignas(16) V3<u32> id;
  alignas(16) V3<u32> count;
};
static_assert(sizeof(Group) == 32, "as in WGSL");

struct alignas(4) Run {
  u32 position;
  u32 tokens;
  u32 row;
  u32 unused;
};
static_assert(sizeof(Run) == 16, "as in WGSL");

struct alignas(4) Lane {
  u32 index;
  u32 in_subgroup;
  u32 subgroup;
};
static_assert(sizeof(Lane) == 12, "as in WGSL");

struct alignas(4) Params {
  u32 cols;
  u32 x_stride;
  u32 out_stride;
  f32 eps;
};
static_assert(sizeof(Params) == 16, "as in WGSL");

struct Shared {
  Array<f32, 64> reduce_one;
};
__shared__ Shared shared;

static __device__ u32 group_y(const Group group_1) {
  return group_1.id.z;
}

static __device__ f32 wg_sum(const Lane lane_1, const f32 value) {
  f32 total = 0.0f;
  u32 i_2 = 0u;
  const f32 sum = wgsl::subgroup_add(value);
  __syncthreads();
  if (lane_1.in_subgroup == 0u) {
    shared.reduce_one.e[wgsl::divide(lane_1.index, lane_1.subgroup)] = sum;
  }
  __syncthreads();
  for (;;) {
    const u32 e15 = i_2;
    if (!(e15 < wgsl::max(wgsl::divide(64u, lane_1.subgroup), 1u))) {
      break;
    }
    {
      const f32 e22 = total;
      const u32 e24 = i_2;
      const f32 e26 = shared.reduce_one.e[e24];
      total = e22 + e26;
    }
    const u32 e29 = i_2;
    i_2 = e29 + 1u;
  }
  const f32 e31 = total;
  return e31;
}

KERNEL(64) rms_norm(const Params* __restrict__ params, const Run* __restrict__ run, const V4<f32>* __restrict__ x, u32 x_length, const V4<f32>* __restrict__ norm_weight, u32 norm_weight_length, V4<f32>* __restrict__ out, u32 out_length) {
  const Group group = {V3<u32>{blockIdx.x, blockIdx.y, blockIdx.z}, V3<u32>{gridDim.x, gridDim.y, gridDim.z}};
  const Lane lane = {threadIdx.x, threadIdx.x % 32u, 32u};
  f32 squares = 0.0f;
  u32 i = {};
  u32 i_1 = {};
  const u32 token = group_y(group);
  const u32 e5 = run->tokens;
  if (token >= e5) {
    return;
  }
  const u32 e9 = params->x_stride;
  const u32 x_base = wgsl::divide(token * e9, 4u);
  const u32 e15 = params->out_stride;
  const u32 out_base = wgsl::divide(token * e15, 4u);
  const u32 e21 = params->cols;
  const u32 n = wgsl::divide(e21 + 3u, 4u);
  i = lane.index;
  for (;;) {
    const u32 e30 = i;
    if (!(e30 < n)) {
      break;
    }
    {
      const u32 e33 = i;
      const V4<f32> v = x[x_base + e33];
      const f32 e37 = squares;
      squares = e37 + wgsl::dot(v, v);
    }
    const u32 e40 = i;
    i = e40 + 64u;
  }
  const f32 e43 = squares;
  const f32 e44 = wg_sum(lane, e43);
  const u32 e47 = params->cols;
  const f32 e52 = params->eps;
  const f32 scale = wgsl::inverse_sqrt((e44 / wgsl::to_f32(e47)) + e52);
  i_1 = lane.index;
  for (;;) {
    const u32 e57 = i_1;
    if (!(e57 < n)) {
      break;
    }
    {
      const u32 e60 = i_1;
      const u32 e64 = i_1;
      const V4<f32> e67 = x[x_base + e64];
      const u32 e70 = i_1;
      const V4<f32> e72 = norm_weight[e70];
      out[out_base + e60] = (e67 * scale) * e72;
    }
    const u32 e74 = i_1;
    i_1 = e74 + 64u;
  }
  return;
}
