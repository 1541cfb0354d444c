using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Storage;

/// <summary>The part of section <c>Limits</c> that the job store keeps.</summary>
public sealed class QueueLimitsOptions
{
    public const string Section = "Limits";

    /// <summary>Jobs that may wait; a submit beyond it is refused until some have gone. 1..1000000.</summary>
    [Range(1, 1_000_000)]
    public int MaxQueuedJobs { get; set; } = 10_000;
}

[OptionsValidator]
internal sealed partial class QueueLimitsOptionsValidator : IValidateOptions<QueueLimitsOptions>;
