// Layer normalisation (Ba et al. 2016) of tokens, with the residual sum and the bias before it. A token stays in the registers of a few threads.
#include "kernels.h"
#include "vector.cuh"

namespace imageservice {
namespace {

constexpr int kThreads = 256;

template <int kThreadsOfToken>
__device__ float over_token(float v) {
#pragma unroll
    for (int distance = kThreadsOfToken / 2; distance > 0; distance /= 2)
        v += __shfl_xor_sync(0xffffffff, v, distance);
    return v;
}

// kVectors: that each thread has of a token, at most.
template <int kThreadsOfToken, int kVectors>
__global__ void normalise(const half* x, const half* skip, const half* bias, const half* weight, const half* shift, half* y, half* total, int tokens, int width, float epsilon) {
    const int token = (blockIdx.x * kThreads + threadIdx.x) / kThreadsOfToken, thread = threadIdx.x % kThreadsOfToken;
    // Threads without a token take part in the exchange all the same.
    const int vectors = token < tokens ? width / kVector : 0;
    const size_t start = size_t(token) * width;
    float values[kVectors][kVector] = {};
    float sum = 0;
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
        const int at = (v * kThreadsOfToken + thread) * kVector;
        if (at >= vectors * kVector)
            continue;
        Vector loaded = load(x + start + at), more;
        if (skip != nullptr || bias != nullptr) {
            Vector extra;
            if (skip != nullptr)
                more = load(skip + start + at);
            if (bias != nullptr)
                extra = load(bias + at);
#pragma unroll
            for (int i = 0; i < kVector / 2; i++) {
                float2 f = __half22float2(loaded.pairs[i]);
                if (skip != nullptr) {
                    const float2 g = __half22float2(more.pairs[i]);
                    f.x += g.x;
                    f.y += g.y;
                }
                if (bias != nullptr) {
                    const float2 g = __half22float2(extra.pairs[i]);
                    f.x += g.x;
                    f.y += g.y;
                }
                loaded.pairs[i] = __float22half2_rn(f);
            }
            store(total + start + at, loaded);
        }
#pragma unroll
        for (int i = 0; i < kVector / 2; i++) {
            const float2 f = __half22float2(loaded.pairs[i]);
            values[v][2 * i] = f.x;
            values[v][2 * i + 1] = f.y;
            sum += f.x + f.y;
        }
    }
    const float mean = over_token<kThreadsOfToken>(sum) / width;
    float squares = 0;
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
        if ((v * kThreadsOfToken + thread) * kVector >= vectors * kVector)
            continue;
#pragma unroll
        for (int i = 0; i < kVector; i++) {
            values[v][i] -= mean;
            squares += values[v][i] * values[v][i];
        }
    }
    const float scale = rsqrtf(over_token<kThreadsOfToken>(squares) / width + epsilon);
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
        const int at = (v * kThreadsOfToken + thread) * kVector;
        if (at >= vectors * kVector)
            continue;
        const Vector w = load(weight + at), s = load(shift + at);
        Vector result;
#pragma unroll
        for (int i = 0; i < kVector / 2; i++) {
            const float2 a = __half22float2(w.pairs[i]), b = __half22float2(s.pairs[i]);
            result.pairs[i] = __float22half2_rn({values[v][2 * i] * scale * a.x + b.x, values[v][2 * i + 1] * scale * a.y + b.y});
        }
        store(y + start + at, result);
    }
}

template <int kThreadsOfToken, int kVectors>
void launch(const half* x, const half* skip, const half* bias, const half* weight, const half* shift, half* y, half* total, int tokens, int width, float epsilon,
            cudaStream_t stream) {
    constexpr int tokens_of_block = kThreads / kThreadsOfToken;
    normalise<kThreadsOfToken, kVectors>
        <<<(tokens + tokens_of_block - 1) / tokens_of_block, kThreads, 0, stream>>>(x, skip, bias, weight, shift, y, total, tokens, width, epsilon);
}

}  // namespace

void layer_norm(const half* x, const half* skip, const half* bias, const half* weight, const half* shift, half* y, half* total, int tokens, int width, float epsilon,
                cudaStream_t stream) {
    // Five vectors a thread are what the widths of Stable Diffusion (320, 640, 1280) come to.
    if (width <= 8 * 5 * kVector)
        launch<8, 5>(x, skip, bias, weight, shift, y, total, tokens, width, epsilon, stream);
    else if (width <= 16 * 5 * kVector)
        launch<16, 5>(x, skip, bias, weight, shift, y, total, tokens, width, epsilon, stream);
    else if (width <= 32 * 5 * kVector)
        launch<32, 5>(x, skip, bias, weight, shift, y, total, tokens, width, epsilon, stream);
    else
        launch<32, kMostLayerNormWidth / (32 * kVector)>(x, skip, bias, weight, shift, y, total, tokens, width, epsilon, stream);
}

}  // namespace imageservice
