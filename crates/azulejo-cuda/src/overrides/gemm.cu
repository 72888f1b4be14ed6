// What gemm.wesl computes, by tensor cores: matrix fragments of 16 x 8 x 16 in bf16, sums in f32.
//
// A block computes 128 rows x 64 tokens, each of its four warps 64 x 32, over stages of one unit (32 columns): a thread
// unpacks the unit of one row and splits 16 numbers of the tokens while the block multiplies the stage before.
//
// Weights and activations have f32's range and are no bf16, so each is split in two: `upper`, rounded to bf16, and `lower`,
// what that leaves, rounded again: 16 bits of mantissa. Three products are summed, lower * upper, upper * lower, upper * upper;
// what is left out, and what is rounded, is 2^-17 of a product at most. Tensor cores cut their sums off instead of rounding
// them, and a thousand of those would drift towards zero, so that a stage is summed by itself and then added as f32 is.
//
// Traffic: the matrix once for every 64 tokens, the tokens once for every 128 rows. The stage that comes is in registers, not
// on its way by cp.async: it is rewritten before it is stored, and a thread holds no more of it than 16 numbers and a unit.
//
// What limits it on an H100, by arithmetic (no GPU has run it). A stage of a block is 384 multiplications, 8 cycles each of a
// quarter of a multiprocessor, so 768; its 96 loads of fragments and its stores take 384 + 192 cycles of shared memory, and
// unpacking and splitting some 400 of issue: the three overlap between the blocks of a multiprocessor, and tensor cores are
// the first to be full. They give a third of bf16's rate at best, for three products, and mma.sync some two thirds of what
// wgmma would. What would be next, in this order: two products where a format's weights are bf16 themselves (BF16, and F16 or
// Q8_0 if a row's scale came last); columns shared out among blocks where tokens are few, since 4,096 rows are 32 blocks for
// 132 multiprocessors and 64 tokens; wgmma with both operands in shared memory, whose tiles of 128 x 128 halve unpacking.

constexpr u32 ROWS = 128u, TOKENS = 64u;
// Of a warp, in fragments of 16 rows and of 8 tokens; of a stage, in fragments of 16 columns.
constexpr u32 ROW_PARTS = 4u, TOKEN_PARTS = 4u, COLUMN_PARTS = 2u;
// Vectors of 8 bf16 of a row or token in a stage: 4 upper ones, then 4 lower ones.
constexpr u32 VECTORS = 8u, LOWER = 4u;
constexpr u32 WEIGHTS = ROWS * VECTORS, VALUES = TOKENS * VECTORS;
// The numbers of the tokens that a thread splits: so many times eight.
constexpr u32 EIGHTS = TOKENS * 4u / THREADS;

struct Stage {
  V4<u32> weights[WEIGHTS];
  V4<u32> values[VALUES];
};
struct Shared {
  Stage stages[2];
};
static_assert(sizeof(Shared) == SHARED_BYTES, "as the table of overrides says");
static_assert(THREADS == ROWS, "a thread for each row's unit");
__shared__ Shared shared;

// Where a vector of a row is. The same vector of eight rows is in eight different banks, and so are four vectors of two rows
// that are four apart.
FN u32 place(u32 row, u32 vector) { return row * VECTORS + (vector ^ (row & 7u)); }

struct Split {
  V4<u32> upper, lower;
};

FN void split(f32 a, f32 b, u32& upper, u32& lower) {
  upper = tensor::pack_2_bf16(a, b);
  lower = tensor::pack_2_bf16(a - wgsl::bits_f32(upper << 16), b - wgsl::bits_f32(upper & 0xffff0000u));
}

FN Split split(V4<f32> a, V4<f32> b) {
  Split s;
  split(a.x, a.y, s.upper.x, s.lower.x);
  split(a.z, a.w, s.upper.y, s.lower.y);
  split(b.x, b.y, s.upper.z, s.lower.z);
  split(b.z, b.w, s.upper.w, s.lower.w);
  return s;
}

KERNEL(THREADS) gemm(BINDINGS) {
  POISON(shared);
  const u32 first_row = (blockIdx.x + blockIdx.y * gridDim.x) * ROWS;
  const u32 first_token = blockIdx.z * TOKENS;
  if (first_row >= params->rows || first_token >= run->tokens) return;
  const u32 thread = threadIdx.x, warp = thread / 32u, lane = thread % 32u;

  // What the thread unpacks and splits of a stage. Rows and tokens behind the last are computed as the last and not stored.
  const u32 units = params->units_per_row;
  const u32 first_unit = (params->first_row + wgsl::min(first_row + thread, params->rows - 1u)) * units;
  // Eight lanes have four vectors of two tokens that are four apart.
  const u32 vector = lane % 4u;
  u32 tokens[EIGHTS], first_value[EIGHTS];
  for (u32 i = 0u; i < EIGHTS; i++) {
    tokens[i] = (warp * EIGHTS + i) * 8u + lane / 8u + lane % 8u / 4u * 4u;
    first_value[i] = wgsl::min(first_token + tokens[i], run->tokens - 1u) * (params->x_stride / 4u) + vector * 2u;
  }

  // Where the fragments of the warp are.
  const u32 warp_row = warp / 2u * (ROW_PARTS * 16u), warp_token = warp % 2u * (TOKEN_PARTS * 8u);
  // The row of a fragment of weights that the lane names, and the half of its columns: rows are the faster.
  const u32 weight_row = warp_row + lane % 16u, weight_half = lane / 16u;
  // The same for two fragments of tokens: halves of columns are the faster.
  const u32 value_token = warp_token + lane / 16u * 8u + lane % 8u, value_half = lane / 8u % 2u;

  // What is on its way to the next stage.
  Unit unit;
  V4<f32> numbers[EIGHTS][2];
  const auto load = [&](u32 k) {
    unit = load_unit(first_unit + k, params->units);
    for (u32 i = 0u; i < EIGHTS; i++) {
      for (u32 j = 0u; j < 2u; j++) numbers[i][j] = x[INDEX(first_value[i] + k * 8u + j, x_length, "x")];
    }
  };

  V4<f32> sums[ROW_PARTS][TOKEN_PARTS] = {};
  load(0u);
  for (u32 k = 0u; k < units; k++) {
    // Whoever still multiplies has the other stage: before that was the barrier.
    Stage& stage = shared.stages[k % 2u];
    for (u32 i = 0u; i < LOWER; i++) {
      const f32 scale = i < 2u ? unit.scale.x : unit.scale.y;
      const V4<f32> offset = wgsl::splat4(i < 2u ? unit.offset.x : unit.offset.y);
      const Split s = split(unit.q.e[2u * i] * scale + offset, unit.q.e[2u * i + 1u] * scale + offset);
      stage.weights[INDEX(place(thread, i), WEIGHTS, "weights")] = s.upper;
      stage.weights[INDEX(place(thread, LOWER + i), WEIGHTS, "weights")] = s.lower;
    }
    for (u32 i = 0u; i < EIGHTS; i++) {
      const Split s = split(numbers[i][0], numbers[i][1]);
      stage.values[INDEX(place(tokens[i], vector), VALUES, "values")] = s.upper;
      stage.values[INDEX(place(tokens[i], LOWER + vector), VALUES, "values")] = s.lower;
    }
    __syncthreads();
    // Behind the last there is none: the last is read again and not used.
    load(wgsl::min(k + 1u, units - 1u));

    V4<u32> values[COLUMN_PARTS][TOKEN_PARTS / 2u][2];
    for (u32 c = 0u; c < COLUMN_PARTS; c++) {
      for (u32 t = 0u; t < TOKEN_PARTS / 2u; t++) {
        for (u32 part = 0u; part < 2u; part++) {
          const u32 at = place(value_token + t * 16u, part * LOWER + c * 2u + value_half);
          values[c][t][part] = tensor::ldmatrix_x4(&stage.values[INDEX(at, VALUES, "values")]);
        }
      }
    }
    for (u32 r = 0u; r < ROW_PARTS; r++) {
      V4<f32> products[TOKEN_PARTS] = {};
      for (u32 c = 0u; c < COLUMN_PARTS; c++) {
        V4<u32> weights[2];
        for (u32 part = 0u; part < 2u; part++) {
          const u32 at = place(weight_row + r * 16u, part * LOWER + c * 2u + weight_half);
          weights[part] = tensor::ldmatrix_x4(&stage.weights[INDEX(at, WEIGHTS, "weights")]);
        }
        // The small ones first.
        for (u32 product = 0u; product < 3u; product++) {
          const u32 of_weights = product == 0u ? 1u : 0u, of_values = product == 1u ? 1u : 0u;
          for (u32 t = 0u; t < TOKEN_PARTS; t++) {
            const V4<u32> pair = values[c][t / 2u][of_values];
            const V2<u32> value = t % 2u == 0u ? V2<u32>{pair.x, pair.y} : V2<u32>{pair.z, pair.w};
            products[t] = tensor::mma_bf16(weights[of_weights], value, products[t]);
          }
        }
      }
      for (u32 t = 0u; t < TOKEN_PARTS; t++) sums[r][t] = sums[r][t] + products[t];
    }
  }

  // A lane has two rows that are eight apart, and two tokens, of each fragment of 16 rows and 8 tokens.
  for (u32 r = 0u; r < ROW_PARTS; r++) {
    for (u32 half = 0u; half < 2u; half++) {
      const u32 row = first_row + warp_row + r * 16u + half * 8u + lane / 4u;
      if (row >= params->rows) continue;
      const f32 of_row = bias_at(params->bias_offset + row);
      for (u32 t = 0u; t < TOKEN_PARTS; t++) {
        for (u32 i = 0u; i < 2u; i++) {
          const u32 token = first_token + warp_token + t * 8u + lane % 4u * 2u + i;
          const f32 sum = wgsl::get(sums[r][t], half * 2u + i);
          if (token < run->tokens) {
            put(token * params->out_stride + params->out_offset + row,
                token * params->residual_stride + params->residual_offset + row, sum + of_row);
          }
        }
      }
    }
  }
}
