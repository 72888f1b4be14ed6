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

struct alignas(16) Unit {
  Array<V4<f32>, 8> q;
  V2<f32> scale;
  V2<f32> offset;
};
static_assert(sizeof(Unit) == 144, "as in WGSL");

struct alignas(4) Lane {
  u32 index;
  u32 in_subgroup;
  u32 subgroup;
};
static_assert(sizeof(Lane) == 12, "as in WGSL");

struct alignas(4) Params {
  u32 cols;
  u32 rows;
  u32 units_per_row;
  u32 units;
  u32 x_stride;
  u32 x_row;
  u32 out_offset;
  u32 residual_offset;
  u32 bias_offset;
  f32 eps;
};
static_assert(sizeof(Params) == 40, "as in WGSL");

struct Shared {
  Array<V4<f32>, 64> reduce_sums;
  Array<f32, 64> reduce_one;
};
__shared__ Shared shared;

static __device__ u32 group_x(const Group group_1) {
  return group_1.id.x + (group_1.id.y * group_1.count.x);
}

static __device__ V4<f32> fractions(const u32 word) {
  return wgsl::fractions(word);
}

static __device__ V4<f32> low_halves(const u32 word_1) {
  const V4<f32> e3 = fractions((word_1 & 252645135u));
  return e3;
}

static __device__ V4<f32> high_halves(const u32 word_2) {
  const V4<f32> e5 = fractions((wgsl::shift_right(word_2, 4u) & 252645135u));
  return e5;
}

static __device__ Unit unit_of(const Array<V4<f32>, 8> q, const V2<f32> scale_1, const V2<f32> offset) {
  const V2<f32> of_fractions = 128.0f * scale_1;
  return Unit{q, of_fractions, offset - of_fractions};
}

static __device__ f32 half_at(const u32 base, const u32 i_1, const u32* __restrict__ aux) {
  const u32 e7 = aux[base + wgsl::shift_right(i_1, 1u)];
  const V2<f32> pair = wgsl::unpack_2_f16(e7);
  return wgsl::select(((i_1 & 1u) == 1u), pair.y, pair.x);
}

static __device__ Unit load_unit(const u32 u, const u32 units, const V4<u32>* __restrict__ quants, const u32* __restrict__ aux) {
  const V4<u32> n = quants[u];
  const f32 d = half_at(0u, u, aux);
  const V4<f32> e8 = low_halves(n.x);
  const V4<f32> e10 = low_halves(n.y);
  const V4<f32> e12 = low_halves(n.z);
  const V4<f32> e14 = low_halves(n.w);
  const V4<f32> e16 = high_halves(n.x);
  const V4<f32> e18 = high_halves(n.y);
  const V4<f32> e20 = high_halves(n.z);
  const V4<f32> e22 = high_halves(n.w);
  const Unit e28 = unit_of(Array<V4<f32>, 8>{{e8, e10, e12, e14, e16, e18, e20, e22}}, wgsl::splat2(d), wgsl::splat2(((-8.0f) * d)));
  return e28;
}

static __device__ V2<f32> unit_total(const Array<V4<f32>, 8> v_1) {
  const V4<f32> ones = wgsl::splat4(1.0f);
  return V2<f32>{wgsl::dot(((v_1.e[0] + v_1.e[1]) + v_1.e[2]) + v_1.e[3], ones), wgsl::dot(((v_1.e[4] + v_1.e[5]) + v_1.e[6]) + v_1.e[7], ones)};
}

static __device__ f32 unit_dot(const Unit unit, const Array<V4<f32>, 8> v_2, const V2<f32> total) {
  const V2<f32> products = V2<f32>{((wgsl::dot(unit.q.e[0], v_2.e[0]) + wgsl::dot(unit.q.e[1], v_2.e[1])) + wgsl::dot(unit.q.e[2], v_2.e[2])) + wgsl::dot(unit.q.e[3], v_2.e[3]), ((wgsl::dot(unit.q.e[4], v_2.e[4]) + wgsl::dot(unit.q.e[5], v_2.e[5])) + wgsl::dot(unit.q.e[6], v_2.e[6])) + wgsl::dot(unit.q.e[7], v_2.e[7])};
  return wgsl::dot(unit.scale, products) + wgsl::dot(unit.offset, total);
}

static __device__ V4<f32> input_at(const u32 base_1, const u32 i_2, const V4<f32>* __restrict__ x) {
  const V4<f32> e5 = x[base_1 + i_2];
  return e5;
}

static __device__ V4<f32> norm_weight_at(const u32 i_3, const V4<f32>* __restrict__ norm_weight) {
  const V4<f32> e3 = norm_weight[i_3];
  return e3;
}

static __device__ f32 bias_at(const u32 row) {
  return 0.0f;
}

static __device__ void put(const u32 index, const u32 residual_index, const f32 value, const f32* __restrict__ residual, f32* __restrict__ out) {
  const f32 e7 = residual[residual_index];
  out[index] = e7 + value;
  return;
}

static __device__ V4<f32> wg_sum4_(const Lane lane_1, const V4<f32> value_1) {
  V4<f32> total_1 = wgsl::splat4(0.0f);
  u32 i_4 = 0u;
  const V4<f32> sum = wgsl::subgroup_add(value_1);
  __syncthreads();
  if (lane_1.in_subgroup == 0u) {
    shared.reduce_sums.e[wgsl::divide(lane_1.index, lane_1.subgroup)] = sum;
  }
  __syncthreads();
  for (;;) {
    const u32 e16 = i_4;
    if (!(e16 < wgsl::max(wgsl::divide(64u, lane_1.subgroup), 1u))) {
      break;
    }
    {
      const V4<f32> e23 = total_1;
      const u32 e25 = i_4;
      const V4<f32> e27 = shared.reduce_sums.e[e25];
      total_1 = e23 + e27;
    }
    const u32 e30 = i_4;
    i_4 = e30 + 1u;
  }
  const V4<f32> e32 = total_1;
  return e32;
}

static __device__ f32 wg_sum(const Lane lane_2, const f32 value_2) {
  f32 total_2 = 0.0f;
  u32 i_5 = 0u;
  const f32 sum_1 = wgsl::subgroup_add(value_2);
  __syncthreads();
  if (lane_2.in_subgroup == 0u) {
    shared.reduce_one.e[wgsl::divide(lane_2.index, lane_2.subgroup)] = sum_1;
  }
  __syncthreads();
  for (;;) {
    const u32 e15 = i_5;
    if (!(e15 < wgsl::max(wgsl::divide(64u, lane_2.subgroup), 1u))) {
      break;
    }
    {
      const f32 e22 = total_2;
      const u32 e24 = i_5;
      const f32 e26 = shared.reduce_one.e[e24];
      total_2 = e22 + e26;
    }
    const u32 e29 = i_5;
    i_5 = e29 + 1u;
  }
  const f32 e31 = total_2;
  return e31;
}

KERNEL(64) gemv(const Params* __restrict__ params, const Run* __restrict__ run, const V4<u32>* __restrict__ quants, u32 quants_length, const u32* __restrict__ aux, u32 aux_length, const V4<f32>* __restrict__ x, u32 x_length, const V4<f32>* __restrict__ norm_weight, u32 norm_weight_length, const f32* __restrict__ residual, u32 residual_length, f32* __restrict__ out, u32 out_length) {
  const Group group = {V3<u32>{blockIdx.x, blockIdx.y, blockIdx.z}, V3<u32>{gridDim.x, gridDim.y, gridDim.z}};
  const Lane lane = {threadIdx.x, threadIdx.x % 32u, 32u};
  V4<f32> sums = wgsl::splat4(0.0f);
  f32 squares = 0.0f;
  u32 k = {};
  Array<V4<f32>, 8> v = {};
  u32 i = {};
  f32 scale = 1.0f;
  bool local = {};
  const u32 e2 = group_x(group);
  const u32 row_1 = e2 * 4u;
  const u32 e7 = params->rows;
  if (row_1 >= e7) {
    return;
  }
  const u32 e11 = params->x_row;
  const u32 e14 = run->row;
  const u32 e18 = params->x_stride;
  const u32 base_2 = wgsl::divide((e11 * e14) * e18, 4u);
  const u32 e24 = params->rows;
  const V4<u32> last = wgsl::splat4((e24 - 1u));
  k = lane.index;
  for (;;) {
    const u32 e35 = k;
    const u32 e38 = params->units_per_row;
    if (!(e35 < e38)) {
      break;
    }
    {
      v = Array<V4<f32>, 8>{};
      i = 0u;
      for (;;) {
        const u32 e44 = i;
        if (!(e44 < 8u)) {
          break;
        }
        {
          const u32 e47 = i;
          const u32 e49 = k;
          const u32 e52 = i;
          const V4<f32> e54 = input_at(base_2, ((e49 * 8u) + e52), x);
          v.e[e47] = e54;
          if (true) {
            const f32 e56 = squares;
            const u32 e57 = i;
            const V4<f32> e59 = v.e[e57];
            const u32 e60 = i;
            const V4<f32> e62 = v.e[e60];
            squares = e56 + wgsl::dot(e59, e62);
            const u32 e65 = i;
            const V4<f32> e67 = v.e[e65];
            const u32 e68 = k;
            const u32 e71 = i;
            const V4<f32> e73 = norm_weight_at(((e68 * 8u) + e71), norm_weight);
            v.e[e65] = e67 * e73;
          }
        }
        const u32 e76 = i;
        i = e76 + 1u;
      }
      const Array<V4<f32>, 8> e78 = v;
      const V2<f32> total_3 = unit_total(e78);
      const u32 e90 = params->units_per_row;
      const u32 e92 = k;
      const V4<u32> units_1 = (wgsl::min(V4<u32>{0u, 1u, 2u, 3u} + wgsl::splat4(row_1), last) * e90) + wgsl::splat4(e92);
      const V4<f32> e95 = sums;
      const u32 e99 = params->units;
      const Unit e100 = load_unit(units_1.x, e99, quants, aux);
      const Array<V4<f32>, 8> e101 = v;
      const f32 e102 = unit_dot(e100, e101, total_3);
      const u32 e106 = params->units;
      const Unit e107 = load_unit(units_1.y, e106, quants, aux);
      const Array<V4<f32>, 8> e108 = v;
      const f32 e109 = unit_dot(e107, e108, total_3);
      const u32 e113 = params->units;
      const Unit e114 = load_unit(units_1.z, e113, quants, aux);
      const Array<V4<f32>, 8> e115 = v;
      const f32 e116 = unit_dot(e114, e115, total_3);
      const u32 e120 = params->units;
      const Unit e121 = load_unit(units_1.w, e120, quants, aux);
      const Array<V4<f32>, 8> e122 = v;
      const f32 e123 = unit_dot(e121, e122, total_3);
      sums = e95 + V4<f32>{e102, e109, e116, e123};
    }
    const u32 e126 = k;
    k = e126 + 64u;
  }
  if (true) {
    const f32 e132 = squares;
    const f32 e133 = wg_sum(lane, e132);
    const u32 e136 = params->cols;
    const f32 e141 = params->eps;
    scale = wgsl::inverse_sqrt((e133 / wgsl::to_f32(e136)) + e141);
  }
  const V4<f32> e144 = sums;
  const V4<f32> e145 = wg_sum4_(lane, e144);
  const f32 e146 = scale;
  const V4<f32> sum_2 = e145 * e146;
  const u32 r = row_1 + lane.index;
  if (lane.index < 4u) {
    const u32 e157 = params->rows;
    local = r < e157;
  } else {
    local = false;
  }
  const bool e160 = local;
  if (e160) {
    const u32 e163 = params->out_offset;
    const u32 e167 = params->residual_offset;
    const u32 e173 = params->bias_offset;
    const f32 e175 = bias_at((e173 + r));
    put((e163 + r), (e167 + r), (wgsl::get(sum_2, lane.index) + e175), residual, out);
    return;
  } else {
    return;
  }
}
