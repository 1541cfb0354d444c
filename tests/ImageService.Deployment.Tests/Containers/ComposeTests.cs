using System.Globalization;

namespace ImageService.Deployment.Tests.Containers;

public sealed class ComposeTests
{
    private static readonly Compose File = Compose.Load();

    /// <summary>Services that end by themselves: others wait for their success, not for their health.</summary>
    private static IEnumerable<string> Errands => File.Services.Values.SelectMany(service => service.DependsOn)
        .Where(dependency => dependency.Value.Condition == "service_completed_successfully").Select(dependency => dependency.Key).Distinct();

    [Fact]
    public void It_has_redis_an_object_store_an_api_and_two_workers()
    {
        Assert.Equal(["api", "bucket", "objects", "redis", "worker", "worker-gpu"], File.Services.Keys.Order());
        Assert.Equal("${CPU_WORKERS:-2}", File.Services["worker"].Deploy["replicas"]);
        Assert.Equal(["gpu"], File.Services["worker-gpu"].Profiles);
    }

    [Fact]
    public void Every_service_that_stays_has_a_health_check() =>
        Assert.All(File.Services.Where(service => !Errands.Contains(service.Key)), service => Assert.NotEmpty(service.Value.Healthcheck?.Test ?? []));

    [Fact]
    public void One_port_is_published_and_only_to_this_machine() =>
        Assert.Equal(["127.0.0.1:5080:8080"], File.Services.Values.SelectMany(service => service.Ports));

    [Fact]
    public void Images_are_pinned() => Assert.All(File.Services.Values, service => Assert.Matches(@":\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$", service.Image));

    [Fact]
    public void What_a_service_waits_for_exists_and_can_come_true() =>
        Assert.All(File.Services.Values.SelectMany(service => service.DependsOn), dependency =>
        {
            var service = Assert.Contains(dependency.Key, (IReadOnlyDictionary<string, ComposeService>)File.Services);
            switch (dependency.Value.Condition)
            {
                case "service_healthy":
                    Assert.NotNull(service.Healthcheck);
                    break;
                case "service_completed_successfully":
                    Assert.NotEqual("unless-stopped", service.Restart);
                    break;
                default:
                    Assert.Fail($"{dependency.Key}: {dependency.Value.Condition}");
                    break;
            }
        });

    [Fact]
    public void Own_images_are_targets_of_the_dockerfile_and_run_confined()
    {
        var dockerfile = Dockerfile.Load();
        var own = File.Services.Values.Where(service => service.Build is not null).ToList();
        Assert.Equal(3, own.Count);
        Assert.All(own, service =>
        {
            Assert.NotNull(dockerfile[service.Build!.Target]);
            Assert.EndsWith($"imageservice-{service.Build.Target}:0.1.0", service.Image, StringComparison.Ordinal);
            Assert.True(service.ReadOnly);
            Assert.Equal(["ALL"], service.CapDrop);
            Assert.Contains("no-new-privileges:true", service.SecurityOpt);
            Assert.Contains("/tmp", service.Tmpfs);
        });
    }

    [Fact]
    public void A_service_gets_more_time_to_stop_than_the_process_takes() =>
        Assert.All(new[] { "worker", "worker-gpu" }.Select(name => File.Services[name]), service =>
        {
            var process = int.Parse(service.Environment["DOTNET_SHUTDOWNTIMEOUTSECONDS"], CultureInfo.InvariantCulture);
            Assert.True(process >= int.Parse(service.Environment["Worker__GraceSeconds"], CultureInfo.InvariantCulture) + 5);
            Assert.True(Seconds(service.StopGracePeriod) >= process + 5);
        });

    [Fact]
    public void Redis_keeps_what_was_accepted()
    {
        var redis = File.Services["redis"];
        Assert.Equal(["redis-server", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"], redis.Command);
        Assert.Contains("redis:/data", redis.Volumes);
    }

    [Fact]
    public void Volumes_are_declared() =>
        Assert.Equal(File.Services.Values.SelectMany(service => service.Volumes).Select(volume => volume.Split(':')[0]).Order(), File.Volumes.Keys.Order());

    private static int Seconds(string? period) => int.Parse(Assert.IsType<string>(period).TrimEnd('s'), CultureInfo.InvariantCulture);
}
