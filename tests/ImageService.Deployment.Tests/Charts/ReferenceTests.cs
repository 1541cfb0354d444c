using k8s.Models;

namespace ImageService.Deployment.Tests.Charts;

/// <summary>What names something else in the chart names something that is there.</summary>
public sealed class ReferenceTests
{
    public static TheoryData<string> AllProfiles => Profiles.All;

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Selectors_find_exactly_one_deployment(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        var selectors = manifests.Of<V1Service>().Select(service => service.Spec.Selector)
            .Concat(manifests.Of<V1PodDisruptionBudget>().Select(budget => budget.Spec.Selector.MatchLabels))
            .Concat(manifests.Of<V1NetworkPolicy>().Select(policy => policy.Spec.PodSelector.MatchLabels))
            .Concat(manifests.Deployments.Select(deployment => deployment.Spec.Selector.MatchLabels))
            .Concat(manifests.Deployments.SelectMany(deployment => deployment.Spec.Template.Spec.TopologySpreadConstraints)
                .Select(constraint => constraint.LabelSelector.MatchLabels));
        Assert.All(selectors, labels => Assert.Single(manifests.Selected(labels)));
    }

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Ports_volumes_settings_and_backends_exist(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        Assert.All(manifests.Of<V1Service>(), service =>
        {
            var container = Assert.Single(Assert.Single(manifests.Selected(service.Spec.Selector)).Spec.Template.Spec.Containers);
            Assert.All(service.Spec.Ports, port => Assert.Contains(container.Ports, own => own.Name == port.TargetPort.Value));
        });
        Assert.All(manifests.Of<V1Ingress>().SelectMany(ingress => ingress.Spec.Rules).SelectMany(rule => rule.Http.Paths), path =>
            Assert.Contains(manifests.Of<V1Service>(), service => service.Metadata.Name == path.Backend.Service.Name
                && service.Spec.Ports.Any(port => port.Name == path.Backend.Service.Port.Name)));
        Assert.All(manifests.Deployments, deployment =>
        {
            var pod = deployment.Spec.Template.Spec;
            var container = Assert.Single(pod.Containers);
            Assert.Equal(pod.Volumes.Select(volume => volume.Name).Order(), container.VolumeMounts.Select(mount => mount.Name).Order());
            Assert.Equal(manifests.Settings.Metadata.Name, Assert.Single(container.EnvFrom).ConfigMapRef.Name);
        });
    }

    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Scalers_name_the_deployment_whose_replicas_are_left_to_them(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        var scaled = manifests.Of<ScaledObject>().Select(scaler => scaler.Spec.ScaleTargetRef.Name)
            .Concat(manifests.Of<V2HorizontalPodAutoscaler>().Select(scaler => scaler.Spec.ScaleTargetRef.Name)).ToList();
        Assert.Equal(manifests.Deployments.Where(deployment => deployment.Spec.Replicas is null).Select(deployment => deployment.Metadata.Name).Order(),
            scaled.Order());
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("everything")]
    public async Task Workers_scale_on_waiting_and_on_held_jobs(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        var scaler = Assert.Single(manifests.Of<ScaledObject>());
        Assert.Equal(["{imageservice}:ready", "{imageservice}:leases"], scaler.Spec.Triggers.Select(trigger => trigger.Metadata["listName"]));
        var authentication = Assert.Single(manifests.Of<TriggerAuthentication>());
        Assert.All(scaler.Spec.Triggers, trigger => Assert.Equal(authentication.Metadata.Name, trigger.AuthenticationRef?.Name));
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("everything")]
    public async Task Network_policies_cover_every_pod_in_both_directions(string profile)
    {
        var manifests = await Profiles.LoadAsync(profile);
        var policies = manifests.Of<V1NetworkPolicy>().ToList();
        Assert.Equal(manifests.Deployments.Count(), policies.Count);
        Assert.All(policies, policy =>
        {
            Assert.Equal(["Egress", "Ingress"], policy.Spec.PolicyTypes.Order());
            Assert.Contains(policy.Spec.Egress, rule => rule.Ports.Any(port => port.Port == "53" && port.Protocol == "UDP"));
            Assert.DoesNotContain(policy.Spec.Egress, rule => rule.Ports is null or { Count: 0 });
        });
        var worker = Assert.Single(policies, policy => policy.Spec.PodSelector.MatchLabels["app.kubernetes.io/component"] == "worker");
        Assert.Equal(["http"], worker.Spec.Ingress.SelectMany(rule => rule.Ports).Select(port => port.Port.Value));
    }

    [Fact]
    public async Task A_setting_given_by_name_reaches_the_pods_and_a_secret_never_the_config_map()
    {
        var manifests = await Profiles.LoadAsync("everything");
        Assert.Equal("2000000", manifests.Settings.Data["Limits__MaxQueuedJobs"]);
        Assert.DoesNotContain("Redis__Connection", manifests.Settings.Data.Keys);
        Assert.All(manifests.Containers, container =>
            Assert.All(container.Env.Where(variable => variable.Name is "Redis__Connection" or "AWS_SECRET_ACCESS_KEY"),
                variable => Assert.NotNull(variable.ValueFrom.SecretKeyRef)));
    }
}
