using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ImageService.Api.Tests;

/// <summary>What only a real server and a real socket show.</summary>
public sealed class OverTheWire
{
    [Fact]
    public async Task A_body_that_breaks_off_is_no_job_and_the_server_goes_on()
    {
        await using var api = await TestApi.StartOnKestrelAsync();

        var answer = await SendAsync(api, "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"prompt\":\"a", end: true);

        // Whoever ends the connection in the middle of a body does not wait for an answer; where one comes it is a 400.
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), answer);
        Assert.Empty(api.Store.Submissions);
        await api.SubmitAsync();
    }

    [Fact]
    public async Task A_chunked_body_that_is_not_JSON_to_its_end_is_a_400()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        var answer = await SendAsync(api, "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n9\r\n{\"prompt\"\r\n0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("urn:imageservice:problem:invalid-json", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Paths_are_not_climbed()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        foreach (var path in (string[])["/v1/jobs/../../etc/passwd", "/v1/jobs/%2e%2e/%2e%2e/etc/passwd", "/../app.js/../../x", "/v1/models/../../etc/passwd"])
            Assert.StartsWith("HTTP/1.1 404", await SendAsync(api, $"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", await SendAsync(api, "GET /v1/jobs/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_that_leaves_is_forgotten()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        var id = await api.SubmitAsync();
        using (var response = await api.Client.GetAsync($"/v1/jobs/{id}/events", HttpCompletionOption.ResponseHeadersRead))
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        api.Store.Progress(id, 1, 20);
        api.Succeed(id, [1]);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/v1/jobs/{id}")).Status);
    }

    private static async Task<string> SendAsync(TestApi api, string request, bool end = false)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, api.Client.BaseAddress!.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        if (end)
            client.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(10));
    }
}
