using ImageService.Api.Grpc;
using ImageService.Api.Jobs;
using ImageService.Api.Models;
using ImageService.Api.OpenApi;
using ImageService.Api.Page;
using ImageService.Api.Problems;
using ImageService.Hosting;

namespace ImageService.Api;

public static class ImageApi
{
    /// <summary>Puts REST with its document, gRPC, the health probes and the web page into the application.</summary>
    public static WebApplication UseImageApi(this WebApplication app)
    {
        app.UseExceptionHandler(_ => { });
        app.UseStatusCodePages(context => ProblemResponse.WriteAsync(context.HttpContext, Unanswered(context.HttpContext)));
        app.Use((context, next) =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            // While draining, callers are asked to come back on a new connection, which goes to another replica: one that is closed under them in the end breaks
            // the request that they are just sending.
            if (app.Lifetime.ApplicationStopping.IsCancellationRequested && HttpProtocol.IsHttp11(context.Request.Protocol))
                context.Response.Headers.Connection = "close";
            return next(context);
        });
        app.UseRouting();
        app.UseGrpcWeb(new GrpcWebOptions { DefaultEnabled = true });
        app.MapJobs();
        app.MapModels();
        app.MapImageGrpc();
        app.MapHealthProbes();
        app.MapPage();
        app.UseImageOpenApi();
        return app;
    }

    // What routing answers without a handler of ours: no such address, no such method, not the media type, a range out of the file.
    private static ProblemException Unanswered(HttpContext context) => context.Response.StatusCode switch
    {
        404 => new(ProblemKind.NotFound, $"Nothing is served at {context.Request.Path}."),
        405 => new(ProblemKind.MethodNotAllowed, $"This address takes {context.Response.Headers.Allow}."),
        415 => new(ProblemKind.NotJson, "Send Content-Type: application/json, in UTF-8."),
        var status => new(new ProblemKind("http-" + status, status, "The request could not be answered"), $"The request ended with status {status}."),
    };
}
