// What the operators launch. All tensors are float16 on the device unless said otherwise; images are NHWC.
#pragma once
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace imageservice {

// The input of a group norm is written as a sum and a junction:
//   first `wide` channels: x [rows, pixels, wide] (+ skip) (+ bias [wide]); the remaining ones: other [rows, pixels, channels - wide].
// skip is an image like x, or one vector [rows, wide] a row. Null pointers are left out.
struct GroupNormInput {
    const half* x;
    const half* skip;
    const half* bias;
    const half* other;
    bool skip_per_row;
};

struct GroupNormShape {
    int rows, pixels, channels, wide, groups;
    float epsilon;
    bool silu;
};

// Of the input's sums: float2 partial[rows, chunks, groups]. Depends on a row's size alone, so that a row's sums are added up in the same
// order whatever its neighbours are.
int group_norm_chunks(int pixels, int channels);

// y [rows, pixels, channels]; total, where it is not null, gets the input written down.
void group_norm(const GroupNormInput& input, const float* weight, const float* shift, half* y, half* total, float2* partial, const GroupNormShape& shape, cudaStream_t stream);

constexpr int kMostLayerNormWidth = 2048;

// x [tokens, width] (+ skip, like x) (+ bias [width]) -> y; total gets the sum, where there is one.
void layer_norm(const half* x, const half* skip, const half* bias, const half* weight, const half* shift, half* y, half* total, int tokens, int width, float epsilon,
                cudaStream_t stream);

// x [tokens, 2 * width], bias [2 * width] -> y [tokens, width]: left half times GELU (by the error function) of the right one.
void gated_gelu(const half* x, const half* bias, half* y, int tokens, int width, cudaStream_t stream);

}  // namespace imageservice
