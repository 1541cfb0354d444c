using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Grpc.Net.Client;
using ImageService.Api.Health;
using ImageService.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Api.Tests;

/// <summary>The API over stores in memory and a clock that stands still.</summary>
internal sealed class TestApi : IAsyncDisposable
{
    /// <summary>For <see cref="StartOnKestrelAsync"/>: HTTP/2 without TLS, as on the gRPC port.</summary>
    public static readonly (string Key, string Value) Http2 = ("Test:Protocol", "Http2");

    private readonly WebApplication _app;
    private readonly ErrorLog _log;

    private TestApi(WebApplication app, InMemoryJobStore store, InMemoryBlobs blobs, FakeTimeProvider clock, ErrorLog log)
    {
        (_app, Store, Blobs, Clock, _log) = (app, store, blobs, clock, log);
        Client = app.Urls.Count == 0 ? app.GetTestClient() : new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public HttpClient Client { get; }
    public InMemoryJobStore Store { get; }
    public InMemoryBlobs Blobs { get; }
    public FakeTimeProvider Clock { get; }
    /// <summary>Stops as on SIGTERM: the word first, then the stop with its drain.</summary>
    public Task StopAsync()
    {
        _app.Lifetime.StopApplication();
        return _app.StopAsync();
    }

    /// <summary>A gRPC client of the service in memory.</summary>
    public GrpcChannel Channel(Func<HttpMessageHandler, HttpMessageHandler>? wrap = null)
    {
        var handler = _app.GetTestServer().CreateHandler();
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = wrap is null ? handler : wrap(handler), MaxReceiveMessageSize = null, MaxSendMessageSize = null });
    }

    public IHostApplicationLifetime Lifetime => _app.Lifetime;

    public static Task<TestApi> StartAsync(params (string Key, string Value)[] settings) => StartAsync(kestrel: false, settings);

    /// <summary>On a socket of the loopback address, for browsers and for what only a real server does.</summary>
    public static Task<TestApi> StartOnKestrelAsync(params (string Key, string Value)[] settings) => StartAsync(kestrel: true, settings);

    private static async Task<TestApi> StartAsync(bool kestrel, (string Key, string Value)[] settings)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
        var store = new InMemoryJobStore(clock);
        var blobs = new InMemoryBlobs();
        var log = new ErrorLog();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        if (kestrel)
            builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0").ConfigureKestrel(k => k.ConfigureEndpointDefaults(e => e.Protocols = settings.Contains(Http2) ? HttpProtocols.Http2 : HttpProtocols.Http1));
        else
            builder.WebHost.UseTestServer();
        foreach (var (key, value) in settings)
            builder.Configuration[key] = value;
        builder.Services.AddLogging(l => l.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None).AddProvider(log));
        builder.Services.AddRouting();
        builder.Services.AddSingleton<TimeProvider>(clock).AddSingleton<IJobStore>(store).AddSingleton<IBlobStore>(blobs);
        builder.Services.AddImageApi(builder.Configuration);
        // It would ask the store at moments of its own.
        builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(QueueDepthSampler)));
        var app = builder.Build();
        app.UseImageApi();
        await app.StartAsync();
        return new TestApi(app, store, blobs, clock, log);
    }

    /// <summary>Posts JSON as it stands.</summary>
    public Task<Answer> PostAsync(string json, params (string Name, string Value)[] headers) =>
        PostAsync(new StringContent(json, Encoding.UTF8, "application/json"), headers);

    public async Task<Answer> PostAsync(HttpContent content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = content };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await Answer.ReadAsync(await Client.SendAsync(request));
    }

    public async Task<Answer> GetAsync(string path) => await Answer.ReadAsync(await Client.GetAsync(path));

    public async Task<Answer> DeleteAsync(string path) => await Answer.ReadAsync(await Client.DeleteAsync(path));

    /// <summary>Submits the simplest job.</summary>
    public async Task<JobId> SubmitAsync(string json = """{"prompt":"a red apple"}""")
    {
        var answer = await PostAsync(json);
        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        return JobId.Parse(answer.Json.GetProperty("id").GetString()!);
    }

    /// <summary>Finishes a job as a worker does: blobs, then completion.</summary>
    public void Succeed(JobId id, params byte[][] pictures)
    {
        var images = pictures.Select((content, index) =>
        {
            var name = BlobNames.Image(new Lease(id, 1), index);
            Blobs.Blobs[name] = content;
            var seed = Store.Submissions.First(s => s.Id == id).Request.Seed + index;
            return new GeneratedImage(index, seed, name, Convert.ToHexStringLower(SHA256.HashData(content)), content.Length, 256, 256);
        });
        Store.Succeed(id, [.. images]);
    }

    /// <summary>Turns the clock in small steps until the answer is there: a timer that is set late is met by a later step.</summary>
    public async Task TurnClockUntilAsync(Task answer, TimeSpan step)
    {
        // The real pause only lets the server reach its timer.
        for (var turns = 0; turns < 600 && await Task.WhenAny(answer, Task.Delay(50)) != answer; turns++)
            Clock.Advance(step);
        await answer.WaitAsync(TimeSpan.FromSeconds(1));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        Assert.True(_log.Errors.IsEmpty, string.Join("\n\n", _log.Errors));
    }
}

/// <summary>An answer, read to its end.</summary>
internal sealed record Answer(HttpStatusCode Status, string ContentType, HttpResponseHeaders Headers, string Text)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    /// <summary>The name of the problem, without the prefix of its URI.</summary>
    public string Problem
    {
        get
        {
            Assert.Equal("application/problem+json", ContentType);
            Assert.Equal((int)Status, Json.GetProperty("status").GetInt32());
            Assert.NotEmpty(Json.GetProperty("traceId").GetString()!);
            Assert.NotEmpty(Json.GetProperty("title").GetString()!);
            Assert.NotEmpty(Json.GetProperty("detail").GetString()!);
            return Json.GetProperty("type").GetString()!["urn:imageservice:problem:".Length..];
        }
    }

    public string[] Fields => Json.TryGetProperty("errors", out var errors) ? [.. errors.EnumerateObject().Select(e => e.Name)] : [];

    public string Sentence(string field) => Json.GetProperty("errors").GetProperty(field)[0].GetString()!;

    public static async Task<Answer> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            return new Answer(response.StatusCode, response.Content.Headers.ContentType?.MediaType ?? "", response.Headers, text);
        }
    }
}
