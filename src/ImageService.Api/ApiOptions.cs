using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Api;

/// <summary>How the HTTP front end behaves. Section <c>Api</c>.</summary>
public sealed class ApiOptions
{
    public const string Section = "Api";

    /// <summary>Seconds after which a store that has not answered counts as unreachable (503). 0.1..30.</summary>
    [Range(0.1, 30)]
    public double StoreTimeoutSeconds { get; set; } = 1.5;

    /// <summary>The longest that <c>Prefer: wait=N</c> holds a request, in seconds. 0..300.</summary>
    [Range(0, 300)]
    public int MaxWaitSeconds { get; set; } = 300;

    /// <summary>Seconds between comments on a silent event stream, so that proxies keep it open. 1..300.</summary>
    [Range(1, 300)]
    public double KeepAliveSeconds { get; set; } = 15;

    /// <summary>For how many seconds the lists of models and of workers' paces are kept before the store is asked again. 0..3600.</summary>
    [Range(0, 3600)]
    public double ModelCacheSeconds { get; set; } = 2;

    /// <summary>
    /// What <c>Retry-After</c> says when the store is down, or the queue is full and no worker has measured its pace, in seconds. 1..3600.
    /// </summary>
    [Range(1, 3600)]
    public int RetryAfterSeconds { get; set; } = 5;

    /// <summary>Whether readiness also wants a model to be announced. True where a worker runs in the same process.</summary>
    public bool ReadyNeedsModel { get; set; }

    /// <summary>
    /// For how many seconds a stopping service serves on, while <c>/healthz/ready</c> already says no, so that balancers can forget it. 0..300.
    /// </summary>
    [Range(0, 300)]
    public double DrainSeconds { get; set; }

    /// <summary>Whether gRPC clients may ask for the service's description (grpc.reflection.v1).</summary>
    public bool GrpcReflection { get; set; }
}

[OptionsValidator]
internal sealed partial class ApiOptionsValidator : IValidateOptions<ApiOptions>;
