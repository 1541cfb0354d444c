// The kernels as operators of the domain `imageservice` for ONNX Runtime's CUDA provider.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <string>
#include <vector>

#include "kernels.h"

namespace imageservice {
namespace {

constexpr char kProvider[] = "CUDAExecutionProvider";
constexpr int kMostChannels = 4096;          // a pixel's sums stay in shared memory

void require(bool holds, const char* what) {
    if (!holds)
        throw Ort::Exception(what, ORT_INVALID_ARGUMENT);
}

void launched(const char* what) {
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess)
        // In the words of ONNX Runtime's own kernels, by which a lost device is known.
        throw Ort::Exception("CUDA failure " + std::to_string(int(error)) + ": " + cudaGetErrorString(error) + " ; " + what, ORT_EP_FAIL);
}

// GroupNorm(x, weight, bias of the norm [, skip] [, bias] [, other]) -> y, partial sums [, total].
struct GroupNormKernel {
    GroupNormKernel(const OrtApi&, const OrtKernelInfo* raw) {
        Ort::ConstKernelInfo info(raw);
        epsilon = info.GetAttribute<float>("epsilon");
        groups = int(info.GetAttribute<int64_t>("groups"));
        silu = info.GetAttribute<int64_t>("silu") != 0;
        has_skip = info.GetAttribute<int64_t>("skip") != 0;
        has_bias = info.GetAttribute<int64_t>("bias") != 0;
        has_other = info.GetAttribute<int64_t>("other") != 0;
    }

    void Compute(OrtKernelContext* raw) {
        Ort::KernelContext context(raw);
        const auto x = context.GetInput(0);
        const auto size = x.GetTensorTypeAndShapeInfo().GetShape();
        require(size.size() == 4, "GroupNorm takes images [rows, height, width, channels].");
        GroupNormShape shape{int(size[0]), int(size[1] * size[2]), int(size[3]), int(size[3]), groups, epsilon, silu};
        GroupNormInput input{x.GetTensorData<half>(), nullptr, nullptr, nullptr, false};
        size_t next = 3;
        if (has_skip) {
            const auto skip = context.GetInput(next++);
            input.skip = skip.GetTensorData<half>();
            input.skip_per_row = skip.GetTensorTypeAndShapeInfo().GetShape().size() == 2;
        }
        if (has_bias)
            input.bias = context.GetInput(next++).GetTensorData<half>();
        if (has_other) {
            const auto other = context.GetInput(next++);
            input.other = other.GetTensorData<half>();
            shape.channels += int(other.GetTensorTypeAndShapeInfo().GetShape()[3]);
        }
        require(shape.wide % 8 == 0 && shape.channels % 8 == 0 && shape.channels % groups == 0 && shape.channels <= kMostChannels,
                "GroupNorm takes numbers of channels that 8 and the groups divide, 4096 at most.");
        std::vector<int64_t> whole = {size[0], size[1], size[2], shape.channels};
        const int chunks = group_norm_chunks(shape.pixels, shape.channels);
        auto y = context.GetOutput(0, whole);
        auto partial = context.GetOutput(1, {size[0], chunks, groups, 2});
        half* total = nullptr;
        if (has_other || has_bias || (has_skip && !input.skip_per_row))
            total = context.GetOutput(2, whole).GetTensorMutableData<half>();
        if (shape.rows == 0)
            return;
        group_norm(input, context.GetInput(1).GetTensorData<float>(), context.GetInput(2).GetTensorData<float>(), y.GetTensorMutableData<half>(), total,
                   reinterpret_cast<float2*>(partial.GetTensorMutableData<float>()), shape, static_cast<cudaStream_t>(context.GetGPUComputeStream()));
        launched("GroupNorm");
    }

    float epsilon;
    int groups;
    bool silu, has_skip, has_bias, has_other;
};

struct GroupNorm : Ort::CustomOpBase<GroupNorm, GroupNormKernel> {
    void* CreateKernel(const OrtApi& api, const OrtKernelInfo* info) const { return new GroupNormKernel(api, info); }
    const char* GetName() const { return "GroupNorm"; }
    const char* GetExecutionProviderType() const { return kProvider; }
    size_t GetInputTypeCount() const { return 6; }
    ONNXTensorElementDataType GetInputType(size_t i) const {
        return i == 1 || i == 2 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    }
    OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(size_t i) const { return i < 3 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; }
    size_t GetOutputTypeCount() const { return 3; }
    ONNXTensorElementDataType GetOutputType(size_t i) const { return i == 1 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16; }
    OrtCustomOpInputOutputCharacteristic GetOutputCharacteristic(size_t i) const { return i < 2 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; }
};

// Rows of a tensor's last axis.
int rows_of(const std::vector<int64_t>& size) {
    int64_t rows = 1;
    for (size_t i = 0; i + 1 < size.size(); i++)
        rows *= size[i];
    return int(rows);
}

// LayerNorm(x [..., width], weight, bias of the norm [, skip] [, bias]) -> y [, total].
struct LayerNormKernel {
    LayerNormKernel(const OrtApi&, const OrtKernelInfo* raw) {
        Ort::ConstKernelInfo info(raw);
        epsilon = info.GetAttribute<float>("epsilon");
        has_skip = info.GetAttribute<int64_t>("skip") != 0;
        has_bias = info.GetAttribute<int64_t>("bias") != 0;
    }

    void Compute(OrtKernelContext* raw) {
        Ort::KernelContext context(raw);
        const auto x = context.GetInput(0);
        const auto size = x.GetTensorTypeAndShapeInfo().GetShape();
        require(!size.empty() && size.back() % 8 == 0 && size.back() <= kMostLayerNormWidth, "LayerNorm takes a last axis that 8 divides, 2048 at most.");
        size_t next = 3;
        const half* skip = has_skip ? context.GetInput(next++).GetTensorData<half>() : nullptr;
        const half* bias = has_bias ? context.GetInput(next++).GetTensorData<half>() : nullptr;
        auto y = context.GetOutput(0, size);
        half* total = has_skip || has_bias ? context.GetOutput(1, size).GetTensorMutableData<half>() : nullptr;
        if (rows_of(size) == 0)
            return;
        layer_norm(x.GetTensorData<half>(), skip, bias, context.GetInput(1).GetTensorData<half>(), context.GetInput(2).GetTensorData<half>(), y.GetTensorMutableData<half>(),
                   total, rows_of(size), int(size.back()), epsilon, static_cast<cudaStream_t>(context.GetGPUComputeStream()));
        launched("LayerNorm");
    }

    float epsilon;
    bool has_skip, has_bias;
};

struct LayerNorm : Ort::CustomOpBase<LayerNorm, LayerNormKernel> {
    void* CreateKernel(const OrtApi& api, const OrtKernelInfo* info) const { return new LayerNormKernel(api, info); }
    const char* GetName() const { return "LayerNorm"; }
    const char* GetExecutionProviderType() const { return kProvider; }
    size_t GetInputTypeCount() const { return 5; }
    ONNXTensorElementDataType GetInputType(size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16; }
    OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(size_t i) const { return i < 3 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; }
    size_t GetOutputTypeCount() const { return 2; }
    ONNXTensorElementDataType GetOutputType(size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16; }
    OrtCustomOpInputOutputCharacteristic GetOutputCharacteristic(size_t i) const { return i == 0 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL; }
};

// GatedGelu(x [..., 2 * width], bias [2 * width]) -> [..., width].
struct GatedGeluKernel {
    GatedGeluKernel(const OrtApi&, const OrtKernelInfo*) {}

    void Compute(OrtKernelContext* raw) {
        Ort::KernelContext context(raw);
        const auto x = context.GetInput(0);
        auto size = x.GetTensorTypeAndShapeInfo().GetShape();
        require(!size.empty() && size.back() % 16 == 0, "GatedGelu takes a last axis that 16 divides.");
        const int width = int(size.back() / 2);
        size.back() = width;
        auto y = context.GetOutput(0, size);
        gated_gelu(x.GetTensorData<half>(), context.GetInput(1).GetTensorData<half>(), y.GetTensorMutableData<half>(), rows_of(size), width,
                   static_cast<cudaStream_t>(context.GetGPUComputeStream()));
        launched("GatedGelu");
    }
};

struct GatedGelu : Ort::CustomOpBase<GatedGelu, GatedGeluKernel> {
    void* CreateKernel(const OrtApi& api, const OrtKernelInfo* info) const { return new GatedGeluKernel(api, info); }
    const char* GetName() const { return "GatedGelu"; }
    const char* GetExecutionProviderType() const { return kProvider; }
    size_t GetInputTypeCount() const { return 2; }
    ONNXTensorElementDataType GetInputType(size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16; }
    size_t GetOutputTypeCount() const { return 1; }
    ONNXTensorElementDataType GetOutputType(size_t) const { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16; }
};

}  // namespace
}  // namespace imageservice

extern "C" __attribute__((visibility("default"))) OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
    Ort::InitApi(base->GetApi(ORT_API_VERSION));
    try {
        static const imageservice::GroupNorm group_norm;
        static const imageservice::LayerNorm layer_norm;
        static const imageservice::GatedGelu gated_gelu;
        // One for all sessions, and never freed: it must outlive the last of them.
        static const auto& domain = *[] {
            auto* made = new Ort::CustomOpDomain("imageservice");
            made->Add(&group_norm);
            made->Add(&layer_norm);
            made->Add(&gated_gelu);
            return made;
        }();
        Ort::UnownedSessionOptions(options).Add(domain);
        return nullptr;
    } catch (const std::exception& e) {
        return Ort::GetApi().CreateStatus(ORT_RUNTIME_EXCEPTION, e.what());
    }
}
