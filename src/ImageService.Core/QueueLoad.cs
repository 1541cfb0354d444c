namespace ImageService.Core;

/// <summary>The work that a job meets: what waits before it and what workers hold, in units of <see cref="RequestCost"/>.</summary>
/// <param name="Ahead">
/// Of jobs that are served before this one if nobody else comes; 0 for one that does not wait. Costs within one client count as alike, so that it need not be
/// added up job by job.
/// </param>
/// <param name="Held">Of the jobs that workers hold, from their first step to their last.</param>
/// <param name="HeldLeft">What is left of <paramref name="Held"/> after the steps reported so far.</param>
/// <param name="HeldRows">U-Net rows of the jobs that workers hold.</param>
public readonly record struct QueueLoad(long Ahead, long Held, long HeldLeft, int HeldRows);
