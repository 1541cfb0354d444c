using k8s;
using k8s.Models;

namespace ImageService.Deployment.Tests.Charts;

/// <summary>Rendered manifests, deserialized strictly.</summary>
internal sealed class Manifests(IReadOnlyList<object> objects)
{
    private static readonly Dictionary<string, Type> CustomTypes = new()
    {
        ["keda.sh/v1alpha1/ScaledObject"] = typeof(ScaledObject),
        ["keda.sh/v1alpha1/TriggerAuthentication"] = typeof(TriggerAuthentication),
    };

    public IReadOnlyList<object> Objects => objects;
    public IEnumerable<V1Deployment> Deployments => objects.OfType<V1Deployment>();
    public V1ConfigMap Settings => Assert.Single(objects.OfType<V1ConfigMap>());

    public IEnumerable<V1Container> Containers => Deployments.SelectMany(deployment => deployment.Spec.Template.Spec.Containers);

    public static Manifests Parse(string yaml) => new(KubernetesYaml.LoadAllFromString(yaml, CustomTypes, strict: true));

    public IEnumerable<T> Of<T>() => objects.OfType<T>();

    public V1Deployment Deployment(string component) =>
        Assert.Single(Deployments, deployment => deployment.Metadata.Labels["app.kubernetes.io/component"] == component);

    /// <summary>Deployments whose pods carry all of these labels.</summary>
    public IEnumerable<V1Deployment> Selected(IDictionary<string, string> labels) => Deployments.Where(deployment =>
        labels.All(label => deployment.Spec.Template.Metadata.Labels.TryGetValue(label.Key, out var value) && value == label.Value));
}
