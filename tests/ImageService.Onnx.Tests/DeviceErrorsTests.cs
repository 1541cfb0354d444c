using System.Reflection;
using ImageService.Diffusion;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Tests;

public sealed class DeviceErrorsTests
{
    [Theory]
    [InlineData("Non-zero status code returned while running NhwcConv node. Name:'conv' Status Message: Failed to allocate memory for requested buffer of size 1073741824")]
    [InlineData("CUDA failure 2: out of memory ; GPU=0 ; hostname=host ; file=cuda_allocator.cc ; line=103 ; expr=cudaMalloc((void**)&p, size);")]
    [InlineData("CUBLAS failure 3: the resource allocation failed ; GPU=0 ; hostname=host")]
    [InlineData("CUDNN failure 4000: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED out of memory")]
    [InlineData("Available memory of 52428800 is smaller than requested bytes of 134217728")]
    public void Want_of_memory_is_told_apart(string message) => Assert.IsType<DeviceOutOfMemoryException>(DeviceErrors.Translate(Failure(message)));

    [Theory]
    [InlineData("CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=host ; file=cuda_execution_provider.cc ; line=407 ; expr=cudaStreamSynchronize(stream);")]
    [InlineData("Error: CUDA failure 214: uncorrectable ECC error encountered ; GPU=0")]
    [InlineData("CUDA failure 719: unspecified launch failure ; GPU=1")]
    [InlineData("CUDA error 46: all CUDA-capable devices are busy or unavailable")]
    [InlineData("CUDA failure 999: unknown error")]
    public void A_lost_device_is_told_apart(string message) => Assert.IsType<DeviceLostException>(DeviceErrors.Translate(Failure(message)));

    [Theory]
    [InlineData("Got invalid dimensions for input: sample")]
    [InlineData("CUDA failure 1: invalid argument ; GPU=0")]
    [InlineData("CUDNN failure 3000: CUDNN_STATUS_NOT_SUPPORTED")]
    public void Any_other_failure_stays_what_it_is(string message) => Assert.Null(DeviceErrors.Translate(Failure(message)));

    private static OnnxRuntimeException Failure(string message)
    {
        var constructor = typeof(OnnxRuntimeException).GetConstructors(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)
            .First(c => c.GetParameters() is [var code, var text] && code.ParameterType.IsEnum && text.ParameterType == typeof(string));
        return (OnnxRuntimeException)constructor.Invoke([Enum.ToObject(constructor.GetParameters()[0].ParameterType, 1), message]);
    }
}
