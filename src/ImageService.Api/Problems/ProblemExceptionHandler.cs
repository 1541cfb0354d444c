using ImageService.Core;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Problems;

/// <summary>Turns whatever a handler throws into a problem, and keeps the inner workings of a failure in the log.</summary>
internal sealed class ProblemExceptionHandler(ILogger<ProblemExceptionHandler> logger, IOptions<ApiOptions> options) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        // Nobody is there to read an answer.
        if (exception is OperationCanceledException or IOException && httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }
        var problem = Translate(exception);
        var (method, path) = (httpContext.Request.Method, httpContext.Request.Path.ToString());
        if (problem.Kind.Status == 503)
            logger.Unavailable(method, path, exception.Message);
        else if (problem.Kind.Status >= 500)
            logger.RequestFailed(exception, method, path);
        await ProblemResponse.WriteAsync(httpContext, problem);
        return true;
    }

    private ProblemException Translate(Exception exception)
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
