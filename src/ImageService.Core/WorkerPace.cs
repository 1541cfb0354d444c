namespace ImageService.Core;

/// <summary>How fast a worker draws, from its own steps. Announced with its models, and forgotten a minute after the last word of it.</summary>
/// <param name="WorkerId">As <see cref="LeaseRequest.WorkerId"/>.</param>
/// <param name="Models">Those of whose steps enough have been measured.</param>
public sealed record WorkerPace(string WorkerId, IReadOnlyList<ModelPace> Models)
{
    /// <summary>A worker that has been silent for so long is taken for dead.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);
}

/// <summary>
/// How fast one worker draws with one model. A U-Net call takes <see cref="CallSeconds"/> and <see cref="UnitSeconds"/> for each unit of
/// <see cref="RequestCost"/> in it; what the engine does beside the calls (prompts, decoding) is in the second, spread over the units.
/// </summary>
public sealed record ModelPace
{
    /// <summary>Id of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Seconds of a call that do not depend on its rows; 0 or more.</summary>
    public required double CallSeconds { get; init; }

    /// <summary>Seconds for each row of 8 x 8 pixels in a call; 0 or more.</summary>
    public required double UnitSeconds { get; init; }

    /// <summary>Units of one row, on average over the calls measured; above 0.</summary>
    public required double RowUnits { get; init; }

    /// <summary>Rows that a call may have; at least 1.</summary>
    public required int CallRows { get; init; }

    /// <summary>Rows of all jobs that the worker holds at a time, those included that wait in its engine; at least <see cref="CallRows"/>.</summary>
    public required int HeldRows { get; init; }

    /// <summary>Seconds from a job's last step to its end: decoder, file, upload. 0 or more.</summary>
    public double EndSeconds { get; init; }
}
