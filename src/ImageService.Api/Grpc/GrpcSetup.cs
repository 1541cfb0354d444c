using Grpc.AspNetCore.Server;
using ImageService.Hosting;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Grpc;

/// <summary>gRPC beside REST: the service itself, its health, and its description where that is wanted.</summary>
internal static class GrpcSetup
{
    private const int MaxSendBytes = 32 * 1024 * 1024;
    private const int EnvelopeBytes = 1024 * 1024;

    public static IServiceCollection AddImageGrpc(this IServiceCollection services)
    {
        services.AddGrpc();
        services.AddOptions<GrpcServiceOptions>().Configure<IOptions<LimitsOptions>>((grpc, limits) =>
        {
            // As much as REST takes and something for the fields around a picture: 17 MiB.
            grpc.MaxReceiveMessageSize = limits.Value.MaxBodyBytes + EnvelopeBytes;
            grpc.MaxSendMessageSize = MaxSendBytes;
            // What is no service here is answered as any unknown address; the fallback would take part in the matching of REST paths too.
            grpc.IgnoreUnknownServices = true;
            grpc.Interceptors.Add<ProblemInterceptor>();
        });
        services.AddGrpcHealthChecks(health =>
        {
            health.Services.Map("", check => check.Tags.Contains(HealthProbes.Ready));
            health.Services.Map("imageservice.v1.Images", check => check.Tags.Contains(HealthProbes.Ready));
        });
        services.AddGrpcReflection();
        return services;
    }

    public static void MapImageGrpc(this IEndpointRouteBuilder routes)
    {
        routes.MapGrpcService<ImagesService>();
        routes.MapGrpcHealthChecksService();
        if (routes.ServiceProvider.GetRequiredService<IOptions<ApiOptions>>().Value.GrpcReflection)
            routes.MapGrpcReflectionService();
    }
}
