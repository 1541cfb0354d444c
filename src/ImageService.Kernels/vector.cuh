// What a thread loads and stores at once.
#pragma once
#include <cuda_fp16.h>

namespace imageservice {

constexpr int kVector = 8;              // float16 numbers in 16 bytes

struct alignas(16) Vector {
    half2 pairs[kVector / 2];
};

__device__ inline Vector load(const half* p) {
    Vector v;
    *reinterpret_cast<int4*>(&v) = *reinterpret_cast<const int4*>(p);
    return v;
}

__device__ inline void store(half* p, const Vector& v) { *reinterpret_cast<int4*>(p) = *reinterpret_cast<const int4*>(&v); }

}  // namespace imageservice
