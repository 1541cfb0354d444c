using Grpc.Core;
using Grpc.Core.Interceptors;
using ImageService.Api.Problems;

namespace ImageService.Api.Grpc;

/// <summary>Says in gRPC's words what REST says as a problem.</summary>
internal sealed class ProblemInterceptor(ProblemTranslation translation) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    private RpcException Translate(Exception exception, ServerCallContext context)
    {
        // Nobody is there to read an answer; whatever broke on the way out is no failure of ours. The framework answers a deadline by itself.
        if (context.CancellationToken.IsCancellationRequested)
            return new RpcException(new Status(StatusCode.Cancelled, "The call has ended."));
        return ProblemStatus.Exception(translation.Translate(exception, "gRPC", context.Method));
    }
}
