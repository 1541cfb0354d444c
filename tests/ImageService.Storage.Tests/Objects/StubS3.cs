using System.Collections.Concurrent;
using System.Net;

namespace ImageService.Storage.Tests.Objects;

/// <summary>An endpoint that answers as each test says, and remembers what it was asked.</summary>
internal sealed class StubS3 : IDisposable
{
    private readonly HttpListener listener = new();
    private readonly Func<HttpListenerRequest, int, (int Status, byte[] Body)> answer;

    /// <param name="answer">From a request and its number, from 0, to status and body.</param>
    public StubS3(Func<HttpListenerRequest, int, (int Status, byte[] Body)> answer)
    {
        this.answer = answer;
        Url = $"http://127.0.0.1:{ServerProcess.FreePorts(1)[0]}";
        listener.Prefixes.Add(Url + "/");
        listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    /// <summary>Method, <c>If-None-Match</c> and <c>x-amz-content-sha256</c> of each request.</summary>
    public ConcurrentQueue<(string Method, string? IfNoneMatch, string? Sha256)> Requests { get; } = [];

    public void Dispose() => listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
                await AnswerAsync(await listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // closed
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var request = context.Request;
        await request.InputStream.CopyToAsync(Stream.Null);
        var number = Requests.Count;
        Requests.Enqueue((request.HttpMethod, request.Headers["If-None-Match"], request.Headers["x-amz-content-sha256"]));
        var (status, body) = answer(request, number);
        context.Response.StatusCode = status;
        context.Response.ContentLength64 = body.Length;
        await context.Response.OutputStream.WriteAsync(body);
        context.Response.Close();
    }
}
