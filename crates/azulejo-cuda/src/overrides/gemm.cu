// What gemm.wesl computes, by tensor cores: products of fragments (16 x 16 by 16 x 8) of bf16, summed in f32.
//
// A block computes 128 rows x 64 tokens, each of its four warps 64 x 32, in stages of one unit, 32 columns: while a stage is
// multiplied, each thread unpacks one row's unit of the next and splits 16 numbers of the tokens.
//
// Weights and activations have f32's range and are no bf16, so each is split in two: what it is when rounded to bf16 (`upper`),
// and what that leaves, rounded again (`lower`). Three products are summed, lower * upper, upper * lower and upper * upper;
// what rounding and the fourth would add is 3 * 2^-18 of a product at most, and what is infinite becomes no number. Tensor cores
// cut sums off instead of rounding them, by which thousands of columns would drift towards zero: a stage is summed by itself,
// and added as other f32 are.
//
// Traffic: the matrix once for every 64 tokens, the tokens once for every 128 rows. The next stage waits in registers and not
// on its way by cp.async, since what comes is not yet what is stored.
//
// What limits it on an H100, by arithmetic; no GPU has run it. For a stage, a quarter of a multiprocessor has 96 multiplications,
// 400 cycles at the rate of wgmma and some 600 at what mma.sync is said to reach; it issues 500 to 680 instructions, by format;
// and fragments that are loaded and stored take 576 cycles of the block's shared memory. The three overlap, as a multiprocessor
// has three blocks, and none is far from full: a third, for three products, of what mma.sync reaches is the most. Next, in this
// order: columns shared out among blocks where tokens are few (4,096 rows and 128 tokens are 64 blocks for 132 multiprocessors);
// two products where weights are bf16 themselves; wgmma, which reads both factors from shared memory, over 128 tokens, which
// halves what is unpacked.

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

KERNEL_OF(THREADS, 3) gemm(BINDINGS) {
  POISON(shared);
  // Read once: what is stored later could be anywhere, as far as the compiler knows.
  const Params p = *params;
  const u32 all_tokens = run->tokens;
  const u32 first_row = (blockIdx.x + blockIdx.y * gridDim.x) * ROWS;
  const u32 first_token = blockIdx.z * TOKENS;
  if (first_row >= p.rows || first_token >= all_tokens) return;
  const u32 thread = threadIdx.x, warp = thread / 32u, lane = thread % 32u;

  // What the thread unpacks and splits of a stage. Rows and tokens behind the last are computed as the last and not stored.
  const u32 units = p.units_per_row;
  const u32 first_unit = (p.first_row + wgsl::min(first_row + thread, p.rows - 1u)) * units;
  // Eight lanes have four vectors of two tokens that are four apart.
  const u32 vector = lane % 4u;
  u32 tokens[EIGHTS], first_value[EIGHTS];
  for (u32 i = 0u; i < EIGHTS; i++) {
    tokens[i] = (warp * EIGHTS + i) * 8u + lane / 8u + lane % 8u / 4u * 4u;
    first_value[i] = wgsl::min(first_token + tokens[i], all_tokens - 1u) * (p.x_stride / 4u) + vector * 2u;
  }

  // Where the fragments of the warp are.
  const u32 warp_row = warp / 2u * (ROW_PARTS * 16u), warp_token = warp % 2u * (TOKEN_PARTS * 8u);
  // The row of a fragment of weights that the lane names, and the half of its columns: rows are the faster.
  const u32 weight_row = warp_row + lane % 16u, weight_half = lane / 16u;
  // The same for two fragments of tokens: halves of columns are the faster.
  const u32 value_token = warp_token + lane / 16u * 8u + lane % 8u, value_half = lane / 8u % 2u;

  // The loop is without branches, so that the compiler mixes what is loaded, multiplied and unpacked: it begins with a stage of
  // zeros, and ends with one that isn't used.
  for (u32 i = thread; i < WEIGHTS; i += THREADS) shared.stages[1].weights[i] = V4<u32>{};
  for (u32 i = thread; i < VALUES; i += THREADS) shared.stages[1].values[i] = V4<u32>{};
  V4<f32> sums[ROW_PARTS][TOKEN_PARTS] = {};
  for (u32 next = 0u; next <= units; next++) {
    __syncthreads();
    const u32 k = wgsl::min(next, units - 1u);
    const Unit unit = load_unit(first_unit + k, p.units);
    V4<f32> numbers[EIGHTS][2];
    for (u32 i = 0u; i < EIGHTS; i++) {
      for (u32 j = 0u; j < 2u; j++) numbers[i][j] = x[INDEX(first_value[i] + k * 8u + j, x_length, "x")];
    }

    const Stage& stage = shared.stages[(next + 1u) % 2u];
    const tensor::Address of_weights = tensor::address(stage.weights), of_values = tensor::address(stage.values);
    V4<u32> values[COLUMN_PARTS][TOKEN_PARTS / 2u][2];
    for (u32 c = 0u; c < COLUMN_PARTS; c++) {
      for (u32 t = 0u; t < TOKEN_PARTS / 2u; t++) {
        for (u32 part = 0u; part < 2u; part++) {
          const u32 at = place(value_token + t * 16u, part * LOWER + c * 2u + value_half);
          values[c][t][part] = tensor::ldmatrix_x4(of_values + INDEX(at, VALUES, "values") * 16u);
        }
      }
    }
    for (u32 r = 0u; r < ROW_PARTS; r++) {
      V4<f32> products[TOKEN_PARTS] = {};
      for (u32 c = 0u; c < COLUMN_PARTS; c++) {
        V4<u32> weights[2];
        for (u32 part = 0u; part < 2u; part++) {
          const u32 at = place(weight_row + r * 16u, part * LOWER + c * 2u + weight_half);
          weights[part] = tensor::ldmatrix_x4(of_weights + INDEX(at, WEIGHTS, "weights") * 16u);
        }
        // The small ones first.
        for (u32 product = 0u; product < 3u; product++) {
          const u32 lower_weight = product == 0u ? 1u : 0u, lower_value = product == 1u ? 1u : 0u;
          for (u32 t = 0u; t < TOKEN_PARTS; t++) {
            const V4<u32> pair = values[c][t / 2u][lower_value];
            const V2<u32> value = t % 2u == 0u ? V2<u32>{pair.x, pair.y} : V2<u32>{pair.z, pair.w};
            products[t] = tensor::mma_bf16(weights[lower_weight], value, products[t]);
          }
        }
      }
      for (u32 t = 0u; t < TOKEN_PARTS; t++) sums[r][t] = sums[r][t] + products[t];
    }

    // Nobody reads it: that was before the barrier.
    Stage& coming = shared.stages[next % 2u];
    for (u32 i = 0u; i < EIGHTS; i++) {
      const tensor::Split s = tensor::split(numbers[i][0], numbers[i][1]);
      coming.values[INDEX(place(tokens[i], vector), VALUES, "values")] = s.upper;
      coming.values[INDEX(place(tokens[i], LOWER + vector), VALUES, "values")] = s.lower;
    }
    for (u32 i = 0u; i < LOWER; i++) {
      const f32 scale = i < 2u ? unit.scale.x : unit.scale.y;
      const V4<f32> offset = wgsl::splat4(i < 2u ? unit.offset.x : unit.offset.y);
      const tensor::Split s = tensor::split(unit.q.e[2u * i] * scale + offset, unit.q.e[2u * i + 1u] * scale + offset);
      coming.weights[INDEX(place(thread, i), WEIGHTS, "weights")] = s.upper;
      coming.weights[INDEX(place(thread, LOWER + i), WEIGHTS, "weights")] = s.lower;
    }
  }

  // A lane has two rows that are eight apart, and two tokens, of each fragment of 16 rows and 8 tokens.
  for (u32 r = 0u; r < ROW_PARTS; r++) {
    for (u32 half = 0u; half < 2u; half++) {
      const u32 row = first_row + warp_row + r * 16u + half * 8u + lane / 4u;
      if (row >= p.rows) continue;
      const f32 of_row = bias_at(p.bias_offset + row);
      for (u32 t = 0u; t < TOKEN_PARTS; t++) {
        for (u32 i = 0u; i < 2u; i++) {
          const u32 token = first_token + warp_token + t * 8u + lane % 4u * 2u + i;
          const f32 sum = wgsl::get(sums[r][t], half * 2u + i);
          if (token < all_tokens) {
            put(token * p.out_stride + p.out_offset + row,
                token * p.residual_stride + p.residual_offset + row, sum + of_row);
          }
        }
      }
    }
  }
}
