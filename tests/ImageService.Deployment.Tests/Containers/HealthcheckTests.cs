using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ImageService.Deployment.Tests.Containers;

/// <summary>The health check of the images, against a real socket.</summary>
public sealed class HealthcheckTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0)]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 1)]
    [InlineData("", 1)]
    public async Task It_succeeds_on_200_alone(string answer, int exitCode)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeOnceAsync(listener, answer);
        var result = await CheckAsync(((IPEndPoint)listener.LocalEndpoint).Port);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.StartsWith("GET /healthz/live HTTP/1.1\r\nHost: 127.0.0.1:", await serving, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_fails_where_nobody_listens()
    {
        int port;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        Assert.NotEqual(0, (await CheckAsync(port)).ExitCode);
    }

    private static Task<ToolResult> CheckAsync(int port) => Tool.Bash.RunAsync(Repository.PathOf("deploy/container/healthcheck"),
        "127.0.0.1", port.ToString(System.Globalization.CultureInfo.InvariantCulture), "/healthz/live");

    private static async Task<string> ServeOnceAsync(TcpListener listener, string answer)
    {
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        var request = new StringBuilder();
        var buffer = new byte[1024];
        while (!request.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            var count = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
            if (count == 0)
                break;
            request.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), TestContext.Current.CancellationToken);
        return request.ToString();
    }
}
