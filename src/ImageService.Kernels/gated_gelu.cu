// The gate of a transformer's feed-forward layer (Shazeer 2020, GEGLU), with the bias of the projection before it.
#include "kernels.h"
#include "vector.cuh"

namespace imageservice {
namespace {

constexpr int kThreads = 256;

__device__ float gelu(float x) { return 0.5f * x * (1 + erff(x * 0.70710678118654752f)); }

__global__ void gate(const half* x, const half* bias, half* y, size_t vectors, int width) {
    const size_t at = size_t(blockIdx.x) * kThreads + threadIdx.x;
    if (at >= vectors)
        return;
    const int in_row = width / kVector;
    const size_t token = at / in_row;
    const int c = int(at % in_row) * kVector;
    const half* left = x + token * 2 * width + c;
    const Vector l = load(left), r = load(left + width), bl = load(bias + c), br = load(bias + width + c);
    Vector result;
#pragma unroll
    for (int i = 0; i < kVector / 2; i++) {
        const float2 a = __half22float2(l.pairs[i]), b = __half22float2(r.pairs[i]), ba = __half22float2(bl.pairs[i]), bb = __half22float2(br.pairs[i]);
        result.pairs[i] = __float22half2_rn({(a.x + ba.x) * gelu(b.x + bb.x), (a.y + ba.y) * gelu(b.y + bb.y)});
    }
    store(y + token * width + c, result);
}

}  // namespace

void gated_gelu(const half* x, const half* bias, half* y, int tokens, int width, cudaStream_t stream) {
    const size_t vectors = size_t(tokens) * (width / kVector);
    if (vectors > 0)
        gate<<<unsigned((vectors + kThreads - 1) / kThreads), kThreads, 0, stream>>>(x, bias, y, vectors, width);
}

}  // namespace imageservice
