namespace ImageService.Benchmarks;

/// <summary>What callers ask for: a request draws one entry of each list, all equally likely.</summary>
/// <param name="Guidance">At most 1 = none: the picture takes one U-Net row instead of two.</param>
internal sealed record Traffic(string Name, IReadOnlyList<int> Steps, IReadOnlyList<float> Guidance, IReadOnlyList<string> Schedulers)
{
    private static readonly float[] SomeUnguided = [1, 5, 7.5f, 7.5f, 7.5f];
    private static readonly string[] ThreeSchedulers = ["dpmpp_2m", "euler_a", "ddim"];

    /// <summary>27 different combinations of steps, guidance and scheduler.</summary>
    public static Traffic Mixed { get; } = new("mixed", [20, 30, 50], SomeUnguided, ThreeSchedulers);

    /// <summary>9 combinations.</summary>
    public static Traffic StepsAndGuidance { get; } = new("steps and guidance", [20, 30, 50], SomeUnguided, ["dpmpp_2m"]);

    /// <summary>3 combinations.</summary>
    public static Traffic StepsAlone { get; } = new("steps alone", [20, 30, 50], [7.5f], ["dpmpp_2m"]);

    /// <summary>Everybody asks for the same.</summary>
    public static Traffic Uniform { get; } = new("uniform", [30], [7.5f], ["dpmpp_2m"]);

    /// <summary><see cref="Mixed"/> with the bundled model's step counts, in the same proportions.</summary>
    public static Traffic Starter { get; } = new("mixed", [8, 12, 20], SomeUnguided, ThreeSchedulers);

    /// <summary>Different (steps, guidance, scheduler): pictures that differ in one of them cannot share a batch of equals.</summary>
    public int Combinations => Steps.Distinct().Count() * Guidance.Distinct().Count() * Schedulers.Distinct().Count();

    /// <summary>
    /// An open loop: callers come whether or not the service keeps up, with exponential gaps. For one seed the requests and the gaps' proportions are the same at
    /// every rate, so that differences between runs come from what is compared.
    /// </summary>
    /// <param name="perSecond">Mean rate; infinite = all come at once.</param>
    public IReadOnlyList<TimedRequest> Poisson(double perSecond, int count, int seed)
    {
        var random = new Random(seed);
        var arrivals = new TimedRequest[count];
        var at = 0.0;
        for (var i = 0; i < count; i++)
        {
            at += -Math.Log(1 - random.NextDouble()) / perSecond;
            arrivals[i] = new TimedRequest(at, Steps[random.Next(Steps.Count)], Guidance[random.Next(Guidance.Count)], Schedulers[random.Next(Schedulers.Count)], Seed: i);
        }
        return arrivals;
    }
}

/// <param name="At">Seconds since the beginning.</param>
/// <param name="Client">Whose request it is; fair queues take turns between clients.</param>
internal readonly record struct TimedRequest(double At, int Steps, float Guidance, string Scheduler, long Seed, string Client = "everybody")
{
    /// <summary>U-Net rows of each step.</summary>
    public int Rows => Guidance > 1 ? 2 : 1;
}
