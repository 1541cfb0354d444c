using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using ImageService.EndToEnd.Tests;

namespace ImageService.Chaos.Tests;

/// <summary>
/// A client as a careful person writes it: an Idempotency-Key for each job, and another try, at the next replica, where a connection is refused or broken
/// or the answer is 503. Every other answer is a failure. A replica that asks for another connection is about to stop: as a load balancer would, the client
/// leaves it alone until it says that it is ready, for a connection that waits to be accepted when the socket closes is reset.
/// </summary>
internal sealed class RetryingClient(IReadOnlyList<Uri> replicas) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromSeconds(5) }) { Timeout = TimeSpan.FromSeconds(10) };
    private int _turn;
    private int _retries;
    private readonly ConcurrentQueue<string> _broken = [];
    private readonly ConcurrentDictionary<Uri, bool> _leaving = [];

    /// <summary>How often it had to ask again.</summary>
    public int Retries => _retries;

    /// <summary>Those of them whose connection broke after the request had gone out, or had no answer in time.</summary>
    public IReadOnlyCollection<string> Broken => _broken;

    public RetryingClient(Cluster cluster) : this([.. cluster.Apis.Select(a => a.Process.Client.BaseAddress!)])
    {
    }

    public async Task<string> SubmitAsync(object body, string key, CancellationToken stop)
    {
        using var answer = await SendAsync(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = JsonContent.Create(body) };
            request.Headers.Add("Idempotency-Key", key);
            return request;
        }, stop);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(stop))!.Id();
    }

    public async Task<JsonNode> GetJobAsync(string id, CancellationToken stop)
    {
        using var answer = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}"), stop);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(stop))!;
    }

    public async Task<byte[]> PictureAsync(JsonNode job, CancellationToken stop)
    {
        using var answer = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, job["images"]![0]!["url"]!.GetValue<string>()), stop);
        return await answer.Content.ReadAsByteArrayAsync(stop);
    }

    /// <summary>Asks until the job has ended.</summary>
    public async Task<JsonNode> EndAsync(string id, CancellationToken stop)
    {
        while (true)
        {
            var job = await GetJobAsync(id, stop);
            if (job.Status() is "succeeded" or "failed" or "canceled")
                return job;
            await Task.Delay(Pause, stop);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> create, CancellationToken stop)
    {
        while (true)
        {
            using var request = create();
            var replica = await ReplicaAsync(stop);
            request.RequestUri = new Uri(replica, request.RequestUri!);
            try
            {
                var answer = await _http.SendAsync(request, stop);
                if (answer.Headers.ConnectionClose == true)
                    _leaving[replica] = true;
                if (answer.IsSuccessStatusCode)
                    return answer;
                var text = await answer.Content.ReadAsStringAsync(stop);
                Assert.True(answer.StatusCode == HttpStatusCode.ServiceUnavailable, $"{request.Method} {request.RequestUri}: {(int)answer.StatusCode} {text}");
                answer.Dispose();
            }
            catch (Exception e) when (IsNoAnswer(e, stop))
            {
                if (e is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError })
                    _broken.Enqueue($"{request.Method} {request.RequestUri}: {e.Message} {e.InnerException?.Message}");
            }
            Interlocked.Increment(ref _retries);
            await Task.Delay(Pause, stop);
        }
    }

    private async Task<Uri> ReplicaAsync(CancellationToken stop)
    {
        while (true)
        {
            var replica = replicas[(Interlocked.Increment(ref _turn) & int.MaxValue) % replicas.Count];
            if (!_leaving.ContainsKey(replica))
                return replica;
            if (await IsReadyAsync(replica, stop))
                _leaving.TryRemove(replica, out _);
            else if (_leaving.Count == replicas.Count)
                await Task.Delay(Pause, stop);
        }
    }

    private async Task<bool> IsReadyAsync(Uri replica, CancellationToken stop)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(replica, "/healthz/ready"), stop);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (IsNoAnswer(e, stop))
        {
            return false;
        }
    }

    private static bool IsNoAnswer(Exception e, CancellationToken stop) => !stop.IsCancellationRequested && e is HttpRequestException or TaskCanceledException;
}
