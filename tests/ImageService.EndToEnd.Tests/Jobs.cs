using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ImageService.EndToEnd.Tests;

/// <summary>The REST interface as a client writes it.</summary>
internal static class Jobs
{
    public static async Task<JsonNode> SubmitAsync(this HttpClient client, object body, int wait = 0)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = JsonContent.Create(body) };
        if (wait > 0)
            request.Headers.Add("Prefer", $"wait={wait}");
        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    public static async Task<JsonNode> GetJobAsync(this HttpClient client, string id) =>
        (await client.GetFromJsonAsync<JsonNode>($"/v1/jobs/{id}", JsonSerializerOptions.Web))!;

    /// <summary>Reads the job's events to their end.</summary>
    public static async Task<List<(string Event, JsonNode Data)>> WatchAsync(this HttpClient client, string id, Func<string, JsonNode, bool>? until = null)
    {
        var events = new List<(string, JsonNode)>();
        using var response = await client.GetAsync($"/v1/jobs/{id}/events", HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var name = "";
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal))
                name = line[7..];
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            var data = JsonNode.Parse(line[6..])!;
            events.Add((name, data));
            if (until?.Invoke(name, data) == true)
                break;
        }
        return events;
    }

    public static string Id(this JsonNode job) => job["id"]!.GetValue<string>();

    public static string Status(this JsonNode job) => job["status"]!.GetValue<string>();

    public static async Task<byte[]> PictureAsync(this HttpClient client, JsonNode job, int index = 0) =>
        await client.GetByteArrayAsync(job["images"]![index]!["url"]!.GetValue<string>());
}
