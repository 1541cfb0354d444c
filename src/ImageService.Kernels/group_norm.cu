// Group normalisation (Wu and He 2018) of NHWC images, with what comes between two convolutions: residual sum, bias, the timestep's vector, the
// junction with a skip connection, and SiLU. Two kernels: sums by chunk of pixels, then the result. No atomics: the same input gives the same bytes.
#include "kernels.h"
#include "vector.cuh"

namespace imageservice {
namespace {

constexpr int kThreads = 512;           // of a block, about: lanes (vectors of a pixel) times stripes (pixels at once)
constexpr int kPixelsOfThread = 4;      // of a chunk, at least
constexpr int kMostChunks = 256;
constexpr int kThreadsOfGroup = 16;     // that add up a group's sums

__host__ __device__ int lanes_of(int channels) { return channels / kVector; }
__host__ __device__ int stripes_of(int channels) { return max(1, kThreads / lanes_of(channels)); }

// One vector of the input: channels c to c + 7 of a pixel. `constant`: what is added to each pixel of the row, in float32.
template <bool kImageSkip, bool kConstant>
__device__ Vector input_at(const GroupNormInput& in, const GroupNormShape& s, int row, int pixel, int c, const float* constant) {
    const size_t place = size_t(row) * s.pixels + pixel;
    if (c >= s.wide)
        return load(in.other + place * (s.channels - s.wide) + (c - s.wide));
    Vector v = load(in.x + place * s.wide + c);
    if (!kImageSkip && !kConstant)
        return v;
    Vector skip;
    if (kImageSkip)
        skip = load(in.skip + place * s.wide + c);
#pragma unroll
    for (int i = 0; i < kVector / 2; i++) {
        float2 f = __half22float2(v.pairs[i]);
        if (kImageSkip) {
            const float2 g = __half22float2(skip.pairs[i]);
            f.x += g.x;
            f.y += g.y;
        }
        if (kConstant) {
            f.x += constant[2 * i];
            f.y += constant[2 * i + 1];
        }
        v.pairs[i] = __float22half2_rn(f);
    }
    return v;
}

__device__ void constant_of(const GroupNormInput& in, const GroupNormShape& s, int row, int c, float* constant) {
#pragma unroll
    for (int i = 0; i < kVector; i++) {
        constant[i] = 0;
        if (c < s.wide && in.bias != nullptr)
            constant[i] += __half2float(in.bias[c + i]);
        if (c < s.wide && in.skip_per_row && in.skip != nullptr)
            constant[i] += __half2float(in.skip[size_t(row) * s.wide + c + i]);
    }
}

// Adds up over the threads of a group in an order that never changes.
__device__ float2 over_group(float2 v) {
#pragma unroll
    for (int distance = kThreadsOfGroup / 2; distance > 0; distance /= 2) {
        v.x += __shfl_xor_sync(0xffffffff, v.x, distance);
        v.y += __shfl_xor_sync(0xffffffff, v.y, distance);
    }
    return v;
}

// Block (chunk, row): sum and sum of squares of every group over the chunk's pixels.
template <bool kImageSkip, bool kConstant>
__global__ void sums(GroupNormInput in, half* total, float2* partial, GroupNormShape s) {
    extern __shared__ __align__(16) float shared[];
    const int lanes = lanes_of(s.channels), stripes = stripes_of(s.channels);
    const int lane = threadIdx.x % lanes, stripe = threadIdx.x / lanes, c = lane * kVector;
    const int chunk = blockIdx.x, row = blockIdx.y;
    const int size = (s.pixels + gridDim.x - 1) / gridDim.x, begin = chunk * size, end = stripe < stripes ? min(s.pixels, begin + size) : 0;
    float constant[kVector];
    if (kConstant)
        constant_of(in, s, row, c, constant);
    float sum[kVector] = {}, squares[kVector] = {};
#pragma unroll 4
    for (int pixel = begin + stripe; pixel < end; pixel += stripes) {
        const Vector v = input_at<kImageSkip, kConstant>(in, s, row, pixel, c, constant);
        if (total != nullptr)
            store(total + (size_t(row) * s.pixels + pixel) * s.channels + c, v);
#pragma unroll
        for (int i = 0; i < kVector / 2; i++) {
            const float2 f = __half22float2(v.pairs[i]);
            sum[2 * i] += f.x;
            sum[2 * i + 1] += f.y;
            squares[2 * i] += f.x * f.x;
            squares[2 * i + 1] += f.y * f.y;
        }
    }
    float* all_sums = shared;                                  // [stripes, channels]
    float* all_squares = shared + stripes * s.channels;
    if (stripe < stripes) {
#pragma unroll
        for (int i = 0; i < kVector; i += 4) {
            *reinterpret_cast<float4*>(all_sums + stripe * s.channels + c + i) = {sum[i], sum[i + 1], sum[i + 2], sum[i + 3]};
            *reinterpret_cast<float4*>(all_squares + stripe * s.channels + c + i) = {squares[i], squares[i + 1], squares[i + 2], squares[i + 3]};
        }
    }
    __syncthreads();
    for (int channel = threadIdx.x; channel < s.channels; channel += blockDim.x) {
        float a = 0, b = 0;
        for (int i = 0; i < stripes; i++) {
            a += all_sums[i * s.channels + channel];
            b += all_squares[i * s.channels + channel];
        }
        all_sums[channel] = a;
        all_squares[channel] = b;
    }
    __syncthreads();
    const int width = s.channels / s.groups, part = threadIdx.x % kThreadsOfGroup;
    // Every thread of a warp goes round as often, as the exchange between them wants.
    for (int first = 0; first < s.groups; first += blockDim.x / kThreadsOfGroup) {
        const int group = first + threadIdx.x / kThreadsOfGroup;
        float2 of_group = {0, 0};
        if (group < s.groups) {
            for (int i = part; i < width; i += kThreadsOfGroup) {
                of_group.x += all_sums[group * width + i];
                of_group.y += all_squares[group * width + i];
            }
        }
        of_group = over_group(of_group);
        if (group < s.groups && part == 0)
            partial[(size_t(row) * gridDim.x + chunk) * s.groups + group] = of_group;
    }
}

// Block (chunk, row): the chunks' sums give mean and deviation, then every pixel of the chunk is normalised. The pixels that a thread has first are on their
// way while the sums are added up.
template <bool kConstant>
__global__ void apply(GroupNormInput in, const float* weight, const float* shift, half* y, const float2* partial, int chunks, GroupNormShape s) {
    extern __shared__ float2 statistics[];                     // [groups]: mean, 1 / deviation
    const int lanes = lanes_of(s.channels), stripes = stripes_of(s.channels);
    const int lane = threadIdx.x % lanes, stripe = threadIdx.x / lanes, c = lane * kVector, row = blockIdx.y;
    const int size = (s.pixels + gridDim.x - 1) / gridDim.x, begin = blockIdx.x * size, end = stripe < stripes ? min(s.pixels, begin + size) : 0;
    float constant[kVector];
    if (kConstant)
        constant_of(in, s, row, c, constant);
    Vector ahead[kPixelsOfThread];
#pragma unroll
    for (int i = 0; i < kPixelsOfThread; i++) {
        if (begin + stripe + i * stripes < end)
            ahead[i] = input_at<false, kConstant>(in, s, row, begin + stripe + i * stripes, c, constant);
    }
    const int width = s.channels / s.groups, part = threadIdx.x % kThreadsOfGroup;
    for (int first = 0; first < s.groups; first += blockDim.x / kThreadsOfGroup) {
        const int group = first + threadIdx.x / kThreadsOfGroup;
        float2 of_group = {0, 0};
        if (group < s.groups) {
#pragma unroll 8
            for (int i = part; i < chunks; i += kThreadsOfGroup) {
                const float2 p = partial[(size_t(row) * chunks + i) * s.groups + group];
                of_group.x += p.x;
                of_group.y += p.y;
            }
        }
        of_group = over_group(of_group);
        if (group < s.groups && part == 0) {
            const float count = float(s.pixels) * width, mean = of_group.x / count;
            statistics[group] = {mean, rsqrtf(fmaxf(of_group.y / count - mean * mean, 0) + s.epsilon)};
        }
    }
    __syncthreads();
    float scale[kVector], offset[kVector];
    int group = c / width, next = (group + 1) * width;
#pragma unroll
    for (int i = 0; i < kVector; i++) {
        if (c + i == next) {
            group++;
            next += width;
        }
        const float2 of_group = statistics[group];
        scale[i] = weight[c + i] * of_group.y;
        offset[i] = shift[c + i] - of_group.x * scale[i];
    }
    const auto finish = [&](Vector v, int pixel) {
#pragma unroll
        for (int i = 0; i < kVector / 2; i++) {
            float2 f = __half22float2(v.pairs[i]);
            f.x = f.x * scale[2 * i] + offset[2 * i];
            f.y = f.y * scale[2 * i + 1] + offset[2 * i + 1];
            if (s.silu) {
                f.x = __fdividef(f.x, 1 + __expf(-f.x));
                f.y = __fdividef(f.y, 1 + __expf(-f.y));
            }
            v.pairs[i] = __float22half2_rn(f);
        }
        store(y + (size_t(row) * s.pixels + pixel) * s.channels + c, v);
    };
#pragma unroll
    for (int i = 0; i < kPixelsOfThread; i++) {
        if (begin + stripe + i * stripes < end)
            finish(ahead[i], begin + stripe + i * stripes);
    }
#pragma unroll 4
    for (int pixel = begin + stripe + kPixelsOfThread * stripes; pixel < end; pixel += stripes)
        finish(input_at<false, kConstant>(in, s, row, pixel, c, constant), pixel);
}

}  // namespace

int group_norm_chunks(int pixels, int channels) {
    const int at_once = stripes_of(channels) * kPixelsOfThread;
    return min(kMostChunks, max(1, (pixels + at_once - 1) / at_once));
}

void group_norm(const GroupNormInput& in, const float* weight, const float* shift, half* y, half* total, float2* partial, const GroupNormShape& s, cudaStream_t stream) {
    const int chunks = group_norm_chunks(s.pixels, s.channels), stripes = stripes_of(s.channels);
    const dim3 grid(chunks, s.rows);
    // Whole warps, since threads of a warp exchange sums; those beyond the last stripe have no pixels.
    const int block = (lanes_of(s.channels) * stripes + 31) / 32 * 32;
    const size_t bytes = 2 * sizeof(float) * stripes * s.channels;
    const bool image_skip = in.skip != nullptr && !in.skip_per_row, constant = in.bias != nullptr || (in.skip != nullptr && in.skip_per_row);
    if (image_skip && constant)
        sums<true, true><<<grid, block, bytes, stream>>>(in, total, partial, s);
    else if (image_skip)
        sums<true, false><<<grid, block, bytes, stream>>>(in, total, partial, s);
    else if (constant)
        sums<false, true><<<grid, block, bytes, stream>>>(in, total, partial, s);
    else
        sums<false, false><<<grid, block, bytes, stream>>>(in, total, partial, s);
    // What has been written down need not be added up again.
    GroupNormInput again = in;
    GroupNormShape whole = s;
    if (total != nullptr) {
        again = {total, nullptr, nullptr, nullptr, false};
        whole.wide = s.channels;
    }
    if (constant && total == nullptr)
        apply<true><<<grid, block, sizeof(float2) * s.groups, stream>>>(again, weight, shift, y, partial, chunks, whole);
    else
        apply<false><<<grid, block, sizeof(float2) * s.groups, stream>>>(again, weight, shift, y, partial, chunks, whole);
}

}  // namespace imageservice
