using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using ImageService.Api.Problems;
using Status = Google.Rpc.Status;

namespace ImageService.Api.Grpc;

/// <summary>A problem as <c>google.rpc.Status</c> with its details.</summary>
internal static class ProblemStatus
{
    private const string Domain = "imageservice";

    public static RpcException Exception(ProblemException problem)
    {
        var status = new Status { Code = (int)CodeOf(problem.Kind.Status), Message = problem.Message };
        status.Details.Add(Any.Pack(new ErrorInfo { Domain = Domain, Reason = problem.Kind.Name }));
        if (problem.Errors is { } errors)
        {
            var violations = errors.SelectMany(e => e.Value.Select(sentence => new BadRequest.Types.FieldViolation { Field = e.Key, Description = sentence }));
            status.Details.Add(Any.Pack(new BadRequest { FieldViolations = { violations } }));
        }
        if (problem.RetryAfter is { } wait)
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(wait) }));
        if (Activity.Current is { } activity)
            status.Details.Add(Any.Pack(new RequestInfo { RequestId = activity.TraceId.ToString() }));
        return status.ToRpcException();
    }

    private static Code CodeOf(int httpStatus) => httpStatus switch
    {
        400 or 413 or 415 => Code.InvalidArgument,
        404 or 410 => Code.NotFound,
        422 => Code.FailedPrecondition,
        429 => Code.ResourceExhausted,
        503 => Code.Unavailable,
        _ => Code.Internal,
    };
}
