using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>How this process takes jobs from the queue and gives them back.</summary>
public sealed class WorkerOptions : IValidatableObject
{
    public const string Section = "Worker";

    private const double MostOfLease = 0.4;

    /// <summary>Seconds after which a job whose worker has died goes to another one.</summary>
    [Range(5, 300)]
    public int LeaseSeconds { get; set; } = 15;

    /// <summary>
    /// Seconds between renewals; null = a third of <see cref="LeaseSeconds"/>. At most two fifths of it: a silence of half a lease is taken for an outage of the store,
    /// after which leases are lengthened.
    /// </summary>
    [Range(0.5, 100)]
    public double? RenewSeconds { get; set; }

    /// <summary>Seconds at shutdown. Jobs that will end in them, less a quarter or at most 5 for handing back, are finished; the rest is handed back with what was done.</summary>
    [Range(0, 300)]
    public int GraceSeconds { get; set; } = 20;

    /// <summary>U-Net rows leased beyond what the engine can run, so that freed rows are taken at once. More of them is work that an idle worker could have had.</summary>
    [Range(0, 256)]
    public int LookAheadRows { get; set; } = 2;

    /// <summary>
    /// Seconds between two reports of a job's progress at least: steps that come sooner are told with the next report. 0 = each step, as far as the store keeps up.
    /// </summary>
    [Range(0, 60)]
    public double ProgressSeconds { get; set; } = 0.1;

    /// <summary>How often a picture's write is tried before its job fails with <c>blob_unavailable</c>.</summary>
    [Range(1, 20)]
    public int BlobAttempts { get; set; } = 5;

    /// <summary>For people who look at the store; empty = machine name and process id.</summary>
    public string WorkerId { get; set; } = "";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (RenewSeconds > MostOfLease * LeaseSeconds)
            yield return new ValidationResult("Worker:RenewSeconds must be at most two fifths of Worker:LeaseSeconds.", [nameof(RenewSeconds)]);
    }

    internal TimeSpan Lease => TimeSpan.FromSeconds(LeaseSeconds);
    internal TimeSpan Renewal => TimeSpan.FromSeconds(RenewSeconds ?? (LeaseSeconds / 3.0));
    internal TimeSpan ProgressInterval => TimeSpan.FromSeconds(ProgressSeconds);
    internal TimeSpan Grace => TimeSpan.FromSeconds(GraceSeconds);
    internal string Id => WorkerId.Length > 0 ? WorkerId : $"{Environment.MachineName}-{Environment.ProcessId}";
}

[OptionsValidator]
internal sealed partial class WorkerOptionsValidator : IValidateOptions<WorkerOptions>;
