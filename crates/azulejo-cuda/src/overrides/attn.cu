// What attn.wesl computes, by tensor cores: an online softmax over tiles of positions (Dao, Fu, Ermon, Rudra, Ré,
// "FlashAttention", 2022), with products of fragments (16 x 16 by 16 x 8) of bf16, summed in f32.
//
// A block computes 64 tokens of a head, each of its four warps 16 of them. A tile is 32 positions: their keys are multiplied by
// the queries, and what becomes of the scores stays in registers, where it is the other factor of the values. A warp skips tiles
// of which its tokens see nothing. Queries and a tile have 128 elements of a head at once: a larger head's scores are sums over
// such parts, and computed again for each part of its output.
//
// Queries, keys, weights and values are split in two bf16, as the factors of gemm.cu, and three products summed; what is f16 in
// the cache is so exactly. Tensor cores cut sums off, so that a tile's output is summed by itself. What is infinite becomes no
// number, and a value that is none makes none of all tokens of a warp that take its tile, those that don't see it too.
//
// Traffic: the head's part of the cache once for every 64 tokens, where the translated kernel has it once a token. The next keys
// or values wait in registers while a tile is multiplied.
//
// What limits it on an H100, by arithmetic for heads of 128 in f16; no GPU has run it. For a tile, a quarter of a multiprocessor
// has 192 multiplications, 800 cycles at the rate of wgmma and some 1,200 at what mma.sync is said to reach; it issues 1,300
// instructions, a quarter of which load and split keys and values; and fragments that are loaded and stored take 1,500 cycles of
// the block's shared memory. The three overlap, as a multiprocessor has two blocks, for whose registers there is room; a quarter,
// for three products, of what mma.sync reaches is the most. Next, in this order: 32 tokens a warp, which halves the loads of
// fragments of the tile; f16 split without f32 in between; three products of larger heads for all of their output at once.

constexpr u32 TOKENS = 64u, POSITIONS = 32u;
// Columns of 8 elements, as the cache has them, of a part of a head.
constexpr u32 COLUMNS = 16u;
// Vectors of 8 bf16 of a token or position: a part's upper ones, then its lower ones.
constexpr u32 VECTORS = 2u * COLUMNS, LOWER = COLUMNS;
constexpr u32 QUERIES = TOKENS * VECTORS, TILE = POSITIONS * VECTORS;
// Fragments of 8 positions in a tile, of 16 positions; and columns that are multiplied without a branch.
constexpr u32 EIGHTS = POSITIONS / 8u, SIXTEENS = POSITIONS / 16u, AT_ONCE = 4u;
// The columns of a tile that a thread splits.
constexpr u32 TAKEN = POSITIONS * COLUMNS / THREADS;
// Below what any score is, and what has no weight.
constexpr f32 LEAST = -3.0e38f;

struct Shared {
  V4<u32> queries[QUERIES];
  // Keys, then values.
  V4<u32> tile[TILE];
};
static_assert(sizeof(Shared) == SHARED_BYTES, "as the table of overrides says");
static_assert(THREADS == TOKENS / 16u * 32u, "a warp for 16 tokens");
__shared__ Shared shared;

// Where a vector of a row is. The same vector of eight rows is in eight different banks, and so are eight vectors of a row.
FN u32 place(u32 row, u32 vector) { return row * VECTORS + (vector ^ (row & 7u)); }

// One of two fragments that were loaded at once.
FN V2<u32> half_of(V4<u32> pair, u32 half) { return half == 0u ? V2<u32>{pair.x, pair.y} : V2<u32>{pair.z, pair.w}; }

KERNEL_OF(THREADS, 2) attn(BINDINGS) {
  POISON(shared);
  // Read once: what is stored later could be anywhere, as far as the compiler knows.
  const Params p = *params;
  const u32 all_tokens = run->tokens;
  const u32 head = blockIdx.x + blockIdx.y * gridDim.x;
  // The last tokens see the most: they come first.
  const u32 first_token = (gridDim.z - 1u - blockIdx.z) * TOKENS;
  if (head >= p.heads || first_token >= all_tokens) return;
  const u32 thread = threadIdx.x, lane = thread % 32u;
  const u32 warp_row = thread / 32u * 16u;

  const u32 columns = columns_of(p.head_size), parts = (columns + COLUMNS - 1u) / COLUMNS;
  const u32 kv_columns = p.kv_heads * columns;
  const u32 kv_base = head / (p.heads / p.kv_heads) * columns;
  // Weights are powers of two, the scores' unit is their logarithm.
  const f32 scale = p.scale * 1.44269504f;

  // The first position that a token sees, and the one behind the last: of a later one neither is earlier. Tokens behind the
  // last are computed as the last and not stored.
  const auto reach = [&](u32 token) {
    const V2<u32> all = reach_of(wgsl::min(token, all_tokens - 1u));
    return V2<u32>{wgsl::max(all.x, all.y - wgsl::min(all.y, p.window)), all.y};
  };
  const u32 begin = reach(first_token).x, end = reach(first_token + TOKENS - 1u).y;
  const u32 warp_begin = reach(first_token + warp_row).x;
  const u32 warp_end = first_token + warp_row < all_tokens ? reach(first_token + warp_row + 15u).y : 0u;
  // Of the lane's two tokens, which are eight apart.
  u32 first_seen[2], seen[2];
  for (u32 half = 0u; half < 2u; half++) {
    const V2<u32> own = reach(first_token + warp_row + half * 8u + lane / 4u);
    first_seen[half] = own.x;
    seen[half] = own.y - own.x;
  }

  // A part of the queries: what is behind a head's end is zero.
  const auto store_queries = [&](u32 part) {
    for (u32 i = thread; i < TOKENS * COLUMNS; i += THREADS) {
      const u32 row = i / COLUMNS, column = i % COLUMNS;
      const u32 element = (part * COLUMNS + column) * 8u;
      const u32 at = wgsl::min(first_token + row, all_tokens - 1u) * p.q_stride + p.q_offset + head * p.head_size + element;
      Array<V2<f32>, 4u> pairs = {};
      for (u32 j = 0u; j < 4u; j++) {
        if (element + 2u * j < p.head_size) {
          pairs.e[j] = V2<f32>{q[INDEX(at + 2u * j, q_length, "q")], q[INDEX(at + 2u * j + 1u, q_length, "q")]} * scale;
        }
      }
      const tensor::Split s = tensor::split(pairs.e[0], pairs.e[1], pairs.e[2], pairs.e[3]);
      shared.queries[INDEX(place(row, column), QUERIES, "queries")] = s.upper;
      shared.queries[INDEX(place(row, LOWER + column), QUERIES, "queries")] = s.lower;
    }
  };

  // What the thread splits of a tile: a column of every so many positions. Small heads leave no thread without any.
  const u32 of_row = columns > COLUMNS / 2u ? COLUMNS : COLUMNS / 2u;
  const u32 row = thread / of_row, rows = THREADS / of_row, column = thread % of_row;
  Array<V2<f32>, 4u> coming[TAKEN];
  // Positions behind the last are the last, and columns behind the head's zero.
  const auto load = [&](bool is_keys, u32 tile, u32 part) {
    const u32 of_head = part * COLUMNS + column;
    for (u32 i = 0u; i < TAKEN; i++) {
      const u32 at = wgsl::min(tile + i * rows + row, end - 1u) * kv_columns + kv_base + of_head;
      coming[i] = {};
      if (i * rows < POSITIONS && of_head < columns) coming[i] = is_keys ? k_load(at) : v_load(at);
    }
  };
  const auto store = [&]() {
    for (u32 i = 0u; i < TAKEN; i++) {
      if (i * rows >= POSITIONS) continue;
      const auto& pairs = coming[i].e;
      const tensor::Split s = tensor::split(pairs[0], pairs[1], pairs[2], pairs[3]);
      shared.tile[INDEX(place(i * rows + row, column), TILE, "tile")] = s.upper;
      shared.tile[INDEX(place(i * rows + row, LOWER + column), TILE, "tile")] = s.lower;
    }
  };

  // Where the fragments are. The row of a fragment of queries that the lane names, and the half of its elements: rows are the
  // faster. The same for two fragments of keys: halves are the faster; and for two of values: positions are.
  const tensor::Address of_queries = tensor::address(shared.queries), of_tile = tensor::address(shared.tile);
  const u32 query_row = warp_row + lane % 16u, query_half = lane / 16u;
  const u32 key_row = lane / 16u * 8u + lane % 8u, key_half = lane / 8u % 2u;
  const u32 value_row = lane % 16u, value_half = lane / 16u;

  for (u32 out_part = 0u; out_part < parts; out_part++) {
    f32 most[2] = {LEAST, LEAST}, total[2] = {};
    V4<f32> sums[COLUMNS] = {};
    load(true, begin, 0u);
    for (u32 tile = begin; tile < end; tile += POSITIONS) {
      const bool is_seen = tile < warp_end && tile + POSITIONS > warp_begin;
      V4<f32> scores[EIGHTS] = {};
      for (u32 part = 0u; part < parts; part++) {
        __syncthreads();
        if (tile == begin || parts > 1u) store_queries(part);
        store();
        __syncthreads();
        if (part + 1u < parts) load(true, tile, part + 1u);
        else load(false, tile, out_part);
        if (!is_seen) continue;
        const u32 of_part = wgsl::min(columns - part * COLUMNS, COLUMNS);
        for (u32 first = 0u; first < of_part; first += AT_ONCE) {
          for (u32 c = first; c < first + AT_ONCE; c += 2u) {
            V4<u32> queries[2], keys[SIXTEENS][2];
            for (u32 lower = 0u; lower < 2u; lower++) {
              const u32 at = place(query_row, lower * LOWER + c + query_half);
              queries[lower] = tensor::ldmatrix_x4(of_queries + INDEX(at, QUERIES, "queries") * 16u);
              for (u32 n = 0u; n < SIXTEENS; n++) {
                const u32 at = place(n * 16u + key_row, lower * LOWER + c + key_half);
                keys[n][lower] = tensor::ldmatrix_x4(of_tile + INDEX(at, TILE, "tile") * 16u);
              }
            }
            // The small ones first.
            for (u32 product = 0u; product < 3u; product++) {
              const u32 lower_query = product == 0u ? 1u : 0u, lower_key = product == 1u ? 1u : 0u;
              for (u32 n = 0u; n < EIGHTS; n++) {
                const V2<u32> key = half_of(keys[n / 2u][lower_key], n % 2u);
                scores[n] = tensor::mma_bf16(queries[lower_query], key, scores[n]);
              }
            }
          }
        }
      }

      // Scores become weights. A lane has two positions of each fragment, of each of its tokens; four lanes have a token.
      f32 shrink[2] = {};
      V2<u32> weights[EIGHTS][2];
      if (is_seen) {
        for (u32 half = 0u; half < 2u; half++) {
          f32 greatest = most[half];
          for (u32 n = 0u; n < EIGHTS; n++) {
            for (u32 i = 0u; i < 2u; i++) {
              const u32 position = tile + n * 8u + lane % 4u * 2u + i;
              f32& score = wgsl::at(scores[n], half * 2u + i);
              // Of infinite distance from whatever is the greatest.
              if (position - first_seen[half] >= seen[half]) score = wgsl::bits_f32(0xff800000u);
              greatest = wgsl::max(greatest, score);
            }
          }
          for (i32 step = 1; step < 4; step *= 2) {
            greatest = wgsl::max(greatest, __shfl_xor_sync(0xffffffffu, greatest, step));
          }
          shrink[half] = wgsl::exp2(most[half] - greatest);
          most[half] = greatest;
          total[half] *= shrink[half];
          for (u32 n = 0u; n < EIGHTS; n++) {
            const f32 a = wgsl::exp2(wgsl::get(scores[n], half * 2u) - greatest);
            const f32 b = wgsl::exp2(wgsl::get(scores[n], half * 2u + 1u) - greatest);
            total[half] += a + b;
            u32 upper, lower;
            tensor::split(a, b, upper, lower);
            weights[n][half] = {upper, lower};
          }
        }
      }

      __syncthreads();
      store();
      __syncthreads();
      if (tile + POSITIONS < end) load(true, tile + POSITIONS, 0u);
      if (!is_seen) continue;
      for (u32 first = 0u; first < COLUMNS; first += AT_ONCE) {
        if (out_part * COLUMNS + first >= columns) continue;
        V4<f32> products[AT_ONCE] = {};
        for (u32 k = 0u; k < SIXTEENS; k++) {
          V4<u32> values[AT_ONCE / 2u][2];
          for (u32 n = 0u; n < AT_ONCE / 2u; n++) {
            for (u32 lower = 0u; lower < 2u; lower++) {
              const u32 at = place(k * 16u + value_row, lower * LOWER + first + n * 2u + value_half);
              values[n][lower] = tensor::ldmatrix_x4_trans(of_tile + INDEX(at, TILE, "tile") * 16u);
            }
          }
          // Two fragments of scores are one of weights.
          const V2<u32>(&left)[2] = weights[2u * k], (&right)[2] = weights[2u * k + 1u];
          const V4<u32> of_weights[2] = {{left[0].x, left[1].x, right[0].x, right[1].x},
                                         {left[0].y, left[1].y, right[0].y, right[1].y}};
          for (u32 product = 0u; product < 3u; product++) {
            const u32 lower_weight = product == 0u ? 1u : 0u, lower_value = product == 1u ? 1u : 0u;
            for (u32 n = 0u; n < AT_ONCE; n++) {
              const V2<u32> value = half_of(values[n / 2u][lower_value], n % 2u);
              products[n] = tensor::mma_bf16(of_weights[lower_weight], value, products[n]);
            }
          }
        }
        const V4<f32> shrinks = {shrink[0], shrink[0], shrink[1], shrink[1]};
        for (u32 n = 0u; n < AT_ONCE; n++) sums[first + n] = sums[first + n] * shrinks + products[n];
      }
    }

    for (u32 half = 0u; half < 2u; half++) {
      for (i32 step = 1; step < 4; step *= 2) total[half] += __shfl_xor_sync(0xffffffffu, total[half], step);
      const u32 token = first_token + warp_row + half * 8u + lane / 4u;
      if (token >= all_tokens) continue;
      const f32 inverse = 1.0f / total[half];
      const u32 to = token * p.out_stride + p.out_offset + head * p.head_size;
      for (u32 n = 0u; n < COLUMNS; n++) {
        const u32 element = (out_part * COLUMNS + n) * 8u + lane % 4u * 2u;
        if (element >= p.head_size) continue;
        for (u32 i = 0u; i < 2u; i++) {
          out[INDEX(to + element + i, out_length, "out")] = wgsl::get(sums[n], half * 2u + i) * inverse;
        }
      }
    }
  }
}
