using System.Globalization;
using k8s.Models;

namespace ImageService.Deployment.Tests.Charts;

public sealed class HardeningTests
{
    public static TheoryData<string> AllProfiles => Profiles.All;

    public static TheoryData<string> DistributedProfiles => Profiles.Distributed;

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Containers_run_unprivileged_on_a_read_only_root(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        Assert.All(manifests.Deployments, deployment =>
        {
            var pod = deployment.Spec.Template.Spec;
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.NotEqual(0, pod.SecurityContext.RunAsUser);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.AutomountServiceAccountToken);
            Assert.Contains(manifests.Of<V1ServiceAccount>(), account => account.Metadata.Name == pod.ServiceAccountName && account.AutomountServiceAccountToken == false);
        });
        Assert.All(manifests.Containers, container =>
        {
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.Contains(container.VolumeMounts, mount => mount.MountPath == "/tmp");
        });
    }

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Containers_have_probes_resources_and_a_pinned_image(string profile) =>
        Assert.All((await Profiles.LoadAsync(profile)).Containers, container =>
        {
            Assert.Equal("/healthz/live", container.StartupProbe.HttpGet.Path);
            Assert.Equal("/healthz/live", container.LivenessProbe.HttpGet.Path);
            Assert.Equal("/healthz/ready", container.ReadinessProbe.HttpGet.Path);
            Assert.Contains("memory", container.Resources.Limits.Keys);
            Assert.Contains("cpu", container.Resources.Requests.Keys);
            Assert.Contains("memory", container.Resources.Requests.Keys);
            Assert.Matches(@":\d+\.\d+\.\d+$", container.Image);
        });

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Pods_get_more_time_to_stop_than_the_process_takes(string profile) =>
        Assert.All((await Profiles.LoadAsync(profile)).Deployments, deployment =>
        {
            var pod = deployment.Spec.Template.Spec;
            var container = Assert.Single(pod.Containers);
            var pause = container.Lifecycle?.PreStop?.Sleep?.Seconds ?? 0;
            var shutdown = int.Parse(Assert.Single(container.Env, variable => variable.Name == "DOTNET_SHUTDOWNTIMEOUTSECONDS").Value,
                CultureInfo.InvariantCulture);
            Assert.True(pod.TerminationGracePeriodSeconds >= pause + shutdown + 5);
            var grace = container.Env.SingleOrDefault(variable => variable.Name == "Worker__GraceSeconds")?.Value ?? "0";
            Assert.True(shutdown >= int.Parse(grace, CultureInfo.InvariantCulture) + 5);
        });

    [Theory]
    [MemberData(nameof(DistributedProfiles))]
    public async Task The_api_serves_on_before_it_stops(string profile)
    {
        var api = (await Profiles.LoadAsync(profile)).Deployment("api");
        Assert.True(Assert.Single(api.Spec.Template.Spec.Containers).Lifecycle.PreStop.Sleep.Seconds >= 5);
        Assert.Equal("0", api.Spec.Strategy.RollingUpdate.MaxUnavailable);
    }

    [Fact]
    public async Task A_gpu_worker_asks_for_one_gpu_and_never_for_two_at_a_roll_out()
    {
        var worker = (await Profiles.LoadAsync("gpu")).Deployment("worker");
        var container = Assert.Single(worker.Spec.Template.Spec.Containers);
        Assert.Equal("1", container.Resources.Limits["nvidia.com/gpu"].ToString());
        Assert.EndsWith("-worker-cuda:0.1.0", container.Image, StringComparison.Ordinal);
        Assert.Equal("0", worker.Spec.Strategy.RollingUpdate.MaxSurge);
        Assert.Contains(worker.Spec.Template.Spec.Tolerations, toleration => toleration.Key == "nvidia.com/gpu");
        Assert.Equal("cuda", (await Profiles.LoadAsync("gpu")).Settings.Data["Execution__Provider"]);
    }

    [Fact]
    public async Task Standalone_never_runs_twice_on_one_database()
    {
        var standalone = Assert.Single((await Profiles.LoadAsync("standalone")).Deployments);
        Assert.Equal(1, standalone.Spec.Replicas);
        Assert.Equal("Recreate", standalone.Spec.Strategy.Type);
    }
}
