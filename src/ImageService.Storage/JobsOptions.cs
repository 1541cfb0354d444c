using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Storage;

/// <summary>Where jobs live and for how long: section <c>Jobs</c>.</summary>
public sealed class JobsOptions
{
    public const string Section = "Jobs";

    internal const string Sqlite = "sqlite";
    internal const string Redis = "redis";
    internal const string Normal = "normal";
    internal const string Full = "full";

    /// <summary><c>sqlite</c> for one machine, <c>redis</c> for many.</summary>
    [AllowedValues(Sqlite, Redis, ErrorMessage = "Jobs:Store must be sqlite or redis.")]
    public string Store { get; set; } = Sqlite;

    /// <summary>The database file; its folder is made when it is missing.</summary>
    [Required(ErrorMessage = "Jobs:SqlitePath must name a file.")]
    public string SqlitePath { get; set; } = Path.Combine("data", "jobs.db");

    /// <summary>
    /// <c>normal</c>: what was accepted survives the death of the process, and a power cut may take the last moments. <c>full</c>: it survives
    /// a power cut too, at about a fifth of the speed.
    /// </summary>
    [AllowedValues(Normal, Full, ErrorMessage = "Jobs:SqliteSynchronous must be normal or full.")]
    public string SqliteSynchronous { get; set; } = Normal;

    /// <summary>Ended jobs and their pictures are removed after so many hours. 1..87600 (ten years).</summary>
    [Range(1, 87600)]
    public int RetentionHours { get; set; } = 168;
}

[OptionsValidator]
internal sealed partial class JobsOptionsValidator : IValidateOptions<JobsOptions>;
