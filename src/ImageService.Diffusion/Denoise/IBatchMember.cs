namespace ImageService.Diffusion.Denoise;

/// <summary>What the batch side must know of a picture; it never sees a tensor.</summary>
internal interface IBatchMember
{
    GroupKey Group { get; }

    /// <summary>U-Net rows it takes: 2 with classifier-free guidance, else 1.</summary>
    int Rows { get; }

    /// <summary>How often its rows were given to another: see <see cref="PauseRule"/>.</summary>
    int Pauses { get; set; }

    /// <summary>The job it belongs to.</summary>
    object Job { get; }

    Schedule Schedule { get; }

    /// <summary>For the steps that are left.</summary>
    Charge Charge { get; }

    /// <summary>The timestep of its next step.</summary>
    float Timestep { get; }

    /// <summary>False for a U-Net with one timestep for the whole call: it can share a call only with members at the same one.</summary>
    bool TimestepPerRow { get; }
}

/// <summary>What pictures of a static batch have in common where each call takes one scheduler and one guidance scale for all rows.</summary>
/// <param name="FirstStep">Above 0 with a start image.</param>
/// <param name="Steps">U-Net evaluations, those before <paramref name="FirstStep"/> included.</param>
internal readonly record struct Schedule(string Scheduler, int FirstStep, int Steps, float GuidanceScale);

/// <summary>Members of one group may share U-Net calls.</summary>
/// <param name="Exact">These want one fixed row count (<see cref="Core.Determinism.Exact"/>), so they do not mix with the others.</param>
internal readonly record struct GroupKey(BatchKey Batch, bool Exact);
