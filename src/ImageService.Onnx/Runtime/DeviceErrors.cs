using System.Globalization;
using System.Text.RegularExpressions;
using ImageService.Diffusion;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Runtime;

/// <summary>Tells from ONNX Runtime's messages, which are all there is, whether a call found no memory or no device.</summary>
internal static partial class DeviceErrors
{
    // Numbers of CUDA's cudaError_t after which the context is of no use: device unavailable (46), memory errors beyond correction (214, 219, 220, 226), illegal
    // addresses and instructions, time-outs and failed launches (700 to 720, of which 704 to 708 and 711 to 713 are about peers and bad calls), unknown (999).
    private static readonly HashSet<int> LostCodes = [46, 214, 219, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 720, 999];

    private static readonly string[] NoMemory =
    [
        "Failed to allocate memory", "CUDA failure 2:", "out of memory", "Available memory of", "ALLOC_FAILED", "resource allocation failed", "bad allocation", "std::bad_alloc",
    ];

    /// <returns>A <see cref="DeviceOutOfMemoryException"/>, a <see cref="DeviceLostException"/>, or null for any other failure.</returns>
    public static Exception? Translate(OnnxRuntimeException failure)
    {
        var message = failure.Message;
        foreach (Match match in Failure().Matches(message))
        {
            if (LostCodes.Contains(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)))
                return new DeviceLostException(FirstLine(message), failure);
        }
        return NoMemory.Any(part => message.Contains(part, StringComparison.OrdinalIgnoreCase)) ? new DeviceOutOfMemoryException(FirstLine(message), failure) : null;
    }

    public static string FirstLine(string text) => text.Split('\n')[0].Trim();

    [GeneratedRegex(@"\bCUDA (?:failure|error) (\d{1,4})\b")]
    private static partial Regex Failure();
}
