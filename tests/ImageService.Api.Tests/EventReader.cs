using System.Net;
using System.Text.Json;

namespace ImageService.Api.Tests;

/// <param name="Name">Of the event.</param>
internal sealed record ServerSentEvent(long Id, string Name, JsonElement Data);

/// <summary>Reads a server-sent event stream, event by event.</summary>
internal sealed class EventReader(HttpResponseMessage response, StreamReader reader) : IAsyncDisposable
{
    public string ContentType => response.Content.Headers.ContentType!.MediaType!;

    public static async Task<EventReader> OpenAsync(TestApi api, string path, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        var response = await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new EventReader(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    public async Task<ServerSentEvent> NextAsync()
    {
        var (id, name, data) = (0L, "", "");
        while (true)
        {
            var line = await LineAsync();
            Assert.NotNull(line);
            if (line.Length == 0 && data.Length > 0)
                return new ServerSentEvent(id, name, JsonDocument.Parse(data).RootElement);
            if (line.StartsWith("id: ", StringComparison.Ordinal))
                id = long.Parse(line[4..]);
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
                name = line[7..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
                data += line[6..];
        }
    }

    public async Task<string> CommentAsync()
    {
        while (true)
        {
            var line = await LineAsync();
            Assert.NotNull(line);
            if (line.StartsWith(':'))
                return line;
        }
    }

    public async Task<bool> EndedAsync()
    {
        while (await LineAsync() is { } line)
        {
            if (line.StartsWith("event:", StringComparison.Ordinal))
                return false;
        }
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        reader.Dispose();
        response.Dispose();
        await ValueTask.CompletedTask;
    }

    private async Task<string?> LineAsync() => await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10));
}
