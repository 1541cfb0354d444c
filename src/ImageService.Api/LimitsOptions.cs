using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Api;

/// <summary>How much one request may ask for. Section <c>Limits</c>.</summary>
public sealed class LimitsOptions
{
    public const string Section = "Limits";

    /// <summary>The longest side of a picture in pixels. 64..8192.</summary>
    [Range(64, 8192)]
    public int MaxSide { get; set; } = 2048;

    /// <summary>The most pixels of one picture (width x height). 4,096..67,108,864.</summary>
    [Range(4096, 67_108_864)]
    public int MaxPixels { get; set; } = 2048 * 2048;

    /// <summary>The most pixels of all pictures of one job (width x height x num_images). 4,096..1,073,741,824.</summary>
    [Range(4096, 1_073_741_824)]
    public long MaxPixelsPerJob { get; set; } = 16L * 1024 * 1024;

    /// <summary>The most jobs of one client that may wait at a time; 0 = any number. 0..1000000.</summary>
    [Range(0, 1_000_000)]
    public int MaxWaitingPerClient { get; set; }

    /// <summary>The largest request body in bytes. 1,024..268,435,456.</summary>
    [Range(1024, 268_435_456)]
    public int MaxBodyBytes { get; set; } = 16 * 1024 * 1024;
}

[OptionsValidator]
internal sealed partial class LimitsOptionsValidator : IValidateOptions<LimitsOptions>;
