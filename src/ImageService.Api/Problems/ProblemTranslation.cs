using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Problems;

/// <summary>What a failure is to a caller, whichever way the caller came; the inner workings stay in the log.</summary>
internal sealed class ProblemTranslation(ILogger<ProblemTranslation> logger, IOptions<ApiOptions> options)
{
    /// <param name="method">For the log: the HTTP method, or "gRPC".</param>
    /// <param name="path">For the log: what was asked for.</param>
    public ProblemException Translate(Exception exception, string method, string path)
    {
        var problem = Problem(exception);
        if (problem.Kind.Status == 503)
            logger.Unavailable(method, path, exception.Message);
        else if (problem.Kind.Status >= 500)
            logger.RequestFailed(exception, method, path);
        return problem;
    }

    private ProblemException Problem(Exception exception)
    {
        var wait = TimeSpan.FromSeconds(options.Value.RetryAfterSeconds);
        return exception switch
        {
            ProblemException problem => problem,
            StoreUnavailableException => new(ProblemKind.StoreUnavailable, "The job store does not answer; try again shortly.") { RetryAfter = wait },
            BlobUnavailableException => new(ProblemKind.BlobsUnavailable, "The image store does not answer; try again shortly.") { RetryAfter = wait },
            BadHttpRequestException { StatusCode: 413 } => new(ProblemKind.BodyTooLarge, "The body is larger than the server takes."),
            BadHttpRequestException bad => new(ProblemKind.InvalidRequest, bad.Message),
            _ => new(ProblemKind.Internal, "An unexpected error was logged under this trace id."),
        };
    }
}
