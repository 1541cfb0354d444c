using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ImageService.Chaos.Tests;

/// <summary>Takes traces as an OpenTelemetry collector does (OTLP over HTTP), and keeps what a test asks for.</summary>
internal sealed class TraceCollector : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly ConcurrentQueue<Span> _spans = new();

    private TraceCollector(WebApplication server) => _server = server;

    public string Address => _server.Urls.Single();

    /// <summary>What every process of the product is told.</summary>
    public string[] Settings => [$"OTEL_EXPORTER_OTLP_ENDPOINT={Address}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=200"];

    public IReadOnlyList<Span> Spans => [.. _spans];

    public static async Task<TraceCollector> StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration["urls"] = "http://127.0.0.1:0";
        builder.Logging.ClearProviders();
        var collector = new TraceCollector(builder.Build());
        collector._server.MapPost("/v1/{signal}", async (string signal, HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            if (signal == "traces")
                collector.Read(ByteString.CopyFrom(body.ToArray()));
        });
        await collector._server.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    // opentelemetry/proto/trace/v1/trace.proto: the fields that matter, by number.
    private void Read(ByteString export)
    {
        foreach (var resourceSpans in Fields(export, 1))
        {
            var service = Fields(resourceSpans, 1).SelectMany(resource => Fields(resource, 1)).First(pair => Text(pair, 1) == "service.name");
            foreach (var span in Fields(resourceSpans, 2).SelectMany(scope => Fields(scope, 2)))
            {
                _spans.Enqueue(new Span(Text(Fields(service, 2).Single(), 1), Convert.ToHexStringLower(Fields(span, 1).Single().Span), Convert.ToHexStringLower(Fields(span, 2).Single().Span),
                    Convert.ToHexStringLower(Fields(span, 4).SingleOrDefault(ByteString.Empty).Span), Text(span, 5), [.. Fields(span, 11).Select(e => Text(e, 2))]));
            }
        }
    }

    private static string Text(ByteString message, int number) => Fields(message, number).Single().ToStringUtf8();

    // The length-delimited fields of that number.
    private static IEnumerable<ByteString> Fields(ByteString message, int number)
    {
        var input = message.CreateCodedInput();
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (tag == WireFormat.MakeTag(number, WireFormat.WireType.LengthDelimited))
                yield return input.ReadBytes();
            else
                input.SkipLastField();
        }
    }

    /// <param name="Parent">Id of the span above; empty = none.</param>
    /// <param name="Events">Their names.</param>
    public sealed record Span(string Service, string Trace, string Id, string Parent, string Name, IReadOnlyList<string> Events);
}
