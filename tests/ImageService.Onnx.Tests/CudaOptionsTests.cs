using ImageService.Onnx.Runtime;

namespace ImageService.Onnx.Tests;

public sealed class CudaOptionsTests
{
    [Fact]
    public void Settings_become_the_providers_options_by_its_own_names()
    {
        Assert.Equal(new Dictionary<string, string>
        {
            ["prefer_nhwc"] = "1", ["cudnn_conv_algo_search"] = "HEURISTIC", ["use_tf32"] = "1", ["arena_extend_strategy"] = "kSameAsRequested",
        }, Cuda.ProviderOptions(new ExecutionOptions(), captures: false));
        var options = new ExecutionOptions { CudaNhwc = false, CudaConvolutionSearch = "exhaustive", CudaTf32 = false, CudaArenaGrowth = "power_of_two", CudaArenaMiB = 5000 };
        options.CudaOptions["sdpa_kernel"] = "8";
        Assert.Equal(new Dictionary<string, string>
        {
            ["prefer_nhwc"] = "0", ["cudnn_conv_algo_search"] = "EXHAUSTIVE", ["use_tf32"] = "0", ["arena_extend_strategy"] = "kNextPowerOfTwo",
            ["gpu_mem_limit"] = "5242880000", ["enable_cuda_graph"] = "1", ["sdpa_kernel"] = "8",
        }, Cuda.ProviderOptions(options, captures: true));
    }

    [Fact]
    public void An_option_by_its_own_name_wins()
    {
        var options = new ExecutionOptions();
        options.CudaOptions["prefer_nhwc"] = "0";
        Assert.Equal("0", Cuda.ProviderOptions(options, captures: false)["prefer_nhwc"]);
    }
}
