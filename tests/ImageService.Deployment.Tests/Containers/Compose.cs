using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;

namespace ImageService.Deployment.Tests.Containers;

/// <summary>docker-compose.yml after YAML's merges; a field that is not here is an error.</summary>
internal sealed class Compose
{
    public string Name { get; set; } = "";
    public Dictionary<string, ComposeService> Services { get; set; } = [];
    public Dictionary<string, object?> Volumes { get; set; } = [];

    public static Compose Load()
    {
        var parser = new MergingParser(new Parser(new StringReader(Repository.Read("docker-compose.yml"))));
        parser.Consume<StreamStart>();
        var document = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object?>>(parser)
            ?? throw new InvalidDataException("docker-compose.yml is empty.");
        foreach (var fragment in document.Keys.Where(key => key.StartsWith("x-", StringComparison.Ordinal)).ToList())
            document.Remove(fragment);
        return new DeserializerBuilder().WithNamingConvention(YamlDotNet.Serialization.NamingConventions.UnderscoredNamingConvention.Instance).Build()
            .Deserialize<Compose>(new SerializerBuilder().DisableAliases().Build().Serialize(document));
    }
}

internal sealed class ComposeService
{
    public string Image { get; set; } = "";
    public ComposeBuild? Build { get; set; }
    public string? Restart { get; set; }
    public bool ReadOnly { get; set; }
    public List<string> Tmpfs { get; set; } = [];
    public List<string> CapDrop { get; set; } = [];
    public List<string> SecurityOpt { get; set; } = [];
    public List<string> Profiles { get; set; } = [];
    public List<string> Entrypoint { get; set; } = [];
    public List<string> Command { get; set; } = [];
    public Dictionary<string, string> Environment { get; set; } = [];
    public List<string> Ports { get; set; } = [];
    public List<string> Volumes { get; set; } = [];
    public Dictionary<string, ComposeDependency> DependsOn { get; set; } = [];
    public ComposeHealthcheck? Healthcheck { get; set; }
    public string? StopGracePeriod { get; set; }
    public Dictionary<string, object?> Deploy { get; set; } = [];
}

internal sealed class ComposeBuild
{
    public string Context { get; set; } = "";
    public string Target { get; set; } = "";
}

internal sealed class ComposeDependency
{
    public string Condition { get; set; } = "";
}

internal sealed class ComposeHealthcheck
{
    public List<string> Test { get; set; } = [];
    public string? Interval { get; set; }
    public string? Timeout { get; set; }
    public int Retries { get; set; }
    public string? StartPeriod { get; set; }
}
