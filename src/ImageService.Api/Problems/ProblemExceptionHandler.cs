using Microsoft.AspNetCore.Diagnostics;

namespace ImageService.Api.Problems;

/// <summary>Turns whatever a handler throws into a problem.</summary>
internal sealed class ProblemExceptionHandler(ProblemTranslation translation) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        // Nobody is there to read an answer.
        if (exception is OperationCanceledException or IOException && httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }
        var problem = translation.Translate(exception, httpContext.Request.Method, httpContext.Request.Path.ToString());
        await ProblemResponse.WriteAsync(httpContext, problem);
        return true;
    }
}
