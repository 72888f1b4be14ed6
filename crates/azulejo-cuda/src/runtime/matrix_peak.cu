// How many products tensor cores make: fragments in registers are multiplied and nothing is loaded. All numbers are one, so that
// what comes out counts the products. THREADS, CHAINS and ROUNDS stand before this.

KERNEL(THREADS) matrix_peak(f32* __restrict__ out, u32 out_length) {
  const u32 ones = 0x3f803f80u;
  // Chains of sums that don't wait for each other. Each begins with another number, or the compiler would make one of them.
  V4<f32> sums[CHAINS];
  for (u32 i = 0u; i < CHAINS; i++) sums[i] = wgsl::splat4(f32(i));
#pragma unroll 4
  for (u32 round = 0u; round < ROUNDS; round++) {
    for (u32 i = 0u; i < CHAINS; i++) {
      sums[i] = tensor::mma_bf16(V4<u32>{ones, ones, ones, ones}, V2<u32>{ones, ones}, sums[i]);
    }
  }
  f32 products = 0.0f;
  for (u32 i = 0u; i < CHAINS; i++) products += sums[i].x + sums[i].y + sums[i].z + sums[i].w - f32(4u * i);
  // Every block stores the same.
  if (threadIdx.x < out_length) out[threadIdx.x] = products;
}
